// Batches of fits from starts near the truth, and without a start: what the guesses cost.
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "bench/cases/batch_solve.h"
#include "bench/cases/cases.h"
#include "bench/cases/peak_images.h"
#include "bench/random.h"
#include "cunewton/model/decay.h"
#include "cunewton/model/gaussian.h"

namespace cunewton::bench {
namespace {

constexpr const char* case_name = "guessed_starts";

/// Excess of a fit's objective over that of the fit from a start near the truth up to which both
/// ended in the same minimum. In float the rounding of the sum of squares is some 1e-6.
template <class T>
constexpr double alike_excess = sizeof(T) == 8 ? 1e-6 : 1e-5;

/// Fits from the starts given, fits without one, and the guesses alone: with no iteration there is
/// one evaluation at them besides.
template <class T>
void run_shape(const FitModel& model, const std::string& shape, const BatchData<T>& data,
               Context& context) {
    if (!context.can_run(model, case_name)) return;
    BatchOptions options;
    Row given = context.report.row(case_name, shape + ", given");
    const BatchResult<T> from_given = timed_batch(model, data, options, 1, context, given);
    context.report.add(given);

    BatchData<T> without = data;
    without.start = {};
    Row guessed = context.report.row(case_name, shape + ", guessed");
    const BatchResult<T> from_guess = timed_batch(model, without, options, 1, context, guessed);
    long alike = 0;
    double largest = -1;
    for (std::size_t i = 0; i < from_guess.objective.size(); ++i) {
        const double least = double(from_given.objective[i]);
        const double excess = (double(from_guess.objective[i]) - least) / least;
        alike += excess <= alike_excess<T>;
        largest = std::isfinite(excess) ? std::max(largest, excess) : 1e300;
    }
    guessed.share_accurate = double(alike) / double(data.problems);
    guessed.largest_excess = largest;
    context.report.add(guessed);

    options.max_iterations = 0;
    Row start = context.report.row(case_name, shape + ", given, one evaluation");
    timed_batch(model, data, options, 1, context, start);
    context.report.add(start);
    Row guess = context.report.row(case_name, shape + ", guessed, one evaluation");
    timed_batch(model, without, options, 1, context, guess);
    context.report.add(guess);
}

/// Decays of 24 points, with noise of a standard deviation of 10. Truth: (400 to 900, 0.4 to 3,
/// 50 to 150); starts: the truth's entries, each times a number from [0.9, 1.1).
template <class T>
void run_decays(long count, Context& context) {
    constexpr int points = 24, parameters = 3;
    std::vector<T> times, y, start;
    for (int i = 0; i < points; ++i) times.push_back(static_cast<T>(0.2 * i));
    Random random(1024);
    for (long k = 0; k < count; ++k) {
        const double p[parameters] = {400 + 500 * random.uniform(), 0.4 + 2.6 * random.uniform(),
                                      50 + 100 * random.uniform()};
        for (const double parameter : p)
            start.push_back(static_cast<T>(parameter * (0.9 + 0.2 * random.uniform())));
        for (int i = 0; i < points; ++i) {
            // A sum of twelve uniform numbers has a variance of 1.
            double noise = -6;
            for (int j = 0; j < 12; ++j) noise += random.uniform();
            y.push_back(static_cast<T>(p[0] * std::exp(-p[1] * (0.2 * i)) + p[2] + 10 * noise));
        }
    }
    run_shape<T>(
        make_fit_model(ExponentialDecay<1>{}), "decay of 24 points",
        {.problems = count, .points = points, .coordinates = times, .y = y, .start = start},
        context);
}

template <class T>
void run_peaks(long count, Context& context) {
    const PeakImages<T> images = make_peak_images<T>(usual_image_size, count);
    run_shape<T>(make_fit_model(Gaussian2D{}), "peak of 15x15 points",
                 {.problems = count,
                  .points = images.pixels(),
                  .coordinates = images.coordinates,
                  .y = images.counts,
                  .start = images.start},
                 context);
}

template <class T>
void run_in(Context& context) {
    const long count = context.settings.small ? 200 : 100000;
    run_peaks<T>(count, context);
    run_decays<T>(count, context);
}

}  // namespace

void run_guessed_starts(Context& context) {
    if (context.settings.single)
        run_in<float>(context);
    else
        run_in<double>(context);
}

}  // namespace cunewton::bench
