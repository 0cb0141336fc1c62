// Linear systems with a Hessian of which only products are known.
#pragma once

#include "host/backend/curvature.h"

namespace cunewton::solver {

struct ConjugateGradientsOptions {
    double tolerance = 1e-10;  ///< of |b - H x| / |b|
    int max_iterations = 1000;
    /// Products between two looks at the residual, where looking means waiting for the machine.
    int check_every = 8;
};

struct ConjugateGradientsResult {
    int iterations = 0;   ///< products that were taken
    double residual = 0;  ///< |b - H x| by the recurrence
    bool converged = false;
    bool indefinite = false;  ///< p'Hp <= 0 was seen; x is of no use
};

/// x = H^-1 b for a positive definite H (Hestenes and Stiefel 1952; Nocedal and Wright 2006,
/// algorithm 5.2), from x = 0. b and x: n numbers on the machine. The numbers of the recurrence
/// stay there.
template <class T>
ConjugateGradientsResult conjugate_gradients(Vectors<T>& vectors, Curvature<T>& curvature,
                                             const T* b, T* x, long n,
                                             const ConjugateGradientsOptions& options = {});

}  // namespace cunewton::solver
