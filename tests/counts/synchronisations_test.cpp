// How often a minimisation waits for the device, what of a batch's data is copied, and what
// products are queued as. The linker puts the functions below in the place of the runtime's (see
// tests/CMakeLists.txt).
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/preconditioner.h"
#include "tests/support/backends.h"
#include "tests/support/models.h"
#include "tests/support/on_device.h"
#include "tests/support/open_session.h"

namespace {
long copies_to_host = 0, copies_to_device = 0, waits = 0;
long factorizations = 0, solves = 0;  // calls of cuSOLVER, in double
std::size_t largest_copy = 0;         // of either direction, in bytes
long matrix_products = 0;             // calls of cuBLAS, in double
long captures = 0, graph_launches = 0;
enum class Fails { nothing, captured_work, capture } fails = Fails::nothing;
bool capturing = false;

void count_copy(cudaMemcpyKind kind, std::size_t bytes) {
    const bool to_host = kind == cudaMemcpyDeviceToHost, to_device = kind == cudaMemcpyHostToDevice;
    copies_to_host += to_host;
    copies_to_device += to_device;
    if (to_host || to_device) largest_copy = std::max(largest_copy, bytes);
}
}  // namespace

extern "C" {
cudaError_t __real_cudaMemcpyAsync(void*, const void*, size_t, cudaMemcpyKind, cudaStream_t);
cudaError_t __real_cudaStreamSynchronize(cudaStream_t);

cudaError_t __real_cudaMemcpy2DAsync(void*, size_t, const void*, size_t, size_t, size_t,
                                     cudaMemcpyKind, cudaStream_t);
cudaError_t __wrap_cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                                     size_t width, size_t height, cudaMemcpyKind kind,
                                     cudaStream_t stream) {
    count_copy(kind, width * height);
    return __real_cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, height, kind, stream);
}

cudaError_t __wrap_cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream) {
    count_copy(kind, bytes);
    return __real_cudaMemcpyAsync(to, from, bytes, kind, stream);
}
cudaError_t __wrap_cudaStreamSynchronize(cudaStream_t stream) {
    ++waits;
    return __real_cudaStreamSynchronize(stream);
}

cudaError_t __real_cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t __wrap_cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    ++captures;
    capturing = true;
    return __real_cudaStreamBeginCapture(stream, mode);
}
cudaError_t __real_cudaStreamEndCapture(cudaStream_t, cudaGraph_t*);
cudaError_t __wrap_cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    capturing = false;
    const cudaError_t status = __real_cudaStreamEndCapture(stream, graph);
    if (fails == Fails::nothing || status != cudaSuccess) return status;
    // As where another thread has ended the capture.
    EXPECT_EQ(cudaGraphDestroy(*graph), cudaSuccess);
    *graph = nullptr;
    return cudaErrorStreamCaptureInvalidated;
}
cudaError_t __real_cudaGraphLaunch(cudaGraphExec_t, cudaStream_t);
cudaError_t __wrap_cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    ++graph_launches;
    return __real_cudaGraphLaunch(graph, stream);
}
cublasStatus_t __real_cublasDgemm_v2_64(cublasHandle_t, cublasOperation_t, cublasOperation_t,
                                        int64_t, int64_t, int64_t, const double*, const double*,
                                        int64_t, const double*, int64_t, const double*, double*,
                                        int64_t);
cublasStatus_t __wrap_cublasDgemm_v2_64(cublasHandle_t blas, cublasOperation_t of_a,
                                        cublasOperation_t of_b, int64_t m, int64_t n, int64_t k,
                                        const double* alpha, const double* A, int64_t lda,
                                        const double* B, int64_t ldb, const double* beta, double* C,
                                        int64_t ldc) {
    ++matrix_products;
    if (capturing && fails == Fails::captured_work) return CUBLAS_STATUS_EXECUTION_FAILED;
    return __real_cublasDgemm_v2_64(blas, of_a, of_b, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);
}

cusolverStatus_t __real_cusolverDnDpotrfBatched(cusolverDnHandle_t, cublasFillMode_t, int,
                                                double*[], int, int*, int);
