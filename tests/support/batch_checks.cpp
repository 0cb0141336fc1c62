#include "tests/support/batch_checks.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/tolerances.h"

namespace cunewton::test {

template <class T>
void expect_coherent(const BatchResult<T>& r, const BatchOptions& options, long problems, int n,
                     bool fit) {
    const std::size_t count = static_cast<std::size_t>(problems), entries = count * n;
    EXPECT_EQ(r.problems, problems);
    EXPECT_EQ(r.dimension, n);
    EXPECT_EQ(r.completed, problems);
    EXPECT_FALSE(r.cancelled);
    EXPECT_EQ(r.backend, tested_backend());
    EXPECT_FALSE(r.backend_reason.empty());
    EXPECT_GE(r.seconds, 0);
    EXPECT_EQ(r.chunks > 0, problems > 0);
    EXPECT_EQ(r.parameters.size(), entries);
    EXPECT_EQ(r.objective.size(), count);
    EXPECT_EQ(r.gradient_norm.size(), count);
    EXPECT_EQ(r.status.size(), count);
    EXPECT_EQ(r.iterations.size(), count);
    EXPECT_EQ(r.best_start.size(), options.starts > 1 ? count : 0);
    EXPECT_EQ(r.degrees_of_freedom.size(), fit ? count : 0);
    EXPECT_EQ(r.reduced_chi_square.size(), fit ? count : 0);
    EXPECT_EQ(r.covariance.size(), options.covariance ? entries * n : 0);
    EXPECT_EQ(r.standard_errors.size(), options.standard_errors ? entries : 0);
    EXPECT_EQ(r.condition_number.size(), options.condition_number ? count : 0);
    for (const int iterations : r.iterations) {
        EXPECT_GE(iterations, 0);
        EXPECT_LE(iterations, options.max_iterations);
    }
    EXPECT_EQ(r.count(Status::not_run), 0);
}

template <class T>
void expect_same(const BatchResult<T>& a, const BatchResult<T>& b) {
    EXPECT_TRUE(same_bits(a.parameters, b.parameters));
    EXPECT_TRUE(same_bits(a.objective, b.objective));
    EXPECT_TRUE(same_bits(a.gradient_norm, b.gradient_norm));
    EXPECT_TRUE(same_bits(a.status, b.status));
    EXPECT_TRUE(same_bits(a.iterations, b.iterations));
    EXPECT_TRUE(same_bits(a.best_start, b.best_start));
    EXPECT_TRUE(same_bits(a.degrees_of_freedom, b.degrees_of_freedom));
    EXPECT_TRUE(same_bits(a.reduced_chi_square, b.reduced_chi_square));
    EXPECT_TRUE(same_bits(a.covariance, b.covariance));
    EXPECT_TRUE(same_bits(a.standard_errors, b.standard_errors));
    EXPECT_EQ(a.at_bound, b.at_bound);
    EXPECT_EQ(a.undetermined, b.undetermined);
    EXPECT_TRUE(same_bits(a.condition_number, b.condition_number));
}

FitTolerance fit_tolerance(const fit_oracle::Problem& problem, const fit_oracle::Vector& p,
                           const std::vector<bool>& fixed, double epsilon, double tolerance) {
    using fit_oracle::Real;
    const int n = static_cast<int>(p.size());
    const fit_oracle::Vector full = fit_oracle::information(problem, p);
    std::vector<int> free;
    for (int j = 0; j < n; ++j)
        if (fixed.empty() || !fixed[j]) free.push_back(j);
    const int m = static_cast<int>(free.size());
    fit_oracle::Vector h, scaled;
    for (const int i : free)
        for (const int j : free) {
            h.push_back(full[i * n + j]);
            scaled.push_back(full[i * n + j] / std::sqrt(full[i * n + i] * full[j * n + j]));
        }
    const fit_oracle::Vector inverse = fit_oracle::inverse(m, h);
    const fit_oracle::Vector spectrum = fit_oracle::eigenvalues(m, scaled);
    const double kappa = std::sqrt(static_cast<double>(spectrum.back() / spectrum.front()));
    const double f = static_cast<double>(fit_oracle::objective(problem, p));
    double magnitude = 0;
    int counted = 0;
    for (int i = 0; i < problem.points(); ++i) {
        const double w = static_cast<double>(problem.weight(i)), y = double(problem.y[i]);
        counted += w > 0;
        magnitude += problem.loss == fit_oracle::Loss::poisson ? w * y : w * y * y;
    }
    FitTolerance t;
    t.standard_errors.assign(n, 0);
    t.unit_errors.assign(n, 0);
    const double s = std::sqrt(f / std::max(1, counted - m));
    for (int i = 0; i < m; ++i) {
        t.unit_errors[free[i]] = std::sqrt(inverse[i * m + i]);
        t.standard_errors[free[i]] = s * t.unit_errors[free[i]];
    }
    // Twice the tolerance: curvature between the last point and the minimiser.
    t.distance = 2 * tolerance * s + 8 * epsilon * (std::sqrt(magnitude) + kappa * std::sqrt(f));
    return t;
}

template <class T>
void expect_parameters(const BatchResult<T>& result, long i, const fit_oracle::Vector& exact,
                       const FitTolerance& tolerance) {
    for (int j = 0; j < result.dimension; ++j) {
        const double computed = result.parameters[i * result.dimension + j];
        const double wanted = static_cast<double>(exact[j]);
        // And the rounding of the parameters themselves.
        const double allowed = tolerance.distance * static_cast<double>(tolerance.unit_errors[j]) +
                               4 * epsilon<T> * std::abs(wanted);
        EXPECT_LE(std::abs(computed - wanted), allowed)
            << "problem " << i << ", parameter " << j << ": " << computed << " against " << wanted;
    }
}

template <class T>
void expect_oracle_fits(const BatchResult<T>& result, const FitData<T>& data,
                        const FitCheck& check) {
    const double eps = check.arithmetic > 0 ? check.arithmetic : epsilon<T>;
    for (long i = 0; i < data.problems; ++i) {
        SCOPED_TRACE(data.fit.name + ", problem " + std::to_string(i));
        EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
        const fit_oracle::Problem oracle = data.oracle(i, check.loss, check.tuning);
        fit_oracle::Vector near = data.truths[i];
        for (std::size_t j = 0; j < check.fixed.size(); ++j)
            if (check.fixed[j]) near[j] = result.parameters[i * result.dimension + j];
        bool arrived = false;
        const fit_oracle::Vector exact = fit_oracle::minimiser(oracle, near, check.fixed, arrived);
        ASSERT_TRUE(arrived) << "the oracle did not converge";
        FitTolerance tolerance =
            fit_tolerance(oracle, exact, check.fixed, eps, default_tolerance(eps));
        tolerance.distance *= check.slack;
        expect_parameters(result, i, exact, tolerance);
        const double f = static_cast<double>(fit_oracle::objective(oracle, exact));
        const double off = tolerance.distance * tolerance.distance;
        double magnitude = 0;
        for (int k = 0; k < oracle.points(); ++k)
            magnitude +=
                static_cast<double>(oracle.weight(k) * oracle.y[k] *
                                    (check.loss == fit_oracle::Loss::poisson ? 1 : oracle.y[k]));
        // f of rounded residuals: 2 |r| |e|.
        EXPECT_NEAR(result.objective[i], f,
                    off + 16 * eps * (f + std::sqrt(f * magnitude)) + sum_tolerance<T>(16) * f);
    }
}

#define CUNEWTON_INSTANTIATE(T)                                                                 \
    template void expect_coherent(const BatchResult<T>&, const BatchOptions&, long, int, bool); \
    template void expect_same(const BatchResult<T>&, const BatchResult<T>&);                    \
    template void expect_parameters(const BatchResult<T>&, long, const fit_oracle::Vector&,     \
                                    const FitTolerance&);                                       \
    template void expect_oracle_fits(const BatchResult<T>&, const FitData<T>&, const FitCheck&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::test
