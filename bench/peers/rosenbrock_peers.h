// Other ways to minimise the extended Rosenbrock function from many starts, one after the other on
// one thread.
#pragma once

#include <vector>

namespace cunewton::bench {

struct RosenbrockStarts {
    int n;  ///< 2, 4, 8 or 16
    long problems;
    const double* start;
    double gradient_tolerance;  ///< of the largest entry
    double* parameters;         ///< out
    long* iterations;           ///< out: of all problems together
};

struct RosenbrockPeer {
    const char* name;
    long most_problems;
    void (*minimize)(const RosenbrockStarts&);
};

/// Those that this build has.
const std::vector<RosenbrockPeer>& rosenbrock_peers();

/// Newton's method with a Cholesky factorisation, of H + shift I where H is not positive definite,
/// and a halving line search: scalar loops for one n that the compiler knows, with the processor's
/// vector instructions where it finds a use for them.
void minimize_with_scalar_newton(const RosenbrockStarts&);
/// As a sum of squares.
void minimize_with_tiny_solver(const RosenbrockStarts&);
void minimize_with_dlib_trust_region(const RosenbrockStarts&);
void minimize_with_dlib_newton(const RosenbrockStarts&);
void minimize_with_lbfgs(const RosenbrockStarts&);

/// Calls run.operator()<n>() for an n of RosenbrockStarts.
template <class Run>
void for_known_n(int n, const Run& run) {
    switch (n) {
        case 2:
            return run.template operator()<2>();
        case 4:
            return run.template operator()<4>();
        case 8:
            return run.template operator()<8>();
        case 16:
            return run.template operator()<16>();
    }
}

/// f, and the gradient unless it is null.
inline double rosenbrock(int n, const double* x, double* g) {
    double f = 0;
    for (int j = 0; j < n; j += 2) {
        const double u = x[j + 1] - x[j] * x[j], v = 1 - x[j];
        f += 100 * u * u + v * v;
        if (!g) continue;
        g[j] = -400 * x[j] * u - 2 * v;
        g[j + 1] = 200 * u;
    }
    return f;
}

}  // namespace cunewton::bench