cusolverStatus_t __wrap_cusolverDnDpotrfBatched(cusolverDnHandle_t solver, cublasFillMode_t fill,
                                                int n, double* A[], int lda, int* infos,
                                                int count) {
    ++factorizations;
    return __real_cusolverDnDpotrfBatched(solver, fill, n, A, lda, infos, count);
}
cusolverStatus_t __real_cusolverDnDpotrsBatched(cusolverDnHandle_t, cublasFillMode_t, int, int,
                                                double*[], int, double*[], int, int*, int);
cusolverStatus_t __wrap_cusolverDnDpotrsBatched(cusolverDnHandle_t solver, cublasFillMode_t fill,
                                                int n, int columns, double* A[], int lda,
                                                double* B[], int ldb, int* info, int count) {
    ++solves;
    return __real_cusolverDnDpotrsBatched(solver, fill, n, columns, A, lda, B, ldb, info, count);
}
cusolverStatus_t __real_cusolverDnXpotrf(cusolverDnHandle_t, cusolverDnParams_t, cublasFillMode_t,
                                         int64_t, cudaDataType, void*, int64_t, cudaDataType, void*,
                                         size_t, void*, size_t, int*);
cusolverStatus_t __wrap_cusolverDnXpotrf(cusolverDnHandle_t solver, cusolverDnParams_t params,
                                         cublasFillMode_t fill, int64_t n, cudaDataType type,
                                         void* A, int64_t lda, cudaDataType compute, void* device,
                                         size_t device_bytes, void* host, size_t host_bytes,
                                         int* info) {
    ++factorizations;
    return __real_cusolverDnXpotrf(solver, params, fill, n, type, A, lda, compute, device,
                                   device_bytes, host, host_bytes, info);
}
}

namespace cunewton::test {
namespace {

class SynchronisationsTest : public BackendTest {
  protected:
    struct Counts {
        long copies, waits, factorizations, solves;
        int iterations;
    };

    static Counts count(const Problem<double>& problem, const std::vector<double>& x0,
                        const Options& options, int iterations) {
        Options limited = options;
        limited.max_iterations = iterations;
        copies_to_host = waits = factorizations = solves = 0;
        const Result<double> result = minimize(problem, x0, limited);
        EXPECT_EQ(result.status, Status::max_iterations);
        // Every step was the first that was tried.
        EXPECT_EQ(result.counts.evaluations, result.iterations + 1);
        return {copies_to_host, waits, factorizations, solves, result.iterations};
    }

