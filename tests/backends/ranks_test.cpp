// Samples spread over ranks, which are threads here: the same bits for any number of them, those of
// one problem with all samples but for rounding, and errors that all of them hear of.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/ranks.h"
#include "tests/support/backends.h"
#include "tests/support/batch_checks.h"
#include "tests/support/datasets.h"
#include "tests/support/device_code.h"
#include "tests/support/reals.h"
#include "tests/support/shared_samples.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

EvaluationOptions evaluation(int threads = 2) {
    EvaluationOptions options;
    options.backend = tested_choice();
    options.threads = threads;
    return options;
}
Options options_for(Method method, int threads = 2) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = threads;
    options.max_iterations = 12;
    return options;
}

template <class T>
class RanksTest : public BackendTest {};
TYPED_TEST_SUITE(RanksTest, Reals);

TYPED_TEST(RanksTest, DerivativesHaveTheSameBitsForAnyNumberOfRanks) {
    using T = TypeParam;
    for (const Kind kind : all_kinds) {
        SCOPED_TRACE(static_cast<int>(kind));
        const Shared<T> shared(kind);
        const std::vector<T> x = shared.start();
        const auto derivatives = [&](const Problem<T>& problem, int threads) {
            const EvaluationOptions options = evaluation(threads);
            const T f = evaluate(problem, x, options);
            std::vector<T> points = x;
            points.insert(points.end(), x.begin(), x.end());
            return joined<T>({{f},
                              evaluate_batch(problem, points, options),
                              gradient(problem, x, options),
                              hessian(problem, x, options),
                              hessian_block(problem, x, {0, 2}, {1, 2, 3}, options)});
        };
        const auto of_ranks = [&](int size) {
            return on_ranks<T>(size, [&](const Ranked& communicator) {
                return derivatives(shared.part(communicator), 1 + communicator->rank());
            });
        };
        const std::vector<T> of_one = of_ranks(1);
        for (const int size : tested_sizes({2, 3, 4, 7})) {
            SCOPED_TRACE(size);
            EXPECT_TRUE(equal_bits(of_ranks(size), of_one));
        }
        const std::vector<T> of_all = derivatives(shared.all(), 2);
        // Differences of gradients (of one formula) and sums in T within a tile.
        const double tolerance = 64 * std::sqrt(static_cast<double>(shared.count())) * epsilon<T>;
        expect_near_all(
            of_one, of_all,
            kind == Kind::gradient_formula ? 2 * std::cbrt(epsilon<T> * epsilon<T>) : tolerance);
    }
}

TYPED_TEST(RanksTest, MethodsTakeTheSameStepsForAnyNumberOfRanks) {
    using T = TypeParam;
    for (const Kind kind : all_kinds)
        for (const Method method : {Method::newton, Method::newton_cg, Method::lbfgs,
                                    Method::trust_region, Method::bfgs, Method::subspace_newton}) {
            const bool everywhere =
                method == Method::newton || method == Method::newton_cg || method == Method::lbfgs;
            if (!everywhere && kind != Kind::softmax) continue;
            // On a device every chunk is an evaluation: some of them will do.
            if (testing_cuda() && method != Method::newton_cg && kind != Kind::softmax) continue;
            if (testing_cuda() && kind != Kind::softmax && kind != Kind::softmax_net) continue;
            if (testing_cuda() && testing_little() && std::is_same_v<T, float> &&
                method != Method::newton_cg)
                continue;
            SCOPED_TRACE(std::string(to_string(method)) + " on kind " +
                         std::to_string(static_cast<int>(kind)));
            const Shared<T> shared(kind);
            const auto solve = [&](const Problem<T>& problem, int threads) {
                Options options = options_for(method, threads);
                if (kind == Kind::softmax && method == Method::newton_cg)
                    options.precondition = PreconditionBy::blocks;
                if (kind == Kind::values) options.boundary = Boundary::lanczos;
                options.subspace_dimension = 4;
                const Result<T> result = minimize(problem, shared.start(), options);
                return joined<T>(
                    {result.x,
                     {result.f, static_cast<T>(result.gradient_norm),
                      static_cast<T>(result.iterations), static_cast<T>(result.counts.evaluations),
                      static_cast<T>(result.counts.products), static_cast<T>(result.status)}});
            };
            const auto of_ranks = [&](int size) {
                return on_ranks<T>(size, [&](const Ranked& communicator) {
                    return solve(shared.part(communicator), 1 + communicator->rank());
                });
            };
            const std::vector<T> of_one = of_ranks(1);
            for (const int size : tested_sizes({2, 3}))
                EXPECT_TRUE(equal_bits(of_ranks(size), of_one)) << size;
            // The same start, and for doubles the same way for so few steps.
            const std::vector<T> of_all = solve(shared.all(), 2);
            const std::size_t n = shared.start().size();
            EXPECT_NEAR(of_one[n], of_all[n], 1e-3 * std::abs(of_all[n]));
        }
}

