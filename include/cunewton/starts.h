// Minimisation of one problem from several starts: the best minimum, and which ones there are.
//
//     cunewton::Options options{.lower = {-3, -3}, .upper = {3, 3}};
//     auto found = cunewton::minimize_from<double>(
//         problem, {.count = 64, .draw = cunewton::StartsBy::sobol}, options);
//     for (const auto& minimum : found.minima) std::printf("%g\n", minimum.f);
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <vector>

#include "cunewton/minimize.h"
#include "cunewton/options.h"
#include "cunewton/problem.h"

namespace cunewton {

/// The starts of minimize_from(): those given, then `count` that are drawn.
template <class T>
struct Starts {
    std::vector<std::vector<T>> given{};  ///< n finite numbers each
    long count = 0;                       ///< of those that are drawn
    StartsBy draw = StartsBy::sobol;      ///< how; not `given` if count > 0
    /// Where to draw them: n finite numbers each. Empty: Options::lower and Options::upper.
    std::vector<double> lower{}, upper{};
    std::uint64_t seed = 1;  ///< the same seed gives the same bits
    /// Two ends are one minimum if no parameter differs by more than this fraction of its range,
    /// which is that of the starts and of the ends together.
    double distinct = 1e-3;
};

/// A minimum that runs have ended in.
template <class T>
struct DistinctMinimum {
    std::vector<T> x;  ///< the lowest of its ends
    T f;
    int best_start;           ///< whose end that is
    std::vector<int> starts;  ///< that led there, ascending
};

template <class T>
struct StartsResult {
    Result<T> best;       ///< ends[best_start]
    int best_start = -1;  ///< the end of least loss among minima; if there are none, among all
    /// By their loss, the lowest first. An end is a minimum if its run met a test: if its status is
    /// converged, small_step, small_change, derivative_accuracy, precision_limit or singular.
    std::vector<DistinctMinimum<T>> minima;
    std::vector<std::vector<T>> starts;  ///< the given ones, then the drawn ones
    std::vector<Result<T>> ends;         ///< of each start, in that order
    /// For each start its minimum's place in `minima`; -1: its end is none.
    std::vector<int> minimum_of;

    long count(Status wanted) const {
        long found = 0;
        for (const Result<T>& end : ends) found += end.status == wanted;
        return found;
    }
};

/// Minimises the problem from each of the starts, as minimize() does. The options are those of each
/// run: its limits of iterations, evaluations and time, its bounds. The results are the same bits
/// for any number of threads.
///
/// On the CPU the runs are divided among options.threads, a thread each while there are enough. On
/// a GPU up to four are under way at a time, on streams of their own, as far as their memory fits.
/// One follows the other if there is a callback (which may end its own run, not the others), a
/// stream of the caller's or a sum over ranks, or if the problem is a black box.
///
/// Throws InvalidArgument if there is no start, for a checkpoint (which is of one run), if starts
/// are to be drawn and bounds are missing or not finite, for more than sobol_max_dimension
/// parameters and StartsBy::sobol, and as minimize() does.
template <class T>
StartsResult<T> minimize_from(const Problem<T>& problem, const Starts<T>& starts,
                              const Options& options = {});
extern template StartsResult<double> minimize_from(const Problem<double>&, const Starts<double>&,
                                                   const Options&);
extern template StartsResult<float> minimize_from(const Problem<float>&, const Starts<float>&,
                                                  const Options&);

}  // namespace cunewton
