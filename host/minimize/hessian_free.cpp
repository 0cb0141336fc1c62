// Hessian-free optimisation (Martens 2010, "Deep learning via Hessian-free optimization").
#include "host/minimize/hessian_free.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "host/minimize/partial_newton.h"

namespace cunewton::solver {

namespace {

/// H + shift I
template <class T>
class DampedCurvature final : public Curvature<T> {
  public:
    explicit DampedCurvature(Minimization<T>& run) : run_(run) {}
    void shift_by(double shift) { shift_ = shift; }
    void update(const T* x) override { run_.products().update(x); }
    void apply(const T* V, int columns, T* HV) override {
        run_.products().apply(V, columns, HV);
        run_.vectors().add_scaled(HV, HV, static_cast<T>(shift_), V,
                                  static_cast<long>(run_.n()) * columns);
    }

  private:
    Minimization<T>& run_;
    double shift_ = 0;
};

/// Steps p lower the model g'p + p'(H + shift I)p / 2 by conjugate gradients that begin at most of
/// the last step and end when another product brings little (section 4.4); of the iterates on the
/// way that one is taken from which on the loss itself rises (section 4.6). The shift follows the
/// Levenberg-Marquardt rule (section 4.1).
template <class T>
class HessianFree {
  public:
    explicit HessianFree(Minimization<T>& run)
        : run_(run),
          B_(run),
          planned_(run),
          cg_(run.vectors(), run.n()),
          start_(run.vector()),
          right_(run.vector()),
          slope_(run.vectors().number()),
          square_(run.vectors().number()),
          bend_(run.vectors().number()) {
        for (int i = 0; i < most_iterates; ++i) iterates_.push_back({run.vector()});
    }

    PartialStep direction() {
        adapt_shift();
        planned_.update(shift_);
        for (int tries = 0; tries < most_tries; ++tries) {
            const ConjugateGradientsResult inner = solve();
            if (inner.end == End::not_finite) return {false, false, 0};
            if (inner.end == End::negative_curvature) {
                // Enough of a shift for the model to have a minimum along there.
                shift_ = std::max(10 * shift_, planned_.get() ? 0 : -2 * inner.least);
                warm_ = false;
                continue;
            }
            if (!choose()) {
                // Not from where it began, if that was not downhill.
                if (!warm_) break;
                warm_ = false;
                continue;
            }
            warm_ = true;
            products_ = run_.products_taken();
            const double decrease = iterates_[count_ - 1].decrease;
            // By most of the curvature the step is Newton's.
            const bool definite = !planned_.get() && inner.least >= 2 * shift_;
            return {std::isfinite(decrease), definite, 2 * decrease, shift_};
        }
        // The model is of no use.
        const double factor = run_.first_step_length();
        run_.vectors().scale(run_.direction(), static_cast<T>(-factor), run_.g(), run_.n());
        promised_ = 0;
        products_ = run_.products_taken();
        return {std::isfinite(factor), false, 0, shift_};
    }

    void pass(State<T>& state) {
        state(planned_, start_, shift_, streak_, warm_, promised_, f_, iteration_, products_);
    }

  private:
    using End = ConjugateGradientsEnd;
    // Of the last step, for conjugate gradients to begin at (Martens and Sutskever 2012, section
    // 20.9).
    static constexpr double kept_of_step = 0.95;
    static constexpr double little = 5e-4;  // of what the model has fallen by, for a product
    static constexpr int most_tries = 60;

    struct Iterate {
        Buffer<T> p{};
        double decrease = 0;  ///< of the model, with the shift
    };

