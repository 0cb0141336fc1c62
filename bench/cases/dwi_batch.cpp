// Fits of a diffusion tensor to every voxel of a magnetic resonance image.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "bench/cases/batch_solve.h"
#include "bench/cases/cases.h"
#include "bench/cases/small_fit_rows.h"
#include "cunewton/model/diffusion.h"
#include "readers/file.h"
#include "tests/support/data_file.h"

namespace cunewton::bench {
namespace {

constexpr const char* case_name = "dwi_batch";
constexpr int parameters = DiffusionTensor::parameters;
constexpr int coordinates = DiffusionTensor::coordinates;
constexpr int points = 65;
constexpr long voxels = 1000;
constexpr double unit_of_b = 1000;  ///< s/mm^2 in one ms/um^2

/// Vector instructions for one point of one fit, exp aside: the exponent (6, the products of the
/// coordinates are the same for all voxels), the signal (1), the derivatives by D (6), the
/// residual (1)
constexpr double model_instructions = 14;
/// and one multiply-add each for the sum of squares, 7 entries of the gradient and 28 of J'J.
constexpr double sum_instructions = 36;

/// Relative difference to the listed residual sum up to which a voxel counts as fitted.
constexpr double accepted_difference = 1e-8;

struct Image {
    std::vector<double> coordinates, signals, residual_sums;
};

Image read_image() {
    const std::string text =
        readers::read_file(test::data_file(CUNEWTON_BENCH_DATA_DIR, "dwi64.csv.gz"));
    const char* at = text.c_str() + text.find('\n') + 1;
    const auto next = [&] {
        char* end = nullptr;
        const double value = std::strtod(at, &end);
        if (end == at) throw std::runtime_error("dwi64.csv.gz ends too early");
        at = end + 1;
        return value;
    };
    Image image;
    for (int i = 0; i < points; ++i) {
        image.coordinates.push_back(next() / unit_of_b);
        for (int c = 1; c < coordinates; ++c) image.coordinates.push_back(next());
    }
    for (long v = 0; v < voxels; ++v) {
        for (int i = 0; i < points; ++i) image.signals.push_back(next());
        image.residual_sums.push_back(next());
    }
    return image;
}

/// The image over and over, in T.
template <class T>
struct Voxels {
    long count;
    std::vector<T> coordinates, signals, start;

    Voxels(const Image& image, long count_) : count(count_) {
        coordinates.assign(image.coordinates.begin(), image.coordinates.end());
        signals.reserve(std::size_t(count) * points);
        for (long v = 0; v < count; ++v) {
            const auto signal = image.signals.begin() + (v % voxels) * points;
            signals.insert(signals.end(), signal, signal + points);
            // A plain start: the signal without gradient, and the mean diffusivity of brain tissue
            // in every direction.
            const T first[parameters] = {static_cast<T>(*signal), T(0.7), 0, 0, T(0.7), 0, T(0.7)};
            start.insert(start.end(), first, first + parameters);
        }
    }
    BatchData<T> data(long problems) const {
        return {.problems = problems,
                .points = points,
                .coordinates = coordinates,
                .y = std::span(signals).first(std::size_t(problems) * points),
                .start = std::span(start).first(std::size_t(problems) * parameters)};
    }
};

/// A second program for the residual sum of squares.
template <class T>
double residual_sum(const Image& image, long voxel, const T* p) {
    double sum = 0;
    for (int i = 0; i < points; ++i) {
        const double* x = image.coordinates.data() + i * coordinates;
        const double g[] = {x[1], x[2], x[3]};
        const double D[3][3] = {{double(p[1]), double(p[2]), double(p[3])},
                                {double(p[2]), double(p[4]), double(p[5])},
                                {double(p[3]), double(p[5]), double(p[6])}};
        double form = 0;
        for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b) form += g[a] * D[a][b] * g[b];
        const double r = double(p[0]) * std::exp(-x[0] * form) - image.signals[voxel * points + i];
        sum += r * r;
    }
    return sum;
}

/// Compares the first voxels' residual sums with the listed ones, and all others with the first.
template <class T>
void judge(Row& row, const Image& image, const T* answers, long count) {
    double worst = 0, lowest = 0, highest = 0;
    long accepted = 0, same = 0;
    const long compared = std::min(count, voxels);
    for (long v = 0; v < compared; ++v) {
        const double listed = image.residual_sums[v];
        const double sum = residual_sum(image, v, answers + v * parameters);
        const double difference = std::isfinite(sum) ? (sum - listed) / listed : 1e300;
        worst = std::max(worst, std::abs(difference));
        lowest = std::min(lowest, difference);
        highest = std::max(highest, difference);
        accepted += std::abs(difference) <= accepted_difference;
    }
    for (long v = 0; v < count; ++v)
        same += std::equal(answers + v * parameters, answers + (v + 1) * parameters,
                           answers + (v % voxels) * parameters);
    row.error = worst;
    row.share_accurate = double(accepted) / double(compared);
    row.solved = accepted == compared;
    row.extra["difference_limit"] = accepted_difference;
    row.extra["voxels_compared"] = compared;
    row.extra["voxels_accepted"] = accepted;
    row.extra["lowest_difference"] = lowest;
    row.extra["highest_difference"] = highest;
    row.extra["copies_agree"] = same == count;
}

template <class T>
void run_library(const Image& image, const Voxels<T>& all, BatchDerivatives by, long most,
                 int threads, Context& context) {
    const FitModel model = make_fit_model(DiffusionTensor{});
    if (!context.can_run(model, case_name)) return;
    const bool exact = by == BatchDerivatives::automatic;
    std::string variant = exact ? "exact derivatives" : to_string(by);
    if (threads > 1) variant += fmt::format(", {} threads", threads);
    Row row = context.report.row(case_name, variant);
    BatchOptions options;
    options.derivatives = by;
    const long count = std::min(all.count, most);
    const BatchResult<T> fits = timed_batch(model, all.data(count), options, threads, context, row);
    judge(row, image, fits.parameters.data(), count);
    if (row.backend == "cpu")
        row.floor_seconds = batch_floor_seconds(context.vector_rates<T>(), row,
                                                model_instructions + sum_instructions, 1);
    if (threads == 1 || row.backend != "cpu") row.group = "fits";
    context.report.add(row);
}

template <class T>
void run_in(Context& context) {
    const Settings& settings = context.settings;
    const Image image = read_image();
    const long count = settings.small ? voxels : 1000 * voxels;
    const Voxels<T> all(image, count);
    run_library(image, all, BatchDerivatives::automatic, count, 1, context);
    for (const int threads : context.more_threads())
        run_library(image, all, BatchDerivatives::automatic, count, threads, context);
    run_library(image, all, BatchDerivatives::differences, settings.small ? 100 : 50 * voxels, 1,
                context);
    if (!context.runs_small_peers()) return;
    const SmallFits<T> job{SmallModel::diffusion_tensor,
                           count,
                           points,
                           all.coordinates.data(),
                           all.signals.data(),
                           all.start.data(),
                           0,
                           nullptr,
                           nullptr};
    time_small_fit_peers(job, parameters, "", case_name, context,
                         [&](Row& row, const T* answers, long fitted) {
                             judge(row, image, answers, fitted);
                             row.group = "fits";
                         });
}

}  // namespace

void run_dwi_batch(Context& context) {
    if (context.settings.single)
        run_in<float>(context);
    else
        run_in<double>(context);
}

}  // namespace cunewton::bench