    /// Copies to the host and waits of one iteration more are at most `most`.
    static void expect_at_most(Method method, int from, int to, long most, Options options = {}) {
        SCOPED_TRACE(to_string(method));
        ModelOptions model_options{.samples = 200, .features = 6};
        model_options.problem = {.l2 = 0.01, .intercept = true};
        const Model<double> model(ModelKind::logistic, model_options);
        const std::vector<double> x0(model.theta().size(), 0.0);
        options.method = method;
        options.backend = tested_choice();
        options.initial_radius = 1e3;
        const Counts few = count(model.problem(), x0, options, from);
        const Counts many = count(model.problem(), x0, options, to);
        ASSERT_EQ(many.iterations - few.iterations, to - from);
        EXPECT_LE(many.copies - few.copies, most * (to - from));
        EXPECT_LE(many.waits - few.waits, most * (to - from));
        EXPECT_GT(many.waits, few.waits) << "nothing was counted";
    }
};

TEST_F(SynchronisationsTest, OneForARegularNewtonIteration) {
    expect_at_most(Method::newton, 1, 3, 1);
}
TEST_F(SynchronisationsTest, ThreeForARegularTrustRegionIteration) {
    expect_at_most(Method::trust_region, 1, 3, 3);
}
TEST_F(SynchronisationsTest, TwoForARegularBfgsIteration) {
    expect_at_most(Method::bfgs, 2, 4, 2);
}
// The gradient's norm, at most eight products, and the trial; of a step that ends there.
TEST_F(SynchronisationsTest, ThreeForARegularNewtonCgIteration) {
    Options options;
    options.precondition = PreconditionBy::none;
    expect_at_most(Method::newton_cg, 1, 3, 3, options);
}

// However many blocks there are: what is known of them, the slope, the gradient's norm, the trial.
TEST_F(SynchronisationsTest, FourForARegularIterationByBlocks) {
    for (const ModelKind kind : {ModelKind::softmax3, ModelKind::softmax10}) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions model_options{.samples = 200, .features = 6};
        model_options.problem = {.l2 = 0.1, .intercept = true, .penalize_intercept = true};
        const Model<double> model(kind, model_options);
        const std::vector<double> x0(model.theta().size(), 0.0);
        Options options;
        options.method = Method::block_newton;
        options.backend = tested_choice();
        const Counts few = count(model.problem(), x0, options, 1),
                     many = count(model.problem(), x0, options, 3);
        ASSERT_EQ(many.iterations - few.iterations, 2);
        EXPECT_LE(many.waits - few.waits, 4 * 2);
        EXPECT_EQ(many.factorizations - few.factorizations, 2);
        EXPECT_EQ(many.solves - few.solves, 2);
    }
}
TEST_F(SynchronisationsTest, OneForAllBlocksOfAPreconditioner) {
    ModelOptions model_options{.samples = 200, .features = 6};
    model_options.problem = {.l2 = 0.1, .intercept = true};
    const Model<double> model(ModelKind::softmax10, model_options);
    const Problem<double> problem = model.problem();
    const Session<double> session = open(problem);
    Vectors<double>& vectors = *session.vectors;
    const std::size_t n = model.theta().size();
    const Buffer<double> x = vectors.allocate(n), z = vectors.allocate(n);
    vectors.upload(x.get(), model.theta().data(), n);
    BlockPreconditioner<double> M(*session.evaluator, vectors, *session.matrices, 1);
    session.evaluator->prepare_products(x.get());
    for (int times = 0; times < 2; ++times) {
        waits = factorizations = solves = 0;
        EXPECT_TRUE(M.update(x.get()));
        EXPECT_EQ(waits, 1);
        EXPECT_EQ(factorizations, 1);
        M.apply(x.get(), z.get());
        EXPECT_EQ(solves, 1);
        EXPECT_EQ(waits, 1);
    }
}

TEST_F(SynchronisationsTest, SamplesOnTheDeviceStayThere) {
    ModelOptions model_options{.samples = 500, .features = 6};
    const Model<double> model(ModelKind::squared, model_options);
    const Samples<double> here = model.samples();
    const OnDevice<double> features(std::vector<double>(here.features, here.features + 500 * 6)),
        targets(std::vector<double>(here.targets, here.targets + 500));
    largest_copy = 0;
    const Problem<double> problem = make_linear_predictor<double>(
        LinearRegression{}, Samples<double>::of(features.array(500, 6), targets.array()));
    const OnDevice<double> x(std::vector<double>(6, 0.5));
    Options options;
    options.backend = tested_choice();
    EXPECT_TRUE(minimize(problem, x.array(), x.array(), options).converged());
    // Nothing larger than the numbers that a method decides by, which are fetched in one piece.
    EXPECT_GT(largest_copy, 0u);
    EXPECT_LT(largest_copy, 500 * sizeof(double));
}

class GraphsTest : public SynchronisationsTest {
  protected:
    struct Queued {
        long matrix_products, captures, graphs;
    };
    /// By the iterations that follow the first ones.
    static Queued queued(const Problem<double>& problem, Options options, int first, int last) {
        const std::vector<double> x0(static_cast<std::size_t>(problem.dimension()), 0.1);
        Queued until[2];
        for (const int i : {0, 1}) {
            options.max_iterations = i == 0 ? first : last;
            matrix_products = captures = graph_launches = 0;
            EXPECT_EQ(minimize(problem, x0, options).iterations, options.max_iterations);
            until[i] = {matrix_products, captures, graph_launches};
        }
        return {until[1].matrix_products - until[0].matrix_products,
                until[1].captures - until[0].captures, until[1].graphs - until[0].graphs};
    }
};

// An iteration of conjugate gradients has `a_product` calls of cuBLAS less, and a graph instead.
TEST_F(GraphsTest, AProductIsOneLaunch) {
    ModelOptions model_options{.samples = 200, .features = 6};
    model_options.problem = {.l2 = 0.1, .intercept = true};
    const Model<double> model(ModelKind::softmax3, model_options);
    const Problem<double> softmax = model.problem(), perceptron = make_perceptron<double>(
                                                         {{6, 5, 3}}, model.samples(), {.l2 = 0.1});
    Options options;
    options.backend = tested_choice();
    options.method = Method::newton_cg;
    options.precondition = PreconditionBy::none;
    for (const auto& [problem, a_product] : {std::pair(softmax, 2), std::pair(perceptron, 8)}) {
        options.cuda_graphs = false;
        const Queued without = queued(problem, options, 1, 3);
        options.cuda_graphs = true;
        const Queued with = queued(problem, options, 1, 3);
        EXPECT_EQ(without.captures + without.graphs, 0);
        EXPECT_EQ(with.captures, 0) << "the first iteration's graph goes on";
        EXPECT_GE(with.graphs, 8);
        EXPECT_EQ(without.matrix_products - with.matrix_products, a_product * with.graphs);
        const Queued first = queued(problem, options, 0, 1);
        EXPECT_EQ(first.captures, 1);
        EXPECT_GE(first.graphs, 4);
        cudaStream_t stream = nullptr;
        ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
        Options on_stream = options;
        on_stream.stream = stream;
        const Queued there = queued(problem, on_stream, 1, 3);
        EXPECT_EQ(there.captures + there.graphs, 0);
        EXPECT_EQ(there.matrix_products, without.matrix_products);
        EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    }
}

TEST_F(GraphsTest, ACaptureThatFailsDoesNoHarm) {
    ModelOptions model_options{.samples = 200, .features = 6};
    model_options.problem = {.l2 = 0.1};
    const Model<double> model(ModelKind::softmax3, model_options);
    const Problem<double> problem = model.problem();
    const std::vector<double> x0(model.theta().size(), 0.1);
    Options options;
    options.backend = tested_choice();
    options.method = Method::newton_cg;
    const Result<double> expected = minimize(problem, x0, options);
    options.cuda_graphs = true;
    for (const Fails what : {Fails::captured_work, Fails::capture}) {
        fails = what;
        captures = graph_launches = 0;
        const Result<double> result = minimize(problem, x0, options);
        fails = Fails::nothing;
        EXPECT_EQ(result.backend, "cuda");
        EXPECT_EQ(result.status, expected.status);
        EXPECT_EQ(result.x, expected.x);
        EXPECT_EQ(captures, 1) << "it is not tried again";
        EXPECT_EQ(graph_launches, 0);
    }
}

class BatchCopiesTest : public BackendTest {};

TEST_F(BatchCopiesTest, DataOnTheDeviceStayThere) {
    constexpr long problems = 40, points = 9;
    std::vector<double> x, y, start;
    for (long i = 0; i < problems; ++i) {
        for (long k = 0; k < points; ++k) {
            const double at = 0.5 * static_cast<double>(k);
            if (i == 0) x.push_back(at);
            y.push_back(2 + static_cast<double>(i) * at + 0.01 * static_cast<double>((i + k) % 5));
        }
        for (const double value : {0.0, 0.0}) start.push_back(value);
    }
    const OnDevice<double> x_there(x), y_there(y), start_there(start);
    const ResultsOnDevice<double> found(problems, 2);
    const BatchData<double> data{
        .problems = problems,
        .points = points,
        .coordinates = x_there.array(),
        .y = Array<const double>(y_there.get(), points, problems).transposed().on_device(),
        .start = start_there.array()};
    BatchOptions options;
    options.backend = BackendChoice::cuda;
    const FitModel model = make_fit_model(Polynomial<1>{});
    copies_to_host = copies_to_device = waits = 0;
    fit_batch(model, data, found.all(), options);
    EXPECT_EQ(copies_to_host, 0);
    EXPECT_EQ(copies_to_device, 0);
    EXPECT_EQ(waits, 1) << "for the call's own stream";
    options.stream = cudaStreamLegacy;
    waits = 0;
    fit_batch(model, data, found.all(), options);
    EXPECT_EQ(waits + copies_to_host + copies_to_device, 0);
    // Results on the host: they are what comes, in one piece.
    options.stream = nullptr;
    fit_batch(model, data, options);
    EXPECT_EQ(copies_to_host, 1);
    EXPECT_EQ(copies_to_device, 0);
}

}  // namespace
}  // namespace cunewton::test
