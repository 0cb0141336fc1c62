// Eigenvalues and what follows from them.
#include <cmath>
#include <numbers>

#include "cunewton/curvature.h"
#include "host/curvature/accuracy.h"
#include "host/curvature/call.h"
#include "host/curvature/eigen.h"

namespace cunewton {

void check_eigenvalues(const EigenvalueOptions& options, int n, int largest, int smallest) {
    if (largest < 0 || smallest < 0 || largest > n || smallest > n - largest ||
        largest + smallest < 1)
        throw InvalidArgument("the numbers of eigenvalues are out of range (" +
                              std::to_string(largest) + " largest and " + std::to_string(smallest) +
                              " smallest of " + std::to_string(n) + ") ask for 1 to n together");
    if (!(options.tolerance >= 0))
        throw InvalidArgument("the tolerance of eigenvalues is negative (" +
                              std::to_string(options.tolerance) + ") pass 0 or more");
    if (options.max_products < 1)
        throw InvalidArgument("max_products is less than 1 (" +
                              std::to_string(options.max_products) + ") allow some");
    if (options.max_vectors < 0)
        throw InvalidArgument("max_vectors is negative (" + std::to_string(options.max_vectors) +
                              ") pass 0 for what fits into memory");
}

std::vector<Common> common(const EigenvalueOptions& options) {
    return {{"number of eigenvalues", static_cast<std::uint64_t>(options.largest) << 32 |
                                          static_cast<std::uint64_t>(options.smallest)},
            {"tolerance", bits(options.tolerance)},
            {"max_products", static_cast<std::uint64_t>(options.max_products)},
            {"max_vectors", static_cast<std::uint64_t>(options.max_vectors)},
            {"multiplicities", options.multiplicities},
            {"seed", options.seed}};
}

template <class T>
int lanczos_vectors(Point<T>& point, const EigenvalueOptions& options) {
    if (options.max_vectors > 0) return options.max_vectors;
    // A restart takes room for half of them besides, at most. What is free at the moment would make
    // another restart, and other bits, each time.
    const std::size_t bytes = point.n() * sizeof(T);
    return static_cast<int>(
        std::clamp<std::size_t>(point.memory_budget() / (bytes + bytes / 2), 20, 300));
}
template int lanczos_vectors(Point<double>&, const EigenvalueOptions&);
template int lanczos_vectors(Point<float>&, const EigenvalueOptions&);

template <class T>
lanczos::Found<T> find_extremes(Point<T>& point, const EigenvalueOptions& options, int largest,
                                int smallest) {
    lanczos::Wanted wanted;
    wanted.largest = largest;
    wanted.smallest = smallest;
    wanted.tolerance = options.tolerance;
    wanted.max_products = options.max_products;
    wanted.multiplicities = options.multiplicities;
    wanted.seed = options.seed;
    wanted.max_vectors = lanczos_vectors(point, options);
    return lanczos::find_extremes<T>(point.vectors(), point.matrices(), point.curvature(),
                                     point.n(), wanted);
}
template lanczos::Found<double> find_extremes(Point<double>&, const EigenvalueOptions&, int, int);
template lanczos::Found<float> find_extremes(Point<float>&, const EigenvalueOptions&, int, int);

template <class T>
DenseSpectrum<T> dense_spectrum(Point<T>& point, bool vectors) {
    const std::size_t n = point.n();
    // Eigenvectors take two more in what LAPACK and cuSOLVER work in.
    point.require_matrix(vectors ? 2 : 1);
    Vectors<T>& there = point.vectors();
    const Buffer<T> H = there.allocate(n * n), values = there.allocate(n);
    point.evaluator().hessian(point.x(), H.get());
    DenseSpectrum<T> spectrum;
    spectrum.values.resize(n);
    // An eigenvalue method may not end on numbers that are none.
    const Number norm = there.number(), least = there.number();
    const std::vector<T> ones(n, T(1));
    const Buffer<T> S = there.allocate(n);
    there.upload(S.get(), ones.data(), n);
    point.matrices().bounds(H.get(), S.get(), static_cast<int>(n), norm, least);
    if (!std::isfinite(there.read(norm)))
        throw InvalidArgument(
            "the Hessian has no eigenvalues (it is not finite) choose another point");
    if (point.matrices().eigenvalues(H.get(), static_cast<int>(n), values.get(), vectors) != 0)
        throw DeviceError(std::string("the eigenvalues of the Hessian were not found (the method "
                                      "of LAPACK or cuSOLVER did not converge on ") +
                          there.name() + ") use another backend or extreme_eigenvalues()");
    there.download(spectrum.values.data(), values.get(), n);
    if (vectors) {
        spectrum.vectors.resize(n * n);
        there.download(spectrum.vectors.data(), H.get(), n * n);
    }
    return spectrum;
}
template DenseSpectrum<double> dense_spectrum(Point<double>&, bool);
template DenseSpectrum<float> dense_spectrum(Point<float>&, bool);

template <class T>
double zero_eigenvalue(Point<T>& point, const EvaluationOptions& options, double norm,
                       std::optional<double> tolerance) {
    if (tolerance) return *tolerance;
    const double rounding = eigenvalue_rounding(point) * norm;
    return is_differenced(point) ? std::max(rounding, assess(point, options).error) : rounding;
}
template double zero_eigenvalue(Point<double>&, const EvaluationOptions&, double,
                                std::optional<double>);
template double zero_eigenvalue(Point<float>&, const EvaluationOptions&, double,
                                std::optional<double>);

template <class T>
Eigenvalues<T> extreme_eigenvalues(const Problem<T>& problem, const std::vector<T>& x,
                                   const EigenvalueOptions& options) {
    const auto check = [&] {
        check_eigenvalues(options, problem.dimension(), options.largest, options.smallest);
    };
    return call_at_point(problem, x, options, check, common(options), [&](Point<T>& point) {
        const lanczos::Found<T> found =
            find_extremes(point, options, options.largest, options.smallest);
        Eigenvalues<T> result;
        static_cast<RanOn&>(result) = point.ran_on();
        result.converged = found.converged;
        result.norm = found.norm;
        result.product_error = product_error(point, options, found.norm, options.seed);
        result.products = found.products;
        result.restarts = found.restarts;
        result.seed = options.seed;
        const T* from = found.vectors.get();
        for (const auto& [pairs, list] : {std::pair{&found.largest, &result.largest},
                                          std::pair{&found.smallest, &result.smallest}}) {
            for (const lanczos::Pair& pair : *pairs) {
                list->values.push_back(pair.value);
                list->residuals.push_back(pair.residual);
            }
            const std::size_t numbers = pairs->size() * point.n();
            if (options.vectors && numbers > 0) {
                list->vectors.resize(numbers);
                point.vectors().download(list->vectors.data(), from, numbers);
            }
            from += numbers;
        }
        return result;
    });
}

template <class T>
Spectrum<T> spectrum(const Problem<T>& problem, const std::vector<T>& x,
                     const SpectrumOptions& options) {
    return at_point(problem, x, options, [&](Point<T>& point) {
        DenseSpectrum<T> found = dense_spectrum(point, options.vectors);
        Spectrum<T> result;
        static_cast<RanOn&>(result) = point.ran_on();
        result.rounding = eigenvalue_rounding(point) * found.norm();
        result.eigenvalues = std::move(found.values);
        result.vectors = std::move(found.vectors);
        return result;
    });
}

namespace {

/// A quantity of each probe, its mean and its standard error.
std::pair<double, double> mean_and_error(const std::vector<double>& values) {
    const double count = static_cast<double>(values.size());
    double mean = 0, squares = 0;
    for (const double value : values) mean += value / count;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return {mean, std::sqrt(squares / (count - 1) / count)};
}

/// The smoothed curve, its errors, moments and theirs.
/// eps: of the products' type.
void describe(const std::vector<lanczos::Quadrature>& rules, const DensityOptions& options,
              double eps, SpectralDensity& result) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const lanczos::Quadrature& rule : rules)
        for (std::size_t k = 0; k < rule.nodes.size(); ++k) {
            low = std::min(low, rule.nodes[k]);
            high = std::max(high, rule.nodes[k]);
            result.nodes.push_back(rule.nodes[k]);
            result.weights.push_back(rule.weights[k] / static_cast<double>(rules.size()));
        }
    std::vector<double> values(rules.size());
    for (int power = 1; power <= 4; ++power) {
        for (std::size_t p = 0; p < rules.size(); ++p) {
            values[p] = 0;
            for (std::size_t k = 0; k < rules[p].nodes.size(); ++k)
                values[p] += rules[p].weights[k] * std::pow(rules[p].nodes[k], power);
        }
        std::tie(result.moments[power - 1], result.moment_errors[power - 1]) =
            mean_and_error(values);
    }
    // Nodes of one eigenvalue differ by rounding, and the curve's points do not resolve less.
    const double largest = std::max(std::abs(low), std::abs(high));
    result.width =
        std::max(options.width > 0 ? options.width : (high - low) / 100, std::sqrt(eps) * largest);
    if (!(result.width > 0)) result.width = 0.01;  // H = 0
    const double begin = low - 6 * result.width, end = high + 6 * result.width;
    const double scale = 1 / (result.width * std::sqrt(2 * std::numbers::pi));
    for (int i = 0; i < options.points; ++i) {
        const double t = begin + (end - begin) * i / (options.points - 1);
        for (std::size_t p = 0; p < rules.size(); ++p) {
            values[p] = 0;
            for (std::size_t k = 0; k < rules[p].nodes.size(); ++k) {
                const double off = (t - rules[p].nodes[k]) / result.width;
                values[p] += rules[p].weights[k] * scale * std::exp(-off * off / 2);
            }
        }
        const auto [density, error] = mean_and_error(values);
        result.points.push_back(t);
        result.density.push_back(density);
        result.standard_errors.push_back(error);
    }
}

}  // namespace

