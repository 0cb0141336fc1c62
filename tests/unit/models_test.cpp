// Values and derivatives of the built-in models and small objectives, as the batch engine asks for
// them, against the formulas of tests/support.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/builtin_objectives.h"
#include "tests/support/fit_cases.h"
#include "tests/support/oracle.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using fit_oracle::Real;
using fit_oracle::Vector;

template <class T>
constexpr int lane_multiple = 64 / static_cast<int>(sizeof(T));

/// What cpu::SmallCode sums in each lane.
template <class T>
struct Evaluation {
    std::vector<T> f, gradient, hessian;
};

/// Evaluates a block of lanes with the parameters p[lane][j] over points of x and y, the same in
/// all lanes. Coordinates are shared, or copied for each lane.
template <class T>
Evaluation<T> evaluate(const cpu::SmallCode<T>& ops, BatchDerivatives by,
                       const std::vector<Vector>& p, const std::vector<double>& x,
                       const std::vector<T>& y, int points, bool shared,
                       const std::vector<T>& gradient_steps, const std::vector<T>& hessian_steps) {
    const int lanes = static_cast<int>(p.size()), n = ops.parameters();
    std::vector<T> parameters(static_cast<std::size_t>(n) * lanes), coordinates;
    std::vector<T> lane_y, first(2 * parameters.size()), second(3 * parameters.size());
    const std::size_t all = parameters.size();
    for (int j = 0; j < n; ++j)
        for (int l = 0; l < lanes; ++l) {
            parameters[j * lanes + l] = static_cast<T>(p[l][j]);
            const std::size_t k = static_cast<std::size_t>(j * lanes + l);
            const T at = parameters[k];
            if (!gradient_steps.empty()) {
                first[k] = at + gradient_steps[j];
                first[all + k] = at - gradient_steps[j];
            }
            if (!hessian_steps.empty()) {
                second[k] = at;
                second[all + k] = at + hessian_steps[j];
                second[2 * all + k] = at - hessian_steps[j];
            }
        }
    for (const double value : x)
        coordinates.insert(coordinates.end(), shared ? 1 : lanes, static_cast<T>(value));
    for (const T value : y) lane_y.insert(lane_y.end(), lanes, value);
    Evaluation<T> out{std::vector<T>(lanes), std::vector<T>(static_cast<std::size_t>(n) * lanes),
                      std::vector<T>(static_cast<std::size_t>(n) * (n + 1) / 2 * lanes)};
    cpu::LaneBlock<T> block{};
    block.lanes = lanes;
    block.points = points;
    block.parameters = parameters.data();
    block.coordinates = coordinates.data();
    block.shared_coordinates = shared;
    block.y = lane_y.data();
    block.gradient_points = first.data();
    block.hessian_points = second.data();
    block.estimator = Estimator::least_squares;
    block.tuning = 1;
    block.f = out.f.data();
    block.gradient = out.gradient.data();
    block.hessian = out.hessian.data();
    ops.evaluate(by, block);
    return out;
}

template <class T>
const cpu::SmallCode<T>& ops_of(const BatchModel& model) {
    if constexpr (sizeof(T) == 8)
        return *model.parts().in<double>().cpu;
    else
        return *model.parts().in<float>().cpu;
}

template <class T>
class ModelsTest : public ::testing::Test {};
TYPED_TEST_SUITE(ModelsTest, Reals, RealName);

