// What a caller sees of a run: iterates with their gradients, the last iterations, the report.
#include "cunewton/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"

namespace cunewton::test {
namespace {

class ReportTest : public BackendTest {
  protected:
    static void expect_has(const std::string& text, const std::string& part) {
        EXPECT_NE(text.find(part), std::string::npos) << part << " is not in:\n" << text;
    }
    static const Model<double>& model() {
        static const Model<double> made(ModelKind::logistic,
                                        {.samples = 120,
                                         .features = 4,
                                         .weights = true,
                                         .problem = {.l2 = 0.01, .intercept = true}});
        return made;
    }
};

/// By every method, with and without equations, x and the gradient are of the same point.
TEST_F(ReportTest, CallbacksSeeTheGradientAtTheIterate) {
    const Model<double>& m = model();
    std::vector<Method> methods(std::begin(all_methods), std::end(all_methods));
    for (const Method method : sampling_methods)
        if (method != Method::kfac) methods.push_back(method);
    for (const Method method : methods)
        for (const bool constrained : {false, true}) {
            SCOPED_TRACE(std::string(to_string(method)) + (constrained ? ", constrained" : ""));
            Options options = with(method);
            options.max_iterations = 5;
            if (constrained) options.constraints = {{1, 1, 1, 1, 0}, {0.25}};
            int seen = 0;
            minimize(m.problem(), m.theta(), options, [&](const Iterate<double>& at) {
                const std::vector<double> x = at.x(), g = at.gradient();
                EXPECT_EQ(x.size(), 5u);
                if (constrained) {
                    EXPECT_NEAR(x[0] + x[1] + x[2] + x[3], 0.25, 1e-14);
                }
                EXPECT_LE(largest_error(g, m.gradient(x)), 1e-13);
                EXPECT_NEAR(at.f, static_cast<double>(m.value(x)), 1e-13);
                ++seen;
                return true;
            });
            EXPECT_GT(seen, 1);
        }
}

/// To ask for the gradient changes nothing, and is no evaluation of the run's.
TEST_F(ReportTest, AskingLeavesTheRunAsItIs) {
    const Model<double>& m = model();
    for (const bool constrained : {false, true}) {
        Options options = with(Method::newton_cg);
        if (constrained) options.constraints = {{1, 1, 1, 1, 0}, {0.25}};
        const Result<double> plain = minimize(m.problem(), m.theta(), options);
        const Result<double> asked =
            minimize(m.problem(), m.theta(), options,
                     [](const Iterate<double>& at) { return !at.gradient().empty(); });
        EXPECT_EQ(plain.x, asked.x);
        EXPECT_EQ(plain.counts.evaluations, asked.counts.evaluations);
        EXPECT_EQ(plain.counts.products, asked.counts.products);
    }
}

TEST_F(ReportTest, TheLastTenIterationsAreKept) {
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 2);
    Options options = with(Method::newton);
    options.keep_trace = true;
    const Result<double> result = minimize(problem, {-1.2, 1.0}, options);
    ASSERT_GT(result.iterations, 10);
    ASSERT_EQ(result.last_iterations.size(), 10u);
    for (std::size_t i = 0; i < 10; ++i) {
        const IterationRecord& one = result.last_iterations[i];
        const IterationRecord& other = result.trace[result.trace.size() - 10 + i];
        EXPECT_EQ(one.iteration, other.iteration);
        EXPECT_EQ(one.f, other.f);
    }
    EXPECT_EQ(result.last_iterations.back().iteration, result.iterations);
    options.max_iterations = 3;
    EXPECT_EQ(minimize(problem, {-1.2, 1.0}, options).last_iterations.size(), 4u);
}

TEST_F(ReportTest, SaysWhatRanAndWhy) {
    const Model<double>& m = model();
    Options options = with(Method::automatic);
    const Result<double> result = minimize(m.problem(), m.theta(), options);
    EXPECT_EQ(result.gradient_by, GradientBy::analytic);
    EXPECT_EQ(result.hessian_by, HessianBy::analytic);
    const std::string text = full_report(result, options);
    expect_has(text,
               "mean over 120 weighted samples of a loss of a linear predictor with intercept, 5 "
               "parameters, l2 penalty 0.01");
    expect_has(text, "double precision");
    expect_has(text, result.message);
    expect_has(text, "analytic: the loss's own");
    expect_has(text, "newton: the Hessian is estimated to take less time");
    expect_has(text, result.backend + ": " + result.backend_reason);
    expect_has(text, std::to_string(result.counts.evaluations) + " of the loss");
    expect_has(text, "Last iterations");
    // A line for each, and a head.
    const std::string table = text.substr(text.find("Last iterations"));
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'),
              static_cast<long>(result.last_iterations.size()) + 2);
    EXPECT_EQ(text.back(), '\n');
    // None of what does not concern it.
    EXPECT_EQ(text.find("moved"), std::string::npos);
    EXPECT_EQ(text.find("Parameters ("), std::string::npos);
}

TEST_F(ReportTest, SaysWhatWasAskedForAndWhatParametersCameTo) {
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 4);
    Options options = with(Method::newton_cg);
    options.derivatives.gradient = GradientBy::central_differences;
    options.derivatives.hessian = HessianBy::value_differences;
    options.constraints = {{1, 1, 0, 0}, {1}};
    options.fixed = {false, false, false, true};
    const Result<double> result = minimize(problem, {0.0, 0.0, 0.5, 0.25}, options);
    const std::string text = full_report(result, options);
    expect_has(text, "a function, 4 parameters, 1 of them fixed, subject to 1 linear equation");
    expect_has(text, "central_differences: of loss values, 2 n for each, asked for");
    expect_has(text, "products alone");
    expect_has(text, "newton_cg\n");
    expect_has(text, "  fixed           3\n");
    expect_has(text, "  moved           0, 1: ");
    const auto of_functor = minimize(problem, {0.0, 0.0, 0.5, 0.25}, with(Method::newton));
    expect_has(full_report(of_functor),
               "exact, by forward mode: the loss supplies none of its own");
    // Of nothing that ran there is something to say all the same.
    EXPECT_FALSE(full_report(Result<float>{}).empty());
}

TEST_F(ReportTest, DescribesTheForms) {
    const Perceptron network{{4, 3, 2}, Activation::tanh, PerceptronLoss::softmax_cross_entropy};
    const std::vector<double> pixels{0, 1, 2, 3, 3, 2, 1, 0}, labels{0, 1};
    const auto samples = Samples<double>{pixels.data(), 2, 4, 0, labels.data()};
    Options options = with(Method::lbfgs);
    options.max_iterations = 1;
    const auto perceptron =
        make_perceptron<double>(network, samples, {.reduction = Reduction::sum});
    EXPECT_EQ(minimize(perceptron, random_start<double>(network, 1), options).problem,
              "sum over 2 samples of a perceptron 4-3-2, 23 parameters");
    const Model<double> softmax(ModelKind::softmax3, {.samples = 1, .features = 2});
    EXPECT_EQ(minimize(softmax.problem(), softmax.theta(), options).problem,
              "mean over 1 sample of a loss of 3 linear predictors, 6 parameters");
    if (testing_cuda()) return;
    BlackBox<double> box([](const double* x, int, int count, double* f) {
        for (int p = 0; p < count; ++p) f[p] = x[p] * x[p];
    });
    EXPECT_EQ(minimize(make_black_box<double>(box, 1), {1.0}, options).problem,
              "a black box, 1 parameter");
}

}  // namespace
}  // namespace cunewton::test
