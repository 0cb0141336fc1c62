#include "cunewton/sparse_hessian.h"

#include "host/at_point.h"
#include "host/sparse/derivatives.h"
#include "host/sparse/sparse_curvature.h"

namespace cunewton {

namespace {

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

template <class T>
SparseMatrixOf<T> sparse_hessian(const Problem<T>& problem, const std::vector<T>& x,
                                 const EvaluationOptions& options, ColouringKind kind) {
    const SparsityPattern* const pattern = problem.parts().sparsity.get();
    if (!pattern)
        throw InvalidArgument(
            "the problem has no sparsity pattern (it was not made by with_sparsity()) give it one, "
            "or take hessian()");
    EvaluationOptions complete = options;
    complete.derivatives = sparse_derivatives(problem, options.derivatives);
    return at_point(problem, x, complete, [&](Point<T>& point) {
        SparseCurvature<T> curvature(point.session(), *pattern, options.derivatives.typical_x,
                                     kind);
        curvature.update(point.x());
        SparseMatrixOf<T> H{*pattern, std::vector<T>(pattern->rows.size())};
        point.vectors().download(H.values.data(), curvature.entries().get(), H.values.size());
        return H;
    });
}
template SparseMatrixOf<double> sparse_hessian(const Problem<double>&, const std::vector<double>&,
                                               const EvaluationOptions&, ColouringKind);
template SparseMatrixOf<float> sparse_hessian(const Problem<float>&, const std::vector<float>&,
                                              const EvaluationOptions&, ColouringKind);

}  // namespace cunewton
