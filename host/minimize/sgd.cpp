// Stochastic gradient descent with momentum.
#include <cmath>
#include <optional>

#include "host/minimize/power_method.h"
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
        estimate_rate(x);
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
        slower_ /= 2;
        restart();
    }

    void pass(State<T>& state) override {
        state(velocity_, rate_, slower_, estimated_at_);
        state.optional(order_, [&] { make_order(); });
    }

  private:
    static constexpr int curvature_products = 10;

    void restart() {
        run_.vectors().upload(velocity_.get(), std::vector<T>(run_.n(), T(0)).data(), run_.n());
    }
    void make_order() { order_.emplace(run_.evaluator().samples(), run_.options().seed); }
    /// A tenth of 1 / the largest curvature of some samples at x, which the power method finds from
    /// the gradient there (LeCun, Simard and Pearlmutter 1993): with momentum steps add up.
    double rate_from_curvature(const T* x) {
        Vectors<T>& vectors = run_.vectors();
        Evaluator<T>& evaluator = run_.evaluator();
        const long all = evaluator.samples(),
                   count = std::min(run_.options().sampling.rate_samples, all);
        if (!order_) make_order();
        run_.count_sampled(static_cast<double>(count) / all * (curvature_products + 1));
        return run_.sample([&] {
            select(evaluator, order_->next(count));
            PowerMethod<T> power(vectors, run_.n());
            const Number length = vectors.number();
            evaluator.value_gradient_and_products(x, g_.get(), f_);
            vectors.norms({{g_.get(), length}}, run_.n());
            power.begin(g_.get(), vectors.read(length));
            const auto largest = power.run(
                curvature_products, [&](const T* v, T* Hv) { evaluator.products(v, 1, Hv); });
            return largest.usable() ? 0.1 / largest.length : 0.0;
        });
    }
    /// Where it is time for it.
    void estimate_rate(const T* x) {
        const SamplingOptions& options = run_.options().sampling;
        if (options.learning_rate > 0) return;
        const bool first = rate_ == 0,
                   due = options.rate_interval > 0 &&
                         run_.iterations() >= estimated_at_ + options.rate_interval;
        if (!first && !due) return;
        estimated_at_ = run_.iterations();
        const double estimate = rate_from_curvature(x);
        // A rate that was too large for a loss whose curvature is no larger than seen is too large
        // again.
        if (estimate > 0)
            rate_ = slower_ * estimate;
        else if (first)
            rate_ = run_.first_step_length();
        if (first) restart();
    }

    Minimization<T>& run_;
    const long size_;
    const double momentum_;
    const Buffer<T> g_, velocity_;
    const Number f_;
    double rate_;
    double slower_ = 1;     // what setbacks have made of a rate by curvature
    int estimated_at_ = 0;  // the iteration of the last estimate
    std::optional<SampleOrder> order_;
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
