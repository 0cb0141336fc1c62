#include "cunewton/sparse_hessian.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/math/random_sign.h"
#include "host/at_point.h"
#include "host/sparse/derivatives.h"
#include "host/sparse/sparse_curvature.h"

namespace cunewton {

namespace {

/// In [0, 1], number `index` of the sequence that `seed` names, of 16 random bits.
double uniform(std::uint64_t seed, std::uint64_t index) {
    int bits = 0;
    for (std::uint64_t k = 0; k < 16; ++k)
        bits = 2 * bits + (random_sign(seed, 16 * index + k) > 0);
    return bits / 65535.0;
}

/// Whether it has products on the side that it runs on; that of the host counts first.
template <class T>
bool has_products(const Opaque<T>& form) {
    return static_cast<bool>(form.cpu) ? static_cast<bool>(form.cpu.products)
                                       : static_cast<bool>(form.cuda.products);
}

}  // namespace

template <class T>
DerivativeOptions sparse_derivatives(const Problem<T>& problem, const DerivativeOptions& options) {
    DerivativeOptions complete = options;
    const Capabilities own =
        problem.runs_on_cpu() ? problem.capabilities_on_cpu() : problem.capabilities_on_cuda();
    const auto& form = problem.parts().form;
    const auto* opaque = std::get_if<Opaque<T>>(&form);
    if (opaque && options.hessian == HessianBy::analytic && !has_products(*opaque))
        throw InvalidArgument(
            "a black box has no sparse Hessian of its own (it has no products) give it "
            "`products`, or choose HessianBy::automatic");
    const bool known = std::holds_alternative<ElementSum<T>>(form);
    if (options.hessian != HessianBy::automatic || known || (opaque && has_products(*opaque)))
        return complete;
    if (own.analytic_gradient)
        complete.hessian = HessianBy::gradient_differences;
    else if (opaque)
        complete.hessian = HessianBy::value_differences;
    return complete;
}
template DerivativeOptions sparse_derivatives(const Problem<double>&, const DerivativeOptions&);
template DerivativeOptions sparse_derivatives(const Problem<float>&, const DerivativeOptions&);

namespace {

template <class T>
const SparsityPattern& require_pattern(const Problem<T>& problem) {
    const SparsityPattern* const pattern = problem.parts().sparsity.get();
    if (!pattern)
        throw InvalidArgument(
            "the problem has no sparsity pattern (it was not made by with_sparsity()) give it one, "
            "or take hessian()");
    return *pattern;
}

}  // namespace

template <class T>
SparseMatrix<T> sparse_hessian(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options, ColouringKind kind) {
    const SparsityPattern& pattern = require_pattern(problem);
    EvaluationOptions complete = options;
    complete.derivatives = sparse_derivatives(problem, options.derivatives);
    return at_point(problem, x, complete, [&](Point<T>& point) {
        SparseCurvature<T> curvature(point.session(), pattern, options.derivatives, kind);
        curvature.update(point.x());
        long taken = 0;
        // Elements say where their entries are.
        if (!std::holds_alternative<ElementSum<T>>(problem.parts().form))
            curvature.require_complete(point.x(), taken);
        SparseMatrix<T> H{pattern, std::vector<T>(pattern.rows.size())};
        point.vectors().download(H.values.data(), curvature.entries().get(), H.values.size());
        return H;
    });
}
template SparseMatrix<double> sparse_hessian(const Problem<double>&, const std::vector<double>&,
                                             const EvaluationOptions&, ColouringKind);
template SparseMatrix<float> sparse_hessian(const Problem<float>&, const std::vector<float>&,
                                            const EvaluationOptions&, ColouringKind);

template <class T>
SparsityCheck check_sparsity(const Problem<T>& problem, const std::vector<T>& x,
                             const EvaluationOptions& options) {
    const SparsityPattern& pattern = require_pattern(problem);
    EvaluationOptions complete = options;
    complete.derivatives = sparse_derivatives(problem, options.derivatives);
    return at_point(problem, x, complete, [&](Point<T>& point) {
        SparseCurvature<T> curvature(point.session(), pattern, options.derivatives);
        curvature.update(point.x());
        SparsityCheck check;
        const auto missing = curvature.find_missing(point.x(), check.products);
        check.complete = !missing;
        if (missing) {
            check.row = missing->row;
            check.column = missing->column;
            check.value = missing->value;
        }
        check.message = missing ? "the sparsity pattern lacks an entry: " + describe(*missing)
                                : "no entry was found that the sparsity pattern lacks";
        return check;
    });
}
template SparsityCheck check_sparsity(const Problem<double>&, const std::vector<double>&,
                                      const EvaluationOptions&);
template SparsityCheck check_sparsity(const Problem<float>&, const std::vector<float>&,
                                      const EvaluationOptions&);

template <class T>
SparsityPattern probe_sparsity(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options, int points, std::uint64_t seed) {
    if (points < 1)
        throw InvalidArgument("probing takes at least one point (points is " +
                              std::to_string(points) + ") pass 1 or more");
    EvaluationOptions complete = options;
    complete.derivatives = sparse_derivatives(problem, options.derivatives);
    const int n = problem.dimension();
    std::vector<std::pair<int, int>> entries;
    std::vector<T> at = x;
    for (int k = 0; k < points; ++k) {
        if (k > 0)
            for (std::size_t j = 0; j < at.size(); ++j) {
                // As far away as differences would not see, up to a tenth of x.
                const double size = std::max(1.0, std::abs(static_cast<double>(x[j])));
                const double part =
                    0.05 * (1 + uniform(seed, static_cast<std::uint64_t>(k) * at.size() + j));
                at[j] = static_cast<T>(x[j] + part * size);
            }
        at_point(problem, at, complete, [&](Point<T>& point) {
            Vectors<T>& vectors = point.vectors();
            const std::size_t size = static_cast<std::size_t>(n);
            const Buffer<T> v = vectors.allocate(size), Hv = vectors.allocate(size);
            std::vector<T> unit(size, T(0)), column(size);
            const bool exact = point.derivatives().hessian_is_exact();
            const double least = exact ? 0 : 32 * accuracy_of_differences<T>(point.derivatives());
            const std::vector<double> noise =
                noise_of_products(point.evaluator(), vectors, point.derivatives(),
                                  options.derivatives.typical_x, point.x(), n);
            point.evaluator().prepare_products(point.x());
            for (int j = 0; j < n; ++j) {
                unit[static_cast<std::size_t>(j)] = T(1);
                vectors.upload(v.get(), unit.data(), size);
                unit[static_cast<std::size_t>(j)] = T(0);
                point.evaluator().products(v.get(), 1, Hv.get());
                vectors.download(column.data(), Hv.get(), size);
                double largest = 0;
                for (std::size_t i = 0; i < size; ++i) {
                    if (!std::isfinite(column[i]))
                        throw InvalidArgument(
                            "the Hessian is not finite where it is probed (entry (" +
                            std::to_string(i) + ", " + std::to_string(j) + ") is " +
                            std::to_string(column[i]) + ") probe at another point");
                    largest = std::max(largest, std::abs(static_cast<double>(column[i])));
                }
                for (std::size_t i = 0; i < size; ++i)
                    if (std::abs(static_cast<double>(column[i])) >
                        std::max(least * largest, 8 * noise[i]))
                        entries.push_back({static_cast<int>(i), j});
            }
            return 0;
        });
    }
    return sparsity_pattern(n, entries);
}
template SparsityPattern probe_sparsity(const Problem<double>&, const std::vector<double>&,
                                        const EvaluationOptions&, int, std::uint64_t);
template SparsityPattern probe_sparsity(const Problem<float>&, const std::vector<float>&,
                                        const EvaluationOptions&, int, std::uint64_t);

}  // namespace cunewton
