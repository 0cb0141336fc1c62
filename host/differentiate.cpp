#include "cunewton/differentiate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "cunewton/math/stencil.h"
#include "host/at_point.h"
#include "host/backend/chunk_evaluator.h"
#include "host/backend/random.h"

namespace cunewton {

template <class T>
T evaluate(const Problem<T>& problem, const std::vector<T>& x, const EvaluationOptions& options) {
    return at_point(problem, x, options, [](Point<T>& point) { return point.value(); });
}

template <class T>
std::vector<T> evaluate_batch(const Problem<T>& problem, const std::vector<T>& points,
                              const EvaluationOptions& options) {
    const std::size_t n = problem.dimension();
    in_step(communicator_of(problem.parts().ranks.get()), [&] {
        if (points.empty() || points.size() % n != 0)
            throw InvalidArgument("points have the wrong size (" + std::to_string(points.size()) +
                                  " numbers for points of " + std::to_string(n) +
                                  " parameters) pass a whole number of points, at least one");
        require_finite(points);
    });
    return at_point(
        problem, std::vector<T>(points.begin(), points.begin() + n), options, [&](Point<T>& point) {
            std::vector<T> losses(points.size() / n);
            point.evaluator().values(points.data(), static_cast<int>(losses.size()), losses.data());
            return losses;
        });
}

template <class T>
std::vector<T> gradient(const Problem<T>& problem, const std::vector<T>& x,
                        const EvaluationOptions& options) {
    return at_point(problem, x, options, [](Point<T>& point) { return point.gradient(); });
}

template <class T>
std::vector<T> hessian(const Problem<T>& problem, const std::vector<T>& x,
                       const EvaluationOptions& options) {
    return at_point(problem, x, options, [](Point<T>& point) { return point.hessian(); });
}

template <class T>
std::vector<T> hessian_block(const Problem<T>& problem, const std::vector<T>& x,
                             const std::vector<int>& rows, const std::vector<int>& columns,
                             const EvaluationOptions& options) {
    in_step(communicator_of(problem.parts().ranks.get()), [&] {
        require_indices(rows, problem.dimension(), "rows");
        require_indices(columns, problem.dimension(), "columns");
    });
    return at_point(problem, x, options,
                    [&](Point<T>& point) { return point.hessian_block(rows, columns); });
}

template <class T>
std::vector<std::vector<T>> hessian_blocks(const Problem<T>& problem, const std::vector<T>& x,
                                           const std::vector<IndexRange>& ranges,
                                           const EvaluationOptions& options) {
    in_step(communicator_of(problem.parts().ranks.get()), [&] {
        for (const IndexRange& range : ranges)
            if (range.begin < 0 || range.begin >= range.end || range.end > problem.dimension())
                throw InvalidArgument("a range is invalid (" + std::to_string(range.begin) +
                                      " to " + std::to_string(range.end) + " of " +
                                      std::to_string(problem.dimension()) +
                                      " parameters) pass ranges of at least one, within 0 to n");
    });
    return at_point(problem, x, options, [&](Point<T>& point) {
        std::vector<std::vector<T>> blocks;
        for (const IndexRange& range : ranges) {
            const std::size_t size = range.size();
            std::vector<int> indices(size);
            std::iota(indices.begin(), indices.end(), range.begin);
            std::vector<T> block = point.hessian_block(indices, indices);
            for (std::size_t j = 0; j < size; ++j)
                for (std::size_t i = j + 1; i < size; ++i)
                    block[i * size + j] = block[j * size + i];
            blocks.push_back(std::move(block));
        }
        return blocks;
    });
}

namespace {

/// The second moments of a sum over samples whose weights are 1 and which has no scale and no
/// penalty; these are the true weights, null if they are all 1.
template <class T>
std::vector<T> second_moments(Point<T>& point, int n, long samples, const T* weights, double sum) {
    Vectors<T>& vectors = point.vectors();
    Evaluator<T>& evaluator = point.evaluator();
    const Buffer<T> g = vectors.allocate(static_cast<std::size_t>(n));
    const Number f = vectors.number();
    std::vector<T> gradient(static_cast<std::size_t>(n));
    std::vector<double> total(gradient.size(), 0.0);
    for (long i = 0; i < samples; ++i) {
        const double weight = weights ? static_cast<double>(weights[i]) : 1;
        if (!(weight > 0)) continue;
        evaluator.select({&i, 1}, 1);
        evaluator.value_and_gradient(point.x(), g.get(), f);
        vectors.download(gradient.data(), g.get(), gradient.size());
        for (std::size_t j = 0; j < gradient.size(); ++j) {
            const double entry = static_cast<double>(gradient[j]);
            total[j] += weight * entry * entry;
        }
    }
    for (std::size_t j = 0; j < total.size(); ++j) gradient[j] = static_cast<T>(total[j] / sum);
    return gradient;
}

}  // namespace

template <class T>
std::vector<T> gradient_second_moments(const Problem<T>& problem, const std::vector<T>& x,
                                       const EvaluationOptions& options) {
    const ProblemParts<T>& parts = problem.parts();
    if (parts.ranks)
        throw InvalidArgument(
            "second moments are of samples in one place (these are spread over ranks) take those "
            "of a problem of each rank's, and their mean");
    if (std::holds_alternative<CurvaturePenalized<T>>(parts.form))
        throw InvalidArgument(
            "second moments are of samples' gradients (a penalty on the curvature has none) take "
            "those of the loss itself");
    const Samples<T>* const samples = samples_of(problem);
    if (!samples)
        throw InvalidArgument(
            "second moments are of samples' gradients (the loss is not a sum over several) square "
            "the gradient");
    const std::size_t n = static_cast<std::size_t>(problem.dimension());
    if (std::holds_alternative<PerceptronSum<T>>(parts.form))
        return at_point(problem, x, options, [&](Point<T>& point) {
            const Buffer<T> sums = point.vectors().allocate(n);
            point.evaluator().sum_squared_gradients(point.x(), sums.get());
            std::vector<T> moments(n);
            point.vectors().download(moments.data(), sums.get(), n);
            for (T& v : moments) v = static_cast<T>(v / parts.weight);
            return moments;
        });
    const HostSamples<T> host(*samples, true);
    auto equal =
        std::make_shared<ProblemParts<T>>(chunk_problem(problem, {0, samples->count, 0}).parts());
    std::visit(
        [](auto& form) {
            if constexpr (requires { form.samples; }) form.samples.weights = nullptr;
        },
        equal->form);
    return at_point(Problem<T>(std::move(equal)), x, options, [&](Point<T>& point) {
        return second_moments(point, problem.dimension(), samples->count, host.view().weights,
                              parts.weight);
    });
}

namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g", value);
    return text;
}

