// Evaluators that know nothing of ranks, one for each chunk: what they give together is what an
// evaluator gives that does.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/chunk_evaluator.h"
#include "host/backend/sample_order.h"
#include "host/cpu/dense_matrices.h"
#include "host/cpu/perceptron_evaluator.h"
#include "host/cpu/predictor_evaluator.h"
#include "host/cpu/sample_evaluator.h"
#include "tests/support/datasets.h"
#include "tests/support/thread_ranks.h"
#include "tests/support/user_losses.h"

namespace cunewton::test {
namespace {

template <class Form>
struct EvaluatorOf;
template <>
struct EvaluatorOf<SampleSum<double>> : std::type_identity<cpu::SampleEvaluator<double>> {};
template <>
struct EvaluatorOf<LinearPredictor<double>> : std::type_identity<cpu::PredictorEvaluator<double>> {
};
template <>
struct EvaluatorOf<PerceptronSum<double>> : std::type_identity<cpu::PerceptronEvaluator<double>> {};

/// Everything that an evaluator gives at a point.
struct Answers {
    std::vector<double> f, values, g, H, Hv, blocks, factors;
};

Answers answers(Evaluator<double>& evaluator, cpu::CpuVectors<double>& vectors, int n) {
    const std::size_t size = static_cast<std::size_t>(n);
    std::vector<double> x(2 * size), v(2 * size);
    for (std::size_t j = 0; j < x.size(); ++j) {
        x[j] = 0.1 * static_cast<double>(j % 7) - 0.2;
        v[j] = 1.0 / (1.0 + static_cast<double>(j));
    }
    Answers a;
    a.g.resize(2 * size);
    a.H.assign(size * size, 0.0);
    a.Hv.resize(3 * size);
    a.values.resize(2);
    const Number f = vectors.number(), again = vectors.number();
    evaluator.value_and_gradient(x.data(), a.g.data(), f);
    evaluator.value(x.data(), again);
    a.f = {vectors.read(f), vectors.read(again)};
    evaluator.values(x.data(), 2, a.values.data());
    evaluator.hessian(x.data(), a.H.data());
    for (std::size_t j = 0; j < size; ++j)
        for (std::size_t i = 0; i < j; ++i) a.H[j * size + i] = 0;  // the upper triangle
    evaluator.prepare_products(x.data());
    evaluator.products(v.data(), 2, a.Hv.data());
    const DiagonalBlocks blocks = evaluator.diagonal_blocks();
    a.blocks.assign(blocks.entries() + 3, 0.0);
    if (blocks.count > 0) evaluator.compute_diagonal_blocks(a.blocks.data());
    const std::size_t m = blocks.size;
    for (std::size_t e = 0; e < blocks.entries(); ++e)
        if (e / m % m > e % m) a.blocks[e] = 0;
    a.blocks[blocks.entries()] = blocks.l2;
    a.blocks[blocks.entries() + 1] = blocks.cost;
    a.blocks[blocks.entries() + 2] = blocks.shift_invariant;
    const KroneckerLayers layers = evaluator.kronecker_layers();
    std::vector<double> factors(layers.numbers());
    if (!factors.empty()) evaluator.compute_kronecker_factors(3, 0, factors.data());
    a.factors.resize(layers.lower_numbers());
    layers.copy_lower(factors.data(), a.factors.data());
    a.factors.push_back(layers.l2);
    evaluator.value_gradient_and_products(x.data(), a.g.data() + size, f);
    a.f.push_back(vectors.read(f));
    evaluator.products(v.data(), 1, a.Hv.data() + 2 * size);
    return a;
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected) {
    ASSERT_EQ(got.size(), expected.size());
    double scale = 0;
    for (const double value : expected) scale = std::max(scale, std::abs(value));
    for (std::size_t j = 0; j < got.size(); ++j)
        EXPECT_NEAR(got[j], expected[j], 1e-13 * scale) << "number " << j;
}

/// A form.
class ChunkEvaluatorTest : public ::testing::TestWithParam<int> {
  protected:
    const Dataset set = make_multiclass(1500, 4, 3, 11, {.intercept = true, .weights = true});