/// One point at a time with the residual r = m - y near 1: then f = r^2/2, g = r m', h = m'm'' of
/// the model's derivatives m', and each is seen. Every lane has parameters of its own.
template <class T>
void expect_model(const FitCase& fit, BatchDerivatives by, bool shared) {
    const FitModel model = fit.model();
    const int n = fit.parameters(), points = fit.points(), lanes = 2 * lane_multiple<T>;
    ASSERT_EQ(model.parameters(), n);
    ASSERT_EQ(model.coordinates(), fit.coordinates);
    Random random(7);
    std::vector<Vector> p(lanes, Vector(n));
    for (Vector& lane : p)
        for (int j = 0; j < n; ++j)
            lane[j] = static_cast<T>(fit.truth[j] * (1 + 0.1 * (random.uniform() - 0.5)));
    std::vector<T> steps;
    for (int j = 0; j < n; ++j)
        steps.push_back(static_cast<T>(std::cbrt(epsilon<T>) * std::abs(fit.truth[j])));

    fit_oracle::Problem oracle;
    oracle.model = fit.formula();
    oracle.coordinates = fit.coordinates;
    oracle.x.assign(fit.x.begin(), fit.x.end());
    oracle.y.resize(points);
    // What roundings are relative to: the largest value, and the largest derivative of each lane.
    std::vector<Vector> values(lanes, Vector(points)), scale(lanes, Vector(n));
    std::vector<std::vector<Vector>> rows(lanes, std::vector<Vector>(points));
    Vector largest(lanes);
    for (int l = 0; l < lanes; ++l)
        for (int i = 0; i < points; ++i) {
            values[l][i] = fit_oracle::value(oracle, p[l], i);
            largest[l] = std::max(largest[l], std::abs(values[l][i]));
            if (by == BatchDerivatives::differences) {
                // The quotient itself, so that its truncation error does not matter here.
                Vector row(n);
                for (int j = 0; j < n; ++j) {
                    Vector up = p[l], down = p[l];
                    up[j] = static_cast<T>(static_cast<T>(p[l][j]) + steps[j]);
                    down[j] = static_cast<T>(static_cast<T>(p[l][j]) - steps[j]);
                    row[j] =
                        (fit_oracle::value(oracle, up, i) - fit_oracle::value(oracle, down, i)) /
                        (up[j] - down[j]);
                }
                rows[l][i] = row;
            } else {
                rows[l][i] = fit_oracle::row(oracle, p[l], i);
            }
            for (int j = 0; j < n; ++j)
                scale[l][j] = std::max(scale[l][j], std::abs(rows[l][i][j]));
        }

    for (int i = 0; i < points; ++i) {
        SCOPED_TRACE(fit.name + ", point " + std::to_string(i));
        const std::vector<double> x(fit.x.begin() + i * fit.coordinates,
                                    fit.x.begin() + (i + 1) * fit.coordinates);
        const T y = static_cast<T>(std::round(static_cast<double>(values[0][i])) - 1);
        const Evaluation<T> e = evaluate(ops_of<T>(model), by, p, x, {y}, 1, shared, steps, {});
        for (int l = 0; l < lanes; ++l) {
            const Real r = values[l][i] - y;
            // Arguments of exponentials and of sines are up to 16 here, each rounded.
            const Real value_error = 64 * epsilon<T> * (largest[l] + 1);
            EXPECT_NEAR(e.f[l], double(r * r / 2), double(std::abs(r) * value_error) + value_error);
            Vector row_error(n);
            for (int j = 0; j < n; ++j) {
                row_error[j] = 64 * epsilon<T> * scale[l][j];
                // Differences of values that are rounded: divided by twice the step.
                if (by == BatchDerivatives::differences) row_error[j] += value_error / steps[j];
                EXPECT_NEAR(e.gradient[j * lanes + l], double(r * rows[l][i][j]),
                            double((std::abs(r) + 1) * row_error[j] + value_error * scale[l][j]))
                    << "by parameter " << j << ", lane " << l;
            }
            for (int j = 0, k = 0; j < n; ++j)
                for (int m = j; m < n; ++m, ++k)
                    EXPECT_NEAR(
                        e.hessian[k * lanes + l], double(rows[l][i][j] * rows[l][i][m]),
                        double(2 * (row_error[j] * scale[l][m] + row_error[m] * scale[l][j])))
                        << "by parameters " << j << " and " << m << ", lane " << l;
        }
    }
}

