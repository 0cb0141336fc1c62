// Fits by automatic differentiation of models whose functions are at an edge of their domain, or
// rare.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cunewton/fit.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/function_models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using Real = long double;

template <class T>
class FunctionFitsTest : public BackendTest {
  protected:
    /// `problems` curves without noise, each with truths of its own, from starts up to 30 % off.
    template <class Functor, class Curve>
    static void expect_recovered(const Functor& functor, const Curve& curve,
                                 const std::vector<double>& truth,
                                 const std::vector<T>& coordinates, double tolerance) {
        constexpr long problems = 37;  // more than a block of lanes, and not a multiple of one
        constexpr int n = Functor::parameters;
        const int points = static_cast<int>(coordinates.size()) / Functor::coordinates;
        Random random(7);
        std::vector<double> truths;
        std::vector<T> start, y;
        for (long i = 0; i < problems; ++i) {
            std::vector<Real> p;
            for (int j = 0; j < n; ++j) {
                truths.push_back(truth[j] * (0.9 + 0.2 * random.uniform()));
                start.push_back(static_cast<T>(truths.back() * (0.75 + 0.5 * random.uniform())));
                p.push_back(truths.back());
            }
            for (int k = 0; k < points; ++k)
                y.push_back(static_cast<T>(curve(p, &coordinates[k * Functor::coordinates])));
        }
        BatchData<T> data;
        data.problems = problems;
        data.points = points;
        data.coordinates = coordinates;
        data.y = y;
        data.start = start;
        for (const BatchDerivatives by :
             {BatchDerivatives::autodiff, BatchDerivatives::differences}) {
            BatchOptions options;
            options.backend = tested_choice();
            options.derivatives = by;
            const BatchResult<T> result = fit_batch(function_model(functor), data, options);
            for (long i = 0; i < problems; ++i) {
                if (by == BatchDerivatives::autodiff) {
                    EXPECT_EQ(result.status[i], Status::converged) << i;
                }
                for (int j = 0; j < n; ++j)
                    EXPECT_NEAR(result.parameters[i * n + j], truths[i * n + j],
                                tolerance * std::abs(truths[i * n + j]))
                        << "problem " << i << ", parameter " << j;
            }
        }
    }
};
TYPED_TEST_SUITE(FunctionFitsTest, Reals, RealName);

TYPED_TEST(FunctionFitsTest, AStretchedExponentialFromTimeZero) {
    using T = TypeParam;
    std::vector<T> t;
    for (int k = 0; k < 40; ++k) t.push_back(static_cast<T>(k) / 8);
    const auto curve = [](const std::vector<Real>& p, const T* x) {
        return p[0] * std::exp(-std::pow(*x / p[1], p[2])) + p[3];
    };
    // Below and above 1, where the slope at t = 0 is infinite, and where it is not. The data's
    // rounding is half a unit; amplitude and background are coupled, which costs two digits.
    for (const double beta : {0.6, 1.5})
        TestFixture::expect_recovered(StretchedExponential{}, curve, {10, 1.25, beta, 2}, t,
                                      1e3 * epsilon<T>);
}

TYPED_TEST(FunctionFitsTest, APeakIntegratedOverPixels) {
    using T = TypeParam;
    std::vector<T> x;
    for (int k = 0; k < 25; ++k) x.push_back(static_cast<T>(k));
    const auto curve = [](const std::vector<Real>& p, const T* at) {
        return p[0] *
                   (std::erf((*at + 0.5L - p[1]) / p[2]) - std::erf((*at - 0.5L - p[1]) / p[2])) /
                   2 +
               p[3];
    };
    TestFixture::expect_recovered(PixelPeak{}, curve, {300, 12, 4, 20}, x, 1e3 * epsilon<T>);
}

}  // namespace
}  // namespace cunewton::test
