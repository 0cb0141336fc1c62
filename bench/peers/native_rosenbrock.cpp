#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/peers/rosenbrock_peers.h"
#if CUNEWTON_BENCH_HAVE_CERES
#include <ceres/tiny_solver.h>

#include <memory>
#endif

namespace cunewton::bench {
namespace {

constexpr int most_iterations = 1000;

template <int n>
double value(const double* x) {
    double f = 0;
    for (int j = 0; j < n; j += 2) {
        const double u = x[j + 1] - x[j] * x[j], v = 1 - x[j];
        f += 100 * u * u + v * v;
    }
    return f;
}

/// Gradient, and the Hessian's lower triangle row by row.
template <int n>
void derivatives(const double* x, double* g, double (&H)[n][n]) {
    for (auto& row : H) std::fill_n(row, n, 0.0);
    for (int j = 0; j < n; j += 2) {
        const double u = x[j + 1] - x[j] * x[j];
        g[j] = -400 * x[j] * u - 2 * (1 - x[j]);
        g[j + 1] = 200 * u;
        H[j][j] = 800 * x[j] * x[j] - 400 * u + 2;
        H[j + 1][j] = -400 * x[j];
        H[j + 1][j + 1] = 200;
    }
}

template <int n>
bool factorize(const double (&H)[n][n], double shift, double (&L)[n][n]) {
    for (int i = 0; i < n; ++i)
        for (int j = 0; j <= i; ++j) {
            double sum = H[i][j] + (i == j ? shift : 0);
            for (int k = 0; k < j; ++k) sum -= L[i][k] * L[j][k];
            if (i != j) {
                L[i][j] = sum / L[j][j];
            } else {
                if (!(sum > 0)) return false;
                L[i][i] = std::sqrt(sum);
            }
        }
    return true;
}

template <int n>
int newton(double* x, double tolerance) {
    double g[n], H[n][n], L[n][n], step[n], trial[n];
    double f = value<n>(x);
    for (int iteration = 0;; ++iteration) {
        derivatives<n>(x, g, H);
        double largest = 0;
        for (const double gj : g) largest = std::max(largest, std::abs(gj));
        if (largest <= tolerance || iteration == most_iterations) return iteration;
        // Nocedal and Wright 2006, algorithm 3.3.
        double least = H[0][0];
        for (int j = 1; j < n; ++j) least = std::min(least, H[j][j]);
        double shift = least > 0 ? 0 : 1e-3 - least;
        while (!factorize<n>(H, shift, L)) shift = std::max(2 * shift, 1e-3);
        for (int i = 0; i < n; ++i) {
            double sum = -g[i];
            for (int k = 0; k < i; ++k) sum -= L[i][k] * step[k];
            step[i] = sum / L[i][i];
        }
        for (int i = n - 1; i >= 0; --i) {
            double sum = step[i];
            for (int k = i + 1; k < n; ++k) sum -= L[k][i] * step[k];
            step[i] = sum / L[i][i];
        }
        double slope = 0;
        for (int j = 0; j < n; ++j) slope += g[j] * step[j];
        double length = 1, f_trial = f;
        for (int halving = 0; halving < 50; ++halving, length /= 2) {
            for (int j = 0; j < n; ++j) trial[j] = x[j] + length * step[j];
            f_trial = value<n>(trial);
            if (f_trial <= f + 1e-4 * length * slope) break;
        }
        std::copy_n(trial, n, x);
        f = f_trial;
    }
}

#if CUNEWTON_BENCH_HAVE_CERES
template <int n>
struct Residuals {
    using Scalar = double;
    enum { NUM_RESIDUALS = n, NUM_PARAMETERS = n };
    bool operator()(const double* x, double* r, double* J) const {
        if (J) std::fill_n(J, n * n, 0.0);
        for (int j = 0; j < n; j += 2) {
            r[j] = 10 * (x[j + 1] - x[j] * x[j]);
            r[j + 1] = 1 - x[j];
            if (!J) continue;
            J[j * n + j] = -20 * x[j];
            J[(j + 1) * n + j] = 10;
            J[j * n + j + 1] = -1;
        }
        return true;
    }
};
#endif

}  // namespace

void minimize_with_scalar_newton(const RosenbrockStarts& job) {
    for_known_n(job.n, [&]<int n>() {
        for (long i = 0; i < job.problems; ++i) {
            double* x = job.parameters + i * n;
            std::copy_n(job.start + i * n, n, x);
            *job.iterations += newton<n>(x, job.gradient_tolerance);
        }
    });
}

#if CUNEWTON_BENCH_HAVE_CERES
void minimize_with_tiny_solver(const RosenbrockStarts& job) {
    for_known_n(job.n, [&]<int n>() {
        const auto solver = std::make_unique<ceres::TinySolver<Residuals<n>>>();
        solver->options.max_num_iterations = most_iterations;
        solver->options.function_tolerance = 0;
        solver->options.parameter_tolerance = 0;
        // Its gradient is scaled by the Jacobian's columns. Where f/2 is below the limit, no entry
        // of the gradient is above the tolerance: the largest eigenvalue of the Hessian is 1002.
        solver->options.gradient_tolerance = 0;
        solver->options.cost_threshold =
            job.gradient_tolerance * job.gradient_tolerance / (4 * 1002);
        for (long i = 0; i < job.problems; ++i) {
            Eigen::Matrix<double, n, 1> x =
                Eigen::Map<const Eigen::Matrix<double, n, 1>>(job.start + i * n);
            *job.iterations += solver->Solve(Residuals<n>(), &x).iterations;
            Eigen::Map<Eigen::Matrix<double, n, 1>>(job.parameters + i * n) = x;
        }
    });
}
#endif

}  // namespace cunewton::bench
