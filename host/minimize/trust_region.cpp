// The exact trust-region method: minimises the quadratic model within |S p| <= radius by repeated
// Cholesky factorisations (More and Sorensen 1983; Conn, Gould and Toint 2000, section 7.3), S
// being the run's scaling: for sums of residuals this is Levenberg and Marquardt's method in More's
// form (1978). And the dogleg, which makes its steps in another way while the matrix is positive
// definite.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/math/trust_region.h"
#include "host/minimize/newton.h"
#include "host/minimize/trust_region.h"

namespace cunewton::solver {

namespace {

constexpr double radius_accuracy = 0.1;  // the step's length may miss the radius by this part

// The radius follows the ratio of actual to predicted decrease nearly as in More 1978: it doubles,
// from the step's length, after a good step, and is half of one that was not taken. Steps are taken
// for little: the next model is made where they lead. Below the rounding of values slopes have to
// tell more than that.
constexpr double accepted = 1e-4, good = 0.75, growth = 2, shrinkage = 0.5, seen_by_slopes = 0.25;
// The first radius of sums of residuals: this part of the size of x, at most. A long first step
// leads to where a curve is flat.
constexpr double longest_first = 0.1;
// A step along which the curvature is negative has no natural length, and a long one leads from
// bump to bump: this part of the size of x, at most. Found by trial on bumpy functions.
constexpr double longest_along_negative_curvature = 0.1;

struct Subproblem {
    bool solved = false;
    double multiplier = 0;  ///< lambda of (H + lambda S^2) p = -g
    bool interior = false;  ///< Newton's step, or that of a singular matrix shifted by its rounding
};

template <class T>
class TrustRegion {
  public:
    TrustRegion(Minimization<T>& run, StepRule rule)
        : run_(run),
          rule_(rule),
          vectors_(run.vectors()),
          work_(run.vector()),
          eigenvector_(run.vector()),
          w_size_(run.vectors().number()),
          overlap_(run.vectors().number()),
          bend_(run.vectors().number()),
          n_(run.n()) {
        if (rule != StepRule::dogleg) return;
        newton_ = run.vector();
        cauchy_ = run.vector();
    }

    Status minimize();

  private:
    /// direction() = -(matrix() + lambda S^2)^-1 g with its size, and what Newton's method on the
    /// secular equation needs; the outcomes are queued.
    void queue_step(double lambda);
    /// direction() = minimiser of g'p + p'Hp/2 over |S p| <= radius.
    Subproblem solve(double radius, double guess);
    /// By the method's rule. first: at this Hessian.
    Subproblem next_step(double radius, double guess, bool first);
    /// direction() = the point of the path from 0 by the Cauchy point to Newton's step whose length
    /// is the radius, or its end.
    Subproblem dogleg_step(double radius, double guess, bool first);
    /// p + tau u on the sphere, if that is good enough: the hard case, and any time p is too short.
    bool extend_to_sphere(double radius, double multiplier, double p_size, double& lower);
    /// Queues what the model's reduction is made of; it is read with the trial's scalars.
    void queue_model_terms();
    double first_radius();

