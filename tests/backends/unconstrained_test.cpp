// The classical test problems: every one is solved from its standard start, or is on the list of
// failures with the reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/unconstrained/problems.h"

namespace cunewton::test {
namespace {

Options options_for(Method method) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = 1;  // the problems are too small for more
    options.max_iterations = 5000;
    return options;
}

struct Failure {
    const char* label;
    const char* reason;
    bool by_rounding = false;  ///< rounding, which depends on the BLAS, decides whether it fails
};

constexpr const char* kinks =
    "the lowest eigenvalues at the saddle are 1e-3 apart, so that neighbouring wells are chosen "
    "differently: a strict local minimum with two or three kinks, each worth 0.92";

/// Starts from which a method ends elsewhere. Both ways: what is listed must fail, and nothing else
/// may.
const std::map<Method, std::vector<Failure>> known_failures{
    {Method::newton, {{"L11 Coupled double wells n=100", kinks}}},
    {Method::trust_region,
     {{"L11 Coupled double wells n=100", kinks},
      {"L11 Coupled double wells n=100, off the saddle", kinks}}},
    {Method::levenberg_marquardt,
     {{"L11 Coupled double wells n=100", kinks},
      {"L11 Coupled double wells n=100, off the saddle", kinks}}},
    {Method::dogleg,
     {{"L11 Coupled double wells n=100", kinks},
      {"L11 Coupled double wells n=100, off the saddle", kinks}}},
    {Method::newton_cg, {{"L11 Coupled double wells n=100", kinks}}},
    {Method::lbfgs,
     {{"MGH28 Discrete boundary value n=100",
       "a condition number of 1e8 takes ten pairs more than 5000 iterations"},
      {"L11 Coupled double wells n=100", kinks}}},
    {Method::bfgs,
     {{"L11 Coupled double wells n=100", kinks},
      {"L11 Coupled double wells n=100, off the saddle", kinks, true}}},
};

const Failure* listed(Method method, const std::string& label) {
    for (const Failure& failure : known_failures.at(method))
        if (label == failure.label) return &failure;
    return nullptr;
}

class UnconstrainedTest : public BackendTest, public ::testing::WithParamInterface<Method> {};

/// A dense Hessian of n = 1000 takes half a million evaluations: minutes a solve, and the same code
/// as n = 100. CUNEWTON_TEST_LARGEST=5000 includes all problems.
int largest_dimension() {
    return test::largest_dimension(100);
}

TEST_P(UnconstrainedTest, StandardStarts) {
    const Method method = GetParam();
    std::set<std::string> seen;
    for (const UnconstrainedCase& problem : unconstrained_cases()) {
        if (problem.n > largest_dimension()) continue;
        SCOPED_TRACE(problem.label());
        seen.insert(problem.label());
        Options options = options_for(method);
        // Where the Hessian is singular at the minimiser f is accepted at smaller gradients only.
        options.gradient_tolerance = 1e-10;
        const Result<double> result = minimize(unconstrained_problem(problem), problem.x0, options);
        const double exact = exact_gradient_norm(problem, result.x);
        const bool solved = accepts(problem, result.f);
        if (!solved || std::getenv("CUNEWTON_TEST_VERBOSE"))
            std::printf("%-13s %-45s %-16s f %.9g (%.9g) |g| %.2e %.2e it %d ev %ld\n",
                        to_string(method), problem.label().c_str(), to_string(result.status),
                        result.f, problem.f_min, result.gradient_norm, exact, result.iterations,
                        result.counts.evaluations);
        if (result.converged()) {
            // The library's gradient carries the rounding of double.
            EXPECT_LE(exact, 1e-7) << "converged without a small gradient";
        }
        const bool saddle = problem.saddle_report_allowed && result.status == Status::saddle_point;
        const Failure* failure = listed(method, problem.label());
        if (failure && failure->by_rounding) {
            EXPECT_TRUE(result.converged()) << to_string(result.status);
        } else {
            EXPECT_EQ(solved || saddle, !failure)
                << to_string(result.status) << ", f = " << result.f << " against " << problem.f_min;
        }
    }
    for (const Failure& failure : known_failures.at(method)) {
        if (largest_dimension() >= 100) {
            EXPECT_TRUE(seen.count(failure.label)) << failure.label << " is no problem's label";
        }
    }
}

// Far starts: where a method ends is a report, not a requirement. What it says must be true.
TEST_P(UnconstrainedTest, FarStartsEndTruthfully) {
    const Method method = GetParam();
    std::map<Status, int> ends;
    int accepted = 0, total = 0;
    // The farther ones are the same code again, for most of the time that an emulated device takes.
    std::vector<double> factors{10};
    if (!testing_little()) factors.push_back(100);
    for (const UnconstrainedCase& problem : unconstrained_cases()) {
        if (problem.n > std::min(largest_dimension(), 100)) continue;
        for (const double factor : factors) {
            SCOPED_TRACE(problem.label() + " x" + std::to_string(int(factor)));
            std::vector<double> x0 = problem.x0;
            bool zero = true;
            for (double& x : x0) {
                zero = zero && x == 0;
                x *= factor;
            }
            // The usual substitute for a start at the origin.
            if (zero) std::fill(x0.begin(), x0.end(), factor);
            Options options = options_for(method);
            options.max_iterations = 500;
            const Result<double> result = minimize(unconstrained_problem(problem), x0, options);
            const double exact = exact_gradient_norm(problem, result.x);
            ++total;
            ++ends[result.status];
            accepted += accepts(problem, result.f);
            if (!accepts(problem, result.f))
                std::printf("%-13s %-45s x%-3.0f %-16s f %.6g (%.6g) |g| %.1e it %d\n",
                            to_string(method), problem.label().c_str(), factor,
                            to_string(result.status), result.f, problem.f_min, exact,
                            result.iterations);
            for (const double x : result.x) EXPECT_TRUE(std::isfinite(x));
            if (result.converged()) {
                // Where curvatures are large so is a negligible gradient.
                EXPECT_TRUE(exact <= 1e-7 || accepts(problem, result.f))
                    << "converged without a small gradient: " << exact;
            }
            if (result.status != Status::not_finite) {
                EXPECT_TRUE(std::isfinite(result.f));
            }
        }
    }
    std::printf("%s: %d of %d far starts reach a known minimum;", to_string(method), accepted,
                total);
    for (const auto& [status, count] : ends) std::printf(" %s %d", to_string(status), count);
    std::printf("\n");
}

INSTANTIATE_TEST_SUITE_P(Methods, UnconstrainedTest,
                         ::testing::Values(Method::newton, Method::trust_region,
                                           Method::levenberg_marquardt, Method::dogleg,
                                           Method::newton_cg, Method::bfgs, Method::lbfgs),
                         [](const auto& instance) { return to_string(instance.param); });

}  // namespace
}  // namespace cunewton::test
