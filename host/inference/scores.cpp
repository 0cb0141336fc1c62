#include "host/inference/scores.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "host/at_point.h"
#include "host/backend/chunk_evaluator.h"

extern "C" {
void dsyrk_(const char*, const char*, const int*, const int*, const double*, const double*,
            const int*, const double*, double*, const int*);
}

namespace cunewton::infer {
namespace {

/// Scores that are multiplied at a time.
constexpr int tile = 256;
/// Matrices that are summed up side by side, as many as fit into this.
constexpr double most_bytes = 256e6;
constexpr int most_matrices = 16;

/// Of column `column` of row `row` in rows of `width` numbers.
std::size_t at(int row, int width, int column) {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
           static_cast<std::size_t>(column);
}

/// C += A A' for n x count scores A, lower triangle.
void add_products(int n, int count, const double* A, double* C) {
    const double one = 1;
    dsyrk_("L", "N", &n, &count, &one, A, &n, &one, C, &n);
}

void fill_upper(std::vector<double>& C, std::size_t n) {
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = j + 1; i < n; ++i) C[i * n + j] = C[j * n + i];
}

/// sum of a a' of vectors a that are slopes_k (x, 1) of a linear predictor's rows. fill(first,
/// count, slopes): those of up to `tile` rows from `first` on, K numbers a row.
template <class T, class Fill>
std::vector<double> row_products(Rows<T>& rows, bool intercept, const Fill& fill) {
    const int K = rows.outputs(), block = rows.block(), n = K * block;
    const std::size_t size = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
    const int matrices = static_cast<int>(
        std::clamp(most_bytes / (8.0 * static_cast<double>(size)), 1.0,
                   std::min<double>(most_matrices, static_cast<double>(rows.items()))));
    std::vector<std::vector<double>> sums(static_cast<std::size_t>(matrices));
    rows.pool().for_each(sums.size(), [&](std::size_t part, int) {
        std::vector<double>& sum = sums[part];
        sum.assign(size, 0.0);
        std::vector<double> A(static_cast<std::size_t>(tile) * static_cast<std::size_t>(n));
        std::vector<double> slopes(static_cast<std::size_t>(K * tile));
        const long first = rows.count() * static_cast<long>(part) / matrices,
                   last = rows.count() * (static_cast<long>(part) + 1) / matrices;
        for (long begin = first; begin < last; begin += tile) {
            const int width = static_cast<int>(std::min<long>(tile, last - begin));
            fill(begin, width, slopes.data());
            for (int i = 0; i < width; ++i) {
                double* const score = A.data() + static_cast<std::ptrdiff_t>(i) * n;
                for (int k = 0; k < K; ++k) {
                    const double slope = slopes[at(i, K, k)];
                    for (int j = 0; j < rows.features(); ++j)
                        score[k * block + j] = slope * rows.feature(begin + i, j);
                    if (intercept) score[k * block + block - 1] = slope;
                }
            }
            add_products(n, width, A.data(), sum.data());
        }
    });
    std::vector<double> all = std::move(sums[0]);
    for (std::size_t part = 1; part < sums.size(); ++part)
        for (std::size_t e = 0; e < size; ++e) all[e] += sums[part][e];
    fill_upper(all, static_cast<std::size_t>(n));
    return all;
}

/// Of a linear predictor: dl/dz_k times (x, 1), by the loss's code for the CPU.
template <class T>
std::vector<double> of_predictors(const LinearPredictor<T>& form, const std::vector<T>& x,
                                  const InferenceOptions& options) {
    if (!form.code.cpu)
        throw InvalidArgument(
            "the sandwich needs the loss's scores (its code for the CPU is missing) make the "
            "problem with it, or use another covariance");
    Rows<T> rows(form, options.threads);
    rows.predict({x.begin(), x.end()});
    const GradientBy by = resolve(options.derivatives.gradient, form.code.cpu->capabilities());
    const T step = static_cast<T>(std::cbrt(std::numeric_limits<T>::epsilon()));
    const int K = form.outputs;
    return row_products(rows, form.intercept, [&](long begin, int width, double* slopes) {
        const std::size_t outputs = static_cast<std::size_t>(K);
        std::vector<T> z(outputs * tile), r(outputs * tile), targets(tile), weights(tile);
        for (int i = 0; i < tile; ++i) {
            const long row = begin + std::min(i, width - 1);
            targets[static_cast<std::size_t>(i)] = static_cast<T>(rows.target(row));
            weights[static_cast<std::size_t>(i)] = T(i < width);
            for (int k = 0; k < K; ++k) z[at(k, tile, i)] = static_cast<T>(rows.z(row)[k]);
        }
        form.code.cpu->value_and_gradient({z.data(), tile, targets.data(), weights.data(), tile},
                                          by, step, r.data());
        for (int i = 0; i < width; ++i) {
            const double w = rows.weight(begin + i);
            const double factor = options.weights == WeightsAre::frequencies ? std::sqrt(w) : w;
            for (int k = 0; k < K; ++k)
                slopes[i * K + k] = factor * static_cast<double>(r[at(k, tile, i)]);
        }
    });
}

/// Of any sum over samples: the gradient of each, where the problem runs.
template <class T>
std::vector<double> of_samples(const Problem<T>& problem, const std::vector<T>& x,
                               const InferenceOptions& options) {
    const Samples<T>* const samples = samples_of(problem);
    if (!samples)
        throw InvalidArgument(
            "the sandwich is of samples' scores (the loss is not a sum over several) use the "
            "inverse Hessian");
    const HostSamples<T> host(*samples, true);
    const Problem<T> sum = chunk_problem(problem, {0, samples->count, 0});
    const int n = problem.dimension();
    return at_point(sum, x, options, [&](Point<T>& point) {
        Vectors<T>& vectors = point.vectors();
        const Buffer<T> g = vectors.allocate(static_cast<std::size_t>(n));
        const Number f = vectors.number();
        std::vector<T> score(static_cast<std::size_t>(n));
        std::vector<double> A(static_cast<std::size_t>(tile) * static_cast<std::size_t>(n));
        std::vector<double> all(static_cast<std::size_t>(n) * static_cast<std::size_t>(n), 0.0);
        int filled = 0;
        const auto add = [&] {
            add_products(n, filled, A.data(), all.data());
            filled = 0;
        };
        for (long i = 0; i < samples->count; ++i) {
            const double w = host.view().weights ? static_cast<double>(host.view().weights[i]) : 1;
            if (!(w > 0)) continue;
            point.evaluator().select({&i, 1}, 1);
            point.evaluator().value_and_gradient(point.x(), g.get(), f);
            vectors.download(score.data(), g.get(), score.size());
            const double factor = options.weights == WeightsAre::frequencies ? 1 / std::sqrt(w) : 1;
            for (int j = 0; j < n; ++j)
                A[static_cast<std::size_t>(filled) * static_cast<std::size_t>(n) +
                  static_cast<std::size_t>(j)] =
                    factor * static_cast<double>(score[static_cast<std::size_t>(j)]);
            if (++filled == tile) add();
        }
        if (filled > 0) add();
        fill_upper(all, static_cast<std::size_t>(n));
        return all;
    });
}

}  // namespace