template <class T>
SpectralDensity spectral_density(const Problem<T>& problem, const std::vector<T>& x,
                                 const DensityOptions& options) {
    const auto check = [&] {
        if (options.probes < 2 || options.steps < 2 || options.points < 2)
            throw InvalidArgument("probes, steps or points are too few (" +
                                  std::to_string(options.probes) + ", " +
                                  std::to_string(options.steps) + ", " +
                                  std::to_string(options.points) + ") pass at least 2 of each");
        if (!(options.width >= 0) || !std::isfinite(options.width))
            throw InvalidArgument("the width is out of range (" + std::to_string(options.width) +
                                  ") pass a positive number, or 0");
    };
    const std::vector<Common> common{{"probes", static_cast<std::uint64_t>(options.probes)},
                                     {"steps", static_cast<std::uint64_t>(options.steps)},
                                     {"seed", options.seed}};
    return call_at_point(problem, x, options, check, common, [&](Point<T>& point) {
        const std::size_t n = point.n(), probes = static_cast<std::size_t>(options.probes);
        const std::size_t steps = std::min<std::size_t>(static_cast<std::size_t>(options.steps), n);
        // Runs that are made at a time, so that their products are.
        const std::size_t width =
            std::clamp<std::size_t>(point.memory_budget() / ((steps + 4) * n * sizeof(T)), 1,
                                    std::min<std::size_t>(16, probes));
        Vectors<T>& vectors = point.vectors();
        const Buffer<T> starts = vectors.allocate(n * width);
        Generator generator(options.seed);
        std::vector<lanczos::Quadrature> rules;
        SpectralDensity result;
        static_cast<RanOn&>(result) = point.ran_on();
        for (std::size_t first = 0; first < probes; first += width) {
            const std::size_t count = std::min(width, probes - first);
            std::vector<T> signs(n * count);
            for (T& sign : signs) sign = generator.uniform() < 0.5 ? T(-1) : T(1);
            vectors.upload(starts.get(), signs.data(), signs.size());
            for (lanczos::Quadrature& rule :
                 lanczos::quadratures(vectors, point.matrices(), point.curvature(), n, starts.get(),
                                      static_cast<int>(count), static_cast<int>(steps)))
                rules.push_back(std::move(rule));
        }
        for (const lanczos::Quadrature& rule : rules) {
            result.products += static_cast<long>(rule.nodes.size());
            result.steps = std::max(result.steps, static_cast<int>(rule.nodes.size()));
        }
        result.probes = options.probes;
        result.seed = options.seed;
        describe(rules, options, static_cast<double>(std::numeric_limits<T>::epsilon()), result);
        // A rule of two nodes is exact to degree 3.
        if (steps == 2 && n > 2)
            result.moments[3] = result.moment_errors[3] = std::numeric_limits<double>::quiet_NaN();
        return result;
    });
}

