// Options::cuda_graphs: products that are replayed have the bits of those that are queued, whatever
// changes in between. On the CPU the option changes nothing.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/choice.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace cunewton::test {
namespace {

constexpr std::size_t ample = std::size_t{256} << 20, little = std::size_t{1} << 10;

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
std::vector<T> random_numbers(int count, std::uint64_t seed) {
    Random random(seed);
    std::vector<T> numbers(static_cast<std::size_t>(count));
    for (T& number : numbers) number = static_cast<T>(0.3 * random.near_normal());
    return numbers;
}

/// Samples with three classes, and the problems of them.
template <class T>
class Classes {
  public:
    explicit Classes(int count) {
        const Dataset set = make_multiclass(count, 5, 3, 7);
        features_.assign(set.X.begin(), set.X.end());
        targets_.assign(set.y.begin(), set.y.end());
        samples_.features = features_.data();
        samples_.targets = targets_.data();
        samples_.count = count;
        samples_.dimension = 5;
    }
    Classes(const Classes&) = delete;

    Problem<T> perceptron() const { return make_perceptron<T>({{5, 4, 3}}, samples_, {.l2 = 0.1}); }
    Problem<T> softmax() const {
        return make_linear_predictor<T>(Softmax{3}, samples_, {.l2 = 0.1, .intercept = true});
    }

  private:
    std::vector<T> features_, targets_;
    Samples<T> samples_;
};

template <class T>
class CudaGraphsTest : public BackendTest {
  protected:
    static Options options_of(Method method, bool cuda_graphs) {
        Options options;
        options.backend = tested_choice();
        options.threads = 1;
        options.method = method;
        options.max_iterations = 4;
        options.cuda_graphs = cuda_graphs;
        return options;
    }
    static Result<T> result_of(const Problem<T>& problem, const Options& options) {
        return minimize(problem, random_numbers<T>(problem.dimension(), 3), options);
    }
    static void expect_same(const Result<T>& result, const Result<T>& expected) {
        EXPECT_EQ(result.backend, tested_backend());
        EXPECT_TRUE(same_bits(result.x, expected.x));
        EXPECT_TRUE(same_bits<T>({result.f}, {expected.f}));
        EXPECT_EQ(result.status, expected.status);
        EXPECT_EQ(result.iterations, expected.iterations);
        EXPECT_EQ(result.counts.products, expected.counts.products);
    }
    /// With and without graphs. options: but for these.
    static void expect_no_effect(const Problem<T>& problem, Options options) {
        SCOPED_TRACE(to_string(options.method));
        options.cuda_graphs = false;
        const Result<T> expected = result_of(problem, options);
        EXPECT_GT(expected.iterations, 1);
        options.cuda_graphs = true;
        expect_same(result_of(problem, options), expected);
    }
};
using Numbers = ::testing::Types<double, float>;
TYPED_TEST_SUITE(CudaGraphsTest, Numbers);

TYPED_TEST(CudaGraphsTest, MinimisationsHaveTheSameBits) {
    const Classes<TypeParam> data(150);
    for (const Problem<TypeParam>& problem : {data.perceptron(), data.softmax()})
        for (const PreconditionBy by : {PreconditionBy::automatic, PreconditionBy::none}) {
            Options options = this->options_of(Method::newton_cg, true);
            options.precondition = by;
            this->expect_no_effect(problem, options);
        }
    Options exact = this->options_of(Method::hessian_free, true);
    exact.derivatives.hessian = HessianBy::analytic;
    this->expect_no_effect(data.perceptron(), this->options_of(Method::hessian_free, true));
    this->expect_no_effect(data.perceptron(), exact);
    this->expect_no_effect(data.perceptron(), this->options_of(Method::gradient_descent, true));
}

TYPED_TEST(CudaGraphsTest, TilesThatAreComputedAnewHaveThem) {
    Options options = this->options_of(Method::newton_cg, true);
    options.max_iterations = 2;
    options.derivatives.memory_budget = little;
    this->expect_no_effect(Classes<TypeParam>(1100).perceptron(), options);
}

TYPED_TEST(CudaGraphsTest, StepsOnSamplesHaveThem) {
    const Classes<TypeParam> data(150);
    for (const Method method : {Method::kfac, Method::subsampled_newton}) {
        Options options = this->options_of(method, true);
        options.sampling.size = 40;
        this->expect_no_effect(data.perceptron(), options);
        if (method == Method::subsampled_newton) this->expect_no_effect(data.softmax(), options);
    }
}

TYPED_TEST(CudaGraphsTest, ThreadsAtOnceHaveThem) {
    const Classes<TypeParam> data(100);
    const Problem<TypeParam> problem = data.perceptron();
    const Options options = this->options_of(Method::newton_cg, true);
    const Result<TypeParam> expected =
        this->result_of(problem, this->options_of(Method::newton_cg, false));
    Result<TypeParam> results[2];
    {
        const auto minimize_into = [&](Result<TypeParam>& result) {
            result = this->result_of(problem, options);
        };
        std::jthread other([&] { minimize_into(results[0]); });
        minimize_into(results[1]);
    }
    for (const Result<TypeParam>& result : results) this->expect_same(result, expected);
}

/// Products one by one, of a session with graphs and of one without.
template <class T>
class BothWays {
  public:
    BothWays(const Problem<T>& problem, const DerivativeOptions& derivatives)
        : n_(problem.dimension()),
          sides_{{problem, derivatives, false}, {problem, derivatives, true}} {}

