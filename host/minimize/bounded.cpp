#include "host/minimize/bounded.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace cunewton::solver {

namespace {

// As the trust-region method has them.
constexpr double accepted = 0.05, poor = 0.25, very_good = 0.9;
constexpr double growth = 2.5, shrinkage = 0.25;
// Of the problem's size: the first region where the model has no minimum without one.
constexpr double first_region = 0.1;
// Of what a line predicts, that a step within the box must lower the model by.
constexpr double sufficient = 0.01;

// Of the gradient, that is worth to stay on a face for.
constexpr double proportion = 0.1;

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

template <class T>
BoundedEnd<T>::BoundedEnd(Minimization<T>& run, QuadraticModel<T>& model)
    : run_(run),
      vectors_(run.vectors()),
      model_(model),
      n_(run.n()),
      free_(run.vector()),
      residual_(run.vector()),
      scaled_(run.vector()),
      along_(run.vector()),
      B_along_(run.vector()),
      bend_(run.vectors().number()),
      over_(run.vectors().number()),
      length_(run.vectors().number()) {}

template <class T>
void BoundedEnd<T>::precondition(T* to, const T* from) {
    if (const T* S = run_.scales()) {
        vectors_.unscale(to, S, from, n_);
        vectors_.unscale(to, S, to, n_);
    } else {
        vectors_.copy(to, from, n_);
    }
}

template <class T>
FaceCurvature BoundedEnd<T>::descend(const T* free, double tolerance, int most, T* p) {
    // Conjugate gradients for B p = residual_ on the face, preconditioned by S^2.
    vectors_.select(residual_.get(), free, residual_.get(), n_);
    precondition(scaled_.get(), residual_.get());
    vectors_.copy(along_.get(), scaled_.get(), n_);
    if (p) vectors_.scale(p, T(0), residual_.get(), n_);
    vectors_.dot(residual_.get(), scaled_.get(), n_, over_);
    double square = vectors_.read(over_), largest = 0;
    const double first = square;
    const double rounding = 10 * (run_.hessian_accuracy() + run_.factor_rounding());
    for (int i = 0; i < most && square > 0 && square > tolerance * tolerance * first; ++i) {
        model_.apply(along_.get(), B_along_.get());
        vectors_.select(B_along_.get(), free, B_along_.get(), n_);
        vectors_.dot(along_.get(), B_along_.get(), n_, bend_);
        vectors_.norms({{along_.get(), length_, run_.scales(), false}}, n_);
        const auto [bend, length] = read(vectors_, bend_, length_);
        if (!std::isfinite(bend)) return FaceCurvature::not_finite;
        const double curvature = bend / length / length;
        largest = std::max(largest, std::abs(curvature));
        if (curvature <= rounding * largest)
            return curvature < -rounding * largest ? FaceCurvature::negative
                                                   : FaceCurvature::semidefinite;
        const double step = square / bend;
        if (p) vectors_.add_scaled(p, p, static_cast<T>(step), along_.get(), n_);
        vectors_.add_scaled(residual_.get(), residual_.get(), static_cast<T>(-step), B_along_.get(),
                            n_);
        precondition(scaled_.get(), residual_.get());
        vectors_.dot(residual_.get(), scaled_.get(), n_, over_);
        const double next = vectors_.read(over_);
        vectors_.add_scaled(along_.get(), scaled_.get(), static_cast<T>(next / square),
                            along_.get(), n_);
        square = next;
    }
    return FaceCurvature::positive;
}

template <class T>
FaceCurvature BoundedEnd<T>::examine() {
    if (!model_.is_hessian()) return FaceCurvature::positive;
    run_.projected_gradient();
    vectors_.copy(free_.get(), run_.free(), n_);
    if (model_.factorize(free_.get(), 0) && run_.factor_is_regular())
        return FaceCurvature::positive;
    // Numbers that are not orthogonal to anything in particular meet all curvatures.
    constexpr int most = 300;
    vectors_.upload(residual_.get(), fixed_start<T>(n_).data(), n_);
    if (run_.scales()) {
        vectors_.scale_twice(residual_.get(), run_.scales(), residual_.get(), n_);
        vectors_.unscale(residual_.get(), run_.scales(), residual_.get(), n_);
    }
    return descend(free_.get(), std::numeric_limits<T>::epsilon(), std::min(2 * n_, most), nullptr);
}

template <class T>
std::optional<Trial> BoundedEnd<T>::leave() {
    vectors_.norms({{along_.get(), length_, run_.scales(), false}}, n_);
    const double length = run_.read(length_);
    const Buffer<T> point = run_.vector();
    for (double part = 1; part >= 1e-8; part *= 0.25)
        for (const double sign : {1.0, -1.0}) {
            if (run_.out_of_evaluations()) return std::nullopt;
            vectors_.add_scaled(point.get(), run_.x(),
                                static_cast<T>(sign * part * run_.size() / length), along_.get(),
                                n_);
            run_.project(point.get());
            const Trial trial = run_.try_point(point.get());
            if (trial.finite() && trial.f < run_.f() - run_.noise()) return trial;
        }
    return std::nullopt;
}

template <class T>
std::optional<Status> BoundedEnd<T>::settle(double decrement, const Trial* trial) {
    if (run_.has_run_away()) return Status::unbounded;
    const FaceCurvature found = examine();
    if (found == FaceCurvature::not_finite) return Status::not_finite;
    if (found == FaceCurvature::negative) {
        if (const std::optional<Trial> lower = leave()) {
            const double previous = run_.f();
            run_.accept(*lower, false);
            return run_.end_iteration(*lower, previous, 1, 0);
        }
        return run_.out_of_evaluations() ? Status::max_evaluations : Status::saddle_point;
    }
    if (found == FaceCurvature::semidefinite) {
        vectors_.copy(run_.direction(), along_.get(), n_);
        run_.note_null_direction();
        return Status::singular;
    }
    const Status status = run_.arrived_status(decrement);
    // The full step has been evaluated: it squares the error.
    if (!trial || run_.tests_gradient() || run_.gradient_norm() == 0 || run_.at_limit() ||
        !trial->finite() || trial->f > run_.f() + run_.noise() ||
        !(trial->gradient_size < run_.gradient_size()))
        return status;
    const double previous = run_.f();
    run_.accept(*trial, false);
    if (run_.end_iteration(*trial, previous, 1, 0) == Status::cancelled) return Status::cancelled;
    return status;
}

namespace {

template <class T>
class Bounded : BoundedEnd<T> {
  public:
    Bounded(Minimization<T>& run, QuadraticModel<T>& model)
        : BoundedEnd<T>(run, model),
          z_(run.vector()),
          r_(run.vector()),
          tried_(run.vector()),
          d_(run.vector()),
          tried_r_(run.vector()),
          p_(run.vector()),
          low_(run.vector()),
          high_(run.vector()),
          ones_(run.vector()),
          slope_(run.vectors().number()) {
        vectors_.upload(ones_.get(), std::vector<T>(static_cast<std::size_t>(n_), T(1)).data(), n_);
    }

