// A multi-layer perceptron's loss, gradient and products with its Hessian, each on its own.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "bench/blas.h"
#include "bench/cases/cases.h"
#include "bench/cases/mlp_data.h"
#include "cunewton/problem/perceptron.h"
#include "host/backend/choice.h"

namespace cunewton::bench {
namespace {

/// Of the matrix products below, as many at a time as the CPU backend takes.
constexpr int tile = 1024;

/// A problem on the backend, with a point, a direction and room for what comes out.
template <class T>
class Place {
  public:
    Place(const MlpData& data, const std::vector<double>& x, const std::vector<double>& v,
          HessianBy by, const Context& context)
        : X_(data.X.begin(), data.X.end()), y_(data.y.begin(), data.y.end()) {
        Samples<T> samples;
        samples.features = X_.data();
        samples.count = data.samples;
        samples.dimension = data.perceptron.widths.front();
        samples.targets = y_.data();
        const Problem<T> problem =
            make_perceptron<T>(data.perceptron, samples, {.l2 = 1e-4, .penalize_intercept = true});
        SessionOptions options;
        options.threads = context.settings.threads;
        options.derivatives.hessian = by;
        session_ = choose_backends(problem, context.settings.backend)
                       .entries[0]
                       ->template code<T>()
                       .open(problem, options);
        n_ = problem.dimension();
        f_ = std::make_unique<Number>(session_.vectors->number());
        const std::size_t n = x.size();
        for (Buffer<T>* buffer : {&x_, &v_, &out_}) *buffer = session_.vectors->allocate(n);
        upload(x_, x);
        upload(v_, v);
    }
    int dimension() const { return n_; }

    double loss() {
        session_.evaluator->value(x_.get(), *f_);
        return session_.vectors->read(*f_);
    }
    void gradient() {
        session_.evaluator->value_and_gradient(x_.get(), out_.get(), *f_);
        session_.vectors->read(*f_);
    }
    void prepare() {
        session_.evaluator->prepare_products(x_.get());
        wait();
    }
    void product() {
        session_.evaluator->products(v_.get(), 1, out_.get());
        wait();
    }
    /// What the last of the two has written.
    std::vector<double> result() {
        std::vector<T> out(static_cast<std::size_t>(n_));
        session_.vectors->download(out.data(), out_.get(), out.size());
        return {out.begin(), out.end()};
    }
    void move_to(const std::vector<double>& x) { upload(x_, x); }

  private:
    void wait() {
        T first;
        session_.vectors->download(&first, out_.get(), 1);
    }
    void upload(const Buffer<T>& to, const std::vector<double>& from) {
        const std::vector<T> converted(from.begin(), from.end());
        session_.vectors->upload(to.get(), converted.data(), converted.size());
    }

    std::vector<T> X_, y_;
    Session<T> session_;
    int n_;
    std::unique_ptr<Number> f_;
    Buffer<T> x_, v_, out_;
};

/// H v by central differences of the gradient, in double.
std::vector<double> product_by_differences(const MlpData& data, const std::vector<double>& x,
                                           const std::vector<double>& v, const Context& context) {
    Place<double> place(data, x, v, HessianBy::automatic, context);
    double length = 0;
    for (const double vj : v) length += vj * vj;
    const double h = 1e-4 / std::sqrt(length);
    std::vector<double> moved(x), difference(x.size(), 0.0);
    for (const double side : {-1.0, 1.0}) {
        for (std::size_t j = 0; j < x.size(); ++j) moved[j] = x[j] + side * h * v[j];
        place.move_to(moved);
        place.gradient();
        const std::vector<double> g = place.result();
        for (std::size_t j = 0; j < x.size(); ++j) difference[j] += side * g[j] / (2 * h);
    }
    return difference;
}

double relative_error(const std::vector<double>& got, const std::vector<double>& exact) {
    double difference = 0, size = 0;
    for (std::size_t j = 0; j < exact.size(); ++j) {
        difference = std::max(difference, std::abs(got[j] - exact[j]));
        size = std::max(size, std::abs(exact[j]));
    }
    return difference / size;
}

/// The matrix products of one evaluation, done by BLAS on arrays of the same shapes, and nothing
/// else: tile after tile of samples.
template <class T>
class MatrixProducts {
  public:
    explicit MatrixProducts(const MlpData& data) : data_(data), widths_(data.perceptron.widths) {
        for (const int width : widths_) units_.push_back(numbers(width, data.samples));
        weights_ = numbers(widths_[0], widths_[1]);
        out_ =
            numbers(std::max(widths_[0], tile), *std::max_element(widths_.begin(), widths_.end()));
    }

