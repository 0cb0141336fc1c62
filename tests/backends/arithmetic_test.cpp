// Functors that are compiled for one arithmetic alone.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/fit.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

/// a exp(-k x)
template <class T>
struct Decay {
    using arithmetic = T;
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [amplitude, rate] = p;
        return amplitude * exp(-rate * x[0]);
    }
};

template <class T>
struct Problem {
    std::vector<T> x, y, start{T(1), T(1)};
    BatchData<T> data;
    Problem() {
        for (int i = 0; i < 8; ++i) {
            x.push_back(T(i) / 4);
            y.push_back(3 * std::exp(-2 * x.back()));
        }
        data.problems = 1;
        data.points = 8;
        data.coordinates = x;
        data.y = y;
        data.start = start;
    }
};

template <class T>
void expect_fitted(const BatchResult<T>& result) {
    ASSERT_EQ(result.status[0], Status::converged);
    EXPECT_NEAR(result.parameters[0], 3, 1e-5);
    EXPECT_NEAR(result.parameters[1], 2, 1e-5);
}

TEST(Arithmetic, AModelOfOneFitsDataOfThatType) {
    BatchOptions options;
    options.backend = BackendChoice::cpu;
    expect_fitted(fit_batch(make_fit_model(Decay<double>{}), Problem<double>().data, options));
    expect_fitted(fit_batch(make_fit_model(Decay<float>{}), Problem<float>().data, options));
}

TEST(Arithmetic, ThePrecisionDecidesAndNotTheTypeOfTheData) {
    BatchOptions options;
    options.backend = BackendChoice::cpu;
    const Problem<double> wide;
    const Problem<float> narrow;
    options.precision = BatchPrecision::single;
    const FitModel single = make_fit_model(Decay<float>{}), full = make_fit_model(Decay<double>{});
    const BatchResult<double> result = fit_batch(single, wide.data, options);
    expect_fitted(result);
    EXPECT_EQ(explain(single, wide.data, options, result, 0).status, Status::converged);
    options.precision = BatchPrecision::full;
    expect_fitted(fit_batch(full, narrow.data, options));
}

TEST(Arithmetic, TheOtherOneIsRefused) {
    const auto refusal = [](const FitModel& model, const auto& problem, BatchPrecision precision) {
        BatchOptions options;
        options.backend = BackendChoice::cpu;
        options.precision = precision;
        EXPECT_THROW(memory_needed(model, problem.data, options), InvalidArgument);
        return message_of<InvalidArgument>([&] { fit_batch(model, problem.data, options); });
    };
    const auto names = [](const std::string& message, const std::string& precision) {
        return message.find("no code for " + precision + " precision") != std::string::npos;
    };
    const FitModel single = make_fit_model(Decay<float>{}), full = make_fit_model(Decay<double>{});
    const Problem<double> wide;
    const Problem<float> narrow;
    EXPECT_TRUE(names(refusal(single, wide, BatchPrecision::as_data), "double"));
    EXPECT_TRUE(names(refusal(full, narrow, BatchPrecision::as_data), "single"));
    EXPECT_TRUE(names(refusal(single, narrow, BatchPrecision::full), "double"));
    EXPECT_TRUE(names(refusal(full, wide, BatchPrecision::single), "single"));
    EXPECT_TRUE(names(refusal(single, wide, BatchPrecision::twice), "double"));
    EXPECT_TRUE(names(refusal(full, wide, BatchPrecision::twice), "single"));
}

}  // namespace
}  // namespace cunewton::test