    void adapt_shift() {
        // Where an end was looked at since the last step was made another method has moved on.
        const bool moved = run_.iterations() > iteration_;
        if (shift_ < 0 || (moved && run_.products_taken() > products_)) {
            first_shift();
            warm_ = false;
        } else if (moved && promised_ > run_.noise()) {
            const double ratio = (f_ - run_.f()) / promised_;
            const int way = ratio > 0.75 ? -1 : ratio >= 0.25 ? 0 : 1;
            streak_ = way == 0 || way * streak_ < 0 ? way : std::clamp(streak_ + way, -5, 5);
            shift_ *= std::pow(1.5, streak_);
        }
        iteration_ = run_.iterations();
        f_ = run_.f();
    }
    /// A hundredth of the curvature along the gradient.
    void first_shift() {
        Vectors<T>& vectors = run_.vectors();
        vectors.scale(start_.get(), static_cast<T>(1 / run_.gradient_norm()), run_.g(), run_.n());
        run_.take_products([&] { run_.products().apply(start_.get(), 1, right_.get()); });
        run_.count_products(1);
        vectors.dot(start_.get(), right_.get(), run_.n(), bend_);
        const double curvature = std::abs(vectors.read(bend_));
        shift_ = curvature > 0 ? 0.01 * curvature : 1 / run_.first_step_length();
    }
    /// right_ = g + B start_; the model's decrease at start_.
    double begin() {
        Vectors<T>& vectors = run_.vectors();
        const long n = run_.n();
        double decrease = 0;
        if (warm_) {
            vectors.scale(start_.get(), T(kept_of_step), start_.get(), n);
            run_.take_products([&] { B_.apply(start_.get(), 1, right_.get()); });
            run_.count_products(1);
            vectors.dot(start_.get(), right_.get(), n, bend_);
            vectors.dot(start_.get(), run_.g(), n, slope_);
            const auto [bend, slope] = read(vectors, bend_, slope_);
            decrease = -slope - 0.5 * bend;
            vectors.add_scaled(right_.get(), run_.g(), T(1), right_.get(), n);
            warm_ = decrease > 0;
        }
        if (warm_) return decrease;
        vectors.scale(start_.get(), T(0), run_.g(), n);
        vectors.copy(right_.get(), run_.g(), n);
        return 0;
    }
    /// Fills iterates_, and start_ for the next time.
    ConjugateGradientsResult solve() {
        Vectors<T>& vectors = run_.vectors();
        const long n = run_.n();
        B_.shift_by(shift_);
        const double begun = begin();
        // A gradient of unit length cannot leave the range of numbers when it is squared.
        const double unit =
            std::max(run_.gradient_norm(), static_cast<double>(std::numeric_limits<T>::min()));
        cg_.start(B_, static_cast<T>(-1 / unit), right_.get(), run_.direction(), planned_.get());
        ConjugateGradientsResult inner;
        double last = begun;
        long last_products = 0;
        for (count_ = 0;;) {
            const long look = last_products + std::max(between_looks, last_products / 10);
            inner = run_.take_products([&] {
                return cg_.run({.tolerance = std::numeric_limits<T>::epsilon(),
                                .max_products = std::min(look, most_damped_products)});
            });
            run_.count_products(inner.products - last_products);
            planned_.count(inner.products - last_products);
            const double decrease = begun + unit * (unit * inner.decrease);
            const double gained = decrease - last;
            const double worth = little * static_cast<double>(inner.products - last_products);
            const bool over = inner.end != End::max_products ||
                              inner.products >= most_damped_products ||
                              !(gained >= worth * decrease);
            if (over || inner.products >= between_looks << count_) {
                Iterate& iterate = iterates_[count_++];
                vectors.add_scaled(iterate.p.get(), start_.get(), static_cast<T>(unit),
                                   run_.direction(), n);
                iterate.decrease = decrease;
            }
            last = decrease;
            last_products = inner.products;
            if (over) break;
        }
        vectors.copy(start_.get(), iterates_[count_ - 1].p.get(), n);
        return inner;
    }
    /// direction() = the last iterate from which on, going back, the loss rises. False if that is
    /// not downhill.
    bool choose() {
        Vectors<T>& vectors = run_.vectors();
        const long n = run_.n();
        const auto loss_at = [&](int i) {
            vectors.copy(run_.direction(), iterates_[i].p.get(), n);
            const double f = run_.try_value(1).f;
            return std::isfinite(f) ? f : std::numeric_limits<double>::infinity();
        };
        int best = count_ - 1;
        // The step itself is evaluated afterwards.
        if (count_ > 1 && run_.evaluations_left() > 2) {
            double f = loss_at(best);
            while (best > 0 && run_.evaluations_left() > 1) {
                const double before = loss_at(best - 1);
                if (!(before < f) && f < std::numeric_limits<double>::infinity()) break;
                f = before;
                --best;
            }
        }
        vectors.copy(run_.direction(), iterates_[best].p.get(), n);
        vectors.dot(run_.g(), run_.direction(), n, slope_);
        vectors.dot(run_.direction(), run_.direction(), n, square_);
        const auto [slope, square] = read(vectors, slope_, square_);
        promised_ = iterates_[best].decrease + 0.5 * shift_ * square;
        return slope < 0;
    }

    Minimization<T>& run_;
    DampedCurvature<T> B_;
    PlannedPreconditioner<T> planned_;
    ConjugateGradients<T> cg_;
    const Buffer<T> start_, right_;
    const Number slope_, square_, bend_;
    std::vector<Iterate> iterates_;
    int count_ = 0;
    double shift_ = -1;
    int streak_ = 0;     // of changes of the shift one way: each is larger than the last one
    bool warm_ = false;  // start_ is the last step
    // Of the point that the last step was made at: what the model promises without the shift.
    double promised_ = 0, f_ = 0;
    int iteration_ = 0;
    long products_ = 0;  // taken by then
};

}  // namespace

template <class T>
Status hessian_free(Minimization<T>& run) {
    HessianFree<T> model(run);
    return partial_newton(run, model);
}
template Status hessian_free(Minimization<double>&);
template Status hessian_free(Minimization<float>&);

}  // namespace cunewton::solver
