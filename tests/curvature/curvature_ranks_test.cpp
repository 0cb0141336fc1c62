// What the Hessian says where samples are spread over ranks: the same bits for any number of them.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/curvature/known_spectrum.h"
#include "tests/support/reals.h"
#include "tests/support/thread_ranks.h"

namespace cunewton::test {
namespace {

using Ranked = std::shared_ptr<Communicator>;

/// Softmax regression on samples of which each rank has its part, or a network on the same ones.
template <class T>
class Shared {
  public:
    Shared(bool network, int samples) : network_(network) {
        const Dataset set = make_multiclass(samples, d, 3, 7);
        features_.assign(set.X.begin(), set.X.end());
        targets_.assign(set.y.begin(), set.y.end());
    }
    Problem<T> part(const Ranked& communicator) const {
        const RankPart part = rank_part(static_cast<long>(targets_.size()), *communicator);
        const Samples<T> samples{features_.data() + part.begin * d, part.count, d, 0,
                                 targets_.data() + part.begin,      nullptr};
        const ProblemOptions options{.l2 = 0.01, .communicator = communicator};
        return network_ ? make_perceptron<T>(perceptron(), samples, options)
                        : make_linear_predictor<T>(Softmax{3}, samples, options);
    }
    std::vector<T> start() const {
        return network_ ? random_start<T>(perceptron(), 3) : std::vector<T>(3 * d, T(0.125));
    }

  private:
    static constexpr int d = 5;
    static Perceptron perceptron() { return {.widths = {d, 6, 3}}; }
    const bool network_;
    std::vector<T> features_, targets_;
};

template <class T>
class CurvatureRanksTest : public BackendTest {};
TYPED_TEST_SUITE(CurvatureRanksTest, Reals, RealName);

TYPED_TEST(CurvatureRanksTest, GiveTheSameBitsHoweverMany) {
    using T = TypeParam;
    for (const bool network : {false, true}) {
        if (testing_cuda() && network != (sizeof(T) == 8)) continue;  // each on one of them
        const Shared<T> shared(network, testing_cuda() ? 200 : 1000);
        const std::vector<T> x = shared.start();
        const std::size_t n = x.size();
        // All numbers that each rank gets.
        const auto of_ranks = [&](int size) {
            std::vector<std::vector<double>> got(static_cast<std::size_t>(size));
            const std::vector<std::string> errors =
                run_ranks(size, [&](const Ranked& communicator) {
                    const Problem<T> problem = shared.part(communicator);
                    std::vector<double>& mine = got[static_cast<std::size_t>(communicator->rank())];
                    const auto keep = [&](const std::vector<T>& numbers) {
                        mine.insert(mine.end(), numbers.begin(), numbers.end());
                    };
                    const auto at = there<EvaluationOptions>();
                    auto probes = there<ProbeOptions>();
                    probes.products = 9;
                    auto ends = there<EigenvalueOptions>();
                    ends.max_products = 12;
                    auto search = there<ConvexityOptions>();
                    search.triples = 20;
                    search.curvatures = 1;
                    search.max_products = 5;
                    keep(hessian_product(problem, x, std::vector<T>(2 * n, T(1)), at));
                    keep(hessian_diagonal(problem, x, at));
                    keep(estimate_diagonal(problem, x, probes).diagonal);
                    keep(spectrum(problem, x, there<SpectrumOptions>()).eigenvalues);
                    const ConvexityCheck<T> check =
                        check_convexity(problem, Region<T>::ball(x, 2), search);
                    const Eigenvalues<T> found = extreme_eigenvalues(problem, x, ends);
                    const PointClass point = classify_point(problem, x, there<PointOptions>());
                    for (const double number :
                         {found.largest.values[0], found.smallest.values[0], check.gap,
                          check.least_curvature, point.distance, point.smallest})
                        mine.push_back(number);
                });
            for (const std::string& error : errors) EXPECT_EQ(error, "");
            for (const std::vector<double>& of_rank : got) EXPECT_EQ(of_rank, got[0]);
            return got[0];
        };
        const std::vector<double> of_one = of_ranks(1);
        EXPECT_FALSE(of_one.empty());
        for (const int size : testing_cuda() ? std::vector<int>{3} : std::vector<int>{2, 3})
            EXPECT_EQ(of_ranks(size), of_one) << size;
    }
}

TYPED_TEST(CurvatureRanksTest, HearOfArgumentsThatDiffer) {
    using T = TypeParam;
    const Shared<T> shared(false, 200);
    const std::vector<T> x = shared.start();
    const auto errors = [&](const auto& call) {
        return run_ranks(2, [&](const Ranked& communicator) {
            call(shared.part(communicator), communicator->rank());
        });
    };
    for (const std::string& error : errors([&](const Problem<T>&problem, int rank) {
             auto options = there<ProbeOptions>();
             options.seed += static_cast<std::uint64_t>(rank);
             estimate_trace(problem, x, options);
         }))
        EXPECT_NE(error.find("seed"), std::string::npos) << error;
    // One of them refuses: both end.
    for (const std::string& error : errors([&](const Problem<T>&problem, int rank) {
             auto options = there<EigenvalueOptions>();
             options.tolerance = rank == 0 ? 1e-6 : -1;
             extreme_eigenvalues(problem, x, options);
         }))
        EXPECT_FALSE(error.empty());
    for (const std::string& error : errors([&](const Problem<T>&problem, int rank) {
             check_convexity(problem, Region<T>::ball(x, rank == 0 ? 1 : 0),
                             there<ConvexityOptions>());
         }))
        EXPECT_FALSE(error.empty());
}

}  // namespace
}  // namespace cunewton::test
