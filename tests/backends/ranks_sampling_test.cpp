// Methods that take their steps on samples, where these are spread over ranks: the same samples,
// the same sums and the same steps for any number of ranks.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/kronecker.h"
#include "host/backend/sample_order.h"
#include "tests/support/backends.h"
#include "tests/support/open_session.h"
#include "tests/support/reals.h"
#include "tests/support/shared_samples.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

Options options_for(Method method, int threads) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = threads;
    options.max_iterations = testing_cuda() ? 2 : 5;
    options.seed = 3;
    // On a device a step is an evaluation of every chunk that has any of its samples.
    options.sampling.size = testing_cuda() ? 900 : 200;
    if (method == Method::adam) options.sampling.learning_rate = 0.02;
    return options;
}

template <class T>
std::vector<T> numbers_of(const Result<T>& result) {
    return joined<T>(
        {result.x,
         {result.f, static_cast<T>(result.gradient_norm), static_cast<T>(result.iterations),
          static_cast<T>(result.counts.products), static_cast<T>(result.counts.sampled_passes),
          static_cast<T>(result.status)}});
}

/// Job(problem, threads) by several numbers of ranks has the bits that it has by one; returns
/// those.
template <class T, class Job>
std::vector<T> same_bits(const Shared<T>& shared, const Job& job,
                         const ProblemOptions& options = {}) {
    const auto of_ranks = [&](int size) {
        return on_ranks<T>(size, [&](const Ranked& communicator) {
            return job(shared.part(communicator, options), 1 + communicator->rank());
        });
    };
    const std::vector<T> of_one = of_ranks(1);
    for (const int size : tested_sizes({2, 4}))
        EXPECT_TRUE(equal_bits(of_ranks(size), of_one)) << size;
    return of_one;
}

template <class T>
class RanksSamplingTest : public BackendTest {};
TYPED_TEST_SUITE(RanksSamplingTest, Reals, RealName);

/// Loss, gradient, a product and the factors of a perceptron, of some samples; of all again in the
/// end.
template <class T>
std::vector<T> evaluated(const Problem<T>& problem, const std::vector<T>& x, int threads,
                         const std::vector<long>& samples, std::size_t budget) {
    Session<T> session = open(problem, {.memory_budget = budget}, threads);
    Vectors<T>& vectors = *session.vectors;
    Evaluator<T>& evaluator = *session.evaluator;
    const std::size_t n = x.size();
    const Buffer<T> there = vectors.allocate(n), to = vectors.allocate(n);
    const Number f = vectors.number();
    vectors.upload(there.get(), x.data(), n);
    std::vector<T> all;
    const auto take = [&](const T* from, std::size_t count) {
        all.resize(all.size() + count);
        vectors.download(all.data() + all.size() - count, from, count);
    };
    const auto take_all = [&](bool together) {
        if (together) {
            evaluator.value_gradient_and_products(there.get(), to.get(), f);
        } else {
            evaluator.value_and_gradient(there.get(), to.get(), f);
            evaluator.prepare_products(there.get());
        }
        all.push_back(static_cast<T>(vectors.read(f)));
        take(to.get(), n);
        evaluator.value(there.get(), f);
        all.push_back(static_cast<T>(vectors.read(f)));
        evaluator.products(there.get(), 1, to.get());
        take(to.get(), n);
        const KroneckerLayers layers = evaluator.kronecker_layers();
        if (layers.layers.empty()) return;
        const Buffer<T> factors = vectors.allocate(layers.numbers());
        evaluator.compute_kronecker_factors(7, 0, factors.get());
        std::vector<T> full(layers.numbers()), lower(layers.lower_numbers());
        vectors.download(full.data(), factors.get(), full.size());
        layers.copy_lower(full.data(), lower.data());
        all.insert(all.end(), lower.begin(), lower.end());
    };
    EXPECT_EQ(evaluator.samples(), 2500);
    select(evaluator, samples);
    take_all(false);
    take_all(true);
    evaluator.select_all();
    take_all(false);
    return all;
}