TYPED_TEST(RanksTest, PreconditionersAreTheSameForAnyNumberOfRanks) {
    using T = TypeParam;
    for (const Kind kind : {Kind::softmax, Kind::values, Kind::softmax_net})
        for (const PreconditionBy by : {PreconditionBy::diagonal, PreconditionBy::nystrom}) {
            if (testing_cuda() && kind != Kind::softmax) continue;
            SCOPED_TRACE(std::string(to_string(by)) + " on kind " +
                         std::to_string(static_cast<int>(kind)));
            const Shared<T> shared(kind);
            const auto of_ranks = [&](int size) {
                return on_ranks<T>(size, [&](const Ranked& communicator) {
                    Options options = options_for(Method::newton_cg, 1 + communicator->rank());
                    options.precondition = by;
                    options.nystrom_rank = 3;
                    const Result<T> result =
                        minimize(shared.part(communicator), shared.start(), options);
                    return joined<T>({result.x, {result.f, static_cast<T>(result.iterations)}});
                });
            };
            const std::vector<T> of_one = of_ranks(1);
            for (const int size : tested_sizes({2, 3}))
                EXPECT_TRUE(equal_bits(of_ranks(size), of_one)) << size;
        }
}

/// Calls that gathered memory of a device.
long device_gathers(const Ranked& communicator) {
    return dynamic_cast<const ThreadCommunicator&>(*communicator).device_gathers();
}

TYPED_TEST(RanksTest, TransfersOfDeviceMemoryGiveTheSameBits) {
    using T = TypeParam;
    for (const Kind kind : {Kind::softmax, Kind::softmax_net}) {
        SCOPED_TRACE(static_cast<int>(kind));
        const Shared<T> shared(kind);
        const std::vector<T> x = shared.start();
        const auto results = [&](bool device_memory) {
            // Three ranks have several branches each, and not equally many.
            return on_ranks<T>(
                3,
                [&](const Ranked& communicator) {
                    const Problem<T> problem = shared.part(communicator);
                    Options options = options_for(Method::newton_cg);
                    options.max_iterations = 4;
                    const long before = device_gathers(communicator);
                    const std::vector<T> g = gradient(problem, x, evaluation());
                    const long of_gradient = device_gathers(communicator) - before;
                    const std::vector<T> Hv =
                        hessian_block(problem, x, {0, 1, 5}, {4}, evaluation());
                    const Result<T> result = minimize(problem, x, options);
                    const bool there = device_memory && testing_cuda();
                    EXPECT_EQ(of_gradient, there ? 1 : 0);
                    EXPECT_EQ(device_gathers(communicator) > 1, there);
                    return joined<T>({{evaluate(problem, x, evaluation())},
                                      g,
                                      Hv,
                                      result.x,
                                      {result.f, static_cast<T>(result.gradient_norm),
                                       static_cast<T>(result.counts.products)}});
                },
                device_memory);
        };
        EXPECT_TRUE(equal_bits(results(true), results(false)));
    }
}

