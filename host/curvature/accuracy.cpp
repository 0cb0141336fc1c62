#include "host/curvature/accuracy.h"

#include <cmath>
#include <cstdio>
#include <limits>

#include "cunewton/math/stencil.h"
#include "host/backend/random.h"
#include "host/curvature/call.h"

namespace cunewton {

namespace {

/// What rounding of losses or gradients may do to second differences with steps h: 4 epsilon |f| /
/// (h_i h_j) of values, as the four of them are added, and epsilon max |g| / h_j of gradients, of
/// which (i, j) and (j, i) are averaged. Two stencils may have it in common, so that their
/// difference does not show it. None where the losses of single samples are differenced by their
/// predictors: how large these are is not known here.
struct StencilRounding {
    bool by_values = false;
    double factor = 0;
    std::vector<double> inverse_steps;

    double entry(std::size_t i, std::size_t j) const {
        if (factor == 0) return 0;
        return by_values ? factor * inverse_steps[i] * inverse_steps[j]
                         : factor * (inverse_steps[i] + inverse_steps[j]) / 2;
    }
    /// An upper bound of all entries' Frobenius norm.
    double norm() const {
        double square = 0;
        for (const double inverse : inverse_steps) square += inverse * inverse;
        return by_values ? factor * square
                         : factor * std::sqrt(static_cast<double>(inverse_steps.size()) * square);
    }
};

template <class T>
bool has_predictors(const Point<T>& point) {
    const auto& form = point.problem().parts().form;
    return std::holds_alternative<LinearPredictor<T>>(form) ||
           std::holds_alternative<PerceptronSum<T>>(form);
}

template <class T>
StencilRounding stencil_rounding(Point<T>& point, const EvaluationOptions& options) {
    StencilRounding rounding;
    if (!is_differenced(point) || has_predictors(point)) return rounding;
    const ResolvedDerivatives& derivatives = point.derivatives();
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    rounding.by_values = derivatives.hessian == HessianBy::value_differences;
    if (rounding.by_values) {
        rounding.factor = 4 * eps * std::abs(static_cast<double>(point.value()));
    } else {
        for (const T slope : point.gradient())
            rounding.factor = std::max(rounding.factor, eps * std::abs(static_cast<double>(slope)));
    }
    for (const double size : sizes(point, options.derivatives))
        rounding.inverse_steps.push_back(1 / (derivatives.hessian_step * size));
    return rounding;
}

/// The same with twice the step.
template <class T>
Point<T> with_doubled_step(const Point<T>& point, const EvaluationOptions& options) {
    EvaluationOptions doubled = options;
    doubled.derivatives.relative_step = 2 * point.derivatives().hessian_step;
    return point.reopened(doubled);
}

}  // namespace

template <class T>
HessianAccuracy assess(Point<T>& point, const EvaluationOptions& options, double* scaled_error) {
    const ResolvedDerivatives& derivatives = point.derivatives();
    const std::size_t n = point.n();
    HessianAccuracy accuracy;
    static_cast<RanOn&>(accuracy) = point.ran_on();
    accuracy.by = derivatives.hessian;
    accuracy.exact = !is_differenced(point);
    point.require_matrix(0, accuracy.exact ? 1 : 2);
    const std::vector<T> H = point.hessian();
    std::vector<T> coarse;
    if (!accuracy.exact) coarse = with_doubled_step(point, options).hessian();
    const StencilRounding stencil = stencil_rounding(point, options);
    double largest = 0, size = 0;
    for (const T entry : H) {
        if (!std::isfinite(entry))
            throw InvalidArgument(
                "the Hessian is not finite (a loss is not twice differentiable there, or "
                "overflows) choose another point");
        largest = std::max(largest, std::abs(static_cast<double>(entry)));
        size += static_cast<double>(entry) * static_cast<double>(entry);
    }
    const double rounding = entry_rounding(point) * largest;
    double error = 0, scaled = 0;
    accuracy.worst_error = -1;
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = j; i < n; ++i) {
            const std::size_t at = j * n + i;
            double entry = stencil.entry(i, j);
            if (!coarse.empty())
                entry += std::abs(static_cast<double>(H[at]) - static_cast<double>(coarse[at]));
            if (std::isnan(entry)) entry = std::numeric_limits<double>::infinity();
            const double diagonal = static_cast<double>(H[i * n + i]),
                         other = static_cast<double>(H[j * n + j]);
            if (entry > 0)
                scaled += diagonal > 0 && other > 0
                              ? (i == j ? 1 : 2) * (entry / diagonal) * (entry / other)
                              : std::numeric_limits<double>::infinity();
            entry += rounding;
            error += (i == j ? 1 : 2) * entry * entry;
            if (entry <= accuracy.worst_error) continue;
            accuracy.worst_error = entry;
            accuracy.worst_value = static_cast<double>(H[at]);
            accuracy.row = static_cast<int>(i);
            accuracy.column = static_cast<int>(j);
        }
    size = std::sqrt(size);
    accuracy.error = std::sqrt(error);
    if (scaled_error) *scaled_error = std::sqrt(scaled);
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
template HessianAccuracy assess(Point<double>&, const EvaluationOptions&, double*);
template HessianAccuracy assess(Point<float>&, const EvaluationOptions&, double*);

namespace {

/// Whether products with point.curvature() are differences of gradients along a vector.
template <class T>
bool differences_gradients(Point<T>& point) {
    if (point.by_dense_hessian() || has_predictors(point)) return false;
    const auto* opaque = std::get_if<Opaque<T>>(&point.problem().parts().form);
    if (!opaque) return true;
    return point.vectors().on_device() ? !opaque->cuda.products : !opaque->cpu.products;
}

/// H v for a unit vector by gradients at twice the distance of Evaluator::products(), and at
/// `rounding` what rounding of gradients may do to that.
template <class T>
std::vector<double> product_with_doubled_step(Point<T>& point, const std::vector<T>& v,
                                              double& rounding) {
    const std::size_t n = point.n();
    double along = 0, square = 0;
    for (std::size_t j = 0; j < n; ++j) {
        along += static_cast<double>(point.host_x()[j]) * static_cast<double>(v[j]);
        square += static_cast<double>(v[j]) * static_cast<double>(v[j]);
    }
    const double length = std::sqrt(square), h = 2 * static_cast<double>(central_step<T>()) *
                                                 std::max(std::abs(along) / length, 1.0) / length;
    Vectors<T>& vectors = point.vectors();
    const Buffer<T> at = vectors.allocate(n), g = vectors.allocate(n), there = vectors.allocate(n);
    const Number f = vectors.number();
    vectors.upload(there.get(), v.data(), n);
    std::vector<T> slope(n);
    std::vector<double> product(n, 0.0);
    double largest = 0;
    for (const double sign : {1.0, -1.0}) {
        vectors.add_scaled(at.get(), point.x(), static_cast<T>(sign * h), there.get(),
                           static_cast<long>(n));
        point.evaluator().value_and_gradient(at.get(), g.get(), f);
        vectors.download(slope.data(), g.get(), n);
        double size = 0;
        for (std::size_t j = 0; j < n; ++j) {
            product[j] += sign * static_cast<double>(slope[j]) / (2 * h);
            size += static_cast<double>(slope[j]) * static_cast<double>(slope[j]);
        }
        largest = std::max(largest, std::sqrt(size));
    }
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    double of_gradient = eps * largest;
    if (point.derivatives().gradient_step > 0)
        of_gradient += std::sqrt(static_cast<double>(n)) * eps *
                       std::abs(static_cast<double>(vectors.read(f))) /
                       point.derivatives().gradient_step;
    rounding = std::max(rounding, 2 * of_gradient / h);
    return product;
}

}  // namespace

template <class T>
double product_error(Point<T>& point, const EvaluationOptions& options, double norm,
                     std::uint64_t seed) {
    const std::size_t n = point.n();
    const double size = static_cast<double>(n);
    double error = 10 * std::sqrt(size) * entry_rounding(point) * norm;
    const bool by_gradients = differences_gradients(point),
               by_entries = !by_gradients && is_differenced(point);
    if (!by_gradients && !by_entries &&
        !std::holds_alternative<Opaque<T>>(point.problem().parts().form))
        return error;
    Vectors<T>& vectors = point.vectors();
    Generator generator(seed);
    constexpr std::size_t count = 4;  // two pairs
    const Buffer<T> V = vectors.allocate(count * n), HV = vectors.allocate(count * n);
    std::vector<T> numbers(count * n), products(count * n), coarse(count * n);
    for (T& number : numbers)
        number = static_cast<T>((generator.uniform() < 0.5 ? -1 : 1) / std::sqrt(size));
    vectors.upload(V.get(), numbers.data(), numbers.size());
    point.curvature().apply(V.get(), static_cast<int>(count), HV.get());
    vectors.download(products.data(), HV.get(), products.size());
    for (std::size_t c = 0; c < count; c += 2) {
        double one = 0, other = 0;
        for (std::size_t j = c * n; j < (c + 1) * n; ++j) {
            one += static_cast<double>(numbers[j]) * static_cast<double>(products[n + j]);
            other += static_cast<double>(numbers[n + j]) * static_cast<double>(products[j]);
        }
        error = std::max(error, std::sqrt(2 * size) * std::abs(one - other));
    }
    if (!by_gradients && !by_entries) return error;
    double rounding = 0;
    if (by_gradients) {
        for (std::size_t c = 0; c < count; ++c) {
            const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(c * n);
            const std::vector<double> product = product_with_doubled_step(
                point, std::vector<T>(begin, begin + static_cast<std::ptrdiff_t>(n)), rounding);
            for (std::size_t j = 0; j < n; ++j) coarse[c * n + j] = static_cast<T>(product[j]);
        }
    } else {
        rounding = stencil_rounding(point, options).norm();
        Point<T> doubled = with_doubled_step(point, options);
        const Buffer<T> there = doubled.vectors().allocate(count * n),
                        to = doubled.vectors().allocate(count * n);
        doubled.vectors().upload(there.get(), numbers.data(), numbers.size());
        doubled.curvature().apply(there.get(), static_cast<int>(count), to.get());
        doubled.vectors().download(coarse.data(), to.get(), coarse.size());
    }
    for (std::size_t c = 0; c < count; ++c) {
        double square = 0;
        for (std::size_t j = c * n; j < (c + 1) * n; ++j)
            square +=
                std::pow(static_cast<double>(products[j]) - static_cast<double>(coarse[j]), 2);
        error = std::max(error, std::sqrt(size * square));
    }
    return error + rounding;
}
template double product_error(Point<double>&, const EvaluationOptions&, double, std::uint64_t);
template double product_error(Point<float>&, const EvaluationOptions&, double, std::uint64_t);

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