    Status minimize();
    /// At a point that another model takes for a minimum, or is stuck at.
    std::optional<Status> confirm();

  private:
    using Base = BoundedEnd<T>;
    using Base::B_along_;
    using Base::bend_;
    using Base::free_;
    using Base::length_;
    using Base::model_;
    using Base::n_;
    using Base::over_;
    using Base::residual_;
    using Base::run_;
    using Base::vectors_;

    /// z_ = the model's minimiser within bounds and radius, q_ its value there. Whether no negative
    /// curvature was met.
    bool solve(double radius, double tolerance);
    void set_box(double radius);
    /// To the minimiser along the projected steepest descent, or near: residual_, of this size.
    /// `convex` is unset where the curvature along it is not positive.
    bool cauchy_step(double size, double radius, bool& convex);
    /// free_, and residual_ = what of -r_ is free; its size in the metric of S.
    double find_face();
    /// After find_face(), which has found `size`: leaves out what may leave its bound, unless that
    /// is most of it (Dostal 1997).
    void stay_on_face(double size);
    double residual_size();
    /// Moves z_ to the first point of the projected path z_ + t p where the model falls enough.
    bool search(const T* p, double t, double shrink);
    /// p_ = the step to the minimiser on the face, or far along negative curvature. Whether there
    /// was none.
    bool face_step(double radius, double tolerance);
    /// The largest entry of S direction().
    double largest_part();
    double longest(double radius) { return std::isinf(radius) ? 1e4 * run_.size() : 4 * radius; }

