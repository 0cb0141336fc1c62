// Samples of several kinds of problems, spread over ranks that are threads, and what ranks return.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/device_code.h"
#include "tests/support/thread_ranks.h"

namespace cunewton::test {

using Ranked = std::shared_ptr<Communicator>;

enum class Kind {
    softmax,
    regression,
    formulas,
    gradient_formula,
    values,
    softmax_net,
    squared_net
};
inline constexpr Kind all_kinds[] = {Kind::softmax,          Kind::regression, Kind::formulas,
                                     Kind::gradient_formula, Kind::values,     Kind::softmax_net,
                                     Kind::squared_net};

/// All samples, and the problem of some of them.
template <class T>
class Shared {
  public:
    explicit Shared(Kind kind, int samples = 2500, bool weights = true) : kind_(kind) {
        const int classes = kind == Kind::softmax || kind == Kind::softmax_net ? 3 : 2;
        const bool counts = kind == Kind::regression || kind == Kind::squared_net;
        const DatasetOptions options{.intercept = true, .weights = weights};
        const Dataset set = counts ? make_regression(samples, d, 7, options)
                                   : make_multiclass(samples, d, classes, 7, options);
        features_.assign(set.X.begin(), set.X.end());
        targets_.assign(set.y.begin(), set.y.end());
        weights_.assign(set.w.begin(), set.w.end());
    }
    Shared(const Shared&) = delete;

    long count() const { return static_cast<long>(targets_.size()); }
    Samples<T> samples(const RankPart& part) const {
        return {features_.data() + part.begin * d,
                part.count,
                d,
                0,
                targets_.data() + part.begin,
                weights_.empty() ? nullptr : weights_.data() + part.begin};
    }
    Problem<T> problem(const Samples<T>& samples, ProblemOptions options) const {
        options.l2 = 0.01;
        switch (kind_) {
            case Kind::softmax:
            case Kind::regression:
                options.intercept = true;
                if (kind_ == Kind::softmax)
                    return make_linear_predictor<T>(Softmax{3}, samples, options);
                return make_linear_predictor<T>(LinearRegression{}, samples, options);
            case Kind::formulas:
                return sum_of(BlackBoxLogistic<2>{}, samples, options);
            case Kind::gradient_formula:
                return sum_of(BlackBoxLogistic<1>{}, samples, options);
            case Kind::values:
                return sum_of(BlackBoxLogistic<0>{}, samples, options);
            case Kind::softmax_net:
            case Kind::squared_net:
                return make_perceptron<T>(network(), samples, options);
        }
        throw std::logic_error("no such kind");
    }
    Problem<T> all(ProblemOptions options = {}) const {
        return problem(samples({0, count()}), options);
    }
    Problem<T> part(const Ranked& communicator, ProblemOptions options = {}) const {
        options.communicator = communicator;
        return problem(samples(rank_part(count(), *communicator)), options);
    }
    std::vector<T> start() const {
        if (kind_ == Kind::softmax_net || kind_ == Kind::squared_net)
            return random_start<T>(network(), 3);
        return std::vector<T>(
            static_cast<std::size_t>(kind_ == Kind::softmax ? 3 * (d + 1) : d + 1), T(0.125));
    }

  private:
    static constexpr int d = 5;
    template <class Loss>
    static Problem<T> sum_of(const Loss& loss, const Samples<T>& samples,
                             const ProblemOptions& options) {
        return sample_sum<T>(loss, samples, d + 1, options);
    }
    Perceptron network() const {
        const bool squared = kind_ == Kind::squared_net;
        return {.widths = {d, 6, squared ? 1 : 3},
                .activation = Activation::tanh,
                .loss = squared ? PerceptronLoss::squared_error
                                : PerceptronLoss::softmax_cross_entropy};
    }

    Kind kind_;
    std::vector<T> features_, targets_, weights_;
};

template <class T>
std::vector<T> joined(std::initializer_list<std::vector<T>> parts) {
    std::vector<T> all;
    for (const std::vector<T>& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}
/// Of NaN too.
template <class T>
bool equal_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// What every rank returns; fails unless all return the same.
template <class T, class Job>
std::vector<T> on_ranks(int size, const Job& job, bool device_memory = false) {
    std::vector<std::vector<T>> results(static_cast<std::size_t>(size));
    const std::vector<std::string> errors = run_ranks(
        size,
        [&](const Ranked& communicator) {
            results[static_cast<std::size_t>(communicator->rank())] = job(communicator);
        },
        device_memory);
    for (int r = 0; r < size; ++r) {
        EXPECT_EQ(errors[static_cast<std::size_t>(r)], "") << "rank " << r;
        EXPECT_TRUE(equal_bits(results[static_cast<std::size_t>(r)], results[0])) << "rank " << r;
    }
    return results[0];
}

template <class T>
void expect_near_all(const std::vector<T>& got, const std::vector<T>& expected, double tolerance) {
    ASSERT_EQ(got.size(), expected.size());
    double scale = 0;
    for (const T value : expected) scale = std::max<double>(scale, std::abs(value));
    for (std::size_t j = 0; j < got.size(); ++j)
        EXPECT_NEAR(got[j], expected[j], tolerance * scale) << "number " << j;
}

/// Numbers of ranks; on a device the odd one alone.
inline std::vector<int> tested_sizes(std::vector<int> sizes) {
    if (testing_cuda()) sizes = {3};
    return sizes;
}

}  // namespace cunewton::test