template <class T>
ConditionNumber condition_number(const Problem<T>& problem, const std::vector<T>& x,
                                 const EigenvalueOptions& options) {
    const auto check = [&] {
        check_eigenvalues(options, problem.dimension(), 1, problem.dimension() > 1 ? 1 : 0);
    };
    return call_at_point(problem, x, options, check, common(options), [&](Point<T>& point) {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        ConditionNumber result;
        static_cast<RanOn&>(result) = point.ran_on();
        // Of eigenvalues a and b of the smallest and the largest size, each known within an error.
        // What H itself does not tell from 0, `zero`, is singular; where the error is that of a
        // method that was stopped the value is not known.
        const auto set = [&](double a, double a_error, double b, double b_error, double zero) {
            result.value = a > a_error               ? b / a
                           : a + a_error <= 2 * zero ? infinity
                                                     : std::numeric_limits<double>::quiet_NaN();
            result.at_least =
                a + a_error > 0 ? std::max((b - b_error) / (a + a_error), 1.0) : infinity;
            result.at_most = a > a_error ? (b + b_error) / (a - a_error) : infinity;
        };
        if (wants_all_eigenvalues(point)) {
            const DenseSpectrum<T> all = dense_spectrum(point, false);
            double least = infinity;
            for (const T value : all.values)
                least = std::min(least, std::abs(static_cast<double>(value)));
            result.smallest = static_cast<double>(all.values.front());
            result.largest = static_cast<double>(all.values.back());
            const double error = zero_eigenvalue(point, options, all.norm(), {});
            set(least, error, all.norm(), error, error);
            return result;
        }
        const lanczos::Found<T> found = find_extremes(point, options, 1, 1);
        const lanczos::Pair low = found.smallest[0], high = found.largest[0];
        result.smallest = low.value;
        result.largest = high.value;
        result.products = found.products;
        result.converged = found.converged;
        const double error = product_error(point, options, found.norm, options.seed);
        const bool same_sign = (low.value > 0) == (high.value > 0);
        const lanczos::Pair& least = std::abs(low.value) <= std::abs(high.value) ? low : high;
        const lanczos::Pair& most = std::abs(low.value) <= std::abs(high.value) ? high : low;
        set(std::abs(least.value), least.residual + error, std::abs(most.value),
            most.residual + error, error);
        // Eigenvalues between two of different signs may be nearer to zero.
        if (!same_sign) result.value = std::numeric_limits<double>::quiet_NaN();
        if (!same_sign || !found.converged) result.at_most = infinity;
        return result;
    });
}

