// Fits of a peak to many small images with counting noise, as in single-molecule microscopy.
#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/cases/batch_solve.h"
#include "bench/cases/cases.h"
#include "bench/cases/peak_images.h"
#include "bench/cases/small_fit_rows.h"
#include "cunewton/model/gaussian.h"

namespace cunewton::bench {
namespace {

constexpr const char* case_name = "gaussian2d_batch";
constexpr int parameters = Gaussian2D::parameters;

/// Vector instructions for one point of one fit with own derivatives, exp aside: x - cx, y - cy
/// (2), the squared distance (2), the exponent (1), the peak (1), peak / w^2 (1), the derivatives
/// by cx, cy and w (4: the last takes two), the model's value (1), the residual (1)
constexpr double model_instructions = 13;
/// and one multiply-add each for the sum of squares, 5 entries of the gradient and 15 of J'J.
constexpr double sum_instructions = 21;

/// Excess of chi^2 over its minimum up to which a fit counts as accurate.
constexpr double accurate_excess = 1e-6;
/// Largest excess of a peer that did the job "tight". In float it is the rounding of the sum of
/// squares that stops a peer.
template <class T>
constexpr double tight_excess = sizeof(T) == 8 ? 1e-10 : 1e-6;

template <class T>
BatchData<T> batch_data(const PeakImages<T>& images, long problems) {
    return {.problems = problems,
            .points = images.pixels(),
            .coordinates = images.coordinates,
            .y = std::span(images.counts).first(std::size_t(problems) * images.pixels()),
            .start = std::span(images.start).first(std::size_t(problems) * parameters)};
}

/// A second program for the sum of squares, in U, and its minimum.
template <class U, class T>
U sum_of_squares(const PeakImages<T>& images, long i, const U* p) {
    const T* y = images.counts.data() + i * images.pixels();
    U sum = 0;
    for (int row = 0; row < images.size; ++row)
        for (int column = 0; column < images.size; ++column) {
            const U dx = column - p[1], dy = row - p[2];
            const U r = p[0] * std::exp(-(dx * dx + dy * dy) / (2 * p[3] * p[3])) + p[4] - U(*y++);
            sum += r * r;
        }
    return sum;
}

/// J'r and J'J (lower triangle) in double.
template <class T>
void normal_equations(const PeakImages<T>& images, long i, const double* p, double (&g)[parameters],
                      double (&H)[parameters][parameters]) {
    std::fill(std::begin(g), std::end(g), 0.0);
    for (auto& row : H) std::fill(std::begin(row), std::end(row), 0.0);
    const T* y = images.counts.data() + i * images.pixels();
    for (int row = 0; row < images.size; ++row)
        for (int column = 0; column < images.size; ++column) {
            const double dx = column - p[1], dy = row - p[2], squared = dx * dx + dy * dy;
            const double e = std::exp(-squared / (2 * p[3] * p[3]));
            const double slope = p[0] * e / (p[3] * p[3]);
            const double J[] = {e, slope * dx, slope * dy, slope * squared / p[3], 1};
            const double r = p[0] * e + p[4] - double(*y++);
            for (int a = 0; a < parameters; ++a) {
                g[a] += J[a] * r;
                for (int b = 0; b <= a; ++b) H[a][b] += J[a] * J[b];
            }
        }
}

/// Overwrites g by H^-1 g. H is positive definite.
void solve_in_place(double (&H)[parameters][parameters], double (&g)[parameters]) {
    for (int j = 0; j < parameters; ++j) {
        for (int k = 0; k < j; ++k) H[j][j] -= H[j][k] * H[j][k];
        H[j][j] = std::sqrt(H[j][j]);
        for (int i = j + 1; i < parameters; ++i) {
            for (int k = 0; k < j; ++k) H[i][j] -= H[i][k] * H[j][k];
            H[i][j] /= H[j][j];
        }
        for (int k = 0; k < j; ++k) g[j] -= H[j][k] * g[k];
        g[j] /= H[j][j];
    }
    for (int j = parameters - 1; j >= 0; --j) {
        for (int k = j + 1; k < parameters; ++k) g[j] -= H[k][j] * g[k];
        g[j] /= H[j][j];
    }
}

/// The least sum of squares, by Gauss-Newton steps from the truth until they are lost in rounding:
/// what is left of the gradient then changes the sum by less than one part in 1e20.
template <class T>
long double least_sum_of_squares(const PeakImages<T>& images, long i) {
    double p[parameters];
    for (int j = 0; j < parameters; ++j) p[j] = double(images.truth[i * parameters + j]);
    double last = std::numeric_limits<double>::infinity();
    for (int step = 0; step < 100; ++step) {
        double g[parameters], H[parameters][parameters];
        normal_equations(images, i, p, g, H);
        solve_in_place(H, g);
        double size = 0;
        for (int j = 0; j < parameters; ++j) {
            p[j] -= g[j];
            size = std::max(size, std::abs(g[j] / p[j]));
        }
        if (size < 1e-10 && size >= last) break;
        last = size;
    }
    long double exact[parameters];
    std::copy(p, p + parameters, exact);
    return sum_of_squares(images, i, exact);
}

/// The minima of the first images: 20,000 are enough to count one in a thousand.
template <class T>
std::vector<long double> reference(const PeakImages<T>& images) {
    std::vector<long double> least;
    for (long i = 0; i < std::min(images.count, 20000L); ++i)
        least.push_back(least_sum_of_squares(images, i));
    return least;
}

/// How far the answers are from the minima.
template <class T>
void judge(Row& row, const PeakImages<T>& images, const std::vector<long double>& least,
           const T* answers, long count) {
    std::vector<double> excess;
    for (long i = 0; i < std::min(count, long(least.size())); ++i) {
        long double p[parameters];
        std::copy_n(answers + i * parameters, parameters, p);
        const long double sum = sum_of_squares(images, i, p);
        excess.push_back(std::isfinite(sum) ? double((sum - least[i]) / least[i]) : INFINITY);
    }
    std::sort(excess.begin(), excess.end());
    const auto at = [&](double share) {
        return excess[std::min(excess.size() - 1, std::size_t(share * double(excess.size())))];
    };
    const auto within = std::upper_bound(excess.begin(), excess.end(), accurate_excess);
    row.share_accurate = double(within - excess.begin()) / double(excess.size());
    row.largest_excess = std::isfinite(excess.back()) ? excess.back() : 1e300;
    row.extra["excess_limit"] = accurate_excess;
    row.extra["excess_sample"] = excess.size();
    row.extra["excess_least"] = excess.front();
    row.extra["excess_median"] = at(0.5);
    row.extra["excess_99"] = at(0.99);
    row.extra["excess_99.9"] = at(0.999);
}

struct Rule {
    const char* name;
    double change_tolerance;
};
constexpr Rule rules[] = {{"1e-4", 1e-4}, {"tight", 0}};

template <class T>
void run_library(const PeakImages<T>& images, const std::vector<long double>& least,
                 const Rule& rule, BatchDerivatives by, int threads, Context& context) {
    const FitModel model = make_fit_model(Gaussian2D{});
    if (!context.can_run(model, case_name)) return;
    std::string variant = fmt::format("{0}x{0}, {1}, {2}", images.size, rule.name, to_string(by));
    if (threads > 1) variant += fmt::format(", {} threads", threads);
    Row row = context.report.row(case_name, variant);
    BatchOptions options;
    options.derivatives = by;
    options.change_tolerance = rule.change_tolerance;
    const long count =
        by == BatchDerivatives::differences ? std::min(images.count, 20000L) : images.count;
    const BatchResult<T> fits =
        timed_batch(model, batch_data(images, count), options, threads, context, row);
    judge(row, images, least, fits.parameters.data(), count);
    if (row.backend == "cpu")
        row.floor_seconds = batch_floor_seconds(context.vector_rates<T>(), row,
                                                model_instructions + sum_instructions, 1);
    if (threads == 1 || row.backend != "cpu")
        row.group = fmt::format("{} {}", images.size, rule.name);
    context.report.add(row);
}

template <class T>
void run_peers(const PeakImages<T>& images, const std::vector<long double>& least, const Rule& rule,
               Context& context) {
    const SmallFits<T> job{SmallModel::gaussian2d,
                           images.count,
                           images.pixels(),
                           images.coordinates.data(),
                           images.counts.data(),
                           images.start.data(),
                           rule.change_tolerance,
                           nullptr,
                           nullptr};
    time_small_fit_peers(job, parameters, fmt::format("{0}x{0}, {1}, ", images.size, rule.name),
                         case_name, context, [&](Row& row, const T* answers, long count) {
                             judge(row, images, least, answers, count);
                             row.solved = rule.change_tolerance > 0
                                              ? *row.share_accurate >= 0.999
                                              : *row.largest_excess <= tight_excess<T>;
                             row.group = fmt::format("{} {}", images.size, rule.name);
                         });
}

template <class T>
void run_in(Context& context) {
    const Settings& settings = context.settings;
    for (const int size : {usual_image_size, 5, 9, 13, 21}) {
        const bool usual = size == usual_image_size;
        const long count = settings.small ? 200 : usual ? 100000 : 20000;
        const PeakImages<T> images = make_peak_images<T>(size, count);
        const std::vector<long double> least = reference(images);
        for (const Rule& rule : rules) {
            run_library(images, least, rule, BatchDerivatives::analytic, 1, context);
            if (!usual) continue;
            run_library(images, least, rule, BatchDerivatives::autodiff, 1, context);
            run_library(images, least, rule, BatchDerivatives::differences, 1, context);
            for (const int threads : context.more_threads())
                run_library(images, least, rule, BatchDerivatives::analytic, threads, context);
            if (context.runs_small_peers()) run_peers(images, least, rule, context);
        }
    }
}

}  // namespace

void run_gaussian2d_batch(Context& context) {
    if (context.settings.single)
        run_in<float>(context);
    else
        run_in<double>(context);
}

}  // namespace cunewton::bench
