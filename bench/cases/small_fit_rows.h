// Rows of the libraries that fit one small problem after the other.
#pragma once

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "bench/context.h"
#include "bench/peers/small_fit_peers.h"

namespace cunewton::bench {

/// Relative change of the sum of squares at which a peer stops that is to fit to rounding. Its
/// convergence is linear: what it leaves behind is smaller still.
template <class T>
inline constexpr double tight_change = sizeof(T) == 8 ? 1e-12 : 1e-7;

/// Times each peer; `judge` gets a row and the answers of that many fits.
template <class T, class Judge>
void time_small_fit_peers(SmallFits<T> job, int parameters, const std::string& label,
                          const std::string& case_name, Context& context, const Judge& judge) {
    const long all = job.problems;
    if (job.change_tolerance <= 0) job.change_tolerance = tight_change<T>;
    for (const SmallFitPeer& peer : small_fit_peers()) {
        const SmallFitter<T> fit = fitter(peer, T());
        if (!fit) continue;
        job.problems = std::min(all, peer.most_problems);
        std::vector<T> answers(std::size_t(job.problems) * parameters);
        long iterations = 0;
        job.parameters = answers.data();
        job.iterations = &iterations;
        Row row = context.report.peer_row(case_name, label + peer.name);
        row.precision = context.settings.precision();
        row.threads = 1;
        row.dimension = parameters;
        row.samples = job.points;
        row.batch = job.problems;
        try {
            row.timing = measure(
                context.settings.repeats,
                [&] {
                    iterations = 0;
                    fit(job);
                },
                30);
        } catch (const std::exception& error) {
            context.report.progress(fmt::format("  {} failed: {}", peer.name, error.what()));
            continue;
        }
        row.mean_iterations = double(iterations) / double(job.problems);
        judge(row, answers.data(), job.problems);
        context.report.add(row);
    }
}

}  // namespace cunewton::bench