template <class T>
Inertia inertia(const Problem<T>& problem, const std::vector<T>& x, const InertiaOptions& options) {
    const auto check = [&] {
        if (options.tolerance && !(*options.tolerance >= 0))
            throw InvalidArgument("the tolerance for zero is negative (" +
                                  std::to_string(*options.tolerance) + ") pass 0 or more");
    };
    return call_at_point(
        problem, x, options, check, {{"tolerance", bits(options.tolerance.value_or(-1))}},
        [&](Point<T>& point) {
            const DenseSpectrum<T> all = dense_spectrum(point, false);
            Inertia result;
            static_cast<RanOn&>(result) = point.ran_on();
            result.smallest = static_cast<double>(all.values.front());
            result.largest = static_cast<double>(all.values.back());
            result.tolerance = zero_eigenvalue(point, options, all.norm(), options.tolerance);
            for (const T value : all.values)
                ++(static_cast<double>(value) > result.tolerance    ? result.positive
                   : static_cast<double>(value) < -result.tolerance ? result.negative
                                                                    : result.zero);
            return result;
        });
}

template <class T>
Definiteness is_positive_definite(const Problem<T>& problem, const std::vector<T>& x,
                                  const EvaluationOptions& options) {
    return at_point(problem, x, options, [&](Point<T>& point) {
        point.require_matrix(1);
        const auto H = point.evaluator().curvature(CurvatureKind::dense);
        H->update(point.x());
        const Number info = point.vectors().number(), pivot = point.vectors().number();
        H->factorable()->factorize(T(0), nullptr, info, pivot);
        const auto [order, least] = read(point.vectors(), info, pivot);
        Definiteness result;
        static_cast<RanOn&>(result) = point.ran_on();
        result.positive_definite = order == 0;
        if (!result.positive_definite) {
            result.bad_minor = static_cast<int>(order);
            return result;
        }
        result.least_pivot = least;
        double error = 0;
        if (is_differenced(point)) assess(point, options, &error);
        result.certain = least > 10 * (error + eigenvalue_rounding(point));
        return result;
    });
}

#define CUNEWTON_INSTANTIATE(T)                                                                \
    template Eigenvalues<T> extreme_eigenvalues(const Problem<T>&, const std::vector<T>&,      \
                                                const EigenvalueOptions&);                     \
    template Spectrum<T> spectrum(const Problem<T>&, const std::vector<T>&,                    \
                                  const SpectrumOptions&);                                     \
    template SpectralDensity spectral_density(const Problem<T>&, const std::vector<T>&,        \
                                              const DensityOptions&);                          \
    template ConditionNumber condition_number(const Problem<T>&, const std::vector<T>&,        \
                                              const EigenvalueOptions&);                       \
    template Inertia inertia(const Problem<T>&, const std::vector<T>&, const InertiaOptions&); \
    template Definiteness is_positive_definite(const Problem<T>&, const std::vector<T>&,       \
                                               const EvaluationOptions&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
