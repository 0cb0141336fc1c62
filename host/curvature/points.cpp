// What kind of point a point is, and the way down from a saddle.
#include <cmath>
#include <cstdio>

#include "cunewton/curvature.h"
#include "host/curvature/accuracy.h"
#include "host/curvature/call.h"
#include "host/curvature/eigen.h"

namespace cunewton {

const char* to_string(PointKind kind) {
    switch (kind) {
        case PointKind::minimum:
            return "minimum";
        case PointKind::maximum:
            return "maximum";
        case PointKind::saddle:
            return "saddle";
        case PointKind::degenerate:
            return "degenerate";
        case PointKind::not_stationary:
            return "not_stationary";
    }
    return "";
}

namespace {

double norm(const std::vector<double>& v) {
    double square = 0;
    for (const double entry : v) square += entry * entry;
    return std::sqrt(square);
}

/// Estimated 2-norm of the error of a gradient g by differences: what twice the step changes, which
/// is more than what either leaves out, and rounding.
template <class T>
double gradient_error(const Point<T>& point, const EvaluationOptions& options,
                      const std::vector<double>& g, double f, const std::vector<double>& sizes) {
    const double step = point.derivatives().gradient_step;
    EvaluationOptions doubled = options;
    doubled.derivatives.relative_step = 2 * step;
    const std::vector<T> coarse = point.reopened(doubled).gradient();
    std::vector<double> errors;
    for (std::size_t j = 0; j < g.size(); ++j)
        errors.push_back(std::abs(g[j] - static_cast<double>(coarse[j])) +
                         2 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::abs(f) /
                             (step * sizes[j]));
    return norm(errors);
}

/// How far the stationary point of the quadratic model is; see PointClass::distance. slopes: sizes
/// of g's parts along eigenvectors, with their eigenvalues; those that rounding of the gradient
/// makes, 10 epsilon |H| |x|, are none. A curvature that is zero to the accuracy at hand is that
/// accuracy at most, so a slope along it is as far from its end at least.
template <class T>
double model_distance(const std::vector<std::pair<double, double>>& slopes, double H_norm,
                      double zero, double size) {
    const double rounding =
        10 * static_cast<double>(std::numeric_limits<T>::epsilon()) * H_norm * size;
    double square = 0;
    for (const auto& [slope, value] : slopes) {
        const double left = std::max(slope - rounding, 0.0), step = std::max(std::abs(value), zero);
        if (left > 0) square += std::pow(left / step, 2);
    }
    return std::sqrt(square) / size;
}

/// What model_distance() takes, from all eigenvectors.
template <class T>
std::vector<std::pair<double, double>> slopes_along(const DenseSpectrum<T>& all,
                                                    const std::vector<double>& g) {
    const std::size_t n = g.size();
    std::vector<std::pair<double, double>> slopes;
    for (std::size_t i = 0; i < n; ++i) {
        double part = 0;
        for (std::size_t j = 0; j < n; ++j)
            part += static_cast<double>(all.vectors[i * n + j]) * g[j];
        slopes.emplace_back(std::abs(part), static_cast<double>(all.values[i]));
    }
    return slopes;
}

/// The same of the matrix that H is in g's Krylov space, whose quadrature of g'H^-2 g approaches
/// that of H from below (Golub and Meurant 2010, "Matrices, moments and quadrature", section 6.2).
template <class T>
std::vector<std::pair<double, double>> slopes_along(Point<T>& point, const PointOptions& options,
                                                    const std::vector<T>& gradient, double slope,
                                                    long& products) {
    std::vector<std::pair<double, double>> slopes;
    if (!(slope > 0)) return slopes;
    const Buffer<T> start = point.vectors().allocate(point.n());
    point.vectors().upload(start.get(), gradient.data(), gradient.size());
    const long steps = std::min<long>(lanczos_vectors(point, options), options.max_products);
    const std::vector<lanczos::Quadrature> rules =
        lanczos::quadratures(point.vectors(), point.matrices(), point.curvature(), point.n(),
                             start.get(), 1, static_cast<int>(steps));
    const lanczos::Quadrature& rule = rules.front();
    for (std::size_t k = 0; k < rule.nodes.size(); ++k)
        slopes.emplace_back(slope * std::sqrt(rule.weights[k]), rule.nodes[k]);
    products += static_cast<long>(rule.nodes.size());
    return slopes;
}

/// Smallest and largest eigenvalue `low` and `high`, some of which are zero or not.
PointKind kind_of(double low, double high, double zero, bool some_zero) {
    if (low < -zero && high > zero) return PointKind::saddle;
    if (some_zero || (low >= -zero && high <= zero)) return PointKind::degenerate;
    return low > 0 ? PointKind::minimum : PointKind::maximum;
}

}  // namespace

template <class T>
PointClass classify_point(const Problem<T>& problem, const std::vector<T>& x,
                          const PointOptions& options) {
    const auto check = [&] {
        check_eigenvalues(options, problem.dimension(), 1, problem.dimension() > 1 ? 1 : 0);
        for (const auto& tolerance : {options.gradient_tolerance, options.eigenvalue_tolerance})
            if (tolerance && !(*tolerance >= 0))
                throw InvalidArgument("a tolerance is negative (" + std::to_string(*tolerance) +
                                      ") pass 0 or more");
    };
    std::vector<Common> agreed = common(options);
    agreed.push_back({"gradient_tolerance", bits(options.gradient_tolerance.value_or(-1))});
    agreed.push_back({"eigenvalue_tolerance", bits(options.eigenvalue_tolerance.value_or(-1))});
    return call_at_point(problem, x, options, check, agreed, [&](Point<T>& point) {
        PointClass result;
        static_cast<RanOn&>(result) = point.ran_on();
        result.f = static_cast<double>(point.value());
        const std::vector<T> gradient = point.gradient();
        const std::vector<double> g(gradient.begin(), gradient.end());
        result.gradient_norm = norm(g);
        require_finite_loss(result.f, result.gradient_norm);
        std::optional<DenseSpectrum<T>> all;
        bool some_zero = false;
        if (wants_all_eigenvalues(point)) {
            all = dense_spectrum(point, true);
            result.smallest = static_cast<double>(all->values.front());
            result.largest = static_cast<double>(all->values.back());
            result.tolerance =
                zero_eigenvalue(point, options, all->norm(), options.eigenvalue_tolerance);
            result.positive = result.negative = result.zero = 0;
            for (const T value : all->values)
                ++(static_cast<double>(value) > result.tolerance    ? result.positive
                   : static_cast<double>(value) < -result.tolerance ? result.negative
                                                                    : result.zero);
            some_zero = result.zero > 0;
        } else {
            const lanczos::Found<T> found = find_extremes(point, options, 1, 1);
            result.smallest = found.smallest[0].value;
            result.largest = found.largest[0].value;
            result.products = found.products;
            result.converged = found.converged;
            result.tolerance =
                options.eigenvalue_tolerance
                    ? *options.eigenvalue_tolerance
                    : product_error(point, options, found.norm, options.seed) +
                          std::max(found.smallest[0].residual, found.largest[0].residual);
            some_zero =
                std::min(std::abs(result.smallest), std::abs(result.largest)) <= result.tolerance;
        }
        const double H_norm = std::max(std::abs(result.smallest), std::abs(result.largest));
        const std::vector<double> scale = sizes(point, options.derivatives);
        result.distance = model_distance<T>(
            all ? slopes_along(*all, g)
                : slopes_along(point, options, gradient, result.gradient_norm, result.products),
            H_norm, result.tolerance, norm(scale));
        double limit = 0;  // of the gradient: the error of its differences
        if (options.gradient_tolerance) {
            limit = *options.gradient_tolerance;
        } else if (point.derivatives().gradient_step > 0) {
            limit = gradient_error(point, options, g, result.f, scale);
        }
        const bool stationary = result.gradient_norm <= limit ||
                                (!options.gradient_tolerance &&
                                 result.distance <= std::sqrt(std::numeric_limits<T>::epsilon()));
        if (stationary)
            result.kind = kind_of(result.smallest, result.largest, result.tolerance, some_zero);
        char text[256];
        std::snprintf(text, sizeof(text),
                      "%s: |g| = %.3g, eigenvalues from %.6g to %.6g, of which those within %.2g "
                      "are zero%s",
                      to_string(result.kind), result.gradient_norm, result.smallest, result.largest,
                      result.tolerance,
                      all                ? ""
                      : result.converged ? " (the outermost ones, by Lanczos's method)"
                                         : " (by Lanczos's method, which was stopped before it was "
                                           "within its tolerance)");
        result.message = text;
        return result;
    });
}
template PointClass classify_point(const Problem<double>&, const std::vector<double>&,
                                   const PointOptions&);
template PointClass classify_point(const Problem<float>&, const std::vector<float>&,
                                   const PointOptions&);

namespace {

/// Looks at x + a v for lengths a of either sign, a power of two of `size` each, and keeps the
/// lowest loss.
template <class T>
void escape(Point<T>& point, double size, NegativeCurvature<T>& result) {
    const std::size_t n = point.n();
    // From where a change of curvature alone is rounding of the loss to far beyond x.
    const int shortest = std::numeric_limits<T>::digits / 2;
    std::vector<double> lengths;
    for (int k = -shortest; k <= 6; ++k)
        for (const double sign : {1.0, -1.0}) lengths.push_back(sign * size * std::ldexp(1.0, k));
    const std::size_t chunk =
        std::clamp<std::size_t>(point.memory_budget() / (4 * n * sizeof(T)), 1, lengths.size());
    std::vector<T> points, losses(chunk);
    for (std::size_t first = 0; first < lengths.size(); first += chunk) {
        const std::size_t width = std::min(chunk, lengths.size() - first);
        points.clear();
        for (std::size_t c = 0; c < width; ++c)
            for (std::size_t j = 0; j < n; ++j)
                points.push_back(
                    point.host_x()[j] +
                    static_cast<T>(lengths[first + c] * static_cast<double>(result.direction[j])));
        point.evaluator().values(points.data(), static_cast<int>(width), losses.data());
        for (std::size_t c = 0; c < width; ++c) {
            const double loss = static_cast<double>(losses[c]);
            if (!(loss < (result.escape.empty() ? result.f : result.escape_f)) ||
                !std::isfinite(loss))
                continue;
            result.escape_f = loss;
            result.step = lengths[first + c];
            result.escape.assign(points.begin() + static_cast<std::ptrdiff_t>(c * n),
                                 points.begin() + static_cast<std::ptrdiff_t>((c + 1) * n));
        }
    }
}

}  // namespace

template <class T>
NegativeCurvature<T> negative_curvature(const Problem<T>& problem, const std::vector<T>& x,
                                        const EigenvalueOptions& options) {
    const auto check = [&] { check_eigenvalues(options, problem.dimension(), 0, 1); };
    return call_at_point(problem, x, options, check, common(options), [&](Point<T>& point) {
        NegativeCurvature<T> result;
        static_cast<RanOn&>(result) = point.ran_on();
        const std::size_t n = point.n();
        result.f = static_cast<double>(point.value());
        const std::vector<T> g = point.gradient();
        require_finite_loss(result.f, norm({g.begin(), g.end()}));
        double zero = 0;
        if (wants_all_eigenvalues(point)) {
            const DenseSpectrum<T> all = dense_spectrum(point, true);
            result.curvature = static_cast<double>(all.values.front());
            result.residual = eigenvalue_rounding(point) * all.norm();
            result.direction.assign(all.vectors.begin(),
                                    all.vectors.begin() + static_cast<std::ptrdiff_t>(n));
            zero = zero_eigenvalue(point, options, all.norm(), {});
        } else {
            const lanczos::Found<T> found = find_extremes(point, options, 0, 1);
            result.curvature = found.smallest[0].value;
            result.residual = found.smallest[0].residual;
            result.products = found.products;
            result.converged = found.converged;
            result.direction.resize(n);
            point.vectors().download(result.direction.data(), found.vectors.get(), n);
            zero = product_error(point, options, found.norm, options.seed);
        }
        double slope = 0;
        for (std::size_t j = 0; j < n; ++j)
            slope += static_cast<double>(g[j]) * static_cast<double>(result.direction[j]);
        if (slope > 0)
            for (T& entry : result.direction) entry = -entry;
        result.found = result.curvature < -zero;
        if (result.found) escape(point, norm(sizes(point, options.derivatives)), result);
        return result;
    });
}
template NegativeCurvature<double> negative_curvature(const Problem<double>&,
                                                      const std::vector<double>&,
                                                      const EigenvalueOptions&);
template NegativeCurvature<float> negative_curvature(const Problem<float>&,
                                                     const std::vector<float>&,
                                                     const EigenvalueOptions&);

}  // namespace cunewton