TYPED_TEST(RanksSamplingTest, ASelectionIsTheSameForAnyNumberOfRanks) {
    using T = TypeParam;
    for (const Kind kind : all_kinds) {
        const bool some = kind == Kind::regression || kind == Kind::squared_net;
        if (testing_cuda() && !some && kind != Kind::softmax_net) continue;
        for (const long count : {1L, 40L, 2499L}) {
            if (testing_cuda() && count == 2499) continue;
            SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + ", " + std::to_string(count));
            const Shared<T> shared(kind);
            const std::vector<T> x = shared.start();
            SampleOrder order(shared.count(), 9);
            const auto drawn = order.next(count);
            const std::vector<long> samples(drawn.begin(), drawn.end());
            const auto with_budget = [&](std::size_t budget) {
                return same_bits(shared, [&](const Problem<T>& problem, int threads) {
                    return evaluated(problem, x, threads, samples, budget);
                });
            };
            const std::vector<T> of_one = with_budget(std::size_t{1} << 28);
            // What one rank computes again where four keep it.
            if (!testing_cuda()) {
                EXPECT_TRUE(equal_bits(with_budget(std::size_t{1} << 20), of_one));
            }
            // Draws have other numbers without ranks; of one output they do not matter.
            if (kind == Kind::softmax_net) continue;
            const double tolerance =
                kind == Kind::gradient_formula
                    ? 20 * std::cbrt(epsilon<T> * epsilon<T>)
                    : 256 * std::sqrt(static_cast<double>(shared.count())) * epsilon<T>;
            expect_near_all(of_one, evaluated(shared.all(), x, 2, samples, std::size_t{1} << 28),
                            tolerance);
        }
    }
}

TYPED_TEST(RanksSamplingTest, DrawsOfRanksAreIndependent) {
    using T = TypeParam;
    // Two ranks whose samples are the same: were their draws the same as well, both would have
    // twice the factors of one of them.
    const Shared<T> shared(Kind::softmax_net, 64, false);
    const std::vector<T> x = shared.start();
    const auto factors_of = [&](int size) {
        return on_ranks<T>(size, [&](const Ranked& communicator) {
            ProblemOptions options;
            options.communicator = communicator;
            options.rank_sums = RankSums::all_reduce;
            options.reduction = Reduction::sum;
            Session<T> session = open(shared.problem(shared.samples({0, 64}), options),
                                      {.hessian = HessianBy::gauss_newton});
            Vectors<T>& vectors = *session.vectors;
            const KroneckerLayers layers = session.evaluator->kronecker_layers();
            const Buffer<T> there = vectors.allocate(x.size()),
                            to = vectors.allocate(layers.numbers());
            vectors.upload(there.get(), x.data(), x.size());
            session.evaluator->prepare_products(there.get());
            session.evaluator->compute_kronecker_factors(7, 0, to.get());
            // What comes back to the outputs; an entry off the diagonal depends on the draws.
            std::vector<T> all(layers.numbers());
            vectors.download(all.data(), to.get(), all.size());
            return std::vector<T>{all[layers.places().back().G + 1]};
        });
    };
    const double of_one = factors_of(1)[0], of_two = factors_of(2)[0];
    EXPECT_GT(std::abs(of_two - 2 * of_one), 1e-3 * std::abs(of_one));
}

TYPED_TEST(RanksSamplingTest, MethodsTakeTheSameStepsForAnyNumberOfRanks) {
    using T = TypeParam;
    for (const Method method : sampling_methods)
        for (const Kind kind : {Kind::softmax, Kind::softmax_net}) {
            if (method == Method::kfac && kind == Kind::softmax) continue;
            if (testing_cuda() && method != Method::kfac && kind == Kind::softmax_net) continue;
            SCOPED_TRACE(std::string(to_string(method)) + " on kind " +
                         std::to_string(static_cast<int>(kind)));
            const Shared<T> shared(kind);
            const auto solve = [&](const Problem<T>& problem, int threads) {
                return numbers_of(minimize(problem, shared.start(), options_for(method, threads)));
            };
            std::vector<T> of_one = same_bits(shared, solve);
            std::vector<T> of_all = solve(shared.all(), 2);
            const std::size_t n = shared.start().size();
            // The minimiser and its loss: rounding decides how long an end is looked at.
            of_one.resize(n + 1);
            of_all.resize(n + 1);
            EXPECT_LT(of_one[n], evaluate(shared.all(), shared.start(), {}));
            // The same samples without ranks: the same way but for rounding. The draws of
            // Kronecker factors differ.
            if (kind == Kind::softmax_net &&
                (method == Method::kfac || method == Method::subsampled_newton))
                EXPECT_NEAR(of_one[n], of_all[n], 0.1 * std::abs(of_all[n]));
            else
                expect_near_all(of_one, of_all, sizeof(T) == 8 ? 1e-6 : 5e-3);
        }
}

