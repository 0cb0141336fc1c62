// Offsets of linear predictors: what they are equal to, wherever samples are taken along, and who
// refuses them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/losses/table.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/on_device.h"
#include "tests/support/thread_ranks.h"

namespace cunewton::test {
namespace {

template <class T>
class OffsetsTest : public BackendTest {
  protected:
    static EvaluationOptions evaluation() {
        EvaluationOptions options;
        options.backend = tested_choice();
        return options;
    }
    static Options options() {
        Options options;
        options.backend = tested_choice();
        return options;
    }
    static void expect_same(const std::vector<T>& a, const std::vector<T>& b, double units = 64) {
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t j = 0; j < a.size(); ++j)
            EXPECT_NEAR(a[j], b[j],
                        units * std::numeric_limits<T>::epsilon() *
                            (1 + std::abs(static_cast<double>(b[j]))))
                << j;
    }
    /// Values and all derivatives.
    static void expect_same_problems(const Problem<T>& a, const Problem<T>& b,
                                     const std::vector<T>& x, const std::vector<T>& y) {
        expect_same({evaluate(a, x, evaluation())}, {evaluate(b, y, evaluation())});
        expect_same(gradient(a, x, evaluation()), gradient(b, y, evaluation()));
        expect_same(hessian(a, x, evaluation()), hessian(b, y, evaluation()));
        expect_same(hessian_diagonal(a, x, evaluation()), hessian_diagonal(b, y, evaluation()));
        const std::vector<T> v(x.size(), T(0.5));
        expect_same(hessian_product(a, x, v, evaluation()), hessian_product(b, y, v, evaluation()));
    }
};
using BothPrecisions = ::testing::Types<double, float>;
TYPED_TEST_SUITE(OffsetsTest, BothPrecisions);

TYPED_TEST(OffsetsTest, OfOneNumberMoveTheIntercept) {
    using T = TypeParam;
    table::Table<T> data(table::counts);
    data.added.assign(table::rows, T(0.25));
    const ProblemOptions intercept{.intercept = true};
    this->expect_same_problems(make_linear_predictor<T>(Poisson{}, data.with_offsets(), intercept),
                               make_linear_predictor<T>(Poisson{}, data.samples(), intercept),
                               {T(0.5), T(-0.25), T(0.5)}, {T(0.5), T(-0.25), T(0.75)});
}
TYPED_TEST(OffsetsTest, OfLinearRegressionMoveTheTargets) {
    using T = TypeParam;
    table::Table<T> data(table::counts), moved = data;
    for (std::size_t i = 0; i < moved.y.size(); ++i) moved.y[i] -= moved.added[i];
    this->expect_same_problems(make_linear_predictor<T>(LinearRegression{}, data.with_offsets()),
                               make_linear_predictor<T>(LinearRegression{}, moved.samples()),
                               {T(0.5), T(-0.25)}, {T(0.5), T(-0.25)});
}
TYPED_TEST(OffsetsTest, OfSeveralPredictorsAreThoseOfAFeatureWithCoefficientsOfOne) {
    using T = TypeParam;
    table::Table<T> data(table::ordered), wider = data;
    std::vector<T> offsets;
    wider.x.clear();
    for (std::size_t i = 0; i < data.y.size(); ++i) {
        for (int k = 0; k < 4; ++k) offsets.push_back(T(k) * data.added[i]);
        wider.x.insert(wider.x.end(), {data.x[2 * i], data.x[2 * i + 1], data.added[i]});
    }
    const Samples<T> with =
        data.samples().with_offsets(Array<const T>(offsets.data(), table::rows, 4));
    Samples<T> features = wider.samples();
    features.features = wider.x.data();
    features.dimension = 3;
    features.ld = 3;
    const std::vector<T> x{T(.5), T(-.25), T(0), T(1), T(-.5), T(.75), T(.125), T(.5)};
    std::vector<T> y;
    for (int k = 0; k < 4; ++k) {
        const std::size_t at = static_cast<std::size_t>(2 * k);
        y.insert(y.end(), {x[at], x[at + 1], T(k)});
    }
    const Problem<T> a = make_linear_predictor<T>(Softmax{4}, with),
                     b = make_linear_predictor<T>(Softmax{4}, features);
    this->expect_same({evaluate(a, x, this->evaluation())}, {evaluate(b, y, this->evaluation())});
    const std::vector<T> ga = gradient(a, x, this->evaluation()),
                         gb = gradient(b, y, this->evaluation());
    for (std::size_t k = 0; k < 4; ++k)
        this->expect_same({ga[2 * k], ga[2 * k + 1]}, {gb[3 * k], gb[3 * k + 1]});
    const std::vector<T> ha = hessian(a, x, this->evaluation()),
                         hb = hessian(b, y, this->evaluation());
    for (std::size_t r = 0; r < 8; ++r)
        for (std::size_t c = 0; c < 8; ++c)
            this->expect_same({ha[8 * c + r]}, {hb[12 * (c / 2 * 3 + c % 2) + r / 2 * 3 + r % 2]});
}
TYPED_TEST(OffsetsTest, OfTwiceTheExposureHalveTheRate) {
    using T = TypeParam;
    table::Table<T> data(table::counts), twice = data;
    for (T& added : twice.added) added += std::log(T(2));
    const ProblemOptions intercept{.intercept = true};
    const auto rate = [&](const table::Table<T>& of) {
        return minimize(make_linear_predictor<T>(Poisson{}, of.with_offsets(), intercept),
                        std::vector<T>(3), this->options())
            .x[2];
    };
    EXPECT_NEAR(rate(data) - rate(twice), std::log(2.0), sizeof(T) == 8 ? 1e-9 : 1e-3);
}

/// As many samples as several blocks have.
template <class T>
struct ManySamples {
    long count = 1500;
    std::vector<T> x, y, added;
    ManySamples() {
        for (long i = 0; i < count; ++i) {
            const double u = static_cast<double>(i);
            x.push_back(static_cast<T>(std::sin(1.3 * u)));
            x.push_back(static_cast<T>(std::cos(0.7 * u)));
            y.push_back(static_cast<T>(i % 5 == 0 || i % 7 == 1));
            added.push_back(static_cast<T>(std::sin(0.01 * u)));
        }
    }
    Samples<T> samples(long begin, long end) const {
        Samples<T> samples;
        samples.features = x.data() + 2 * begin;
        samples.count = end - begin;
        samples.dimension = 2;
        samples.targets = y.data() + begin;
        samples.offsets = added.data() + begin;
        return samples;
    }
};

TYPED_TEST(OffsetsTest, AreSelectedAlongWithSamples) {
    using T = TypeParam;
    // The means of two halves are that of all: a method that draws samples finds the minimum.
    const ManySamples<T> data;
    const Problem<T> problem = make_linear_predictor<T>(Logistic{}, data.samples(0, data.count),
                                                        {.l2 = 0.01, .intercept = true});
    const Result<T> all = minimize(problem, std::vector<T>(3), this->options());
    Options drawn = this->options();
    drawn.method = Method::subsampled_newton;
    const Result<T> some = minimize(problem, std::vector<T>(3), drawn);
    for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(some.x[j], all.x[j], 2e-2);
}
TYPED_TEST(OffsetsTest, AreSharedByRanks) {
    using T = TypeParam;
    const ManySamples<T> data;
    const std::vector<T> x{T(0.5), T(-0.25)};
    const Problem<T> whole = make_linear_predictor<T>(Logistic{}, data.samples(0, data.count));
    const T f = evaluate(whole, x, this->evaluation());
    const std::vector<T> g = gradient(whole, x, this->evaluation());
    const std::vector<std::string> errors =
        run_ranks(2, [&](const std::shared_ptr<Communicator>& communicator) {
            const RankPart part_of = rank_part(data.count, *communicator);
            const Samples<T> own = data.samples(part_of.begin, part_of.begin + part_of.count);
            const Problem<T> part =
                make_linear_predictor<T>(Logistic{}, own, {.communicator = communicator});
            this->expect_same({evaluate(part, x, this->evaluation())}, {f});
            this->expect_same(gradient(part, x, this->evaluation()), g);
        });
    for (const std::string& error : errors) EXPECT_EQ(error, "");
}
TYPED_TEST(OffsetsTest, AreTakenAlongByFolds) {
    using T = TypeParam;
    // Targets are the offsets: only with them is what is left out predicted.
    ManySamples<T> data;
    data.y = data.added;
    const Problem<T> problem = make_linear_predictor<T>(
        LinearRegression{}, data.samples(0, data.count), {.l2 = 1e-3, .intercept = true});
    CompareOptions options;
    options.folds = 3;
    options.minimize = this->options();
    options.evidence = false;
    const std::vector<ModelScore> scores =
        compare<T>({{.name = "offsets", .problem = problem, .x = std::vector<T>(3)}}, options);
    ASSERT_EQ(scores.size(), 1u);
    EXPECT_NEAR(scores[0].held_out_loss, 0, 1e-6);
}

TYPED_TEST(OffsetsTest, ThatAreWrongAreRefused) {
    using T = TypeParam;
    table::Table<T> data(table::counts);
    const auto message = [](const auto& make) { return message_of<InvalidArgument>(make); };
    EXPECT_NE(message([&] {
                  data.samples().with_offsets(Array<const T>(data.added.data(), 1, 7));
              }).find("offsets have the wrong size (7 for 30"),
              std::string::npos);
    EXPECT_NE(message([&] {
                  make_linear_predictor<T>(Softmax{14}, data.with_offsets());
              }).find("wrong number of offsets (1 each, for 14 predictors)"),
              std::string::npos);
    EXPECT_NE(message([&] {
                  make_negative_binomial<T>(data.with_offsets());
              }).find("samples have offsets"),
              std::string::npos);
    Perceptron network;
    network.widths = {2, 14};
    EXPECT_NE(message([&] {
                  make_perceptron<T>(network, data.with_offsets());
              }).find("samples have offsets"),
              std::string::npos);
    data.added[4] = std::numeric_limits<T>::quiet_NaN();
    EXPECT_NE(message([&] {
                  make_linear_predictor<T>(Poisson{}, data.with_offsets());
              }).find("offsets are not finite (that of sample 4"),
              std::string::npos);
}

#if CUNEWTON_WITH_CUDA
TYPED_TEST(OffsetsTest, AreReadOnTheDevice) {
    using T = TypeParam;
    if (!testing_cuda()) GTEST_SKIP() << "for CUDA";
    table::Table<T> data(table::counts);
    const OnDevice<T> x(data.x), y(data.y), added(data.added);
    const Samples<T> there =
        Samples<T>::of(x.array(table::rows, table::columns), y.array()).with_offsets(added.array());
    const Problem<T> a = make_linear_predictor<T>(Poisson{}, there),
                     b = make_linear_predictor<T>(Poisson{}, data.with_offsets());
    this->expect_same_problems(a, b, {T(0.5), T(-0.25)}, {T(0.5), T(-0.25)});
    EvaluationOptions cpu;
    cpu.backend = BackendChoice::cpu;
    this->expect_same({evaluate(a, {T(0.5), T(-0.25)}, cpu)},
                      {evaluate(b, {T(0.5), T(-0.25)}, cpu)});
    data.added[4] = std::numeric_limits<T>::infinity();
    added.set(data.added);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  make_linear_predictor<T>(Poisson{}, there);
              }).find("offsets are not finite (that of sample 4"),
              std::string::npos);
}
#endif

}  // namespace
}  // namespace cunewton::test
