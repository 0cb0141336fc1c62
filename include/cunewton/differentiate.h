// Values and derivatives of a problem at a point, outside of a minimisation, and their checker.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <string>
#include <vector>

#include "cunewton/index_range.h"
#include "cunewton/options.h"
#include "cunewton/problem.h"

namespace cunewton {

/// Where and how to evaluate; the fields have the meaning they have in Options.
struct EvaluationOptions : Execution {
    DerivativeOptions derivatives{};
};

/// f(x). x: n numbers. All functions here throw InvalidArgument for misuse (including x that is
/// not finite) and BackendUnavailable for a backend that was named and cannot run the problem.
template <class T>
T evaluate(const Problem<T>& problem, const std::vector<T>& x,
           const EvaluationOptions& options = {});

/// f at K = points.size() / n points, stored one after the other.
template <class T>
std::vector<T> evaluate_batch(const Problem<T>& problem, const std::vector<T>& points,
                              const EvaluationOptions& options = {});

/// The gradient, n numbers.
template <class T>
std::vector<T> gradient(const Problem<T>& problem, const std::vector<T>& x,
                        const EvaluationOptions& options = {});

/// The Hessian, n x n, both triangles filled and equal.
template <class T>
std::vector<T> hessian(const Problem<T>& problem, const std::vector<T>& x,
                       const EvaluationOptions& options = {});

/// The entries H(rows[i], columns[j]) of the Hessian, at [j * rows.size() + i]. Indices may come in
/// any order and repeat. By products with a unit vector for each of the fewer indices, so that no n
/// x n matrix is held; where a product costs as much as all of the Hessian, or is less exact, as of
/// sums over samples, objectives and black boxes that have a Hessian but no products, from the
/// dense Hessian if that fits into DerivativeOptions::memory_budget. Throws InvalidArgument as
/// hessian() and for no indices or some that are not 0 .. n-1.
template <class T>
std::vector<T> hessian_block(const Problem<T>& problem, const std::vector<T>& x,
                             const std::vector<int>& rows, const std::vector<int>& columns,
                             const EvaluationOptions& options = {});

/// The diagonal blocks of the Hessian for ranges of parameters: a matrix for each, (end - begin)
/// squared entries, both triangles filled and equal. Ranges may overlap. Otherwise as
/// hessian_block().
template <class T>
std::vector<std::vector<T>> hessian_blocks(const Problem<T>& problem, const std::vector<T>& x,
                                           const std::vector<IndexRange>& ranges,
                                           const EvaluationOptions& options = {});

/// The second moments of the gradients of single samples, n numbers: the means over samples i,
///     v_j = sum_i w_i (dl_i / dx_j)^2 / sum_i w_i,
/// with their weights, without the loss's scale and penalty. They are the diagonal of what is
/// called the empirical Fisher matrix where losses are negative logarithms of likelihoods (Martens
/// 2020, "New insights and perspectives on the natural gradient method", section 11); with the
/// squares of the mean gradient taken off they are the variances of single samples' gradients. Of
/// perceptrons by products of the matrices of squares, at about the cost of a gradient; of other
/// sums over samples by a gradient for each. Throws InvalidArgument as gradient(), and for a loss
/// that is not a sum over several samples or whose samples are spread over ranks.
template <class T>
std::vector<T> gradient_second_moments(const Problem<T>& problem, const std::vector<T>& x,
                                       const EvaluationOptions& options = {});

/// Outcome of a comparison of derivatives with differences.
struct DerivativeCheck {
    bool agrees = false;
    double worst_error = 0;  ///< |analytic - difference| of the worst entry over its scale
    double tolerance = 0;    ///< what the differences themselves can guarantee
    int row = 0;             ///< worst entry: parameter, and for a Hessian its row
    int column = 0;          ///< Hessian only
    double supplied = 0;     ///< the worst entry as supplied
    double difference = 0;   ///< and as differenced
    /// Of check_hessian: false if the analytic gradient, which the Hessian would be compared with
    /// differences of, fails check_gradient itself. `agrees` still tells about the Hessian alone.
    bool gradient_agrees = true;
    std::string message;  ///< all of it in a sentence
};

/// Compares options.derivatives.gradient (analytic where the loss has it) with central differences
/// of loss values.
template <class T>
DerivativeCheck check_gradient(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options = {});
/// Compares options.derivatives.hessian with differences: of the gradient where that is exact, else
/// of values. An analytic gradient is checked first; if it is wrong the Hessian is compared with
/// what does not depend on it, differences of automatic derivatives or of values, and the result
/// says so.
template <class T>
DerivativeCheck check_hessian(const Problem<T>& problem, const std::vector<T>& x,
                              const EvaluationOptions& options = {});
/// The same of products of the Hessian with four vectors of random signs, each entry of the size of
/// its parameter, against central differences of the gradient along them: `row` is that of the
/// worst number, `column` the number of the vector. Holds no matrix, for problems too large for
/// one; an entry that is wrong shows in the products' row.
template <class T>
DerivativeCheck check_products(const Problem<T>& problem, const std::vector<T>& x,
                               std::uint64_t seed = 1, const EvaluationOptions& options = {});

}  // namespace cunewton
