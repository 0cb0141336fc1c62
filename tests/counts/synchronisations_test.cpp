// How often a minimisation waits for the device. The linker puts the two functions below in the
// place of the runtime's (see tests/CMakeLists.txt).
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <string>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/models.h"

namespace {
long copies_to_host = 0, waits = 0;
}

extern "C" {
cudaError_t __real_cudaMemcpyAsync(void*, const void*, size_t, cudaMemcpyKind, cudaStream_t);
cudaError_t __real_cudaStreamSynchronize(cudaStream_t);

cudaError_t __wrap_cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream) {
    copies_to_host += kind == cudaMemcpyDeviceToHost;
    return __real_cudaMemcpyAsync(to, from, bytes, kind, stream);
}
cudaError_t __wrap_cudaStreamSynchronize(cudaStream_t stream) {
    ++waits;
    return __real_cudaStreamSynchronize(stream);
}
}

namespace cunewton::test {
namespace {

class SynchronisationsTest : public BackendTest {
  protected:
    struct Counts {
        long copies, waits;
        int iterations;
    };

    static Counts count(const Problem<double>& problem, const std::vector<double>& x0,
                        const Options& options, int iterations) {
        Options limited = options;
        limited.max_iterations = iterations;
        copies_to_host = waits = 0;
        const Result<double> result = minimize(problem, x0, limited);
        EXPECT_EQ(result.status, Status::max_iterations);
        // Every step was the first that was tried.
        EXPECT_EQ(result.counts.evaluations, result.iterations + 1);
        return {copies_to_host, waits, result.iterations};
    }

    /// Copies to the host and waits of one iteration more are at most `most`.
    static void expect_at_most(Method method, int from, int to, long most) {
        SCOPED_TRACE(to_string(method));
        ModelOptions model_options{.samples = 200, .features = 6};
        model_options.problem = {.l2 = 0.01, .intercept = true};
        const Model<double> model(ModelKind::logistic, model_options);
        const std::vector<double> x0(model.theta().size(), 0.0);
        Options options;
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

}  // namespace
}  // namespace cunewton::test