TYPED_TEST(RanksTest, ReducedSumsAreThoseOfAllRanks) {
    using T = TypeParam;
    for (const Kind kind : all_kinds) {
        SCOPED_TRACE(static_cast<int>(kind));
        const Shared<T> shared(kind, 700);
        const std::vector<T> x = shared.start();
        // Parts of any sizes.
        const std::vector<RankPart> parts{{0, 1}, {1, 500}, {501, 199}};
        const std::vector<T> got = on_ranks<T>(3, [&](const Ranked& communicator) {
            ProblemOptions options;
            options.communicator = communicator;
            options.rank_sums = RankSums::all_reduce;
            const Problem<T> problem = shared.problem(
                shared.samples(parts[static_cast<std::size_t>(communicator->rank())]), options);
            minimize(problem, x, options_for(Method::newton));
            return joined<T>({{evaluate(problem, x, evaluation())},
                              gradient(problem, x, evaluation()),
                              hessian(problem, x, evaluation())});
        });
        const Problem<T> all = shared.all();
        expect_near_all(got,
                        joined<T>({{evaluate(all, x, evaluation())},
                                   gradient(all, x, evaluation()),
                                   hessian(all, x, evaluation())}),
                        kind == Kind::gradient_formula ? 2 * std::cbrt(epsilon<T> * epsilon<T>)
                                                       : 2000 * epsilon<T>);
    }
}

TYPED_TEST(RanksTest, FewSamplesAndOddPartsHaveTheSameBits) {
    using T = TypeParam;
    // Empty chunks, a last group that is not whole, parts by chunks of the caller's choice.
    for (const int samples : {129, 500, 2049}) {
        const Shared<T> shared(Kind::softmax, samples, false);
        const std::vector<T> x = shared.start();
        const SampleGrid grid(samples);
        const std::vector<long> cuts{0, grid.begin(13), grid.begin(14), samples};
        const auto values = [&](const Problem<T>& problem) {
            return joined<T>({{evaluate(problem, x, evaluation())},
                              gradient(problem, x, evaluation()),
                              hessian(problem, x, evaluation())});
        };
        std::vector<RankPart> parts;
        for (std::size_t r = 0; r + 1 < cuts.size(); ++r)
            if (cuts[r + 1] > cuts[r]) parts.push_back({cuts[r], cuts[r + 1] - cuts[r]});
        const auto of_parts = [&](const std::vector<RankPart>& given) {
            return on_ranks<T>(static_cast<int>(given.size()), [&](const Ranked& communicator) {
                ProblemOptions options;
                options.communicator = communicator;
                return values(shared.problem(
                    shared.samples(given[static_cast<std::size_t>(communicator->rank())]),
                    options));
            });
        };
        EXPECT_TRUE(equal_bits(of_parts(parts), of_parts({{0, samples}}))) << samples;
    }
}

/// All results of a batch as one row of numbers.
template <class T>
std::vector<double> numbers_of(const BatchResult<T>& r) {
    std::vector<double> all{static_cast<double>(r.problems), static_cast<double>(r.completed),
                            static_cast<double>(r.cancelled)};
    const auto add = [&](const auto& numbers) {
        for (const auto number : numbers) all.push_back(static_cast<double>(number));
        all.push_back(static_cast<double>(numbers.size()));
    };
    add(r.parameters), add(r.objective), add(r.gradient_norm), add(r.status), add(r.iterations);
    add(r.best_start), add(r.degrees_of_freedom), add(r.reduced_chi_square), add(r.at_bound);
    add(r.covariance), add(r.standard_errors), add(r.condition_number), add(r.undetermined);
    return all;
}

TYPED_TEST(RanksTest, BatchesAreSplitByRank) {
    using T = TypeParam;
    const FitCase& fit = fit_case("Gaussian1D");
    const FitData<T> even(fit, {.problems = 7, .noise = 0.03125, .seed = 5});
    const RaggedData<T> ragged(fit, true);
    std::vector<T> starts;
    for (int start = 0; start < 14; ++start)
        starts.insert(starts.end(), even.start.begin(), even.start.end());
    BatchData<T> several = even.data();
    several.start = starts;
    BatchOptions options = batch_options(), two_starts = options;
    options.standard_errors = options.covariance = true;
    two_starts.starts = 2;
    const auto expect_same = [](const BatchData<T>& data, const FitModel& model,
                                const BatchOptions& how) {
        const std::vector<double> alone = numbers_of(fit_batch(model, data, how));
        for (const int size : {1, 2, 3, 9})
            EXPECT_TRUE(equal_bits(alone, on_ranks<double>(size,
                                                           [&](const Ranked& communicator) {
                                                               return numbers_of(
                                                                   fit_batch(model, data, how,
                                                                             *communicator));
                                                           })))
                << size;
    };
    expect_same(even.data(), fit.model(), options);
    expect_same(several, fit.model(), two_starts);
    for (const bool shared : {false, true}) expect_same(ragged.data(shared), fit.model(), options);
}

