// A batch's data and results on a GPU, in any mix with the host's: the same bits, work that is
// queued and becomes part of graphs, and the memory that a call takes.
#include "tests/support/on_device.h"

#if CUNEWTON_WITH_CUDA
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/batch_checks.h"
#include "tests/support/message_of.h"
#include "tests/support/peaks.h"
#include "tests/support/reals.h"

namespace cunewton::test {
namespace {

template <class T>
class BatchOnDeviceTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
};
TYPED_TEST_SUITE(BatchOnDeviceTest, Reals, RealName);

/// The arrays of peaks on the device: dense, or turned.
template <class T>
struct Resident {
    std::vector<std::unique_ptr<OnDevice<T>>> memory;
    BatchData<T> data;
    /// `which`: bit k: array k of peaks.members().
    Resident(const Peaks<T>& peaks, bool turned, unsigned which = ~0u) : data(peaks.data()) {
        unsigned k = 0;
        for (const auto& [member, matrix] : peaks.members()) {
            if ((which >> k++ & 1) == 0) continue;
            memory.push_back(
                std::make_unique<OnDevice<T>>(turned ? matrix->turned() : matrix->numbers));
            const T* numbers = memory.back()->get();
            data.*member = turned
                               ? Array<const T>(numbers, matrix->columns, matrix->rows)
                                     .transposed()
                                     .on_device()
                               : Array<const T>(numbers, matrix->rows, matrix->columns).on_device();
        }
    }
};

TYPED_TEST(BatchOnDeviceTest, DataThereGiveTheSameBits) {
    using T = TypeParam;
    for (const auto& [problems, points, starts] :
         {std::array{70, 15, 1}, std::array{40, 15, 2}, std::array{3, 14000, 1}}) {
        SCOPED_TRACE(points);
        const Peaks<T> peaks(problems, points, starts);
        BatchOptions options = options_of_test();
        options.starts = starts;
        const auto wanted = fit_batch(peak(), peaks.data(), options);
        BatchOptions cpu = options;
        cpu.backend = BackendChoice::cpu;
        const auto wanted_on_cpu = fit_batch(peak(), peaks.data(), cpu);
        for (const bool turned : {false, true}) {
            for (const unsigned which : {~0u, 1u, 2u, 4u, 8u, 16u, 0b101010u}) {
                const Resident<T> resident(peaks, turned, which);
                const auto found = fit_batch(peak(), resident.data, options);
                EXPECT_EQ(found.backend, "cuda") << found.backend_reason;
                expect_same(found, wanted);
            }
            const Resident<T> resident(peaks, turned);
            expect_same(fit_batch(peak(), resident.data, cpu), wanted_on_cpu);
            BatchOptions other = options;
            other.chunk = 13;
            expect_same(fit_batch(peak(), resident.data, other), wanted);
            other.chunk = 0;
            other.precision = BatchPrecision::twice;
            expect_same(fit_batch(peak(), resident.data, other),
                        fit_batch(peak(), peaks.data(), other));
            if (problems > 5) {
                EXPECT_EQ(explain(peak(), resident.data, options, wanted, 3).message,
                          explain(peak(), peaks.data(), options, wanted, 3).message);
            }
        }
    }
}

template <class T>
void expect_found(const ResultsOnDevice<T>& found, const BatchResult<T>& wanted, int starts) {
    EXPECT_TRUE(same_bits(found.parameters.fetch(), wanted.parameters));
    EXPECT_TRUE(same_bits(found.objective.fetch(), wanted.objective));
    EXPECT_TRUE(same_bits(found.gradient_norm.fetch(), wanted.gradient_norm));
    EXPECT_EQ(found.status.fetch(), wanted.status);
    EXPECT_EQ(found.iterations.fetch(), wanted.iterations);
    if (starts > 1) {
        EXPECT_EQ(found.best_start.fetch(), wanted.best_start);
    }
    EXPECT_EQ(found.degrees_of_freedom.fetch(), wanted.degrees_of_freedom);
    EXPECT_TRUE(same_bits(found.reduced_chi_square.fetch(), wanted.reduced_chi_square));
    EXPECT_EQ(found.at_bound.fetch(), wanted.at_bound);
    const std::vector<T> errors = found.standard_errors.fetch();
    for (std::size_t k = 0; k < errors.size(); ++k) {
        EXPECT_EQ(std::isnan(errors[k]), std::isnan(wanted.standard_errors[k]));
        if (!std::isnan(errors[k])) {
            EXPECT_NEAR(errors[k], wanted.standard_errors[k],
                        (sizeof(T) == 8 ? 1e-10 : 1e-5) * std::abs(wanted.standard_errors[k]));
        }
    }
}

TYPED_TEST(BatchOnDeviceTest, ResultsStayThereAndNobodyWaits) {
    using T = TypeParam;
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    for (const int starts : {1, 3})
        for (const std::size_t budget : {std::size_t{256} << 20, std::size_t{20000}}) {
            const Peaks<T> peaks(150, 15, starts);
            BatchOptions options = options_of_test();
            options.starts = starts;
            options.memory_budget = budget;
            const auto wanted = fit_batch(peak(), peaks.data(), options);
            const Resident<T> resident(peaks, true);
            const ResultsOnDevice<T> found(150, 4);
            options.stream = stream;
            EXPECT_TRUE(fit_batch(peak(), resident.data, found.all(), options).queued);
            ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
            expect_found(found, wanted, starts);
            if (starts > 1) {
                EXPECT_GT(std::ranges::count(wanted.best_start, 1), 0);
            }
            // Without a stream it waits.
            const ResultsOnDevice<T> again(150, 4);
            options.stream = nullptr;
            EXPECT_FALSE(fit_batch(peak(), resident.data, again.all(), options).queued);
            expect_found(again, wanted, starts);
            // Maps of parameters and errors, and some results alone.
            const OnDevice<T> maps(600), errors(600);
            BatchArrays<T> some;
            some.parameters = maps.array(4, 150).transposed();
            some.standard_errors = errors.array(4, 150).transposed();
            fit_batch(peak(), resident.data, some, options);
            const std::vector<T> p = maps.fetch(), e = errors.fetch();
            for (std::size_t i = 0; i < 150; ++i)
                for (std::size_t j = 0; j < 4; ++j) {
                    EXPECT_EQ(p[j * 150 + i], wanted.parameters[i * 4 + j]);
                    EXPECT_EQ(std::isnan(e[j * 150 + i]),
                              std::isnan(wanted.standard_errors[i * 4 + j]));
                }
        }
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TYPED_TEST(BatchOnDeviceTest, ResultsMayBeHereAndThere) {
    using T = TypeParam;
    const Peaks<T> peaks(50, 15, 2);
    BatchOptions options = options_of_test();
    options.starts = 2;
    for (const auto choice : {BackendChoice::cuda, BackendChoice::cpu}) {
        options.backend = choice;
        const auto wanted = fit_batch(peak(), peaks.data(), options);
        const Resident<T> resident(peaks, true, 0b010u);
        const ResultsOnDevice<T> found(50, 4);
        const OnDevice<T> maps(200);
        std::vector<T> objective(50);
        BatchArrays<T> results = found.all();
        results.parameters = maps.array(4, 50).transposed();
        results.objective = objective;
        const auto summary = fit_batch(peak(), resident.data, results, options);
        EXPECT_FALSE(summary.queued);
        EXPECT_TRUE(same_bits(objective, wanted.objective));
        EXPECT_TRUE(same_bits(found.covariance.fetch(), wanted.covariance));
        EXPECT_EQ(found.at_bound.fetch(), wanted.at_bound);
        EXPECT_EQ(found.best_start.fetch(), wanted.best_start);
        const std::vector<T> p = maps.fetch();
        for (std::size_t i = 0; i < 50; ++i)
            for (std::size_t j = 0; j < 4; ++j)
                EXPECT_EQ(p[j * 50 + i], wanted.parameters[i * 4 + j]);
    }
}

/// As Resident, of ragged problems.
template <class T>
struct ResidentRagged : Resident<T> {
    OnDevice<long> offsets;
    OnDevice<T> x, y;
    ResidentRagged(const Peaks<T>& peaks, const Ragged<T>& ragged)
        : Resident<T>(peaks, false, 0b111000u), offsets(ragged.offsets), x(ragged.x), y(ragged.y) {
        this->data.offsets = Array<const long>(offsets.array());
        this->data.coordinates = x.array();
        this->data.y = y.array();
        this->data.weights = {};
    }
};

TYPED_TEST(BatchOnDeviceTest, RaggedProblemsAreOrderedThere) {
    using T = TypeParam;
    const Peaks<T> peaks(300, 40);
    const Ragged<T> ragged(peaks);
    BatchOptions options = options_of_test();
    const BatchData<T> data = ragged.data(peaks);
    const auto wanted = fit_batch(peak(), data, options);
    const ResidentRagged<T> resident(peaks, ragged);
    // Offsets come to the host where the results do.
    expect_same(fit_batch(peak(), resident.data, options), wanted);
    for (const std::size_t budget : {std::size_t{256} << 20, std::size_t{30000}}) {
        options.memory_budget = budget;
        const ResultsOnDevice<T> found(300, 4);
        fit_batch(peak(), resident.data, found.all(), options);
        expect_found(found, wanted, 1);
    }
    BatchOptions cpu = options_of_test();
    cpu.backend = BackendChoice::cpu;
    expect_same(fit_batch(peak(), resident.data, cpu), fit_batch(peak(), data, cpu));
}

TYPED_TEST(BatchOnDeviceTest, ManyStartsOfRaggedProblemsBecomePartOfAGraph) {
    using T = TypeParam;
    const Peaks<T> peaks(100, 40, 2);
    const Ragged<T> ragged(peaks);
    BatchOptions options = options_of_test();
    options.starts = 2;
    const auto wanted = fit_batch(peak(), ragged.data(peaks), options);
    const ResidentRagged<T> resident(peaks, ragged);
    const ResultsOnDevice<T> found(100, 4);
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    options.stream = stream;
    fit_batch(peak(), resident.data, found.all(), options);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_TRUE(fit_batch(peak(), resident.data, found.all(), options).queued);
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    cudaGraphExec_t executable = nullptr;
    ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
    for (int launch = 0; launch < 2; ++launch) {
        found.parameters.forget();
        found.standard_errors.forget();
        ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
        ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
        expect_found(found, wanted, 2);
    }
    EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TYPED_TEST(BatchOnDeviceTest, WrongClaimsAreNamed) {
    using T = TypeParam;
    const Peaks<T> peaks(6);
    const Resident<T> resident(peaks, false);
    const auto message = [](const BatchData<T>& data, int device) {
        BatchOptions options = options_of_test();
        options.device = device;
        return message_of<InvalidArgument>([&] { fit_batch(peak(), data, options); });
    };
    BatchData<T> data = resident.data;
    data.y.memory = Memory::host;
    EXPECT_EQ(message(data, -1).find("y cannot be read by the host (a device pointer)"), 0u)
        << message(data, -1);
    data = resident.data;
    data.weights.device = 3;
    EXPECT_EQ(
        message(data, -1).find("weights is said to be on a GPU (device 3, but it is on device 0)"),
        0u)
        << message(data, -1);
    EXPECT_EQ(message(resident.data, 7).find("there is no device 7"), 0u)
        << message(resident.data, 7);
}

// ---- What a call takes, against what there is.

class BatchDeviceMemoryTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
    TakenMemory taken_;
};

TEST_F(BatchDeviceMemoryTest, WhatIsNeededSufficesAndLessMakesSmallerChunks) {
    const Peaks<double> peaks(20000);
    BatchOptions options = options_of_test();
    options.max_iterations = 2;
    fit_batch(peak(), Peaks<double>(10).data(), options);  // its code is on the device now
    const MemoryNeeded needed = memory_needed(peak(), peaks.data(), options);
    ASSERT_GT(needed.device, std::size_t{8} << 20);
    EXPECT_GT(needed.host, 0u);
    taken_.leave(needed.device + (64 << 10));
    EXPECT_EQ(fit_batch(peak(), peaks.data(), options).chunks, 1);
    taken_.leave(needed.device / 2);
    const auto parts = fit_batch(peak(), peaks.data(), options);
    EXPECT_GT(parts.chunks, 1);
    EXPECT_EQ(parts.completed, 20000);
}

TEST_F(BatchDeviceMemoryTest, OfResidentBatchesItIsTheWorkspace) {
    const Peaks<double> peaks(20000);
    const Resident<double> resident(peaks, false);
    const ResultsOnDevice<double> found(20000, 4);
    BatchOptions options = options_of_test();
    options.max_iterations = 2;
    // What is written where it belongs takes next to nothing.
    EXPECT_LE(memory_needed(peak(), resident.data, found.plain(), options).device, 1024u);
    const MemoryNeeded needed = memory_needed(peak(), resident.data, found.all(), options);
    EXPECT_GT(needed.device, 20000u * 10 * 8);
    EXPECT_EQ(needed.host, 0u);
    options.memory_budget = needed.device / 4;
    EXPECT_LE(memory_needed(peak(), resident.data, found.all(), options).device, needed.device / 4);
    options.memory_budget = BatchOptions().memory_budget;
    fit_batch(peak(), resident.data, found.all(), options);
    taken_.leave(needed.device + (64 << 10));
    fit_batch(peak(), resident.data, found.all(), options);
    const std::vector<double> parameters = found.parameters.fetch();
    // In parts where there is less.
    taken_.leave(needed.device / 3);
    found.parameters.forget();
    fit_batch(peak(), resident.data, found.all(), options);
    EXPECT_TRUE(same_bits(found.parameters.fetch(), parameters));
}

}  // namespace
}  // namespace cunewton::test
#endif
