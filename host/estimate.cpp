#include "cunewton/estimate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cunewton/math/stencil.h"
#include "host/at_point.h"
#include "host/backend/sample_order.h"

namespace cunewton {

namespace {

void check(const EstimateOptions& options, int n) {
    if (options.batches < 2)
        throw InvalidArgument("batches are too few (" + std::to_string(options.batches) +
                              ") pass at least 2");
    if (options.size < 0)
        throw InvalidArgument("the size of batches is negative (" + std::to_string(options.size) +
                              ") pass a number of samples, or 0");
    if (options.indices.empty()) return;
    require_indices(options.indices, n, "indices");
    std::vector<int> sorted = options.indices;
    std::ranges::sort(sorted);
    const auto twice = std::ranges::adjacent_find(sorted);
    if (twice != sorted.end())
        throw InvalidArgument("indices repeat (" + std::to_string(*twice) +
                              ") pass each parameter once");
}

/// What ranks must have in common.
std::vector<Common> common(const EstimateOptions& options) {
    return {{"number of batches", static_cast<std::uint64_t>(options.batches)},
            {"size", static_cast<std::uint64_t>(options.size)},
            {"seed", options.seed},
            {"indices", hash(options.indices.data(), options.indices.size() * sizeof(int))}};
}

/// Mean and sum of squared deviations, a value at a time (Welford 1962).
struct Moments {
    double mean = 0, squares = 0;
    void add(double value, int count) {
        const double off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
};

}  // namespace

template <class T>
HessianEstimate<T> estimate_hessian(const Problem<T>& problem, const std::vector<T>& x,
                                    const EstimateOptions& options) {
    const int n = problem.dimension();
    return at_point(problem, x, options, [&](Point<T>& point) {
        // Here, so that all ranks hear of what one of them does not accept.
        check(options, n);
        if (const Ranks* const ranks = problem.parts().ranks.get())
            require_common(ranks->communicator(), Meeting::call, "arguments", common(options));
        std::vector<int> indices = options.indices;
        if (indices.empty()) {
            indices.resize(static_cast<std::size_t>(n));
            std::iota(indices.begin(), indices.end(), 0);
        }
        Evaluator<T>& evaluator = point.evaluator();
        Vectors<T>& vectors = point.vectors();
        const long all = evaluator.samples();
        if (all < 2)
            throw InvalidArgument(
                "an estimate draws samples (the loss is not a sum over several) take hessian()");
        const std::size_t m = indices.size();
        HessianEstimate<T> estimate;
        estimate.batches = options.batches;
        estimate.size = std::min(options.size > 0 ? options.size : 100, all);
        estimate.seed = options.seed;
        const DerivativeOptions& derivatives = options.derivatives;
        const T relative = derivatives.relative_step > 0 ? static_cast<T>(derivatives.relative_step)
                                                         : central_step<T>();
        SampleOrder order(all, options.seed);
        const Buffer<T> moved = vectors.allocate(x.size()), g = vectors.allocate(x.size());
        const Number f = vectors.number();
        std::vector<T> at = x, ahead(x.size()), behind(x.size());
        std::vector<double> D(m * m);
        std::vector<Moments> moments(m * m);
        const auto gradient_at = [&](std::vector<T>& to) {
            vectors.upload(moved.get(), at.data(), at.size());
            evaluator.value_and_gradient(moved.get(), g.get(), f);
            vectors.download(to.data(), g.get(), to.size());
        };
        for (int batch = 1; batch <= options.batches; ++batch) {
            select(evaluator, order.draw(estimate.size));
            for (std::size_t c = 0; c < m; ++c) {
                const std::size_t j = static_cast<std::size_t>(indices[c]);
                const T typical =
                    derivatives.typical_x.empty() ? T(1) : static_cast<T>(derivatives.typical_x[j]);
                const T h = difference_step(x[j], typical, relative);
                at[j] = x[j] + h;
                gradient_at(ahead);
                at[j] = x[j] - h;
                gradient_at(behind);
                at[j] = x[j];
                for (std::size_t r = 0; r < m; ++r) {
                    const std::size_t i = static_cast<std::size_t>(indices[r]);
                    D[c * m + r] =
                        central_difference(static_cast<double>(ahead[i]),
                                           static_cast<double>(behind[i]), static_cast<double>(h));
                }
            }
            for (std::size_t c = 0; c < m; ++c)
                for (std::size_t r = c; r < m; ++r)
                    moments[c * m + r].add(0.5 * (D[c * m + r] + D[r * m + c]), batch);
        }
        estimate.hessian.resize(m * m);
        estimate.standard_errors.resize(m * m);
        const double b = options.batches;
        for (std::size_t c = 0; c < m; ++c)
            for (std::size_t r = c; r < m; ++r) {
                const Moments& entry = moments[c * m + r];
                const T error = static_cast<T>(std::sqrt(entry.squares / (b - 1) / b));
                for (const std::size_t e : {c * m + r, r * m + c}) {
                    estimate.hessian[e] = static_cast<T>(entry.mean);
                    estimate.standard_errors[e] = error;
                }
            }
        return estimate;
    });
}
template HessianEstimate<double> estimate_hessian(const Problem<double>&,
                                                  const std::vector<double>&,
                                                  const EstimateOptions&);
template HessianEstimate<float> estimate_hessian(const Problem<float>&, const std::vector<float>&,
                                                 const EstimateOptions&);

}  // namespace cunewton