TYPED_TEST(RanksTest, OfABatchOwnProblemsAreReadAlone) {
    using T = TypeParam;
    const FitCase& fit = fit_case("Gaussian1D");
    const FitData<T> whole(fit, {.problems = 4, .noise = 0.03125, .seed = 5});
    const std::vector<double> alone =
        numbers_of(fit_batch(fit.model(), whole.data(), batch_options()));
    EXPECT_TRUE(equal_bits(
        alone, on_ranks<double>(2, [&](const Ranked& communicator) {
            std::vector<T> y = whole.y;
            const long half = static_cast<long>(y.size()) / 2;
            const auto others = y.begin() + (communicator->rank() == 0 ? half : 0);
            std::fill(others, others + half, std::numeric_limits<T>::quiet_NaN());
            BatchData<T> data = whole.data();
            data.y = y;
            return numbers_of(fit_batch(fit.model(), data, batch_options(), *communicator));
        })));
}

class RankErrorsTest : public BackendTest {
  protected:
    const Shared<double> shared{Kind::softmax, 1000};
    const std::vector<double> x = shared.start();

    /// What the ranks throw where job(communicator) is called by two.
    template <class Job>
    static std::vector<std::string> errors_of(const Job& job, bool device_memory = false,
                                              int device = -1) {
        const auto start = std::chrono::steady_clock::now();
        std::vector<std::string> errors = run_ranks(2, job, device_memory, device);
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
        return errors;
    }
    static void expect_in(const std::string& part, const std::string& text) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    }
};

TEST_F(RankErrorsTest, BadArgumentsOfOneRankReachAll) {
    const auto errors = errors_of([&](const Ranked& communicator) {
        std::vector<double> start = x;
        if (communicator->rank() == 1) start.pop_back();
        minimize(shared.part(communicator), start, options_for(Method::newton));
    });
    expect_in("another rank (rank 1: x0 has the wrong size (17 for 18 parameters)", errors[0]);
    EXPECT_EQ(errors[1].rfind("x0 has the wrong size", 0), 0u) << errors[1];
}

TEST_F(RankErrorsTest, BadSamplesOfOneRankReachAll) {
    const std::vector<double> bad(2000, std::numeric_limits<double>::quiet_NaN());
    auto errors = errors_of([&](const Ranked& communicator) {
        Samples<double> samples = shared.samples(rank_part(shared.count(), *communicator));
        if (communicator->rank() == 0) samples.weights = bad.data();
        ProblemOptions options;
        options.communicator = communicator;
        shared.problem(samples, options);
    });
    expect_in("weights are not finite", errors[0]);
    expect_in("rank 0: weights are not finite", errors[1]);
    errors = errors_of([&](const Ranked& communicator) {
        Samples<double> samples = shared.samples(rank_part(shared.count(), *communicator));
        if (communicator->rank() == 1) samples.targets = nullptr;
        ProblemOptions options;
        options.communicator = communicator;
        shared.problem(samples, options);
    });
    expect_in("rank 1: targets are missing", errors[0]);
    expect_in("targets are missing", errors[1]);
}

TEST_F(RankErrorsTest, DifferentProblemsAreNamed) {
    auto errors = errors_of([&](const Ranked& communicator) {
        ProblemOptions options;
        options.communicator = communicator;
        options.penalize_intercept = communicator->rank() == 1;
        shared.problem(shared.samples(rank_part(shared.count(), *communicator)), options);
    });
    for (const std::string& error : errors)
        expect_in("ranks have different problems (rank 1 has another penalty of intercepts", error);
    errors = errors_of([&](const Ranked& communicator) {
        ProblemOptions options;
        options.communicator = communicator;
        make_linear_predictor<double>(Softmax{communicator->rank() == 0 ? 3 : 4},
                                      shared.samples(rank_part(shared.count(), *communicator)),
                                      options);
    });
    for (const std::string& error : errors) expect_in("another number of parameters", error);
}

