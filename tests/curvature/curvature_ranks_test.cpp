// What the Hessian says where samples are spread over ranks: the same bits for any number of them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/curvature/known_spectrum.h"
#include "tests/support/reals.h"
#include "tests/support/shared_samples.h"

namespace cunewton::test {
namespace {

template <class T>
class CurvatureRanksTest : public BackendTest {};
TYPED_TEST_SUITE(CurvatureRanksTest, Reals, RealName);

TYPED_TEST(CurvatureRanksTest, GiveTheSameBitsHoweverMany) {
    using T = TypeParam;
    for (const Kind kind : {Kind::softmax, Kind::softmax_net, Kind::formulas}) {
        SCOPED_TRACE(static_cast<int>(kind));
        const Shared<T> shared(kind, testing_cuda() ? 200 : 1500);
        const std::vector<T> x = shared.start();
        const std::size_t n = x.size();
        const auto of_ranks = [&](int size) {
            return on_ranks<T>(size, [&](const Ranked& communicator) {
                const Problem<T> problem = shared.part(communicator);
                const auto at = there<EvaluationOptions>();
                auto probes = there<ProbeOptions>();
                probes.products = 9;
                auto ends = there<EigenvalueOptions>();
                ends.max_products = 12;
                auto search = there<ConvexityOptions>();
                search.triples = 20;
                search.curvatures = 1;
                search.max_products = 5;
                const Region<T> region = Region<T>::ball(x, 2);
                const ConvexityCheck<T> check = check_convexity(problem, region, search);
                const Eigenvalues<T> found = extreme_eigenvalues(problem, x, ends);
                const PointClass point = classify_point(problem, x, there<PointOptions>());
                return joined<T>({hessian_product(problem, x, std::vector<T>(2 * n, T(1)), at),
                                  hessian_diagonal(problem, x, at),
                                  estimate_diagonal(problem, x, probes).diagonal,
                                  {static_cast<T>(found.largest.values[0]),
                                   static_cast<T>(found.smallest.values[0]),
                                   static_cast<T>(check.counter_example), static_cast<T>(check.gap),
                                   static_cast<T>(point.distance), static_cast<T>(point.positive)},
                                  spectrum(problem, x, there<SpectrumOptions>()).eigenvalues});
            });
        };
        const std::vector<T> of_one = of_ranks(1);
        for (const int size : tested_sizes({2, 3}))
            EXPECT_TRUE(equal_bits(of_ranks(size), of_one)) << size;
    }
}

TYPED_TEST(CurvatureRanksTest, HearOfArgumentsThatDiffer) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax, 200);
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