/// Compares entry by entry relative to the largest entry, or to a hundredth of the largest of what
/// was differenced, whose rounding is all that is left near a stationary point. rows = n, columns =
/// 1 or n.
template <class T>
DerivativeCheck compare(const std::vector<T>& supplied, const std::vector<T>& difference,
                        const std::vector<T>& differenced, int rows, double tolerance,
                        const char* what) {
    DerivativeCheck check;
    check.tolerance = tolerance;
    double scale = std::numeric_limits<T>::min();
    for (const T value : differenced) scale = std::max(scale, 0.01 * std::abs(value));
    for (const T d : difference) scale = std::max<double>(scale, std::abs(d));
    for (const T s : supplied)
        if (std::isfinite(s)) scale = std::max<double>(scale, std::abs(s));
    check.worst_error = -1;
    for (std::size_t e = 0; e < supplied.size(); ++e) {
        double error = std::abs(static_cast<double>(supplied[e]) - difference[e]) / scale;
        if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
        if (error <= check.worst_error) continue;
        check.worst_error = error;
        check.row = static_cast<int>(e % rows);
        check.column = static_cast<int>(e / rows);
        check.supplied = supplied[e];
        check.difference = difference[e];
    }
    check.agrees = check.worst_error <= tolerance;
    const std::string entry =
        supplied.size() == static_cast<std::size_t>(rows)
            ? "entry " + std::to_string(check.row)
            : "entry (" + std::to_string(check.row) + ", " + std::to_string(check.column) + ")";
    check.message = std::string(what) + (check.agrees ? " agrees" : " disagrees") +
                    " with differences: worst is " + entry + ", " + number(check.supplied) +
                    " against " + number(check.difference) + " (error " +
                    number(check.worst_error) + ", tolerance " + number(tolerance) + ")";
    return check;
}

/// What differences with the formula's step guarantee, with room for the constants of the loss.
template <class T>
double checking_tolerance(double step_order) {
    return 1e3 * std::pow(static_cast<double>(std::numeric_limits<T>::epsilon()), step_order);
}

}  // namespace

template <class T>
DerivativeCheck check_gradient(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options) {
    EvaluationOptions differences = options;
    differences.derivatives.gradient = GradientBy::central_differences;
    return compare(gradient(problem, x, options), gradient(problem, x, differences),
                   std::vector<T>{evaluate(problem, x, options)}, problem.dimension(),
                   checking_tolerance<T>(2.0 / 3), "gradient");
}

