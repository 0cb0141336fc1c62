// Streams that are being captured into a graph: batches on the device can be, calls that return
// results to the host cannot.
#include "cunewton/cunewton.h"

#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/backends.h"
#include "tests/support/builtin_fit_models.h"
#include "tests/support/message_of.h"
#include "tests/support/on_device.h"

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
        x_.emplace(coordinates_);
        y_there_.emplace(y_);
        start_there_.emplace(start_);
    }

    BatchData<double> data() const {
        return {.problems = problems,
                .points = points,
                .coordinates = coordinates_,
                .y = y_,
                .start = start_};
    }
    BatchData<double> resident() const {
        return {.problems = problems,
                .points = points,
                .coordinates = x_->array(),
                .y = y_there_->array(),
                .start = start_there_->array()};
    }
    std::vector<double> found() const { return results.parameters.fetch(); }
    void forget_found() const {
        results.parameters.forget();
        EXPECT_TRUE(std::isnan(found()[0]));
    }

    ResultsOnDevice<double> results{problems, n};

  private:
    std::vector<double> coordinates_, y_, start_;
    std::optional<OnDevice<double>> x_, y_there_, start_there_;
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
    /// Queues the batch on the stream.
    void fit(const Peaks& peaks) const {
        BatchOptions options;
        options.stream = stream_;
        EXPECT_TRUE(fit_batch(model_, peaks.resident(), peaks.results.plain(), options).queued);
    }
    cudaStream_t stream_ = nullptr;
    const FitModel model_ = builtin_fit_model("Gaussian1D");
};

TEST_P(CaptureTest, CallsOnTheStreamItselfAreRefusedAndTheCaptureGoesOn) {
    const Problem<double> problem = make_objective<double>(cunewton::ExtendedRosenbrock{}, 2);
    const OnDevice<double> x(std::vector<double>{-1.2, 1.0});
    Options options;
    options.backend = BackendChoice::cuda;
    options.stream = stream_;
    EvaluationOptions evaluation;
    evaluation.backend = BackendChoice::cuda;
    evaluation.stream = stream_;
    ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    Options with_graphs = options;
    with_graphs.cuda_graphs = true;
    for (const std::string& message :
         {message_of<InvalidArgument>([&] { minimize(problem, x.array(), x.array(), options); }),
          message_of<InvalidArgument>(
              [&] { minimize(problem, x.array(), x.array(), with_graphs); }),
          message_of<InvalidArgument>([&] {
              evaluate(problem, {1.0, 1.0}, evaluation);
          })})
        EXPECT_NE(message.find("captured"), std::string::npos) << message;
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
    if (graph) {
        EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    }
    EXPECT_TRUE(minimize(problem, x.array(), x.array(), options).converged());
}

INSTANTIATE_TEST_SUITE_P(Streams, CaptureTest,
                         ::testing::Values(cudaStreamDefault, cudaStreamNonBlocking),
                         [](const auto& flags) {
                             return flags.param == cudaStreamDefault ? "Blocking" : "NonBlocking";
                         });

TEST_P(CaptureTest, ABatchOnTheDeviceBecomesPartOfAGraph) {
    const Peaks peaks;
    fit(peaks);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<double> expected = peaks.found();
    peaks.forget_found();

    ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), cudaSuccess);
    fit(peaks);
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
    fit(peaks);  // its code is on the device now
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    for (const auto choice : {BackendChoice::automatic, BackendChoice::cuda}) {
        Options options;
        options.backend = choice;
        BatchOptions batch_options;
        batch_options.backend = choice;
        EvaluationOptions evaluation;
        evaluation.backend = choice;
        ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), cudaSuccess);
        fit(peaks);
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
            EXPECT_EQ(nodes, 4u) << "memory, a fill of it, a kernel, and the memory's end";
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