TYPED_TEST(RanksSamplingTest, ReducedSumsAreThoseOfAllRanks) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax, 700);
    // Parts of any sizes: of the first a step seldom has any sample.
    const std::vector<RankPart> parts{{0, 1}, {1, 500}, {501, 199}};
    const auto solve = [&](const Problem<T>& problem) {
        return numbers_of(minimize(problem, shared.start(), options_for(Method::sgd, 2)));
    };
    const std::vector<T> got = on_ranks<T>(3, [&](const Ranked& communicator) {
        ProblemOptions options;
        options.communicator = communicator;
        options.rank_sums = RankSums::all_reduce;
        return solve(shared.problem(
            shared.samples(parts[static_cast<std::size_t>(communicator->rank())]), options));
    });
    expect_near_all(got, solve(shared.all()), sizeof(T) == 8 ? 1e-9 : 1e-3);
}

TYPED_TEST(RanksSamplingTest, PreconditionersFromSamplesAreTheSame) {
    using T = TypeParam;
    for (const PreconditionBy by : {PreconditionBy::blocks, PreconditionBy::kronecker}) {
        SCOPED_TRACE(to_string(by));
        const bool net = by == PreconditionBy::kronecker;
        const Shared<T> shared(net ? Kind::softmax_net : Kind::regression);
        same_bits(shared, [&](const Problem<T>& problem, int threads) {
            Options options = options_for(Method::newton_cg, threads);
            options.precondition = by;
            if (net) options.derivatives.hessian = HessianBy::gauss_newton;
            return numbers_of(minimize(problem, shared.start(), options));
        });
    }
}

TYPED_TEST(RanksSamplingTest, EstimatesAreTheSame) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax);
    const std::vector<T> x = shared.start();
    const auto estimated = [&](const Problem<T>& problem, int threads) {
        EstimateOptions options;
        options.backend = tested_choice();
        options.threads = threads;
        options.batches = 3;
        options.size = 50;
        options.seed = 5;
        options.indices = {0, 7};
        const HessianEstimate<T> estimate = estimate_hessian(problem, x, options);
        return joined<T>({estimate.hessian, estimate.standard_errors});
    };
    const std::vector<T> of_one = same_bits(shared, estimated);
    expect_near_all(of_one, estimated(shared.all(), 2), 40 * std::cbrt(epsilon<T> * epsilon<T>));
}

class RanksSamplingErrorsTest : public BackendTest {
  protected:
    static void expect_in(const std::string& part, const std::string& text) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    }
};

/// Breaks when it has been evaluated so often.
struct Sensor {
    std::atomic<long>* left;
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        if (left->fetch_sub(1) <= 0) throw std::runtime_error("the sensor is broken");
        return math::square(x[0] * s[0] + x[1] - s.target());
    }
};

TEST_F(RanksSamplingErrorsTest, ARankThatFailsWithinAPassEndsAll) {
    const Shared<double> shared(Kind::regression, 1000);
    for (const Method method : {Method::sgd, Method::adam, Method::subsampled_newton}) {
        SCOPED_TRACE(to_string(method));
        std::vector<int> iterations(2, 0);
        const auto errors = run_ranks(2, [&](const Ranked& communicator) {
            std::atomic<long> left = 1L << 40;
            ProblemOptions options;
            options.communicator = communicator;
            Samples<double> samples = shared.samples(rank_part(shared.count(), *communicator));
            const Problem<double> problem =
                make_sample_sum<double>(Sensor{&left}, samples, 2, options);
            Options how = options_for(method, 1);
            how.backend = BackendChoice::cpu;
            how.max_iterations = 5;
            how.sampling.size = 100;
            how.gradient_tolerance = 0;
            how.callback = [&](const IterationRecord& record) {
                iterations[static_cast<std::size_t>(communicator->rank())] = record.iteration;
                // Within the first steps of the pass to come.
                if (communicator->rank() == 1 && record.iteration == 2) left = 100;
                return true;
            };
            std::string said;
            try {
                minimize(problem, {0.0, 0.0}, how);
            } catch (const std::runtime_error& error) {
                said = error.what();
            }
            // All go on with other calls.
            left = 1L << 40;
            EXPECT_EQ(gradient(problem, {0.0, 0.0}).size(), 2u);
            throw std::runtime_error(said);
        });
        expect_in("rank 1: the sensor is broken", errors[0]);
        EXPECT_EQ(errors[1], "the sensor is broken");
        EXPECT_EQ(iterations, (std::vector<int>{2, 2}));
    }
}

