// Samples, starts and minimisers wherever the caller has them: the order in memory changes no
// digit, and what is said of it is checked.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/on_device.h"
#include "tests/support/reals.h"

namespace cunewton::test {
namespace {

/// Sum of w (x'a + b - y)^2: any loss of samples.
struct Squares {
    static constexpr bool needs_targets = true;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        scalar_t<X> r = x[s.size()];
        for (int j = 0; j < s.size(); ++j) r += x[j] * s[j];
        r -= s.target();
        return r * r;
    }
};

template <class T>
class SamplesTest : public BackendTest {
  protected:
    static constexpr long count = 70;
    static constexpr int d = 5;
    // Row by row; feature by feature; every other number of a wider row.
    std::vector<T> rows, columns, wide, targets, weights;

    SamplesTest() {
        Random random(3);
        columns.resize(count * d);
        wide.assign(count * (2 * d + 3), std::numeric_limits<T>::quiet_NaN());
        for (long i = 0; i < count; ++i) {
            for (int j = 0; j < d; ++j) {
                const T value = static_cast<T>(random.near_normal());
                rows.push_back(value);
                columns[j * count + i] = value;
                wide[i * (2 * d + 3) + 2 * j] = value;
            }
            targets.push_back(random.uniform() < 0.5 ? T(0) : T(1));
            weights.push_back(static_cast<T>(0.5 + random.uniform()));
        }
    }
    Array<const T> as_rows() const { return Array<const T>(rows.data(), count, d); }
    Array<const T> as_columns() const {
        return Array<const T>(columns.data(), d, count).transposed();
    }
    Array<const T> as_wide() const {
        return Array<const T>(wide.data(), count, d).strided(2 * d + 3, 2);
    }
    static Problem<T> logistic(const Samples<T>& samples, bool intercept) {
        return make_linear_predictor<T>(Logistic{}, samples, {.l2 = 0.01, .intercept = intercept});
    }
    static EvaluationOptions evaluation() {
        EvaluationOptions options;
        options.backend = tested_choice();
        options.threads = 2;
        return options;
    }
    /// The same digits as from rows.
    static void expect_same(const Problem<T>& problem, const Problem<T>& from_rows) {
        const std::vector<T> x(problem.dimension(), T(0.1));
        EXPECT_EQ(evaluate(problem, x, evaluation()), evaluate(from_rows, x, evaluation()));
        EXPECT_EQ(gradient(problem, x, evaluation()), gradient(from_rows, x, evaluation()));
        EXPECT_EQ(hessian(problem, x, evaluation()), hessian(from_rows, x, evaluation()));
    }
};
TYPED_TEST_SUITE(SamplesTest, Reals, RealName);

TYPED_TEST(SamplesTest, StridesChangeNoDigit) {
    using T = TypeParam;
    const auto samples = [&](const Array<const T>& features) {
        return Samples<T>::of(features, this->targets, this->weights);
    };
    for (const Array<const T>& features : {this->as_columns(), this->as_wide()})
        for (const bool intercept : {false, true})
            this->expect_same(this->logistic(samples(features), intercept),
                              this->logistic(samples(this->as_rows()), intercept));
    if (testing_cuda()) return;  // this loss has no GPU code
    for (const Array<const T>& features : {this->as_columns(), this->as_wide()})
        this->expect_same(make_sample_sum<T>(Squares{}, samples(features), this->d + 1),
                          make_sample_sum<T>(Squares{}, samples(this->as_rows()), this->d + 1));
}

TYPED_TEST(SamplesTest, OfTheFieldsIsTheSame) {
    using T = TypeParam;
    const Samples<T> fields{.features = this->rows.data(),
                            .count = this->count,
                            .dimension = this->d,
                            .targets = this->targets.data(),
                            .weights = this->weights.data()};
    this->expect_same(
        this->logistic(Samples<T>::of(this->as_rows(), this->targets, this->weights), true),
        this->logistic(fields, true));
}

TYPED_TEST(SamplesTest, MayBeKeptByTheProblem) {
    using T = TypeParam;
    auto owner = std::make_shared<std::vector<T>>(this->rows);
    auto others = std::make_shared<std::vector<T>>(this->targets);
    const std::weak_ptr<std::vector<T>> watched = owner, watched_too = others;
    auto problem = std::make_unique<Problem<T>>(this->logistic(
        Samples<T>::of(Array<const T>(owner->data(), this->count, this->d).kept_by(owner),
                       Array<const T>(*others).kept_by(others)),
        false));
    owner.reset();
    others.reset();
    EXPECT_FALSE(watched.expired());
    EXPECT_FALSE(watched_too.expired());
    this->expect_same(*problem,
                      this->logistic(Samples<T>::of(this->as_rows(), this->targets), false));
    problem.reset();
    EXPECT_TRUE(watched.expired());
    EXPECT_TRUE(watched_too.expired());
}

TYPED_TEST(SamplesTest, StartsAndMinimisersInArrays) {
    using T = TypeParam;
    const Problem<T> problem = this->logistic(Samples<T>::of(this->as_rows(), this->targets), true);
    const int n = problem.dimension();
    Options options;
    options.backend = tested_choice();
    const std::vector<T> start(n, T(0.25));
    const Result<T> expected = minimize(problem, start, options);
    ASSERT_EQ(expected.status, Status::converged) << expected.message;
    // From every third number, into a column.
    std::vector<T> from(3 * n, std::numeric_limits<T>::quiet_NaN()), to(2 * n, T(-7));
    for (int j = 0; j < n; ++j) from[3 * j] = start[j];
    const Result<T> result = minimize(problem, Array<const T>(from.data(), 1, n).strided(0, 3),
                                      Array<T>(to.data(), n, 1).strided(2, 1), options);
    EXPECT_EQ(result.status, expected.status);
    EXPECT_TRUE(result.x.empty());
    for (int j = 0; j < n; ++j) {
        EXPECT_EQ(to[2 * j], expected.x[j]);
        EXPECT_EQ(to[2 * j + 1], T(-7));
    }
    // In place.
    std::vector<T> x = start;
    minimize(problem, x, x, options);
    EXPECT_EQ(x, expected.x);
    const std::vector<T> longer(n + 1);
    EXPECT_THROW(minimize(problem, longer, x, options), InvalidArgument);
    EXPECT_THROW(minimize(problem, x, Array<T>(x.data(), 2, n / 2), options), InvalidArgument);
    EXPECT_THROW(minimize(problem, x, Array<T>(x.data(), 1, n).strided(0, 0), options),
                 InvalidArgument);
}

TYPED_TEST(SamplesTest, WrongOnesAreNamed) {
    using T = TypeParam;
    const auto message = [&](const Array<const T>& features, const Array<const T>& y) {
        return message_of<InvalidArgument>(
            [&] { this->logistic(Samples<T>::of(features, y), false); });
    };
    const std::vector<T> few(this->count - 1);
    EXPECT_NE(message(this->as_rows(), few).find("targets have the wrong size"), std::string::npos);
    EXPECT_NE(
        message(this->as_rows(), Array<const T>(this->targets.data(), 1, this->count).strided(0, 2))
            .find("one after the other"),
        std::string::npos);
    EXPECT_NE(
        message(this->as_rows(), Array<const T>(this->targets).on_device()).find("other memory"),
        std::string::npos);
    // Said to be where it is not.
    EXPECT_NE(message(this->as_rows().on_device(), Array<const T>(this->targets).on_device())
                  .find("features"),
              std::string::npos);
    this->columns[2 * this->count + 9] = std::numeric_limits<T>::infinity();
    EXPECT_NE(message(this->as_columns(), this->targets).find("feature 2 of sample 9"),
              std::string::npos);
    Samples<T> backwards = Samples<T>::of(this->as_rows(), this->targets);
    backwards.feature_stride = 0;
    EXPECT_THROW(this->logistic(backwards, false), InvalidArgument);
    backwards.feature_stride = 1;
    backwards.ld = -this->d;
    EXPECT_THROW(this->logistic(backwards, false), InvalidArgument);
}

#if CUNEWTON_WITH_CUDA

/// Also where the CPU is under test: it fetches what is on a device.
template <class T>
class DeviceSamplesTest : public SamplesTest<T> {
  protected:
    void SetUp() override {
        SamplesTest<T>::SetUp();
        int devices = 0;
        if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
            static_cast<void>(cudaGetLastError());
            GTEST_SKIP() << "no device";
        }
    }
};
TYPED_TEST_SUITE(DeviceSamplesTest, Reals, RealName);