template <class T>
DerivativeCheck check_hessian(const Problem<T>& problem, const std::vector<T>& x,
                              const EvaluationOptions& options) {
    // Of the backend that is asked first.
    const Candidates candidates = in_step(communicator_of(problem.parts().ranks.get()), [&] {
        return choose_backends(problem, options.backend);
    });
    const Capabilities capabilities = candidates.entries.front()->code<T>().capabilities(problem);
    // What the differences are of: the gradient if it is right, else what does not depend on it.
    EvaluationOptions differences = options;
    GradientBy& by = differences.derivatives.gradient;
    by = resolve(by, capabilities);
    DerivativeCheck of_gradient;
    of_gradient.agrees = true;
    if (by == GradientBy::analytic) {
        of_gradient = check_gradient(problem, x, differences);
        if (!of_gradient.agrees)
            by = capabilities.autodiff ? GradientBy::autodiff : GradientBy::central_differences;
    }
    const bool exact = by == GradientBy::analytic || by == GradientBy::autodiff;
    differences.derivatives.hessian =
        exact ? HessianBy::gradient_differences : HessianBy::value_differences;
    DerivativeCheck check = compare(
        hessian(problem, x, options), hessian(problem, x, differences),
        exact ? gradient(problem, x, differences) : std::vector<T>{evaluate(problem, x, options)},
        problem.dimension(), checking_tolerance<T>(exact ? 2.0 / 3 : 0.5), "Hessian");
    check.gradient_agrees = of_gradient.agrees;
    if (!of_gradient.agrees)
        check.message += std::string("; these are differences of ") +
                         (exact ? "automatic derivatives" : "losses") +
                         ", because the gradient is wrong: " + of_gradient.message;
    return check;
}

template <class T>
DerivativeCheck check_products(const Problem<T>& problem, const std::vector<T>& x,
                               std::uint64_t seed, const EvaluationOptions& options) {
    return at_point(problem, x, options, [&](Point<T>& point) {
        constexpr int vectors = 4;
        const std::size_t n = point.n();
        const std::vector<double>& typical = options.derivatives.typical_x;
        std::vector<T> V(n * vectors), supplied(V.size()), difference(V.size());
        Generator generator(seed);
        for (std::size_t e = 0; e < V.size(); ++e) {
            const std::size_t j = e % n;
            const T size = std::max(std::abs(x[j]), typical.empty() ? T(1) : T(typical[j]));
            V[e] = generator.bits() >> 63 ? size : -size;
        }
        Vectors<T>& there = point.vectors();
        const Buffer<T> directions = there.allocate(V.size()), results = there.allocate(V.size());
        there.upload(directions.get(), V.data(), V.size());
        point.evaluator().prepare_products(point.x());
        point.evaluator().products(directions.get(), vectors, results.get());
        there.download(supplied.data(), results.get(), supplied.size());

        const double relative = options.derivatives.relative_step;
        const T h = relative > 0 ? static_cast<T>(relative) : central_step<T>();
        const Buffer<T> at = there.allocate(n), g = there.allocate(n);
        const Number f = there.number();
        std::vector<T> ahead(n), behind(n);
        for (std::size_t c = 0; c < vectors; ++c) {
            const auto gradient_at = [&](T step, std::vector<T>& to) {
                there.add_scaled(at.get(), point.x(), step, directions.get() + c * n,
                                 static_cast<long>(n));
                point.evaluator().value_and_gradient(at.get(), g.get(), f);
                there.download(to.data(), g.get(), n);
            };
            gradient_at(h, ahead);
            gradient_at(-h, behind);
            for (std::size_t j = 0; j < n; ++j)
                difference[c * n + j] = central_difference(ahead[j], behind[j], h);
        }
        const GradientBy by = point.derivatives().gradient;
        const bool exact = by == GradientBy::analytic || by == GradientBy::autodiff;
        return compare(supplied, difference, behind, static_cast<int>(n),
                       checking_tolerance<T>(exact ? 2.0 / 3 : 1.0 / 3), "product of the Hessian");
    });
}

#define CUNEWTON_INSTANTIATE(T)                                                                   \
    template T evaluate(const Problem<T>&, const std::vector<T>&, const EvaluationOptions&);      \
    template std::vector<T> evaluate_batch(const Problem<T>&, const std::vector<T>&,              \
                                           const EvaluationOptions&);                             \
    template std::vector<T> gradient(const Problem<T>&, const std::vector<T>&,                    \
                                     const EvaluationOptions&);                                   \
    template std::vector<T> hessian(const Problem<T>&, const std::vector<T>&,                     \
                                    const EvaluationOptions&);                                    \
    template std::vector<T> hessian_block(const Problem<T>&, const std::vector<T>&,               \
                                          const std::vector<int>&, const std::vector<int>&,       \
                                          const EvaluationOptions&);                              \
    template std::vector<std::vector<T>> hessian_blocks(const Problem<T>&, const std::vector<T>&, \
                                                        const std::vector<IndexRange>&,           \
                                                        const EvaluationOptions&);                \
    template std::vector<T> gradient_second_moments(const Problem<T>&, const std::vector<T>&,     \
                                                    const EvaluationOptions&);                    \
    template DerivativeCheck check_gradient(const Problem<T>&, const std::vector<T>&,             \
                                            const EvaluationOptions&);                            \
    template DerivativeCheck check_hessian(const Problem<T>&, const std::vector<T>&,              \
                                           const EvaluationOptions&);                             \
    template DerivativeCheck check_products(const Problem<T>&, const std::vector<T>&,             \
                                            std::uint64_t, const EvaluationOptions&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
