// The exact trust-region method: minimises the quadratic model within |p| <= radius by repeated
// Cholesky factorisations (More and Sorensen 1983; Conn, Gould and Toint 2000, section 7.3).
#include <algorithm>
#include <cmath>
#include <limits>

#include "host/solver/methods.h"

namespace cunewton::solver {

namespace {

constexpr double radius_accuracy = 0.1;  // the step's length may miss the radius by this part

struct Subproblem {
    bool solved = false;
    double multiplier = 0;  ///< lambda of (H + lambda I) p = -g
    bool interior = false;
};

template <class T>
class TrustRegion {
   public:
    explicit TrustRegion(Run<T>& run)
        : run_(run),
          backend_(run.backend()),
          work_(run.vector()),
          eigenvector_(run.vector()),
          n_(run.n()) {}

    Status minimize();

   private:
    double slot(Slot which) { return backend_.scalar(which); }
    /// direction() = minimiser of g'p + p'Hp/2 over |p| <= radius.
    Subproblem solve(double radius, double guess);
    /// p + tau u on the sphere, if that is good enough: the hard case, and any time p is too short.
    bool extend_to_sphere(double radius, double multiplier, double p_norm, double& lower);
    /// Queues what the model's reduction is made of; it is read with the trial's scalars.
    void queue_model_terms();
    double first_radius();