    /// How often each layer's units are multiplied by weights forward, by each other, and by
    /// weights backward; the first layer's and the others' numbers. Seconds of the fastest of some
    /// runs.
    struct Work {
        int forward_first, forward, outer_first, outer, backward;
    };
    static constexpr Work loss{1, 1, 0, 0, 0}, gradient{1, 1, 1, 1, 1}, prepare{1, 1, 0, 0, 1},
        product{1, 2, 1, 2, 2}, gauss_newton{1, 2, 1, 1, 1};

    double seconds(const Work& work) {
        double least = std::numeric_limits<double>::infinity();
        for (int trial = 0; trial < 7; ++trial) {
            const double begin = wall_seconds();
            for (long first = 0; first < data_.samples; first += tile)
                run(work, first, static_cast<int>(std::min<long>(tile, data_.samples - first)));
            least = std::min(least, wall_seconds() - begin);
        }
        return least;
    }
    double operations(const Work& work) const {
        double sum = 0;
        for (std::size_t l = 1; l < widths_.size(); ++l) {
            const int times = l == 1 ? work.forward_first + work.outer_first
                                     : work.forward + work.outer + work.backward;
            sum += 2.0 * times * widths_[l - 1] * widths_[l] * static_cast<double>(data_.samples);
        }
        return sum;
    }

  private:
    static std::vector<T> numbers(long rows, long columns) {
        std::vector<T> values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = static_cast<T>(static_cast<double>(i * 7919 % 1024) / 1024.0);
        return values;
    }
    void multiply(const char* a_as, const char* b_as, int m, int n, int k, const T* a, int lda,
                  const T* b, int ldb, T* c) {
        const T one = 1, zero = 0;
        if constexpr (sizeof(T) == 4)
            sgemm_(a_as, b_as, &m, &n, &k, &one, a, &lda, b, &ldb, &zero, c, &m);
        else
            dgemm_(a_as, b_as, &m, &n, &k, &one, a, &lda, b, &ldb, &zero, c, &m);
    }
    void run(const Work& work, long first, int count) {
        for (std::size_t l = 1; l < widths_.size(); ++l) {
            const int in = widths_[l - 1], out = widths_[l];
            const T *const from = units_[l - 1].data() + first * in, *const to = units_[l].data() +
                                                                                 first * out;
            for (int i = 0; i < (l == 1 ? work.forward_first : work.forward); ++i)
                multiply("T", "N", out, count, in, weights_.data(), in, from, in, out_.data());
            for (int i = 0; i < (l == 1 ? work.outer_first : work.outer); ++i)
                multiply("N", "T", in, out, count, from, in, to, out, out_.data());
            for (int i = 0; i < (l == 1 ? 0 : work.backward); ++i)
                multiply("N", "N", in, count, out, weights_.data(), in, to, out, out_.data());
        }
    }

    const MlpData& data_;
    const std::vector<int> widths_;
    std::vector<std::vector<T>> units_;
    std::vector<T> weights_, out_;
};

template <class T>
void run(Context& context) {
    const MlpData data = read_mlp_data(context.settings.small);
    const std::vector<double> x = random_start<double>(data.perceptron, 1),
                              v = random_start<double>(data.perceptron, 2);
    Place<T> exact(data, x, v, HessianBy::automatic, context),
        gauss_newton(data, x, v, HessianBy::gauss_newton, context);
    using Products = MatrixProducts<T>;
    Products floor(data);
    const double peak = sizeof(T) == 4 ? measure_fma_peak_single(context.settings.threads)
                                       : measure_fma_peak(context.settings.threads);
    const auto add = [&](const std::string& name, const typename Products::Work& work,
                         const auto& job, std::optional<double> error) {
        Row row = context.report.row("mlp_products", data.name + ", " + name);
        row.timing = measure(context.settings.repeats, job);
        row.backend = context.default_backend;
        row.dimension = exact.dimension();
        row.samples = data.samples;
        row.error = error;
        if (row.backend == "cpu") {
            row.threads = context.settings.threads;
            row.floor_seconds = floor.seconds(work);
            row.floor_peak_seconds = floor.operations(work) / peak;
        }
        context.report.add(row);
    };
    add("loss", Products::loss, [&] { exact.loss(); }, {});
    add("loss and gradient", Products::gradient, [&] { exact.gradient(); }, {});
    add("prepare", Products::prepare, [&] { exact.prepare(); }, {});
    exact.product();
    const double error =
        relative_error(exact.result(), product_by_differences(data, x, v, context));
    add(
        "H v", Products::product, [&] { exact.product(); }, error);
    gauss_newton.prepare();
    add("Gauss-Newton v", Products::gauss_newton, [&] { gauss_newton.product(); }, {});
}

}  // namespace

void run_mlp_products(Context& context) {
    if (context.settings.single)
        run<float>(context);
    else
        run<double>(context);
}

}  // namespace cunewton::bench