TEST_F(RanksSamplingErrorsTest, DifferentOptionsAreNamed) {
    const Shared<double> shared(Kind::softmax, 1000);
    const auto errors_with = [&](const auto& change) {
        return run_ranks(2, [&](const Ranked& communicator) {
            Options options = options_for(Method::adam, 1);
            if (communicator->rank() == 1) change(options);
            minimize(shared.part(communicator), shared.start(), options);
        });
    };
    for (const std::string& error : errors_with([](Options& o) { o.sampling.size = 99; }))
        expect_in("rank 1 has another sampling.size", error);
    for (const std::string& error : errors_with([](Options& o) { o.sampling.learning_rate = 1; }))
        expect_in("rank 1 has another sampling.learning_rate", error);
    for (const std::string& error : errors_with([](Options& o) { o.sampling.momentum = 0.5; }))
        expect_in("rank 1 has another sampling.momentum", error);
    const auto estimates = [&](const auto& change) {
        return run_ranks(2, [&](const Ranked& communicator) {
            EstimateOptions options;
            options.backend = tested_choice();
            if (communicator->rank() == 1) change(options);
            estimate_hessian(shared.part(communicator), shared.start(), options);
        });
    };
    for (const std::string& error : estimates([](EstimateOptions& o) { o.seed = 2; }))
        expect_in("rank 1 has another seed", error);
    for (const std::string& error : estimates([](EstimateOptions& o) { o.indices = {1}; }))
        expect_in("rank 1 has another indices", error);
    const auto of_bad = estimates([](EstimateOptions& o) { o.batches = 1; });
    expect_in("rank 1: batches are too few", of_bad[0]);
    expect_in("batches are too few", of_bad[1]);
}

TEST_F(RanksSamplingErrorsTest, AnyRankMayStopAll) {
    const Shared<double> shared(Kind::softmax, 1000);
    std::vector<Status> statuses(2), out_of_time(2);
    std::vector<int> iterations(2);
    const auto errors = run_ranks(2, [&](const Ranked& communicator) {
        const std::size_t rank = static_cast<std::size_t>(communicator->rank());
        const Problem<double> problem = shared.part(communicator);
        Options options = options_for(Method::adam, 1);
        options.max_iterations = 5;
        if (rank == 1)
            options.callback = [](const IterationRecord& record) { return record.iteration < 2; };
        const Result<double> result = minimize(problem, shared.start(), options);
        statuses[rank] = result.status;
        iterations[rank] = result.iterations;
        options.callback = {};
        options.time_limit = 0;
        out_of_time[rank] = minimize(problem, shared.start(), options).status;
    });
    for (std::size_t rank = 0; rank < 2; ++rank) {
        EXPECT_EQ(errors[rank], "");
        EXPECT_EQ(statuses[rank], Status::cancelled);
        EXPECT_EQ(iterations[rank], 2);
        EXPECT_EQ(out_of_time[rank], Status::time_limit);
    }
}

TEST_F(RanksSamplingErrorsTest, MisuseIsRefused) {
    const Shared<double> shared(Kind::softmax, 1000);
    for (const std::string& error : run_ranks(2, [&](const Ranked& communicator) {
             minimize(shared.part(communicator), shared.start(), options_for(Method::kfac, 1));
         }))
        expect_in("Method::kfac is for perceptrons", error);
}

}  // namespace
}  // namespace cunewton::test