    Run<T>& run_;
    Backend<T>& backend_;
    Buffer<T> work_, eigenvector_;
    const int n_;
};

template <class T>
Subproblem TrustRegion<T>::solve(double radius, double guess) {
    const double norm = slot(Slot::norm), g_norm = run_.gradient_norm();
    double lower = std::max({0.0, -slot(Slot::min_diagonal), g_norm / radius - norm});
    double upper = g_norm / radius + norm;
    // A multiplier of zero is the Newton step: worth a first look whenever it may be feasible.
    constexpr double eps = std::numeric_limits<T>::epsilon();
    double lambda = std::min(guess, upper);
    if (lower > 0) lambda = std::max(lambda, lower * (1 + 4 * eps));
    T* p = run_.direction();
    for (int i = 0; i < 100; ++i) {
        run_.factorize(lambda);
        backend_.scale(p, T(-1), run_.g(), n_);
        backend_.solve(run_.factor(), p, n_);
        backend_.copy(work_.get(), p, n_);
        backend_.solve_lower(run_.factor(), work_.get(), n_);
        backend_.dot(p, p, n_, Slot::step_sq);
        backend_.dot(work_.get(), work_.get(), n_, Slot::product);
        double next;
        if (slot(Slot::factor_info) == 0 && std::isfinite(slot(Slot::step_sq))) {
            const double p_norm = std::sqrt(slot(Slot::step_sq));
            const double w_norm = std::sqrt(slot(Slot::product));
            if (lambda == 0 && p_norm <= radius * (1 + radius_accuracy)) return {true, 0, true};
            if (std::abs(p_norm - radius) <= radius_accuracy * radius) return {true, lambda, false};
            if (p_norm < radius) {
                upper = std::min(upper, lambda);
                if (extend_to_sphere(radius, lambda, p_norm, lower)) return {true, lambda, false};
            } else {
                lower = std::max(lower, lambda);
            }
            // Newton's method for 1/radius - 1/|p(lambda)| = 0.
            const double ratio = w_norm > 0 ? p_norm / w_norm : 0;
            next = lambda + ratio * ratio * (p_norm - radius) / radius;
            if (p_norm < radius && next <= 0 && lower == 0) next = 0;
        } else {
            lower = std::max(lower, lambda);
            next = -1;
        }
        if (upper - lower <= 16 * eps * upper) {
            // The interval has closed: take its upper end, where the factorisation exists.
            if (next < 0 || lambda != upper) {
                double shift = upper * (1 + 64 * eps);
                for (int k = 0; k < 20; ++k, shift *= 1 + std::ldexp(eps, k + 8)) {
                    run_.factorize(shift);
                    if (slot(Slot::factor_info) == 0) break;
                }
                if (slot(Slot::factor_info) != 0) return {};
                backend_.scale(p, T(-1), run_.g(), n_);
                backend_.solve(run_.factor(), p, n_);
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
bool TrustRegion<T>::extend_to_sphere(double radius, double multiplier, double p_norm,
                                      double& lower) {
    T* p = run_.direction();
    T* u = eigenvector_.get();
    const double curvature = smallest_eigenvector(run_, u, work_.get()) + multiplier;
    lower = std::max(lower, multiplier - curvature);
    backend_.dot(p, u, n_, Slot::product);
    backend_.symv(run_.matrix(), p, work_.get(), n_);
    backend_.dot(p, work_.get(), n_, Slot::curvature);
    const double pu = slot(Slot::product);
    // |p + tau u| = radius, the root of smaller size (More and Sorensen, section 3).
    const double gap = radius * radius - p_norm * p_norm;
    const double tau = gap / (pu + std::copysign(std::sqrt(pu * pu + gap), pu));
    const double model = slot(Slot::curvature) + multiplier * p_norm * p_norm;
    const double allowed = radius_accuracy * (2 - radius_accuracy) *
                           std::max(0.0, model + multiplier * radius * radius);
    if (tau * tau * curvature > allowed) return false;
    backend_.add_scaled(p, p, static_cast<T>(tau), u, n_);
    return true;
}

template <class T>
void TrustRegion<T>::queue_model_terms() {
    T* p = run_.direction();
    backend_.symv(run_.matrix(), p, work_.get(), n_);
    backend_.dot(p, work_.get(), n_, Slot::curvature);
    backend_.dot(run_.g(), p, n_, Slot::decrease);
}

template <class T>
double TrustRegion<T>::first_radius() {
    if (run_.options().initial_radius > 0) return run_.options().initial_radius;
    // Length of the Cauchy step where the model is convex along -g, else the size of x.
    backend_.symv(run_.matrix(), run_.g(), work_.get(), n_);
    backend_.dot(run_.g(), work_.get(), n_, Slot::curvature);
    const double g_norm = run_.gradient_norm(), curvature = slot(Slot::curvature);
    const double cauchy = curvature > 0 ? g_norm * g_norm * g_norm / curvature : 0;
    return std::isfinite(cauchy) && cauchy > 0 ? std::max(cauchy, 1e-3 * run_.x_norm())
                                               : std::max(1.0, run_.x_norm());
}

template <class T>
Status TrustRegion<T>::minimize() {
    double radius = -1, multiplier = 0, last_step = 0;
    bool trusted = false;
    for (;;) {
        if (run_.gradient_small()) {
            if (const std::optional<Status> status = confirm_minimum(run_, trusted)) return *status;
            trusted = false;
            radius = std::max(radius, 1.0);
            continue;
        }
        if (run_.options().max_iterations == 0) return Status::max_iterations;
        run_.hessian();
        if (!std::isfinite(slot(Slot::norm))) return Status::not_finite;
        if (radius < 0) radius = first_radius();

        for (;;) {  // until a step is accepted
            const Subproblem step = solve(radius, multiplier);
            if (!step.solved) return run_.stuck_status();
            queue_model_terms();
            const Trial trial = run_.try_step(1);
            multiplier = step.multiplier;
            const double predicted = -(slot(Slot::decrease) + 0.5 * slot(Slot::curvature));
            const double actual = run_.f() - trial.f;
            if (predicted <= run_.noise()) {
                // Losses cannot judge the step any more; the gradient can.
                const bool better = trial.finite() && actual >= -run_.noise() &&
                                    trial.gradient_norm < run_.gradient_norm();
                if (!better) return run_.stuck_status();
            } else if (!trial.finite() || actual < 1e-4 * predicted) {
                radius = 0.25 * std::min(radius, trial.step_norm);
                const double smallest = std::numeric_limits<T>::epsilon() * run_.x_norm();
                if (run_.out_of_evaluations()) return Status::max_evaluations;
                if (!(radius > smallest) || radius < std::numeric_limits<T>::min())
                    return trial.finite() ? run_.stuck_status() : Status::not_finite;
                continue;
            } else if (actual < 0.25 * predicted) {
                radius = 0.25 * trial.step_norm;
            } else if (actual > 0.75 * predicted && trial.step_norm >= 0.8 * radius) {
                radius = 3 * radius;
            }
            const double previous = run_.f();
            run_.accept(trial);
            trusted = step.interior && step_settles(trial.step_norm, last_step, run_.x_norm());
            last_step = trial.step_norm;
            if (const auto status = run_.end_iteration(trial, previous, radius, multiplier))
                return *status;
            break;
        }
    }
}

}  // namespace

template <class T>
Status trust_region(Run<T>& run) {
    return TrustRegion<T>(run).minimize();
}
template Status trust_region(Run<double>&);
template Status trust_region(Run<float>&);

}  // namespace cunewton::solver
