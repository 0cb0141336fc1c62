// The methods, a file each, and the parts they share.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "host/minimize/minimization.h"

namespace cunewton::solver {

/// Runs options().method from the point that begin() has evaluated.
template <class T>
Status run_method(Minimization<T>& run);

/// newton or newton_cg, by a model of what an iteration of them costs (docs/large.md).
/// sparse_factors: of problems with a sparsity pattern a sparse factor can be had.
template <class T>
Method choose_method(const Problem<T>& problem, bool sparse_factors);

/// n x n matrices that a method holds. Throws InvalidArgument for what is none.
int matrices_of(Method method);
/// Whether it knows the Hessian by products alone.
inline bool is_matrix_free(Method method) {
    return matrices_of(method) == 0;
}

/// Whether it holds a sparse Hessian where the problem has a pattern.
inline bool takes_sparsity(Method method) {
    return method == Method::newton || method == Method::trust_region ||
           method == Method::levenberg_marquardt || method == Method::dogleg;
}

/// Whether it takes its steps on samples.
inline bool is_sampling(Method method) {
    return std::ranges::find(sampling_methods, method) != std::end(sampling_methods);
}

/// What a run by it has a machine hold and do, at most. known_blocks: on the diagonal, that an
/// evaluator knows. samples: that the loss is a sum over. layers: of a perceptron.
template <class T>
SessionWork work_of(const Options& options, int n, bool exact_hessian, int known_blocks,
                    long samples, const KroneckerLayers& layers);

/// That conjugate gradients keep.
inline int lanczos_vectors(const Options& options) {
    return options.method == Method::newton_cg && options.boundary == Boundary::lanczos
               ? options.lanczos_vectors
               : 0;
}

/// That the Lanczos method of DescentStep::extreme_eigenvalues keeps.
inline constexpr int descent_vectors = 20;

#define CUNEWTON_METHOD(name, matrices) CUNEWTON_SAMPLING_METHOD(name)
#define CUNEWTON_SAMPLING_METHOD(name) \
    template <class T>                 \
    Status name(Minimization<T>& run);
#include "cunewton/methods.inc"

/// Searches along direction() from the first trial, with derivative `slope` < 0 at 0. Returns the
/// trial to accept, or nothing if no step gives sufficient decrease in working precision.
template <class T>
std::optional<Trial> line_search(Minimization<T>& run, double slope, Trial first);

/// Factorises matrix() + shift S^2 with a shift >= 0 that makes it positive definite, beginning at
/// `guess`. Nothing if the matrix is not finite.
template <class T>
std::optional<double> factorize_shifted(Minimization<T>& run, double guess);

/// What matrix() is at x, by factorisations of it.
enum class Definiteness { positive, semidefinite, negative, not_finite };
template <class T>
Definiteness definiteness(Minimization<T>& run);

/// Whether what negative curvature matrix() has is below sqrt(epsilon) of its norm.
template <class T>
bool is_nearly_semidefinite(Minimization<T>& run);

/// At a point of negative curvature without a slope: moves down a direction of negative curvature.
/// Returns the accepted trial or nothing.
template <class T>
std::optional<Trial> leave_saddle(Minimization<T>& run);

/// What was found along a direction.
struct Descent {
    std::optional<Trial> lower;  ///< a trial to accept
    bool rises = true;           ///< without one: the loss is higher at every point tried
};
/// At a point whose Hessian is singular, without a slope: looks for a lower loss along a direction
/// without curvature, as at the inflection of x^3.
template <class T>
Descent leave_plateau(Minimization<T>& run);

/// Where the Hessian is singular: notes the parameters that its null space has a part in, by a
/// vector of it that is orthogonal to no part of it in particular.
template <class T>
void find_null_space(Minimization<T>& run);

/// Looks for a lower loss along direction(), of unit length in the metric of S, both ways, downhill
/// first: from `longest` to `shortest` of the problem's size.
template <class T>
Descent descend_along(Minimization<T>& run, double longest, double shortest);

/// n numbers that are not orthogonal to anything in particular, always the same.
template <class T>
std::vector<T> fixed_start(int n);

/// An approximate eigenvector of the smallest eigenvalue of S^-1 matrix() S^-1, as u with |S u| =
/// 1, by inverse iteration with factor(), whose shift must be close to minus that eigenvalue.
/// Returns the eigenvalue, u'(matrix)u. `work` has n entries.
template <class T>
double smallest_eigenvector(Minimization<T>& run, T* u, T* work);

/// Whether steps shrink as those of a Newton method near a regular minimum do: beside the last one,
/// or beside a length that is typical of the problem.
inline bool step_settles(double step, double last_step, double size) {
    return step <= 0.1 * last_step || step <= 1e-6 * size;
}

}  // namespace cunewton::solver