TYPED_TEST(DeviceSamplesTest, TheDigitsOfTheHosts) {
    using T = TypeParam;
    const OnDevice<T> rows_there(this->rows), columns_there(this->columns), wide_there(this->wide),
        targets_there(this->targets), weights_there(this->weights);
    const Array<const T> orders[] = {
        Array<const T>(rows_there.get(), this->count, this->d).on_device(),
        Array<const T>(columns_there.get(), this->d, this->count).transposed().on_device(),
        Array<const T>(wide_there.get(), this->count, this->d)
            .strided(2 * this->d + 3, 2)
            .on_device()};
    for (const Array<const T>& features : orders)
        for (const bool intercept : {false, true})
            for (const bool weighted : {false, true}) {
                const Samples<T> there =
                    Samples<T>::of(features, targets_there.array(),
                                   weighted ? weights_there.array() : Array<const T>());
                const Samples<T> here =
                    Samples<T>::of(this->as_rows(), this->targets,
                                   weighted ? Array<const T>(this->weights) : Array<const T>());
                this->expect_same(this->logistic(there, intercept),
                                  this->logistic(here, intercept));
            }
}

// Windows of a signal: samples and features overlap, so features are no columns of a matrix.
TYPED_TEST(DeviceSamplesTest, OverlappingSamplesAreCopiedApart) {
    using T = TypeParam;
    const Array<const T> here =
        Array<const T>(this->rows.data(), this->count, this->d).strided(1, 2);
    const OnDevice<T> signal(this->rows), targets_there(this->targets);
    const Array<const T> there =
        Array<const T>(signal.get(), this->count, this->d).strided(1, 2).on_device();
    this->expect_same(this->logistic(Samples<T>::of(there, targets_there.array()), false),
                      this->logistic(Samples<T>::of(here, this->targets), false));
}

