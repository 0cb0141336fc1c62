#include "host/curvature/accuracy.h"

#include <cmath>
#include <cstdio>
#include <limits>

#include "host/backend/random.h"
#include "host/curvature/call.h"

namespace cunewton {

template <class T>
HessianAccuracy assess(Point<T>& point, const EvaluationOptions& options) {
    const ResolvedDerivatives& derivatives = point.derivatives();
    const std::size_t n = point.n();
    HessianAccuracy accuracy;
    static_cast<RanOn&>(accuracy) = point.ran_on();
    accuracy.by = derivatives.hessian;
    accuracy.exact = !is_differenced(point);
    point.require_matrix(accuracy.exact ? 0 : 1);
    const std::vector<T> H = point.hessian();
    std::vector<T> coarse;
    if (!accuracy.exact) {
        EvaluationOptions doubled = options;
        doubled.derivatives.relative_step = 2 * derivatives.hessian_step;
        coarse = point.reopened(doubled).hessian();
    }
    double largest = 0, size = 0;
    for (const T entry : H) {
        if (!std::isfinite(entry))
            throw InvalidArgument(
                "the Hessian is not finite (a loss is not twice differentiable there, or "
                "overflows) choose another point");
        largest = std::max(largest, std::abs(static_cast<double>(entry)));
        size += static_cast<double>(entry) * static_cast<double>(entry);
    }
    const double eps = derivatives.precision == HessianPrecision::single
                           ? static_cast<double>(std::numeric_limits<float>::epsilon())
                           : static_cast<double>(std::numeric_limits<T>::epsilon());
    const double rounding = eps * largest;
    double error = 0;
    accuracy.worst_error = -1;
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = j; i < n; ++i) {
            const std::size_t at = j * n + i;
            double entry = rounding;
            if (!coarse.empty())
                entry += std::abs(static_cast<double>(H[at]) - static_cast<double>(coarse[at]));
            if (std::isnan(entry)) entry = std::numeric_limits<double>::infinity();
            error += (i == j ? 1 : 2) * entry * entry;
            if (entry <= accuracy.worst_error) continue;
            accuracy.worst_error = entry;
            accuracy.worst_value = static_cast<double>(H[at]);
            accuracy.row = static_cast<int>(i);
            accuracy.column = static_cast<int>(j);
        }
    size = std::sqrt(size);
    accuracy.error = std::sqrt(error);
    if (accuracy.error > 0)
        accuracy.relative_error =
            size > 0 ? accuracy.error / size : std::numeric_limits<double>::infinity();
    const double most = -std::log10(static_cast<double>(std::numeric_limits<T>::epsilon()));
    accuracy.digits = accuracy.relative_error > 0
                          ? std::clamp(-std::log10(accuracy.relative_error), 0.0, most)
                          : most;
    char text[256];
    std::snprintf(text, sizeof(text),
                  "the Hessian by %s has about %.1f digits (estimated error %.3g of |H| = %.3g; "
                  "worst is entry (%d, %d), %.6g with an error of %.3g)",
                  to_string(accuracy.by), accuracy.digits, accuracy.error, size, accuracy.row,
                  accuracy.column, accuracy.worst_value, accuracy.worst_error);
    accuracy.message = text;
    return accuracy;
}
template HessianAccuracy assess(Point<double>&, const EvaluationOptions&);
template HessianAccuracy assess(Point<float>&, const EvaluationOptions&);

template <class T>
double product_error(Point<T>& point, double norm, std::uint64_t seed) {
    const std::size_t n = point.n();
    const double size = static_cast<double>(n);
    double error =
        10 * std::sqrt(size) * static_cast<double>(std::numeric_limits<T>::epsilon()) * norm;
    Vectors<T>& vectors = point.vectors();
    Generator generator(seed);
    const Buffer<T> V = vectors.allocate(2 * n), HV = vectors.allocate(2 * n);
    std::vector<T> numbers(2 * n), products(2 * n);
    constexpr int pairs = 2;
    for (int pair = 0; pair < pairs; ++pair) {
        for (T& number : numbers)
            number = static_cast<T>((generator.uniform() < 0.5 ? -1 : 1) / std::sqrt(size));
        vectors.upload(V.get(), numbers.data(), numbers.size());
        point.curvature().apply(V.get(), 2, HV.get());
        vectors.download(products.data(), HV.get(), products.size());
        double one = 0, other = 0;
        for (std::size_t j = 0; j < n; ++j) {
            one += static_cast<double>(numbers[j]) * static_cast<double>(products[n + j]);
            other += static_cast<double>(numbers[n + j]) * static_cast<double>(products[j]);
        }
        error = std::max(error, std::sqrt(2 * size) * std::abs(one - other));
    }
    return error;
}
template double product_error(Point<double>&, double, std::uint64_t);
template double product_error(Point<float>&, double, std::uint64_t);

template <class T>
HessianAccuracy assess_hessian(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options) {
    return at_point(problem, x, options, [&](Point<T>& point) { return assess(point, options); });
}
template HessianAccuracy assess_hessian(const Problem<double>&, const std::vector<double>&,
                                        const EvaluationOptions&);
template HessianAccuracy assess_hessian(const Problem<float>&, const std::vector<float>&,
                                        const EvaluationOptions&);

}  // namespace cunewton