template <class T>
std::vector<double> expected_information(const LinearPredictor<T>& form, const std::vector<T>& x,
                                         int threads) {
    const LossStatistics& of = form.statistics;
    if (form.outputs != 1 || !of.mean_slope || !of.mean || !of.variance)
        throw InvalidArgument(
            "the loss's expected information is not known (it has more than one predictor, or does "
            "not say the variance of its distribution) use the inverse Hessian");
    Rows<T> rows(form, threads);
    rows.predict({x.begin(), x.end()});
    return row_products(rows, form.intercept, [&](long begin, int width, double* slopes) {
        for (int i = 0; i < width; ++i) {
            const double z = *rows.z(begin + i);
            // A mean at the end of its range has no variance, and then no slope either.
            const double variance = of.variance(of.mean(z));
            slopes[i] = variance > 0 ? std::sqrt(rows.weight(begin + i) / variance) *
                                           std::abs(of.mean_slope(z))
                                     : 0;
        }
    });
}
template std::vector<double> expected_information(const LinearPredictor<double>&,
                                                  const std::vector<double>&, int);
template std::vector<double> expected_information(const LinearPredictor<float>&,
                                                  const std::vector<float>&, int);

template <class T>
std::vector<double> score_products(const Problem<T>& problem, const std::vector<T>& x,
                                   const InferenceOptions& options) {
    if (const auto* const predictor = std::get_if<LinearPredictor<T>>(&problem.parts().form))
        return of_predictors(*predictor, x, options);
    return of_samples(problem, x, options);
}
template std::vector<double> score_products(const Problem<double>&, const std::vector<double>&,
                                            const InferenceOptions&);
template std::vector<double> score_products(const Problem<float>&, const std::vector<float>&,
                                            const InferenceOptions&);

}  // namespace cunewton::infer
