// Stochastic gradient descent with momentum.
#include <cmath>

#include "host/minimize/sampling.h"

namespace cunewton::solver {

namespace {

template <class T>
class Sgd final : public SampledMethod<T> {
  public:
    explicit Sgd(Minimization<T>& run)
        : run_(run),
          size_(sample_size(run, 64)),
          momentum_(run.options().sampling.momentum),
          g_(run.vector()),
          velocity_(run.vector()),
          f_(run.vectors().number()),
          rate_(run.options().sampling.learning_rate) {
        restart();
    }
    long size() const override { return size_; }
    double step_length() const override { return rate_; }

    /// v = momentum v + g; x -= rate v
    bool step(std::span<const long> samples, T* x) override {
        if (rate_ == 0) {
            rate_ = rate_from_curvature();
            restart();
        }
        if (!sampled_gradient(run_, samples, x, g_.get(), f_)) return false;
        Vectors<T>& vectors = run_.vectors();
        vectors.add_scaled(velocity_.get(), g_.get(), static_cast<T>(momentum_), velocity_.get(),
                           run_.n());
        vectors.add_scaled(x, x, static_cast<T>(-rate_), velocity_.get(), run_.n());
        return true;
    }
    int patience() const override { return 5; }
    void slow_down() override {
        rate_ /= 2;
        restart();
    }

  private:
    static constexpr long curvature_samples = 1000;
    static constexpr int curvature_products = 10;

    void restart() {
        run_.vectors().upload(velocity_.get(), std::vector<T>(run_.n(), T(0)).data(), run_.n());
    }
    /// A tenth of 1 / the largest curvature of some samples, which the power method finds from the
    /// gradient (LeCun, Simard and Pearlmutter 1993): with momentum steps add up.
    double rate_from_curvature() {
        Vectors<T>& vectors = run_.vectors();
        Evaluator<T>& evaluator = run_.evaluator();
        const long all = evaluator.samples(), count = std::min(curvature_samples, all);
        SampleOrder order(all, run_.options().seed);
        run_.count_sampled(static_cast<double>(count) / all * curvature_products);
        return run_.sample([&] {
            select(evaluator, order.next(count));
            evaluator.prepare_products(run_.x());
            const Number length = vectors.number();
            T *v = g_.get(), *Hv = velocity_.get();
            vectors.scale(v, static_cast<T>(1 / run_.gradient_norm()), run_.g(), run_.n());
            double largest = 0;
            for (int i = 0; i < curvature_products; ++i) {
                evaluator.products(v, 1, Hv);
                vectors.norms({{Hv, length}}, run_.n());
                largest = vectors.read(length);
                if (!(largest > 0) || !std::isfinite(largest)) break;
                vectors.scale(v, static_cast<T>(1 / largest), Hv, run_.n());
            }
            return largest > 0 && std::isfinite(largest) ? 0.1 / largest : run_.first_step_length();
        });
    }

    Minimization<T>& run_;
    const long size_;
    const double momentum_;
    const Buffer<T> g_, velocity_;
    const Number f_;
    double rate_;
};

}  // namespace

template <class T>
Status sgd(Minimization<T>& run) {
    Sgd<T> method(run);
    return run_sampled(run, method);
}
template Status sgd(Minimization<double>&);
template Status sgd(Minimization<float>&);

}  // namespace cunewton::solver