TYPED_TEST(ModelsTest, AutodiffAgreesWithTheFormulas) {
    for (const FitCase& fit : fit_cases()) {
        expect_model<TypeParam>(fit, BatchDerivatives::autodiff, true);
        expect_model<TypeParam>(fit, BatchDerivatives::autodiff, false);
    }
}

TYPED_TEST(ModelsTest, OwnDerivativesAgreeWithTheFormulas) {
    int found = 0;
    for (const FitCase& fit : fit_cases()) {
        if (!fit.model().parts().in<double>().cpu->has_analytic()) continue;
        ++found;
        expect_model<TypeParam>(fit, BatchDerivatives::analytic, true);
        expect_model<TypeParam>(fit, BatchDerivatives::analytic, false);
    }
    EXPECT_GE(found, 1);
}

TYPED_TEST(ModelsTest, DifferencesAreThoseOfTheFormulas) {
    for (const FitCase& fit : fit_cases())
        expect_model<TypeParam>(fit, BatchDerivatives::differences, true);
}

TEST(Models, SumsOverPoints) {
    const FitCase& fit = fit_case("Gaussian2D");
    FitData<double> data(fit, {.problems = 1, .noise = 0.1});
    const fit_oracle::Problem oracle = data.oracle(0);
    const int n = fit.parameters();
    const Vector p(fit.start.begin(), fit.start.end());
    const Evaluation<double> e =
        evaluate(*fit.model().parts().in<double>().cpu, BatchDerivatives::autodiff,
                 std::vector<Vector>(8, p), fit.x, data.y, fit.points(), true, {}, {});
    const Vector g = fit_oracle::gradient(oracle, p), h = fit_oracle::information(oracle, p);
    const Real f = fit_oracle::objective(oracle, p);
    const double tolerance = sum_tolerance<double>(fit.points());
    for (int l = 0; l < 8; ++l) {
        EXPECT_NEAR(e.f[l], double(f / 2), tolerance * double(f));
        for (int j = 0, k = 0; j < n; ++j) {
            EXPECT_NEAR(e.gradient[j * 8 + l], double(g[j] / 2),
                        tolerance * double(std::sqrt(f * h[j * n + j])));
            for (int m = j; m < n; ++m, ++k)
                EXPECT_NEAR(e.hessian[k * 8 + l], double(h[j * n + m]),
                            4 * tolerance * double(std::sqrt(h[j * n + j] * h[m * n + m])));
        }
    }
}

// x = 0 belongs to the range of both, where powers and logarithms of x are not finite.
TEST(Models, AreFiniteAtZero) {
    for (const char* name : {"Hill", "PowerLaw"}) {
        const FitCase& fit = fit_case(name);
        const std::vector<Vector> p(8, Vector(fit.truth.begin(), fit.truth.end()));
        for (const BatchDerivatives by :
             {BatchDerivatives::autodiff, BatchDerivatives::differences}) {
            const Evaluation<double> e =
                evaluate(*fit.model().parts().in<double>().cpu, by, p, {0.0}, {-1.0}, 1, true,
                         std::vector<double>(3, 1e-5), {});
            for (const auto& numbers : {e.f, e.gradient, e.hessian})
                for (const double number : numbers) EXPECT_TRUE(std::isfinite(number)) << name;
        }
    }
}

// Arguments of the exponential that overflow on the side where the function saturates.
TEST(Models, LogisticCurvesDoNotOverflow) {
    const std::vector<Vector> p(8, Vector{10, 100, 50});
    for (const double x : {0.0, 100.0}) {
        const Evaluation<double> e =
            evaluate(*fit_case("LogisticGrowth").model().parts().in<double>().cpu,
                     BatchDerivatives::autodiff, p, {x}, {-1.0}, 1, true, {}, {});
        const double m = x > 50 ? 10 : 0;
        EXPECT_EQ(e.f[0], (m + 1) * (m + 1) / 2);
        EXPECT_EQ(e.gradient[0], x > 50 ? m + 1 : 0);
        EXPECT_EQ(e.gradient[8], 0);
        EXPECT_EQ(e.gradient[16], 0);
    }
}

