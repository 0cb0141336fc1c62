// Learning rates and penalties on curvature where samples are spread over ranks: the same bits for
// any number of them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/shared_samples.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

class RatesOnRanksTest : public BackendTest {};

RateOptions rate_options(int threads) {
    RateOptions options;
    options.backend = tested_choice();
    options.threads = threads;
    return options;
}

/// What a problem's rates, penalties and steps by them are, in a row.
std::vector<double> numbers_of(const Problem<double>& problem, const std::vector<double>& start,
                               int threads) {
    const RateOptions options = rate_options(threads);
    const auto rates = learning_rates(problem, start, options);
    std::vector<double> numbers = rates.inverse_diagonal;
    numbers.insert(numbers.end(), {rates.largest.value, rates.smallest.value, rates.exact_along});
    for (const CurvaturePenaltyKind kind :
         {CurvaturePenaltyKind::trace, CurvaturePenaltyKind::largest_eigenvalue,
          CurvaturePenaltyKind::sharpness}) {
        const auto penalised = with_curvature_penalty(
            problem, {.kind = kind, .strength = 0.1, .probes = 2, .radius = 0.1});
        numbers.push_back(evaluate(penalised, start, options));
        numbers = joined<double>({numbers, gradient(penalised, start, options)});
    }
    Options how;
    how.backend = tested_choice();
    how.threads = threads;
    how.max_iterations = 2;
    how.method = Method::gradient_descent;
    for (const DescentStep step :
         {DescentStep::extreme_eigenvalues, DescentStep::inverse_diagonal}) {
        how.descent_step = step;
        numbers = joined<double>({numbers, minimize(problem, start, how).x});
    }
    how.method = Method::sgd;
    how.sampling.size = 400;
    how.sampling.rate_interval = 1;
    const auto penalised = with_curvature_penalty(problem, {.strength = 0.01, .probes = 1});
    return joined<double>({numbers, minimize(penalised, start, how).x});
}

TEST_F(RatesOnRanksTest, HaveTheSameBitsForAnyNumberOfThem) {
    for (const Kind kind : {Kind::softmax, Kind::softmax_net}) {
        const Shared<double> shared(kind, testing_cuda() ? 800 : 2500);
        const auto of_ranks = [&](int size) {
            return on_ranks<double>(size, [&](const Ranked& communicator) {
                return numbers_of(shared.part(communicator), shared.start(),
                                  1 + communicator->rank());
            });
        };
        const std::vector<double> one = of_ranks(1);
        for (const int size : tested_sizes({2, 3}))
            EXPECT_TRUE(equal_bits(of_ranks(size), one)) << size;
        // Sums in another order, as the problem of all samples has it.
        const auto all = learning_rates(shared.all(), shared.start(), rate_options(1));
        EXPECT_NEAR(one[all.inverse_diagonal.size()], all.largest.value, 1e-9 * all.largest.value);
    }
}

TEST_F(RatesOnRanksTest, PenaltiesThatDifferAreRefused) {
    const Shared<double> shared(Kind::softmax, 400);
    const std::vector<std::string> errors = run_ranks(2, [&](const Ranked& communicator) {
        const double strength = communicator->rank() == 0 ? 0.1 : 0.2;
        with_curvature_penalty(shared.part(communicator), {.strength = strength});
    });
    for (const std::string& error : errors)
        EXPECT_NE(error.find("strength"), std::string::npos) << error;
}

}  // namespace
}  // namespace cunewton::test