TEST_F(RankErrorsTest, DifferentStartsOptionsAndCallsAreNamed) {
    auto errors = errors_of([&](const Ranked& communicator) {
        std::vector<double> start = x;
        start[3] += communicator->rank();
        minimize(shared.part(communicator), start, options_for(Method::newton));
    });
    for (const std::string& error : errors)
        expect_in("ranks have different arguments (rank 1 has another start", error);
    errors = errors_of([&](const Ranked& communicator) {
        Options options = options_for(Method::newton);
        options.max_iterations += communicator->rank();
        minimize(shared.part(communicator), x, options);
    });
    for (const std::string& error : errors) expect_in("another max_iterations", error);
    errors = errors_of([&](const Ranked& communicator) {
        const Problem<double> problem = shared.part(communicator);
        if (communicator->rank() == 0)
            gradient(problem, x, evaluation());
        else
            minimize(problem, x, options_for(Method::newton));
    });
    for (const std::string& error : errors) expect_in("ranks are not in step", error);
}

TEST_F(RankErrorsTest, PartsThatDoNotFitAreRefused) {
    const auto with_parts = [&](long first) {
        return errors_of([&, first](const Ranked& communicator) {
            ProblemOptions options;
            options.communicator = communicator;
            shared.problem(communicator->rank() == 0
                               ? shared.samples({0, first})
                               : shared.samples({first, shared.count() - first}),
                           options);
        });
    };
    for (const std::string& error : with_parts(500))
        expect_in("samples are parted within a chunk (rank 1 begins at sample 500 of 1000)", error);
    for (const std::string& error : with_parts(512)) EXPECT_EQ(error, "");
    expect_in("there are no samples", with_parts(1000)[1]);
    for (const std::string& error :
         errors_of([&](const Ranked& communicator) { rank_part(64, *communicator); }))
        expect_in("there are too many ranks (2 for 64 samples)", error);
}

TEST_F(RankErrorsTest, ProblemsWithoutSamplesRefuseACommunicator) {
    for (const std::string& error : errors_of([&](const Ranked& communicator) {
             ProblemOptions options;
             options.communicator = communicator;
             make_objective<double>(ExtendedRosenbrock{}, 2, options);
         }))
        expect_in("a communicator was given", error);
}

TEST_F(RankErrorsTest, ADeviceThatTheCommunicatorDoesNotTakeIsRefused) {
    for (const std::string& error : errors_of(
             [&](const Ranked& communicator) {
                 gradient(shared.part(communicator), x, evaluation());
             },
             true, 17)) {
        if (testing_cuda())
            expect_in("takes memory of device 17 alone) set options.device to 17", error);
        else
            EXPECT_EQ(error, "");
    }
}

TEST_F(RankErrorsTest, AThrowingCallbackEndsAllAndTheyGoOnAfterwards) {
    for (const bool device_memory : {false, true}) {
        const auto errors = errors_of(
            [&](const Ranked& communicator) {
                const Problem<double> problem = shared.part(communicator);
                Options options = options_for(Method::newton_cg);
                options.callback = [&](const IterationRecord& record) {
                    if (communicator->rank() == 1 && record.iteration == 2)
                        throw std::runtime_error("the disk is full");
                    return true;
                };
                std::string said;
                try {
                    minimize(problem, x, options);
                } catch (const std::runtime_error& error) {
                    said = error.what();
                }
                options.callback = {};
                EXPECT_TRUE(minimize(problem, x, options).x.size() == x.size());
                throw std::runtime_error(said);
            },
            device_memory);
        expect_in("rank 1: the disk is full", errors[0]);
        EXPECT_EQ(errors[1], "the disk is full");
    }
}

