// Streams that are being captured into a graph: batches on the device can be, calls that return
// results to the host cannot.
#include "cunewton/cunewton.h"

#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cuda/fit_on_device.h"
#include "tests/support/backends.h"
#include "tests/support/builtin_fit_models.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

/// Noisy peaks with their starts, on the host and on the device, and room for the results there.
class Peaks {
  public:
    static constexpr long problems = 50;
    static constexpr int points = 12, n = 4;

    Peaks() {
        for (int k = 0; k < points; ++k) coordinates_.push_back(0.5 * k);
        for (long i = 0; i < problems; ++i) {
            const double height = 2 + 0.1 * static_cast<double>(i);
            for (int k = 0; k < points; ++k) {
                const double u = 0.5 * k - 2.7;
                y_.push_back(height * std::exp(-u * u / 2) + 1 +
                             0.01 * static_cast<double>((i * 7 + k * 5) % 11));
            }
            for (const double value : {0.9 * height, 2.5, 1.2, 0.9}) start_.push_back(value);
        }
        batch.problems = problems;
        batch.points = points;
        batch.coordinates = to_device(coordinates_);
        batch.shared_coordinates = true;
        batch.y = to_device(y_);
        batch.start = to_device(start_);
        batch.parameters = allocate<double>(problems * n);
        batch.objective = allocate<double>(problems);
        batch.gradient_norm = allocate<double>(problems);
        batch.status = allocate<int>(problems);
        batch.iterations = allocate<int>(problems);
        batch.queue = allocate<unsigned long long>(1);
    }
    Peaks(const Peaks&) = delete;
    ~Peaks() {
        for (void* memory : memory_) EXPECT_EQ(cudaFree(memory), cudaSuccess);
    }

    BatchData<double> data() const {
        return {.problems = problems,
                .points = points,
                .coordinates = coordinates_,
                .y = y_,
                .start = start_};
    }
    std::vector<double> found() const {
        std::vector<double> values(problems * n);
        EXPECT_EQ(cudaMemcpy(values.data(), batch.parameters, values.size() * sizeof(double),
                             cudaMemcpyDeviceToHost),
                  cudaSuccess);
        return values;
    }
    void forget_found() const {
        EXPECT_EQ(cudaMemset(batch.parameters, 0xff, problems * n * sizeof(double)), cudaSuccess);
        EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
        EXPECT_TRUE(std::isnan(found()[0]));
    }

    cuda::DeviceBatch<double> batch;

  private:
    template <class V>
    V* allocate(std::size_t count) {
        void* memory = nullptr;
        EXPECT_EQ(cudaMalloc(&memory, count * sizeof(V)), cudaSuccess);
        memory_.push_back(memory);
        return static_cast<V*>(memory);
    }
    double* to_device(const std::vector<double>& from) {
        double* to = allocate<double>(from.size());
        EXPECT_EQ(cudaMemcpy(to, from.data(), from.size() * sizeof(double), cudaMemcpyHostToDevice),
                  cudaSuccess);
        return to;
    }
    std::vector<double> coordinates_, y_, start_;
    std::vector<void*> memory_;
};

/// With a stream that waits for the default one (flag cudaStreamDefault) or not (NonBlocking).
class CaptureTest : public BackendTest, public ::testing::WithParamInterface<unsigned> {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
        ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, GetParam()), cudaSuccess);
    }
    void TearDown() override {
        if (stream_) {
            EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess);
        }
    }
    cudaStream_t stream_ = nullptr;
    const FitModel model_ = builtin_fit_model("Gaussian1D");
};

INSTANTIATE_TEST_SUITE_P(Streams, CaptureTest,
                         ::testing::Values(cudaStreamDefault, cudaStreamNonBlocking),
                         [](const auto& flags) {
                             return flags.param == cudaStreamDefault ? "Blocking" : "NonBlocking";
                         });

TEST_P(CaptureTest, ABatchOnTheDeviceBecomesPartOfAGraph) {
    const Peaks peaks;
    cuda::fit_batch_on_device(model_, peaks.batch, {}, stream_);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<double> expected = peaks.found();
    peaks.forget_found();

    ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), cudaSuccess);
    cuda::fit_batch_on_device(model_, peaks.batch, {}, stream_);
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
    cudaGraphExec_t executable = nullptr;
    ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
    EXPECT_TRUE(std::isnan(peaks.found()[0])) << "it ran while it was captured";
    for (int launch = 0; launch < 2; ++launch) {
        peaks.forget_found();
        ASSERT_EQ(cudaGraphLaunch(executable, stream_), cudaSuccess);
        ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
        EXPECT_EQ(peaks.found(), expected) << "launch " << launch;
    }
    EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

TEST_P(CaptureTest, CallsThatReturnResultsAreMisuse) {
    const Peaks peaks;
    const BatchData<double> data = peaks.data();
    const auto problem = make_objective<double>(cunewton::ExtendedRosenbrock{}, 2);
    const std::vector<double> x0{-1.2, 1.0};
    cuda::fit_batch_on_device(model_, peaks.batch, {}, stream_);  // its code is on the device now
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    for (const auto choice : {BackendChoice::automatic, BackendChoice::cuda}) {
        Options options;
        options.backend = choice;
        BatchOptions batch_options;
        batch_options.backend = choice;
        EvaluationOptions evaluation;
        evaluation.backend = choice;
        ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), cudaSuccess);
        cuda::fit_batch_on_device(model_, peaks.batch, {}, stream_);
        for (const std::string& message :
             {message_of<InvalidArgument>([&] { minimize(problem, x0, options); }),
              message_of<InvalidArgument>([&] { fit_batch(model_, data, batch_options); }),
              message_of<InvalidArgument>([&] { gradient(problem, x0, evaluation); })}) {
            EXPECT_NE(message.find("a stream is being captured"), std::string::npos) << message;
            EXPECT_NE(message.find("end the capture first"), std::string::npos) << message;
        }
        EXPECT_EQ(cudaGetLastError(), cudaSuccess);
        cudaGraph_t graph = nullptr;
        const cudaError_t ended = cudaStreamEndCapture(stream_, &graph);
        if (GetParam() == cudaStreamDefault) {
            // It was seen before anything was done, and the capture is as it was.
            ASSERT_EQ(ended, cudaSuccess);
            std::size_t nodes = 0;
            EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
            EXPECT_EQ(nodes, 2u) << "a memory fill and a kernel";
            EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
        } else {
            static_cast<void>(cudaGetLastError());
        }
        EXPECT_EQ(minimize(problem, x0, options).backend, "cuda");
        EXPECT_EQ(fit_batch(model_, data, batch_options).backend, "cuda");
    }
}

TEST_P(CaptureTest, TheCpuDoesNotDisturbACapture) {
    const Peaks peaks;
    const auto problem = make_objective<double>(cunewton::ExtendedRosenbrock{}, 2);
    Options options;
    options.backend = BackendChoice::cpu;
    BatchOptions batch_options;
    batch_options.backend = BackendChoice::cpu;
    ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(minimize(problem, {-1.2, 1.0}, options).status, Status::converged);
    EXPECT_EQ(fit_batch(model_, peaks.data(), batch_options).completed, Peaks::problems);
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

}  // namespace
}  // namespace cunewton::test
#endif
