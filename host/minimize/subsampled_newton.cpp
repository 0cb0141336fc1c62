// Newton's method on samples that grow.
#include <algorithm>
#include <cmath>

#include "host/minimize/newton_cg.h"
#include "host/minimize/sampling.h"

namespace cunewton::solver {

namespace {

/// A step has its gradient from the samples that it is given, in two halves, and its Hessian from
/// half as many others, drawn independently (Byrd, Chin, Neveitt and Nocedal 2011, "On the use of
/// stochastic Hessian information in optimization methods for machine learning"). Samples grow
/// where the gradient's variance, as the halves differ, is more than `share` of its square (Byrd,
/// Chin, Nocedal and Wu 2012, "Sample size selection in optimization methods for machine learning",
/// section 3), as far as makes it so, and at least twice.
template <class T>
class GrowingSamples final : public SampledMethod<T> {
  public:
    explicit GrowingSamples(Minimization<T>& run)
        : run_(run),
          all_(run.evaluator().samples()),
          size_(std::max(2L, sample_size(run, std::clamp(all_ / 20, 100L, 2000L)))),
          hessian_order_(all_, run.options().seed + 1),
          H_(run.evaluator()),
          cg_(run.vectors(), run.n()),
          g_(run.vector()),
          other_g_(run.vector()),
          p_(run.vector()),
          f_(run.vectors().number()),
          g_norm_(run.vectors().number()),
          difference_(run.vectors().number()),
          slope_(run.vectors().number()) {}

    long size() const override { return size_; }
    double step_length() const override { return radius_; }
    bool step(std::span<const long> samples, T* x) override;
    void slow_down() override { size_ = std::min(2 * size_, all_); }
    bool has_all() const { return size_ >= all_; }
    void pass(State<T>& state) override { state(size_, hessian_order_, radius_); }

  private:
    // Of the gradient's variance, relative to its square: theta^2 there.
    static constexpr double share = 0.25;
    static constexpr double forcing = 0.1;
    static constexpr long most_products = 30;

    Minimization<T>& run_;
    const long all_;
    long size_;
    SampleOrder hessian_order_;
    ProductCurvature<T> H_;
    ConjugateGradients<T> cg_;
    const Buffer<T> g_, other_g_, p_;
    const Number f_, g_norm_, difference_, slope_;
    double radius_ = std::numeric_limits<double>::infinity();
};

template <class T>
bool GrowingSamples<T>::step(std::span<const long> samples, T* x) {
    Vectors<T>& vectors = run_.vectors();
    Evaluator<T>& evaluator = run_.evaluator();
    const int n = run_.n();
    const double all = static_cast<double>(all_);
    const std::size_t half = samples.size() / 2;
    const long hessian_size = std::max(1L, static_cast<long>(half));
    const std::span<const long> hessian_samples = hessian_order_.next(hessian_size);
    run_.count_sampled(static_cast<double>(samples.size()) / all);
    run_.sample([&] {
        select(evaluator, samples.first(half));
        evaluator.value_and_gradient(x, other_g_.get(), f_);
        select(evaluator, samples.subspan(half));
        evaluator.value_and_gradient(x, g_.get(), f_);
    });
    const double f = vectors.read(f_);
    vectors.add_scaled(other_g_.get(), other_g_.get(), T(-1), g_.get(), n);
    vectors.add_scaled(g_.get(), g_.get(), T(0.5), other_g_.get(), n);
    vectors.norms({{g_.get(), g_norm_}, {other_g_.get(), difference_}}, n);
    const double norm = vectors.read(g_norm_), difference = vectors.read(difference_);
    if (!std::isfinite(f) || !std::isfinite(norm)) return false;
    const double variance = difference * difference / 4, allowed = share * norm * norm;
    if (!(variance <= allowed))
        size_ = static_cast<long>(std::min(
            all, std::max(2.0, std::min(variance / allowed, 10.0)) * static_cast<double>(size_)));
    if (!(norm > 0)) return true;

    const ConjugateGradientsResult inner = run_.sample([&] {
        select(evaluator, hessian_samples);
        H_.update(x);
        cg_.start(H_, static_cast<T>(-1 / norm), g_.get(), p_.get());
        return cg_.run({.tolerance = forcing,
                        .radius = radius_ / norm,
                        .max_products = std::min(2L * n, most_products)});
    });
    run_.count_sampled(static_cast<double>(inner.products * hessian_size) / all);
    if (inner.end == ConjugateGradientsEnd::not_finite) return false;
    vectors.scale(p_.get(), static_cast<T>(norm), p_.get(), n);
    const double size = inner.size * norm;
    // The half that was selected last judges, by its own slope.
    run_.sample([&] { select(evaluator, samples.subspan(half)); });
    vectors.add_scaled(g_.get(), g_.get(), T(-0.5), other_g_.get(), n);
    vectors.dot(g_.get(), p_.get(), n, slope_);
    vectors.add_scaled(other_g_.get(), x, T(1), p_.get(), n);
    run_.sample([&] { evaluator.value(other_g_.get(), f_); });
    const auto [next_f, slope] = read(vectors, f_, slope_);
    const double bend = 2 * (inner.slope - inner.decrease) * norm * norm;
    const double promised = -slope - 0.5 * bend, ratio = (f - next_f) / promised;
    if (!(promised > 0) || !(ratio >= 0.25)) {
        radius_ = 0.5 * size;
        size_ = std::min(2 * size_, all_);
    } else if (ratio > 0.75) {
        radius_ = std::max(radius_, 4 * size);
    }
    if (next_f < f) vectors.copy(x, other_g_.get(), n);
    return true;
}

}  // namespace

template <class T>
Status subsampled_newton(Minimization<T>& run) {
    double radius = -1;
    if (run.stage() == 0) {
        GrowingSamples<T> method(run);
        if (const auto status = run_passes(run, method, [&] { return method.has_all(); }))
            return *status;
        radius = std::isfinite(method.step_length()) ? method.step_length() : -1;
        run.set_stage(1);
    }
    return NewtonCg<T>(run, radius).minimize();
}
template Status subsampled_newton(Minimization<double>&);
template Status subsampled_newton(Minimization<float>&);

}  // namespace cunewton::solver
