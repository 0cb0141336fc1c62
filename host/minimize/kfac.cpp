// Natural gradient by Kronecker factors.
#include <algorithm>
#include <cmath>
#include <limits>

#include "host/minimize/sampling.h"

namespace cunewton::solver {

namespace {

/// Martens and Grosse 2015, without their momentum: the preconditioned gradient of some samples, as
/// far as the quadratic model by the Gauss-Newton matrix of the same samples says (section 6.4),
/// with the shift of a Levenberg-Marquardt method (section 6.5).
template <class T>
class Kfac final : public SampledMethod<T> {
  public:
    explicit Kfac(Minimization<T>& run)
        : run_(run),
          size_(sample_size(run, std::clamp(run.evaluator().samples() / 20, 100L, 2000L))),
          preconditioner_(run.evaluator(), run.vectors(), run.matrices(), run.options().seed),
          g_(run.vector()),
          z_(run.vector()),
          Hz_(run.vector()),
          f_(run.vectors().number()),
          gz_(run.vectors().number()),
          zHz_(run.vectors().number()),
          zz_(run.vectors().number()) {}

    long size() const override { return size_; }
    double step_length() const override { return length_; }
    double shift() const override { return shift_; }
    bool step(std::span<const long> samples, T* x) override;
    int patience() const override { return 1; }
    void slow_down() override {
        // Of where the last passes led to nothing is kept.
        shift_ *= 4;
        steps_ = averaged_ = 0;
        size_ = std::min(2 * size_, run_.evaluator().samples());
    }

    void pass(State<T>& state) override {
        state(size_, preconditioner_, shift_, least_shift_, length_, steps_, averaged_);
    }

  private:
    static constexpr int most_tries = 12;  // to find a shift
    // Steps from one look at factors and shift to the next (section 8 there: 20 and 5).
    static constexpr int interval = 5;
    static constexpr double shift_factor = 0.95;  // for each step
    static constexpr double most_kept = 0.95;     // of the means

    /// The preconditioner at the point of the products.
    bool renew();

    Minimization<T>& run_;
    long size_;
    KroneckerPreconditioner<T> preconditioner_;
    const Buffer<T> g_, z_, Hz_;
    const Number f_, gz_, zHz_, zz_;
    double shift_ = -1, least_shift_ = 0, length_ = 0;
    long steps_ = 0, averaged_ = 0;
};

template <class T>
bool Kfac<T>::renew() {
    ++averaged_;
    preconditioner_.average(std::min(1 - 1.0 / static_cast<double>(averaged_), most_kept));
    if (shift_ < 0) {
        shift_ = preconditioner_.mean_curvature();
        least_shift_ = static_cast<double>(std::numeric_limits<T>::epsilon()) * shift_;
    }
    // Factors that are singular in working precision take more.
    for (int tries = 0; tries < most_tries; ++tries) {
        if (preconditioner_.invert(shift_)) return true;
        shift_ *= 10;
    }
    return false;
}

template <class T>
bool Kfac<T>::step(std::span<const long> samples, T* x) {
    Vectors<T>& vectors = run_.vectors();
    Evaluator<T>& evaluator = run_.evaluator();
    const int n = run_.n();
    const bool look = steps_ % interval == 0;
    run_.count_sampled(2 * static_cast<double>(samples.size()) / evaluator.samples());
    const bool regular = run_.sample([&] {
        select(evaluator, samples);
        evaluator.value_gradient_and_products(x, g_.get(), f_);
        if (look && (!std::isfinite(vectors.read(f_)) || !renew())) return false;
        preconditioner_.apply(g_.get(), z_.get());
        evaluator.products(z_.get(), 1, Hz_.get());
        return true;
    });
    if (!regular) return false;
    vectors.dot(g_.get(), z_.get(), n, gz_);
    vectors.dot(z_.get(), Hz_.get(), n, zHz_);
    vectors.dot(z_.get(), z_.get(), n, zz_);
    const auto [f, gz, zHz, zz] = read(vectors, f_, gz_, zHz_, zz_);
    const double bend = zHz + shift_ * zz;
    length_ = bend > 0 ? gz / bend : 1;
    if (!std::isfinite(f) || !std::isfinite(length_)) return false;
    vectors.add_scaled(x, x, static_cast<T>(-length_), z_.get(), n);
    ++steps_;
    if (!look) return true;
    // How much of what the model promises is true, without the shift.
    const double promised = length_ * (gz - 0.5 * length_ * zHz);
    run_.sample([&] { evaluator.value(x, f_); });
    const double ratio = (f - vectors.read(f_)) / promised;
    const double factor = std::pow(shift_factor, interval);
    if (ratio > 0.75)
        shift_ = std::max(shift_ * factor, least_shift_);
    else if (!(ratio >= 0.25))
        shift_ /= factor;
    return true;
}

}  // namespace

template <class T>
Status kfac(Minimization<T>& run) {
    Kfac<T> method(run);
    return run_sampled(run, method);
}
template Status kfac(Minimization<double>&);
template Status kfac(Minimization<float>&);

}  // namespace cunewton::solver
