// Chained functions of up to a million parameters, whose Hessians are bands.
#include "bench/cases/cases.h"
#include "bench/cases/sparse.h"
#include "cunewton/sparse_hessian.h"
#include "tests/sparse/functions.h"
#include "tests/unconstrained/elements.h"

namespace cunewton::bench {
namespace {

constexpr const char* case_name = "sparse_chain";

void chain_entries(const SparsityPattern& pattern, const double* x, double* to) {
    const int n = pattern.n;
    for (int j = 0; j < n; ++j) {
        const long e = pattern.column_starts[j];
        to[e] = j > 0 ? 200 : 0;
        if (j + 1 == n) continue;
        to[e] += 1200 * x[j] * x[j] - 400 * x[j + 1] + 2;
        to[e + 1] = -400 * x[j];
    }
}

/// 2 J'J + 2 sum r_i r_i'' of the tridiagonal residuals.
void broyden_entries(const SparsityPattern& pattern, const double* x, double* to) {
    const int n = pattern.n;
    const VectorView<const double> view{x, n};
    const auto slope = [&](int i) { return 3 - 4 * x[i]; };
    for (int j = 0; j < n; ++j) {
        const long e = pattern.column_starts[j];
        to[e] = 2 * (slope(j) * slope(j) - 4 * test::BroydenWithGradient::residual(view, j));
        if (j > 0) to[e] += 8;
        if (j + 1 < n) {
            to[e] += 2;
            to[e + 1] = -4 * slope(j) - 2 * slope(j + 1);
        }
        if (j + 2 < n) to[e + 2] = 4;
    }
}

template <class Function>
SparseJob chain_job(const std::string& name, const Function& function, int n, int diagonals,
                    double start, void (*entries)(const SparsityPattern&, const double*, double*),
                    Problem<double> (*sum)(int, const ProblemOptions&), bool peers) {
    const auto problem = with_sparsity(make_objective<double>(function, n),
                                       sparsity_pattern(n, test::band(n, diagonals)));
    return {case_name,
            fmt::format("{} n={}", name, n),
            problem,
            std::vector<double>(static_cast<std::size_t>(n), start),
            plain_objective(function, entries, problem),
            1e-6,
            peers,
            [=] { return sum(n, {}); }};
}

}  // namespace

void run_sparse_chain(Context& context) {
    if (context.settings.single) {
        context.report.progress("  left out: the peers are of double precision");
        return;
    }
    const std::vector<int> sizes =
        context.settings.small ? std::vector<int>{1000} : std::vector<int>{10000, 100000, 1000000};
    // From these starts the number of iterations does not depend on n.
    for (const int n : sizes) {
        run_sparse_job(chain_job("Rosenbrock", test::ChainWithGradient{}, n, 2, 1.1, chain_entries,
                                 test::chain_sum<double>, true),
                       context);
        run_sparse_job(chain_job("Broyden", test::BroydenWithGradient{}, n, 3, -1, broyden_entries,
                                 test::broyden_sum<double>, n == sizes.back()),
                       context);
    }
}

}  // namespace cunewton::bench