TYPED_TEST(DeviceSamplesTest, AMinimisationFromTheDeviceToTheDevice) {
    using T = TypeParam;
    const OnDevice<T> rows_there(this->rows), targets_there(this->targets);
    const Problem<T> problem = this->logistic(
        Samples<T>::of(rows_there.array(this->count, this->d), targets_there.array()), true);
    const int n = problem.dimension();
    const OnDevice<T> start(std::vector<T>(n, T(0.25))), found(n);
    Options options;
    options.backend = tested_choice();
    const Result<T> expected = minimize(problem, std::vector<T>(n, T(0.25)), options);
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    for (cudaStream_t on : {cudaStream_t{}, stream})
        for (const int device : {-1, 0}) {
            found.forget();
            options.stream = on;
            options.device = device;
            const Result<T> result = minimize(problem, start.array(), found.array(), options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_EQ(found.fetch(), expected.x);
        }
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    options.stream = nullptr;
    options.device = 99;
    EXPECT_THROW(minimize(problem, start.array(), found.array(), options), InvalidArgument);
    EXPECT_THROW(evaluate(problem, std::vector<T>(n),
                          [] {
                              EvaluationOptions other;
                              other.device = 99;
                              return other;
                          }()),
                 InvalidArgument);
}

TYPED_TEST(DeviceSamplesTest, WrongNumbersAreNamedWhereTheyAre) {
    using T = TypeParam;
    const auto message = [&] {
        const OnDevice<T> columns_there(this->columns), targets_there(this->targets),
            weights_there(this->weights);
        return message_of<InvalidArgument>([&] {
            this->logistic(Samples<T>::of(Array<const T>(columns_there.get(), this->d, this->count)
                                              .transposed()
                                              .on_device(),
                                          targets_there.array(), weights_there.array()),
                           false);
        });
    };
    T& feature = this->columns[3 * this->count + 41];
    const T good = feature;
    feature = std::numeric_limits<T>::quiet_NaN();
    EXPECT_NE(message().find("feature 3 of sample 41"), std::string::npos);
    feature = good;
    this->weights[17] = T(-1);
    EXPECT_NE(message().find("weight 17"), std::string::npos);
    this->weights[17] = T(1);
    this->targets[69] = T(0.5);  // no class
    EXPECT_NE(message().find("target of sample 69"), std::string::npos);
    this->targets[69] = std::numeric_limits<T>::infinity();
    EXPECT_NE(message().find("sample 69"), std::string::npos);
    this->targets[69] = T(0);
    std::fill(this->weights.begin(), this->weights.end(), T(0));
    EXPECT_NE(message().find("all weights are zero"), std::string::npos);
    // A device pointer that is said to be the host's.
    const OnDevice<T> rows_there(this->rows);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  this->logistic(
                      Samples<T>::of(Array<const T>(rows_there.get(), this->count, this->d),
                                     this->targets),
                      false);
              }).find("features"),
              std::string::npos);
}

#endif

}  // namespace
}  // namespace cunewton::test