TYPED_TEST(ModelsTest, ObjectivesAgreeWithTheFormula) {
    using T = TypeParam;
    for (const int n : {2, 4, 8, 16}) {
        SCOPED_TRACE("RosenbrockN<" + std::to_string(n) + ">");
        const SmallObjective objective = builtin_rosenbrock(n);
        const int lanes = lane_multiple<T>;
        ASSERT_EQ(objective.parameters(), n);
        ASSERT_EQ(objective.coordinates(), 0);
        ASSERT_TRUE(objective.parts().in<double>().cpu->has_analytic());
        Random random(3);
        std::vector<Vector> p(lanes, Vector(n));
        for (Vector& lane : p)
            for (Real& value : lane) value = static_cast<T>(4 * random.uniform() - 2);
        const T first = static_cast<T>(std::cbrt(epsilon<T>));
        const T second = static_cast<T>(std::sqrt(std::sqrt(epsilon<T>)));
        for (const BatchDerivatives by : {BatchDerivatives::analytic, BatchDerivatives::autodiff,
                                          BatchDerivatives::differences}) {
            const Evaluation<T> e = evaluate(ops_of<T>(objective), by, p, {}, {}, 1, true,
                                             std::vector<T>(n, first), std::vector<T>(n, second));
            const bool exact = by != BatchDerivatives::differences;
            for (int l = 0; l < lanes; ++l) {
                const Real f = oracle_rosenbrock_value(p[l]);
                const Vector g = oracle_rosenbrock_gradient(p[l]);
                const Vector h = oracle_rosenbrock_hessian(p[l]);
                // Terms are up to 100 (2 + 4)^2 = 3600 and cancel: that, not their sum, is rounded.
                constexpr Real size = 4096;
                EXPECT_NEAR(e.f[l], double(f), double(16 * epsilon<T> * (f + size)));
                // Truncation: third derivatives up to 2400 |a| = 4800, fourth 2400.
                const Real g_error =
                    exact ? 16 * epsilon<T> * size
                          : first * first * 800 + 8 * epsilon<T> * (f + size) / first;
                const Real h_error = exact ? 16 * epsilon<T> * size
                                           : second * second * 400 +
                                                 16 * epsilon<T> * (f + size) / (second * second);
                for (int j = 0, k = 0; j < n; ++j) {
                    EXPECT_NEAR(e.gradient[j * lanes + l], double(g[j]), double(g_error))
                        << to_string(by) << ", " << j;
                    for (int m = j; m < n; ++m, ++k)
                        EXPECT_NEAR(e.hessian[k * lanes + l], double(h[j * n + m]), double(h_error))
                            << to_string(by) << ", " << j << ", " << m;
                }
            }
        }
    }
}

TEST(Models, EveryBuiltinModelIsTested) {
    std::set<std::string> listed, tested;
    for (const FitCase& fit : fit_cases()) tested.insert(fit.name);
#define CUNEWTON_BUILTIN(Form, Model, header) \
    if (std::is_same_v<builtin::Form, builtin::Fit>) listed.insert(#Model);
#include "cunewton/builtin.inc"
#undef CUNEWTON_BUILTIN
    EXPECT_EQ(listed, tested);
}

TEST(Models, AnalyticDerivativesThatAreMissingAreRefused) {
    const FitCase& fit = fit_case("Sine");
    EXPECT_THROW(evaluate(*fit.model().parts().in<double>().cpu, BatchDerivatives::analytic,
                          std::vector<Vector>(8, Vector(4, 1.0L)), {1.0}, {1.0}, 1, true, {}, {}),
                 InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