    Problem<double> problem(const std::shared_ptr<Communicator>& communicator) const {
        const RankPart part = rank_part(set.samples, *communicator);
        const Samples<double> samples{
            set.X.data() + part.begin * 4, part.count, 4, 0, set.y.data() + part.begin,
            set.w.data() + part.begin};
        ProblemOptions options;
        options.l2 = 0.5;
        options.communicator = communicator;
        const int form = GetParam();
        if (form == 0) {
            options.intercept = true;
            return make_linear_predictor<double>(Softmax{3}, samples, options);
        }
        if (form == 1) return make_sample_sum<double>(BlackBoxLogistic<0>{}, samples, 5, options);
        return make_perceptron<double>(
            {.widths = {4, 3, 3}, .loss = PerceptronLoss::softmax_cross_entropy}, samples, options);
    }
};

TEST_P(ChunkEvaluatorTest, GivesWhatAnEvaluatorWithRanksGives) {
    Answers of_way[2];  // by the host, and gathered on the machine
    for (const bool there : {false, true}) {
        const std::vector<std::string> errors = run_ranks(
            3,
            [&](const std::shared_ptr<Communicator>& communicator) {
                const Problem<double> shared = problem(communicator);
                cpu::CpuVectors<double> vectors(1);
                cpu::CpuDenseMatrices<double> matrices(vectors);
                const std::vector<double> typical;
                const ResolvedDerivatives derivatives =
                    resolve<double>({}, shared.capabilities_on_cpu());
                const auto make = [&](const Problem<double>& any) {
                    const cpu::Setting<double> at{any, derivatives, typical, vectors, matrices};
                    return std::visit(
                        [&]<class Form>(const Form& form) -> std::unique_ptr<Evaluator<double>> {
                            if constexpr (requires { typename EvaluatorOf<Form>::type; })
                                return std::make_unique<typename EvaluatorOf<Form>::type>(form, at);
                            else
                                return nullptr;
                        },
                        any.parts().form);
                };
                ChunkEvaluator<double> chunks(
                    shared, vectors, matrices, make,
                    [&](Scalar to, double value) { vectors.set(to, value); });
                const std::unique_ptr<Evaluator<double>> whole = make(shared);
                const auto compare = [&] {
                    const Answers got = answers(chunks, vectors, shared.dimension());
                    const Answers expected = answers(*whole, vectors, shared.dimension());
                    expect_near(got.f, expected.f);
                    expect_near(got.values, expected.values);
                    expect_near(got.g, expected.g);
                    expect_near(got.H, expected.H);
                    expect_near(got.Hv, expected.Hv);
                    expect_near(got.blocks, expected.blocks);
                    expect_near(got.factors, expected.factors);
                    return got;
                };
                EXPECT_EQ(chunks.samples(), 1500);
                const Answers of_all = compare();
                if (communicator->rank() == 1) of_way[there] = of_all;
                SampleOrder order(1500, 5);
                // Of one alone two ranks have none.
                for (const long count : {1L, 37L, 900L}) {
                    const auto some = order.next(count);
                    select(chunks, some);
                    select(*whole, some);
                    compare();
                }
                chunks.select_all();
                whole->select_all();
                compare();
            },
            there);
        for (const std::string& error : errors) EXPECT_EQ(error, "");
    }
    EXPECT_EQ(of_way[0].f, of_way[1].f);
    EXPECT_EQ(of_way[0].g, of_way[1].g);
    EXPECT_EQ(of_way[0].Hv, of_way[1].Hv);
}

INSTANTIATE_TEST_SUITE_P(Forms, ChunkEvaluatorTest, ::testing::Values(0, 1, 2));

}  // namespace
}  // namespace cunewton::test
