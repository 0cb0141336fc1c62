// Stochastic gradients, each parameter's divided by the size that it typically has.
#include <cmath>

#include "host/minimize/sampling.h"

namespace cunewton::solver {

namespace {

template <class T>
class Adam final : public SampledMethod<T> {
  public:
    explicit Adam(Minimization<T>& run)
        : run_(run),
          size_(sample_size(run, 64)),
          g_(run.vector()),
          mean_(run.vector()),
          square_(run.vector()),
          f_(run.vectors().number()),
          rate_(run.options().sampling.learning_rate) {
        if (rate_ == 0) rate_ = 1e-3;
        restart();
    }
    long size() const override { return size_; }
    double step_length() const override { return rate_; }

    bool step(std::span<const long> samples, T* x) override {
        if (!sampled_gradient(run_, samples, x, g_.get(), f_)) return false;
        // Both means begin at zero: their weights do not add up to 1 yet (Kingma and Ba 2015,
        // section 3).
        ++steps_;
        const double momentum = run_.options().sampling.momentum,
                     first = 1 - std::pow(momentum, steps_), second = 1 - std::pow(decay, steps_);
        run_.vectors().adam_step(x, mean_.get(), square_.get(), g_.get(), run_.n(),
                                 {.momentum = momentum,
                                  .decay = decay,
                                  .rate = rate_ / first,
                                  .root_scale = 1 / std::sqrt(second),
                                  .least_root = 1e-8});
        return true;
    }
    int patience() const override { return 5; }
    void slow_down() override {
        rate_ /= 2;
        restart();
    }

    void pass(State<T>& state) override { state(mean_, square_, rate_, steps_); }

  private:
    static constexpr double decay = 0.999;  // of the squares

    void restart() {
        const std::vector<T> zero(run_.n(), T(0));
        for (const Buffer<T>* mean : {&mean_, &square_})
            run_.vectors().upload(mean->get(), zero.data(), zero.size());
        steps_ = 0;
    }

    Minimization<T>& run_;
    const long size_;
    const Buffer<T> g_, mean_, square_;
    const Number f_;
    double rate_;
    double steps_ = 0;
};

}  // namespace

template <class T>
Status adam(Minimization<T>& run) {
    Adam<T> method(run);
    return run_sampled(run, method);
}
template Status adam(Minimization<double>&);
template Status adam(Minimization<float>&);

}  // namespace cunewton::solver