TEST_F(RankErrorsTest, BatchesOfDifferentSizesAreNamed) {
    const FitCase& fit = fit_case("Gaussian1D");
    const FitData<double> whole(fit, {.problems = 4});
    auto errors = errors_of([&](const Ranked& communicator) {
        BatchOptions options = batch_options();
        options.max_iterations += communicator->rank();
        fit_batch(fit.model(), whole.data(), options, *communicator);
    });
    for (const std::string& error : errors)
        expect_in("ranks have different batches (rank 1 has another max_iterations", error);
    errors = errors_of([&](const Ranked& communicator) {
        BatchData<double> data = whole.data();
        if (communicator->rank() == 0) data.problems = 3;
        fit_batch(fit.model(), data, batch_options(), *communicator);
    });
    expect_in("y has the wrong size", errors[0]);
    expect_in("rank 0: y has the wrong size", errors[1]);
}

TEST_F(RankErrorsTest, AnyRankMayStopAll) {
    std::vector<Status> statuses(2), out_of_time(2);
    std::vector<int> iterations(2);
    const auto errors = errors_of([&](const Ranked& communicator) {
        const std::size_t rank = static_cast<std::size_t>(communicator->rank());
        const Problem<double> problem = shared.part(communicator);
        Options options = options_for(Method::gradient_descent);
        // Only one of them has a callback.
        if (rank == 1)
            options.callback = [](const IterationRecord& record) { return record.iteration < 3; };
        const Result<double> result = minimize(problem, x, options);
        statuses[rank] = result.status;
        iterations[rank] = result.iterations;
        options.callback = {};
        options.time_limit = 0;
        out_of_time[rank] = minimize(problem, x, options).status;
    });
    for (std::size_t rank = 0; rank < 2; ++rank) {
        EXPECT_EQ(errors[rank], "");
        EXPECT_EQ(statuses[rank], Status::cancelled);
        EXPECT_EQ(iterations[rank], 3);
        EXPECT_EQ(out_of_time[rank], Status::time_limit);
    }
}

TEST(RankTraffic, AProductSendsOneVector) {
    const Shared<double> shared(Kind::softmax, 4096);
    const std::vector<double> x = shared.start();
    std::vector<long> bytes(2), exchanges(2);
    run_ranks(2, [&](const Ranked& communicator) {
        const Problem<double> problem = shared.part(communicator);
        EvaluationOptions options = evaluation();
        options.backend = BackendChoice::cpu;
        evaluate(problem, x, options);
        const Communicator::Traffic before = communicator->traffic();
        evaluate(problem, x, options);
        const Communicator::Traffic between = communicator->traffic();
        gradient(problem, x, options);
        const Communicator::Traffic after = communicator->traffic();
        const std::size_t rank = static_cast<std::size_t>(communicator->rank());
        exchanges[rank] =
            (after.exchanges - between.exchanges) - (between.exchanges - before.exchanges);
        bytes[rank] = (after.bytes - between.bytes) - (between.bytes - before.bytes);
    });
    for (std::size_t rank = 0; rank < 2; ++rank) {
        EXPECT_EQ(exchanges[rank], 0);
        EXPECT_EQ(bytes[rank], static_cast<long>(x.size() * sizeof(double)));
    }
}

TEST(SampleGrid, CoversAllSamplesByWholeGroups) {
    for (const long samples : {1L, 63L, 64L, 65L, 1000L, 60000L, 1L << 40}) {
        const SampleGrid grid(samples);
        EXPECT_EQ(grid.begin(0), 0);
        EXPECT_EQ(grid.begin(SampleGrid::chunks), samples);
        for (int chunk = 0; chunk < SampleGrid::chunks; ++chunk) {
            const long size = grid.begin(chunk + 1) - grid.begin(chunk);
            EXPECT_GE(size, 0);
            EXPECT_LE(size, grid.most());
            if (grid.begin(chunk) < samples) {
                EXPECT_EQ(grid.begin(chunk) % SampleGrid::group, 0);
            }
        }
        EXPECT_EQ(grid.chunk_at(0), 0);
        if (samples > 64) {
            EXPECT_EQ(grid.chunk_at(1), -1);
        }
    }
}

}  // namespace
}  // namespace cunewton::test
