// Penalties on the curvature of a loss: towards flat minima.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/problem/forms.h"

namespace cunewton {

/// The problem's loss f plus penalty.strength times what CurvaturePenaltyKind names, as a problem
/// of its own: for all methods, functions of differentiate.h and other penalties. An l2 of the
/// problem stays where it is: its curvature is a constant part of H. A strength of 0 gives the
/// problem itself, to its bits.
///
///   trace                   v'Hv, its gradient T[v, v] with the third derivative T[u, v] = d/dt
///                           H(x + t u) v at t = 0
///   squared_frobenius_norm  |Hv|^2, 2 T[Hv, v]
///   largest_eigenvalue      u'Hu, T[u, u] with its unit eigenvector u
///   sharpness               f(y) - f(x) with y = x + radius g^, g^ = g / |g|: g_y - g + (radius /
///                           |g|) H (g_y - g^ (g^'g_y)); exact_gradient = false leaves out the last
///
/// The first two are means over vectors v of random signs, which are the same for the life of the
/// problem, so that the loss is as smooth as f's Hessian: unbiased estimates over seeds, with a
/// variance of 2 sum_{i != j} H_ij^2 / probes for the trace (Hutchinson 1989; Avron and Toledo
/// 2011, "Randomized algorithms for estimating the trace of an implicit symmetric positive
/// semi-definite matrix"). A minimiser makes use of what an estimate errs by: few probes are too
/// few where n is small, and probes = 0 takes all unit vectors, which is exact. Of a loss that is
/// not convex trace and largest eigenvalue may fall without bound, and the sum with them; the
/// squared norm does not.
///
/// The largest eigenvalue has a gradient where it is simple. Where two cross, that of either is a
/// subgradient, and minima of the penalty lie just there: methods that compare losses along a line
/// end as precision_limit or no_descent, and the gradient does not vanish. It is found by the
/// Lanczos method to a residual of 1e-8 of it (or what rounding allows), from the same vector at
/// every point, within most_products products; if those do not do, it is the Ritz value so far, a
/// lower bound. Sharpness has a kink where g = 0, where it is taken to be 0 with the gradient of f.
///
/// T is a central difference of two products, with an error of epsilon^(2/3) relative to |H|, of
/// epsilon^(4/9) where products are differences of exact gradients; without an exact gradient of f
/// it would be noise. Sharpness has the error of a product: rounding, epsilon^(2/3) of differences,
/// epsilon^(1/3) around another penalty with T. minimize() takes the gradient for exact: ask for no
/// more. Hessians, and products with them, are differences of it; CurvaturePenalty::hessian is that
/// which is penalised. A value takes a product a probe, a gradient three.
///
/// Methods that step on samples have the penalty of these samples. Those of perceptrons alone
/// (kfac, Kronecker products) and what linear predictors know of their Hessian are not for it.
/// Memory: n (7 + 2b) numbers, b the probes (0: n), at most 16, and 1 of other kinds; for the
/// largest eigenvalue n (2m + 6) + m^2 + 1 more, m = min(n, 40).
///
/// Throws InvalidArgument for numbers out of range, a loss without an exact gradient, and a penalty
/// with T around another one that has it.
template <class T>
Problem<T> with_curvature_penalty(const Problem<T>& problem, const CurvaturePenalty& penalty);
extern template Problem<double> with_curvature_penalty(const Problem<double>&,
                                                       const CurvaturePenalty&);
extern template Problem<float> with_curvature_penalty(const Problem<float>&,
                                                      const CurvaturePenalty&);

}  // namespace cunewton