    void move_to(std::uint64_t seed) {
        for (Side& side : sides_) {
            side.upload(side.x, random_numbers<T>(n_, seed));
            side.session.evaluator->prepare_products(side.x.get());
        }
    }
    void select(const std::vector<long>& samples, std::uint64_t seed) {
        for (Side& side : sides_) side.session.evaluator->select(samples, 2);
        move_to(seed);
    }
    void select_all(std::uint64_t seed) {
        for (Side& side : sides_) side.session.evaluator->select_all();
        move_to(seed);
    }
    void compute_hessian() {
        for (Side& side : sides_) side.session.evaluator->hessian(side.x.get(), side.H.get());
    }
    /// Four times H v, for other vectors each time, in the same memory. They are no zeros.
    void expect_same(int columns = 1) {
        for (int time = 0; time < 4; ++time) expect_same_once(columns, 0, 1);
    }
    /// Once, of vectors in one of three places, to another one.
    void expect_same_once(int columns, int from, int to) {
        std::vector<T> results[2];
        const std::vector<T> v = random_numbers<T>(n_ * columns, ++seed_);
        for (int i = 0; i < 2; ++i) {
            Side& side = sides_[i];
            side.upload(side.places[from], v);
            side.session.evaluator->products(side.places[from].get(), columns,
                                             side.places[to].get());
            results[i].resize(v.size());
            side.session.vectors->download(results[i].data(), side.places[to].get(), v.size());
        }
        EXPECT_TRUE(same_bits(results[0], results[1]));
        EXPECT_FALSE(same_bits(results[0], std::vector<T>(v.size())));
        EXPECT_FALSE(same_bits(results[0], last_)) << "nothing was computed";
        last_ = results[0];
    }

  private:
    struct Side {
        Side(const Problem<T>& problem, const DerivativeOptions& derivatives, bool cuda_graphs)
            : session(open(problem, derivatives, cuda_graphs)) {
            const std::size_t n = static_cast<std::size_t>(problem.dimension());
            x = session.vectors->allocate(n);
            H = session.vectors->allocate(n * n);
            for (Buffer<T>& place : places) place = session.vectors->allocate(3 * n);
        }
        static Session<T> open(const Problem<T>& problem, const DerivativeOptions& derivatives,
                               bool cuda_graphs) {
            SessionOptions options;
            options.derivatives = derivatives;
            options.threads = 1;
            options.cuda_graphs = cuda_graphs;
            const Candidates candidates = choose_backends(problem, tested_choice());
            return candidates.entries[0]->template code<T>().open(problem, options);
        }
        void upload(Buffer<T>& to, const std::vector<T>& numbers) {
            session.vectors->upload(to.get(), numbers.data(), numbers.size());
        }
        Session<T> session;
        Buffer<T> x, H, places[3];
    };
    const int n_;
    Side sides_[2];
    std::uint64_t seed_ = 100;
    std::vector<T> last_;
};

template <class T>
void expect_same_products(const Problem<T>& problem, const DerivativeOptions& derivatives) {
    BothWays<T> both(problem, derivatives);
    both.move_to(1);
    both.expect_same();
    both.move_to(2);  // the graph stays, what it reads does not
    both.expect_same();
    both.expect_same(3);  // in memory that has to grow
    both.expect_same();
    both.compute_hessian();
    both.expect_same();
    for (const int times : {1, 2, 3})
        for (const auto& [from, to] : {std::pair(0, 1), {0, 2}, {1, 2}, {2, 0}, {0, 1}})
            for (int time = 0; time < times; ++time) both.expect_same_once(1, from, to);
    both.select({3, 1, 40, 7, 22, 9}, 3);
    both.expect_same();
    both.select({5, 2, 41, 8, 23, 0}, 4);  // as many, in the same memory
    both.expect_same();
    both.select({6, 4, 42}, 5);  // fewer, there too
    both.expect_same();
    std::vector<long> many;
    for (long i = 0; i < 80; ++i) many.push_back((7 * i) % 97);
    both.select(many, 6);
    both.expect_same();
    both.select_all(7);
    both.expect_same();
}

TYPED_TEST(CudaGraphsTest, ProductsHaveThemWhateverChanges) {
    const Classes<TypeParam> data(100), more(1100);
    for (const HessianBy by : {HessianBy::analytic, HessianBy::gauss_newton})
        for (const std::size_t budget : {ample, little}) {
            SCOPED_TRACE(std::string(to_string(by)) + ", " + std::to_string(budget) + " bytes");
            DerivativeOptions derivatives;
            derivatives.hessian = by;
            derivatives.memory_budget = budget;
            expect_same_products((budget == little ? more : data).perceptron(), derivatives);
        }
    expect_same_products(data.softmax(), {});
}

#if CUNEWTON_WITH_CUDA

TYPED_TEST(CudaGraphsTest, NoEffectOnAStreamOfTheCallers) {
    if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
    const Classes<TypeParam> data(100);
    const Problem<TypeParam> problem = data.perceptron();
    for (const unsigned flags : {cudaStreamDefault, cudaStreamNonBlocking}) {
        cudaStream_t stream = nullptr;
        ASSERT_EQ(cudaStreamCreateWithFlags(&stream, flags), cudaSuccess);
        Options options = this->options_of(Method::newton_cg, true);
        options.stream = stream;
        this->expect_no_effect(problem, options);
        const MemoryNeeded with = memory_needed(problem, options);
        options.cuda_graphs = false;
        EXPECT_EQ(with.device, memory_needed(problem, options).device);
        EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    }
}

#endif

}  // namespace
}  // namespace cunewton::test