    Buffer<T> z_, r_;                // the point, and the model's gradient there
    Buffer<T> tried_, d_, tried_r_;  // another one, its way from x
    const Buffer<T> p_, low_, high_, ones_;
    const Number slope_;
    double q_ = 0, linear_ = 0;  // linear_: g'(z_ - x)
};

template <class T>
void Bounded<T>::set_box(double radius) {
    if (std::isinf(radius)) {
        vectors_.copy(low_.get(), run_.lower(), n_);
        vectors_.copy(high_.get(), run_.upper(), n_);
        return;
    }
    vectors_.scale(d_.get(), static_cast<T>(radius), ones_.get(), n_);
    if (run_.scales()) vectors_.unscale(d_.get(), run_.scales(), d_.get(), n_);
    for (const auto& [side, sign] : {std::pair{low_.get(), T(-1)}, std::pair{high_.get(), T(1)}}) {
        vectors_.add_scaled(side, run_.x(), sign, d_.get(), n_);
        vectors_.clamp(side, side, run_.lower(), run_.upper(), n_);
    }
}

template <class T>
double Bounded<T>::find_face() {
    vectors_.find_free(free_.get(), z_.get(), r_.get(), low_.get(), high_.get(), n_);
    return residual_size();
}

template <class T>
double Bounded<T>::residual_size() {
    vectors_.select(residual_.get(), free_.get(), r_.get(), n_);
    vectors_.scale(residual_.get(), T(-1), residual_.get(), n_);
    vectors_.norms({{residual_.get(), length_, run_.scales(), true}}, n_);
    return run_.read(length_);
}

template <class T>
void Bounded<T>::stay_on_face(double size) {
    vectors_.scale(d_.get(), T(-1), ones_.get(), n_);
    vectors_.find_free(tried_.get(), z_.get(), ones_.get(), low_.get(), high_.get(), n_);
    vectors_.find_free(tried_r_.get(), z_.get(), d_.get(), low_.get(), high_.get(), n_);
    vectors_.select(free_.get(), tried_.get(), tried_r_.get(), n_);
    if (!(residual_size() >= proportion * size)) find_face();
}

template <class T>
bool Bounded<T>::search(const T* p, double t, double shrink) {
    for (int i = 0; i < 16; ++i, t *= shrink) {
        vectors_.add_scaled(tried_.get(), z_.get(), static_cast<T>(t), p, n_);
        vectors_.clamp(tried_.get(), tried_.get(), low_.get(), high_.get(), n_);
        vectors_.add_scaled(d_.get(), tried_.get(), T(-1), z_.get(), n_);
        vectors_.dot(r_.get(), d_.get(), n_, slope_);
        vectors_.add_scaled(d_.get(), tried_.get(), T(-1), run_.x(), n_);
        model_.apply(d_.get(), tried_r_.get());
        vectors_.dot(d_.get(), tried_r_.get(), n_, bend_);
        vectors_.add_scaled(tried_r_.get(), tried_r_.get(), T(1), run_.g(), n_);
        vectors_.dot(run_.g(), d_.get(), n_, over_);
        const auto [slope, bend, linear] = read(vectors_, slope_, bend_, over_);
        const double q = linear + 0.5 * bend;
        if (slope >= 0 || !std::isfinite(q)) continue;
        if (q <= q_ + sufficient * slope) {
            std::swap(z_, tried_);
            std::swap(r_, tried_r_);
            q_ = q;
            linear_ = linear;
            return true;
        }
    }
    return false;
}

template <class T>
bool Bounded<T>::face_step(double radius, double tolerance) {
    if (model_.factorize(free_.get(), 0)) {
        bool convex = true;
        const double norm = model_.is_hessian() ? run_.read(run_.numbers().norm) : 0;
        double shift = 0;
        const bool regular = run_.factored() && (!model_.is_hessian() || run_.factor_is_regular());
        if (!regular && !model_.is_hessian()) {
            vectors_.copy(p_.get(), residual_.get(), n_);  // rounding has spoilt it
            return true;
        }
        if (!regular) {
            shift = run_.rounding_shift();
            model_.factorize(free_.get(), shift);
            for (int i = 0; i < 60 && !run_.factored(); ++i) {
                convex = false;
                shift = std::max(10 * shift, 1e-6 * norm);
                model_.factorize(free_.get(), shift);
            }
            if (!run_.factored()) {
                vectors_.scale(p_.get(), T(0), residual_.get(), n_);
                return false;
            }
        }
        vectors_.copy(p_.get(), residual_.get(), n_);
        model_.solve(p_.get());
        vectors_.select(p_.get(), free_.get(), p_.get(), n_);
        return convex;
    }
    const int most = static_cast<int>(std::clamp(2L * n_, 20L, 1000L));
    const FaceCurvature found = this->descend(free_.get(), tolerance, most, p_.get());
    if (found == FaceCurvature::positive) return true;
    if (found == FaceCurvature::not_finite) return false;
    // Downhill, as far as the region goes.
    vectors_.norms({{this->along_.get(), length_, run_.scales(), false}}, n_);
    vectors_.dot(r_.get(), this->along_.get(), n_, over_);
    const auto [length, slope] = read(vectors_, length_, over_);
    const double t = (slope > 0 ? -1 : 1) * longest(radius) / length;
    vectors_.add_scaled(p_.get(), p_.get(), static_cast<T>(t), this->along_.get(), n_);
    return found == FaceCurvature::semidefinite;
}

template <class T>
double Bounded<T>::largest_part() {
    const std::size_t n = static_cast<std::size_t>(n_);
    std::vector<T> step(n), scales(n, T(1));
    vectors_.download(step.data(), run_.direction(), n);
    if (run_.scales()) vectors_.download(scales.data(), run_.scales(), n);
    double largest = 0;
    for (std::size_t j = 0; j < n; ++j)
        largest = std::max(largest, std::abs(static_cast<double>(step[j]) * scales[j]));
    return largest;
}

template <class T>
bool Bounded<T>::cauchy_step(double size, double radius, bool& convex) {
    this->precondition(p_.get(), residual_.get());
    model_.apply(p_.get(), B_along_.get());
    vectors_.dot(p_.get(), B_along_.get(), n_, bend_);
    vectors_.norms({{p_.get(), length_, run_.scales(), false}}, n_);
    const auto [bend, length] = read(vectors_, bend_, length_);
    const double far = longest(radius) / length;
    if (!(bend > 0)) convex = false;
    return search(p_.get(), bend > 0 ? std::min(size / bend * size, far) : far, 0.25);
}

template <class T>
bool Bounded<T>::solve(double radius, double tolerance) {
    set_box(radius);
    vectors_.copy(z_.get(), run_.x(), n_);
    vectors_.copy(r_.get(), run_.g(), n_);
    q_ = linear_ = 0;
    bool convex = true, at_cauchy = true;
    double first = -1;
    for (int i = 0; i < 200; ++i) {
        const double size = find_face();
        if (first < 0) first = size;
        if (!(size > tolerance * first)) break;
        const double before = q_;
        bool moved = false;
        if (at_cauchy) {
            moved = cauchy_step(size, radius, convex);
            stay_on_face(find_face());
        } else {
            stay_on_face(size);
        }
        if (!face_step(radius, std::max(tolerance, 1e-12) * 0.1)) convex = false;
        const bool useful = search(p_.get(), 1, 0.5);
        if (!convex && std::isinf(radius)) break;
        // Where the face is of no use, or after that, steepest descent finds another.
        const bool fallen = before - q_ > std::numeric_limits<T>::epsilon() * std::abs(q_);
        if (!(moved || useful) || !fallen) {
            if (at_cauchy) break;
            at_cauchy = true;
            continue;
        }
        at_cauchy = !useful;
    }
    return convex;
}

template <class T>
std::optional<Status> Bounded<T>::confirm() {
    if (!model_.update()) return Status::not_finite;
    if (run_.tests_gradient() && run_.gradient_small()) return this->settle(0, nullptr);
    const bool convex = solve(infinity, model_.accuracy(0));
    const double decrement = -2 * q_;
    if (!convex) return this->settle(decrement, nullptr);
    const Trial trial = run_.try_point(z_.get());
    if (run_.arrived(decrement, trial.step_size)) return this->settle(decrement, &trial);
    if (run_.out_of_evaluations()) return Status::max_evaluations;
    // Where losses cannot judge the step any more the gradient can.
    const bool better =
        trial.f < run_.f() - run_.noise() ||
        (trial.f <= run_.f() + run_.noise() && trial.gradient_size < run_.gradient_size());
    if (!trial.finite() || !better) {
        const Status status = run_.stuck_status(decrement);
        return status == Status::converged ? this->settle(decrement, nullptr) : status;
    }
    const double previous = run_.f();
    run_.accept(trial, true);
    return run_.end_iteration(trial, previous, trial.step_size, 0);
}

/// Whether second derivatives are exact enough to tell what a method without them has found.
template <class T>
bool can_confirm(Minimization<T>& run) {
    return run.derivatives().hessian_is_exact() ||
           run.derivatives().hessian == HessianBy::gauss_newton;
}

template <class T>
Status Bounded<T>::minimize() {
    const bool learns = !model_.is_hessian() && can_confirm(run_);
    const auto settle = [&](double decrement, const Trial* trial) {
        return learns ? confirm_bounded(run_) : Base::settle(decrement, trial);
    };
    double radius = infinity, last_step = 0;
    bool trusted = false;
    double first_gradient = run_.gradient_norm();
    if (run_.options().initial_radius > 0) radius = run_.options().initial_radius;
    for (;;) {
        run_.at_iteration(
            [&](State<T>& state) { state(radius, last_step, trusted, first_gradient, model_); });
        if (run_.options().max_iterations == 0 && run_.gradient_norm() > 0)
            return Status::max_iterations;
        if (trusted && run_.tests_gradient() && run_.gradient_small())
            return run_.arrived_status(0);
        if (!model_.update()) return Status::not_finite;
        if (run_.gradient_norm() == 0) {
            if (const auto status = settle(0, nullptr)) return *status;
            continue;
        }
        for (bool first = true;; first = false) {  // until a step is accepted
            const bool convex =
                solve(radius, model_.accuracy(run_.gradient_norm() / first_gradient));
            if (!convex && std::isinf(radius)) {
                radius = first_region * run_.size();
                continue;
            }
            const double predicted = -q_;
            const Trial trial = run_.try_point(z_.get());
            const bool interior = convex && (std::isinf(radius) || largest_part() < 0.999 * radius);
            const double decrement = 2 * predicted;
            if (first && interior) {
                run_.watch(decrement);
                // Slow steps through a valley look alike, by a model that has not learnt it.
                if (model_.is_hessian() && run_.runs_away(decrement)) return Status::unbounded;
                if (run_.arrived(decrement, trial.step_size) ||
                    (!run_.tests_gradient() && run_.negligible(decrement, trial.step_size))) {
                    if (const auto status = settle(decrement, &trial)) return *status;
                    trusted = false;
                    break;
                }
            }
            // Where no step helps any more.
            const auto stuck = [&]() -> std::optional<Status> {
                if (!trial.finite()) return Status::not_finite;
                const Status status = run_.stuck_status(decrement);
                if (status != Status::converged && !learns) return status;
                return settle(decrement, nullptr);
            };
            const double actual = run_.f() - trial.f;
            if (predicted <= run_.noise()) {
                // Losses cannot judge the step any more; the gradient can.
                const bool better = trial.finite() && actual >= -run_.noise() &&
                                    trial.gradient_size < run_.gradient_size();
                if (!better) {
                    if (const auto status = stuck()) return *status;
                    break;
                }
            } else if (!trial.finite() || actual < accepted * predicted) {
                if (run_.out_of_evaluations()) return Status::max_evaluations;
                // The minimiser of the parabola through what is known along the step.
                const double over = -actual - linear_;
                const double part = over > 0 ? -linear_ / (2 * over) : shrinkage;
                radius = std::clamp(part, 0.1, 0.5) * largest_part();
                const double smallest = std::numeric_limits<T>::epsilon() * run_.x_size();
                if (!(radius > smallest) || radius < std::numeric_limits<T>::min()) {
                    if (const auto status = stuck()) return *status;
                    break;
                }
                continue;
            } else if (actual < poor * predicted) {
                radius = shrinkage * largest_part();
            } else if (actual > very_good * predicted && !std::isinf(radius)) {
                radius = std::max(radius, growth * largest_part());
            }
            model_.learn();
            if (trial.step_norm > 0) run_.note_curvature(run_.gradient_norm() / trial.step_norm);
            const double previous = run_.f();
            run_.accept(trial, interior);
            trusted = interior && step_settles(trial.step_size, last_step, run_.size());
            last_step = trial.step_size;
            if (const auto status = run_.end_iteration(trial, previous, trial.step_size, 0))
                return *status;
            break;
        }
    }
}

}  // namespace

template <class T>
std::optional<Status> confirm_bounded(Minimization<T>& run) {
    if (!can_confirm(run)) return run.arrived_status(0);
    const auto products = product_model(run);
    return Bounded<T>(run, *products).confirm();
}

template <class T>
Status minimize_bounded(Minimization<T>& run, QuadraticModel<T>& model) {
    return Bounded<T>(run, model).minimize();
}

#define CUNEWTON_INSTANTIATE(T)                                       \
    template class BoundedEnd<T>;                                     \
    template std::optional<Status> confirm_bounded(Minimization<T>&); \
    template Status minimize_bounded(Minimization<T>&, QuadraticModel<T>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