    Minimization<T>& run_;
    const StepRule rule_;
    double newton_size_ = -1, cauchy_size_ = 0;  // sizes of the vectors; -1: there is no such step
    Buffer<T> newton_, cauchy_;
    Vectors<T>& vectors_;
    Buffer<T> work_, eigenvector_;
    Number w_size_;   // |L^-1 S^2 p|
    Number overlap_;  // p'S^2 u
    Number bend_;     // p'Hp
    const int n_;
};

template <class T>
void TrustRegion<T>::queue_step(double lambda) {
    T* p = run_.direction();
    run_.factorize(lambda);
    vectors_.scale(p, T(-1), run_.g(), n_);
    run_.curvature().solve(p);
    vectors_.scale_twice(work_.get(), run_.scales(), p, n_);
    run_.curvature().solve_lower(work_.get());
    vectors_.norms({{p, run_.numbers().step_size, run_.scales(), false}, {work_.get(), w_size_}},
                   n_);
}

template <class T>
Subproblem TrustRegion<T>::solve(double radius, double guess) {
    const double norm = run_.read(run_.numbers().norm),
                 g_size = run_.read(run_.numbers().gradient_size);
    constexpr double eps = std::numeric_limits<T>::epsilon();
    double lower =
        std::max({0.0, -run_.read(run_.numbers().least_diagonal), g_size / radius - norm});
    double upper = g_size / radius + norm;
    // A multiplier of zero is the Newton step: worth a first look whenever it may be feasible.
    double lambda = std::min(guess, upper);
    if (lower > 0) lambda = std::max(lambda, lower * (1 + 4 * eps));
    bool rounding_tried = lower > run_.rounding_shift();
    for (int i = 0; i < 100; ++i) {
        queue_step(lambda);
        const bool factored = run_.factored() && std::isfinite(run_.read(run_.numbers().step_size));
        const double p_size = run_.read(run_.numbers().step_size);
        if (lambda == 0 && factored && p_size <= radius * (1 + radius_accuracy))
            return {true, 0, true};
        if (!rounding_tried && (lambda == 0 || p_size < radius)) {
            // A singular matrix: the shift that covers its rounding leaves alone what has no slope.
            rounding_tried = true;
            if (!factored || !run_.factor_is_regular()) {
                const double shift = run_.rounding_shift();
                queue_step(shift);
                if (run_.factored() && run_.read(run_.numbers().step_size) <= radius)
                    return {true, shift, true};
                if (lambda == 0) {
                    lambda = shift;
                    continue;
                }
                queue_step(lambda);
            }
        }
        double next;
        if (factored) {
            const double w_size = run_.read(w_size_);
            if (std::abs(p_size - radius) <= radius_accuracy * radius) return {true, lambda, false};
            if (p_size < radius) {
                upper = std::min(upper, lambda);
                if (extend_to_sphere(radius, lambda, p_size, lower)) return {true, lambda, false};
            } else {
                lower = std::max(lower, lambda);
            }
            const double ratio = w_size > 0 ? p_size / w_size : 0;
            next = secular_step(lambda, (p_size - radius) / radius, ratio * ratio, 1.0);
            if (p_size < radius && next <= 0 && lower == 0) next = 0;
        } else {
            lower = std::max(lower, lambda);
            next = -1;
        }
        if (upper - lower <= 16 * eps * upper) {
            // The interval has closed: take its upper end, where the factorisation exists.
            if (next < 0 || lambda != upper) {
                double shift = upper * (1 + 64 * eps);
                for (int k = 0; k < 20; ++k, shift *= 1 + std::ldexp(eps, k + 8)) {
                    queue_step(shift);
                    if (run_.factored()) break;
                }
                if (!run_.factored()) return {};
            }
            return {true, upper, false};
        }
        const bool zero_allowed = next == 0 && lower == 0 && lambda != 0;
        if (!zero_allowed && !(next > lower && next < upper))
            next = std::max(std::sqrt(lower * upper), lower + 0.01 * (upper - lower));
        lambda = next;
    }
    return {};
}

template <class T>
Subproblem TrustRegion<T>::next_step(double radius, double guess, bool first) {
    if (rule_ == StepRule::dogleg) return dogleg_step(radius, guess, first);
    return solve(radius, guess);
}

template <class T>
Subproblem TrustRegion<T>::dogleg_step(double radius, double guess, bool first) {
    T* const p = run_.direction();
    if (first) {
        newton_size_ = -1;
        if (run_.read(run_.numbers().least_diagonal) < 0) return solve(radius, guess);
        queue_step(0);
        const double size = run_.read(run_.numbers().step_size);
        if (!run_.factored() || !std::isfinite(size) || !run_.factor_is_regular())
            return solve(radius, guess);
        newton_size_ = size;
        vectors_.copy(newton_.get(), p, n_);
        vectors_.unscale(cauchy_.get(), run_.scales(), run_.g(), n_);
        vectors_.unscale(cauchy_.get(), run_.scales(), cauchy_.get(), n_);
        run_.curvature().apply(cauchy_.get(), 1, work_.get());
        vectors_.dot(cauchy_.get(), work_.get(), n_, bend_);
        const double g_size = run_.read(run_.numbers().gradient_size);
        const double part = g_size / run_.read(bend_) * g_size;
        vectors_.scale(cauchy_.get(), static_cast<T>(-part), cauchy_.get(), n_);
        cauchy_size_ = part * g_size;
    }
    if (newton_size_ < 0) return solve(radius, guess);
    vectors_.copy(p, newton_.get(), n_);
    if (newton_size_ <= radius * (1 + radius_accuracy)) return {true, 0, true};
    if (!(cauchy_size_ < radius)) {
        vectors_.scale(p, static_cast<T>(radius / cauchy_size_), cauchy_.get(), n_);
        return {true, 0, false};
    }
    // cauchy + tau (newton - cauchy) on the sphere, in units of the radius.
    vectors_.add_scaled(p, newton_.get(), T(-1), cauchy_.get(), n_);
    vectors_.scale_twice(work_.get(), run_.scales(), p, n_);
    vectors_.dot(p, work_.get(), n_, overlap_);
    vectors_.dot(cauchy_.get(), work_.get(), n_, bend_);
    const double length = std::sqrt(run_.read(overlap_)) / radius,
                 overlap = run_.read(bend_) / radius / (length * radius),
                 part = cauchy_size_ / radius;
    const double room = (1 - part) * (1 + part), root = std::sqrt(overlap * overlap + room),
                 tau = (overlap > 0 ? room / (overlap + root) : root - overlap) / length;
    vectors_.add_scaled(p, cauchy_.get(), static_cast<T>(tau), p, n_);
    return {true, 0, false};
}

template <class T>
bool TrustRegion<T>::extend_to_sphere(double radius, double multiplier, double p_size,
                                      double& lower) {
    T* p = run_.direction();
    T* u = eigenvector_.get();
    const double curvature = smallest_eigenvector(run_, u, work_.get()) + multiplier;
    lower = std::max(lower, multiplier - curvature);
    vectors_.scale_twice(work_.get(), run_.scales(), u, n_);
    vectors_.dot(p, work_.get(), n_, overlap_);
    run_.curvature().apply(p, 1, work_.get());
    vectors_.dot(p, work_.get(), n_, bend_);
    // In units of the radius, whose square may be out of range.
    const double part = p_size / radius;
    const double tau = radius * to_sphere(run_.read(overlap_) / radius, (1 - part) * (1 + part));
    const double model = run_.read(bend_) + multiplier * p_size * p_size;
    const double allowed = radius_accuracy * (2 - radius_accuracy) *
                           std::max(0.0, model + multiplier * radius * radius);
    if (tau * tau * curvature > allowed) return false;
    vectors_.add_scaled(p, p, static_cast<T>(tau), u, n_);
    return true;
}

template <class T>
void TrustRegion<T>::queue_model_terms() {
    T* p = run_.direction();
    run_.curvature().apply(p, 1, work_.get());
    vectors_.dot(p, work_.get(), n_, bend_);
    vectors_.dot(run_.g(), p, n_, run_.numbers().decrease);
}

template <class T>
double TrustRegion<T>::first_radius() {
    // The caller's is a length in the parameters; a step of it along -g tells what it is here.
    const double g_size = run_.read(run_.numbers().gradient_size);
    T* p = run_.direction();
    vectors_.unscale(p, run_.scales(), run_.g(), n_);
    vectors_.unscale(p, run_.scales(), p, n_);
    const Number p_norm = vectors_.number();
    vectors_.norms({{p, p_norm}}, n_);
    if (run_.options().initial_radius > 0) {
        const double length = run_.read(p_norm);
        return length > 0 ? run_.options().initial_radius * g_size / length
                          : run_.options().initial_radius;
    }
    // Length of the Cauchy step where the model is convex along it, of sums of residuals at most
    // longest_first; else a part of the size of x.
    run_.curvature().apply(p, 1, work_.get());
    vectors_.dot(p, work_.get(), n_, bend_);
    const double curvature = run_.read(bend_);
    const double cauchy = curvature > 0 ? g_size * g_size / curvature * g_size : 0;
    if (std::isfinite(cauchy) && cauchy > 0) {
        const bool limited =
            run_.derivatives().hessian == HessianBy::gauss_newton && run_.x_size() > 0;
        const double longest = std::max(longest_first * run_.x_size(), 1e-3 * run_.size());
        return std::max(limited ? std::min(cauchy, longest) : cauchy, 1e-3 * run_.x_size());
    }
    return longest_along_negative_curvature * run_.size();
}

template <class T>
Status TrustRegion<T>::minimize() {
    Newton<T> newton(run_);  // for what it does where the test for a minimum is met
    double radius = -1, multiplier = 0, last_step = 0, given_radius = 0;
    double longest_part = longest_along_negative_curvature;
    bool trusted = false;
    for (;;) {
        run_.at_iteration([&](State<T>& state) {
            state(radius, multiplier, last_step, given_radius, longest_part, trusted, newton);
        });
        if (run_.options().max_iterations == 0 && run_.gradient_norm() > 0)
            return Status::max_iterations;
        if (trusted && run_.tests_gradient() && run_.gradient_small() && !run_.may_run_away())
            return run_.arrived_status(0);
        run_.hessian();
        if (!std::isfinite(run_.read(run_.numbers().norm))) return Status::not_finite;
        run_.fetch_sizes();
        if (radius < 0) {
            radius = first_radius();
            if (run_.options().initial_radius > 0) given_radius = radius;
        }

        for (bool first = true;; first = false) {  // until a step is accepted
            const Subproblem step = next_step(radius, multiplier, first);
            if (!step.solved) return run_.stuck_status(std::numeric_limits<double>::infinity());
            const bool regular = step.interior && run_.factor_is_regular();
            queue_model_terms();
            const Trial trial = run_.try_step(1);
            multiplier = step.interior ? 0 : step.multiplier;
            const double decrement = -run_.read(run_.numbers().decrease);
            if (first && step.interior) {
                run_.watch(decrement);
                if (run_.runs_away(decrement)) return Status::unbounded;
                if (run_.arrived(decrement, trial.step_size)) {
                    if (const auto status = newton.settle(decrement, trial)) return *status;
                    trusted = false;
                    radius = std::max(radius, trial.step_size);
                    break;
                }
            }
            // Where no step helps any more.
            const auto stuck = [&] {
                if (!trial.finite()) return Status::not_finite;
                // A step that the radius has shortened promises less than there is.
                const double g = run_.gradient_size();
                const Status status = run_.stuck_status(
                    step.interior ? decrement : g / run_.read(run_.numbers().norm) * g);
                if (status != Status::converged) return status;
                if (regular) return Status::converged;
                return is_nearly_semidefinite(run_) ? Status::singular : Status::saddle_point;
            };
            const double curvature = run_.read(bend_);
            const double longest = std::max(longest_part * run_.size(), given_radius);
            if (curvature < 0 && trial.step_size > (1 + 2 * radius_accuracy) * longest) {
                if (run_.out_of_evaluations()) return Status::max_evaluations;
                radius = longest;
                continue;
            }
            const double predicted = decrement - 0.5 * curvature;
            const double actual = run_.decrease(trial, -decrement);
            if (predicted <= run_.noise()) {
                // Losses cannot judge the step any more; the gradient can, and exact slopes.
                const bool falls = run_.slopes_tell() && !run_.tests_gradient() && actual > 0 &&
                                   actual >= seen_by_slopes * predicted;
                const bool better = trial.finite() && actual >= -run_.noise() &&
                                    (falls || trial.gradient_size < run_.gradient_size());
                if (!better) return stuck();
            } else if (!trial.finite() || actual < accepted * predicted) {
                if (run_.out_of_evaluations()) return Status::max_evaluations;
                if (trial.step_size <= 1e-3 * run_.size() && run_.contradicts(trial, -decrement))
                    return stuck();
                radius = shrinkage * std::min(radius, trial.step_size);
                const double smallest = std::numeric_limits<T>::epsilon() * run_.x_size();
                if (!(radius > smallest) || radius < std::numeric_limits<T>::min()) return stuck();
                continue;
            } else if (actual > good * predicted) {
                radius = std::max(radius, growth * trial.step_size);
            }
            if (curvature < 0) {
                // A quadratic may be left as fast as one likes.
                const bool exact = std::abs(actual - predicted) <= 0.01 * predicted;
                longest_part = exact ? growth * longest_part : longest_along_negative_curvature;
                radius = std::min(radius, std::max(longest_part * run_.size(), given_radius));
            }
            const double previous = run_.f();
            run_.accept(trial, step.interior);
            trusted = regular && step_settles(trial.step_size, last_step, run_.size());
            last_step = trial.step_size;
            if (const auto status = run_.end_iteration(trial, previous, radius, step.multiplier))
                return *status;
            break;
        }
    }
}

}  // namespace

template <class T>
Status within_trust_region(Minimization<T>& run, StepRule rule) {
    return TrustRegion<T>(run, rule).minimize();
}
template Status within_trust_region(Minimization<double>&, StepRule);
template Status within_trust_region(Minimization<float>&, StepRule);

template <class T>
Status trust_region(Minimization<T>& run) {
    return within_trust_region(run, StepRule::exact);
}
template Status trust_region(Minimization<double>&);
template Status trust_region(Minimization<float>&);

}  // namespace cunewton::solver
