// Misuse that is noticed when a problem is made.
#include "cunewton/problem.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/message_of.h"

namespace cunewton {
namespace {

using test::message_of;

struct Bowl {
    double target = 0;
    template <class X>
    auto operator()(const X& x) const {
        scalar_t<X> f(0.0);
        for (int j = 0; j < x.size(); ++j) f += (x[j] - target) * (x[j] - target);
        return f;
    }
};
/// Reads no target, and so does not say that it needs one.
struct WithoutTargets {
    int outputs() const { return 1; }
    template <class Z, class Y>
    auto operator()(const Z& z, const Y&) const {
        return z[0] * z[0];
    }
};
struct SampleWithTarget {
    static constexpr bool needs_targets = true;
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        return (x[0] - s.target()) * (x[0] - s.target());
    }
};

void expect_in(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(ProblemTest, LossesThatNeedTargetsSaySo) {
    const std::vector<double> features{1, 2, 3, 4};
    const Samples<double> samples{.features = features.data(), .count = 4, .dimension = 1};
    const auto rejects = [&](const auto& loss) {
        expect_in(message_of<InvalidArgument>([&] { make_linear_predictor(loss, samples); }),
                  "targets are missing");
    };
    rejects(LinearRegression{});
    rejects(Huber{});
    rejects(Logistic{});
    rejects(Poisson{});
    rejects(Softmax{3});
    EXPECT_THROW(make_sample_sum(SampleWithTarget{}, samples, 1), InvalidArgument);
    EXPECT_NO_THROW(make_linear_predictor(WithoutTargets{}, samples));
}

TEST(ProblemTest, NumbersThatAreNotFiniteAreNamedByRowAndColumn) {
    constexpr int rows = 7, columns = 3, ld = 5;
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()})
        for (int i = 0; i < rows; ++i) {
            for (int j = 0; j < columns; ++j) {
                // What lies between the rows is nobody's business.
                std::vector<double> features(rows * ld, std::nan("")), targets(rows, 1.0);
                for (int r = 0; r < rows; ++r)
                    for (int c = 0; c < columns; ++c) features[r * ld + c] = r - c;
                const Samples<double> samples{.features = features.data(),
                                              .count = rows,
                                              .dimension = columns,
                                              .ld = ld,
                                              .targets = targets.data()};
                EXPECT_NO_THROW(make_linear_predictor(LinearRegression{}, samples));
                features[i * ld + j] = bad;
                const std::string text = message_of<InvalidArgument>(
                    [&] { make_linear_predictor(LinearRegression{}, samples); });
                expect_in(text, "feature " + std::to_string(j) + " of sample " + std::to_string(i));
                expect_in(text, std::isnan(bad) ? "nan" : "inf");
            }
            std::vector<double> features(rows, 1.0), good(rows, 1.0), wrong(rows, 1.0);
            wrong[i] = bad;
            const auto rejects = [&](const double* targets, const double* weights,
                                     const char* what) {
                const Samples<double> samples{.features = features.data(),
                                              .count = rows,
                                              .dimension = 1,
                                              .targets = targets,
                                              .weights = weights};
                const std::string text = message_of<InvalidArgument>(
                    [&] { make_linear_predictor(LinearRegression{}, samples); });
                expect_in(text, what);
                expect_in(text, "sample " + std::to_string(i));
            };
            rejects(wrong.data(), nullptr, "targets");
            rejects(good.data(), wrong.data(), "weights");
        }
}

TEST(ProblemTest, NumbersOfParametersThatCannotBe) {
    for (const long n : {0L, -1L, -2147483648L, 2147483648L, 1L << 40}) {
        const auto rejects = [&](const auto& make) {
            expect_in(message_of<InvalidArgument>(make), std::to_string(n));
        };
        rejects([&] { make_objective<double>(Bowl{}, n); });
        rejects([&] {
            const std::vector<double> y{1};
            make_sample_sum<double>(SampleWithTarget{}, {.count = 1, .targets = y.data()}, n);
        });
        rejects([&] { make_black_box<double>([](const double*, int, int, double*) {}, n); });
    }
    EXPECT_EQ(make_objective<double>(Bowl{}, 2147483647L).dimension(), 2147483647);
}

TEST(ProblemTest, APointThatIsNotFiniteIsNamedByItsNumber) {
    const auto problem = make_objective<double>(Bowl{}, 3);
    const double nan = std::nan("");
    for (const auto& call : std::vector<std::function<void()>>{
             [&] {
                 evaluate(problem, {1.0, 2.0, nan});
             },
             [&] {
                 gradient(problem, {1.0, 2.0, nan});
             },
             [&] {
                 hessian(problem, {1.0, 2.0, nan});
             },
             [&] {
                 evaluate_batch(problem, {0.0, 1.0, nan, 1.0, 1.0, 1.0});
             }})
        expect_in(message_of<InvalidArgument>(call), "number 2 is nan");
}

TEST(ProblemTest, TheFunctorIsKept) {
    const auto problem = make_objective<double>(Bowl{3}, 2);
    EXPECT_EQ(
        detail::functor_as<Bowl>(std::get<SampleSum<double>>(problem.parts().form).code.functor)
            .target,
        3);
    const std::string text = message_of<InvalidArgument>([&] {
        detail::functor_as<SampleWithTarget>(
            std::get<SampleSum<double>>(problem.parts().form).code.functor);
    });
    expect_in(text, "SampleWithTarget");
    expect_in(text, "Bowl");
}

}  // namespace
}  // namespace cunewton
