// Gradient descent whose step length comes from the Hessian's curvature, by products with it.
#include <cmath>
#include <optional>

#include "host/curvature/lanczos.h"
#include "host/minimize/newton_cg.h"
#include "host/minimize/power_method.h"

namespace cunewton::solver {

namespace {

/// The way of a step, -length() z, from the Hessian at the point of the last estimate().
template <class T>
class DescentWay {
  public:
    explicit DescentWay(Minimization<T>& run)
        : run_(run), by_(run.options().descent_step), power_(run.vectors(), run.n()) {
        if (by_ == DescentStep::inverse_diagonal) {
            scaled_ = run.vector();
            slope_.emplace(run.vectors().number());
        }
    }

    /// Looks at the curvature at x. False if that is not finite.
    bool estimate() {
        run_.prepare_products();
        age_ = 0;
        switch (by_) {
            case DescentStep::exact_quadratic:
                return look_along_gradient();
            case DescentStep::inverse_lambda_max:
                return curvature_is(largest());
            case DescentStep::extreme_eigenvalues:
                return find_extremes();
            case DescentStep::inverse_diagonal:
                return look_at_diagonal();
        }
        return false;
    }
    /// Whether the last estimate is to be kept for another iteration.
    bool is_fresh() const { return age_ >= 0 && age_ < run_.options().curvature_interval; }
    void grow_older() { ++age_; }
    /// Whether the step at hand is by the curvature of a point before.
    bool is_kept() const { return age_ > 1; }
    void forget() { age_ = -1; }

    /// 1 / curvature; where that is not positive there is none, and the length means nothing.
    double length() const { return length_; }
    /// z, of which a step is a multiple, and length g'z; the square of |g| may be out of range.
    const T* z() { return has_diagonal_ ? scaled_.get() : run_.projected_gradient(); }
    double slope(double length) {
        const double g = run_.gradient_norm();
        if (!has_diagonal_) return length * g * g;
        diagonal_->apply(run_.projected_gradient(), scaled_.get());
        run_.vectors().dot(run_.g(), scaled_.get(), run_.n(), *slope_);
        return length * run_.read(*slope_);
    }
    /// What a whole step promises is at most this multiple of slope(length()), so as not to be more
    /// than the decrement of Newton's step.
    double modesty() const { return modesty_; }

    void pass(State<T>& state) {
        state(known_, power_, has_diagonal_, scaled_, start_, length_, modesty_, age_);
        state.optional(diagonal_, [&] { make_diagonal(); });
    }

  private:
    bool curvature_is(double curvature) {
        length_ = 1 / curvature;
        return std::isfinite(curvature);
    }
    /// Products at x, counted and timed.
    auto apply() {
        return [this](const T* v, T* Hv) {
            run_.take_products([&] { run_.products().apply(v, 1, Hv); });
            run_.count_products(1);
        };
    }
    /// From where it ended at the last point: slightly above the Rayleigh quotient, which
    /// approaches from below. That of the largest magnitude, which may be negative.
    double largest() {
        if (!known_) power_.begin(run_.projected_gradient(), run_.gradient_norm());
        const auto found = power_.run(known_ ? 3 : 30, apply());
        known_ = found.usable();
        return 1.02 * found.quotient;
    }
    /// By a residual of a thousandth of the largest: a smallest eigenvalue that may be zero, as far
    /// as its residual tells, does not count.
    bool find_extremes() {
        const lanczos::Wanted wanted{.largest = 1,
                                     .smallest = run_.n() > 1 ? 1 : 0,
                                     .tolerance = 1e-3,
                                     .max_products = 100,
                                     .max_vectors = descent_vectors,
                                     .multiplicities = false,
                                     .seed = run_.options().seed};
        lanczos::Found<T> found;
        try {
            found = run_.take_products([&] {
                return lanczos::find_extremes(run_.vectors(), run_.matrices(), run_.products(),
                                              static_cast<std::size_t>(run_.n()), wanted,
                                              start_.get());
            });
        } catch (const lanczos::NotFinite&) {
            return false;  // products are not finite here
        }
        run_.count_products(found.products);
        const lanczos::Pair high = found.largest.front(),
                            low = found.smallest.empty() ? high : found.smallest.front();
        const bool convex = low.value > low.residual;
        const double bound =
            std::max(std::abs(high.value) + high.residual, std::abs(low.value) + low.residual);
        modesty_ = convex ? (high.value + low.value) / (2 * bound) : 1;
        if (!start_) start_ = run_.vector();
        // The next point's are near both of these.
        Vectors<T>& vectors = run_.vectors();
        vectors.copy(start_.get(), found.vectors.get(), run_.n());
        if (!found.smallest.empty())
            vectors.add_scaled(start_.get(), start_.get(), T(1), found.vectors.get() + run_.n(),
                               run_.n());
        return curvature_is(convex ? (high.value + low.value) / 2 : bound);
    }
    void make_diagonal() {
        diagonal_.emplace(run_.evaluator(), run_.products(), run_.vectors(), run_.n(),
                          run_.options().seed);
    }
    bool look_at_diagonal() {
        if (!diagonal_) make_diagonal();
        const bool found = run_.take_products([&] { return diagonal_->update(run_.x()); });
        run_.count_products(diagonal_->products());
        has_diagonal_ = found;
        // Where there is no curvature along any axis, as where there is none along -g.
        if (!found) return look_along_gradient();
        return curvature_is(1);
    }
    bool look_along_gradient() {
        power_.begin(run_.projected_gradient(), run_.gradient_norm());
        return curvature_is(power_.quotient(apply()));
    }

    Minimization<T>& run_;
    const DescentStep by_;
    PowerMethod<T> power_;
    bool known_ = false;  // the power method is near an eigenvector
    std::optional<DiagonalPreconditioner<T>> diagonal_;
    bool has_diagonal_ = false;
    Buffer<T> scaled_, start_;
    std::optional<Number> slope_;
    double length_ = 0, modesty_ = 1;
    int age_ = -1;  // iterations since the last estimate; -1: there is none
};

/// Along the projected path, on which slopes are not those of the direction (Bertsekas 1976).
template <class T>
std::optional<Trial> shortened(Minimization<T>& run, double slope) {
    for (double alpha = 0.25; alpha > 1e-15 && !run.out_of_evaluations(); alpha *= 0.25) {
        const Trial trial = run.try_step(alpha);
        if (trial.finite() && trial.f <= run.f() + 1e-4 * alpha * slope) return trial;
    }
    return std::nullopt;
}

}  // namespace

template <class T>
Status gradient_descent(Minimization<T>& run) {
    Vectors<T>& vectors = run.vectors();
    DescentWay<T> way(run);
    EndByProducts<T> end(run);
    double last_step = 0;
    for (;;) {
        run.at_iteration([&](State<T>& state) { state(last_step, way, end); });
        if (run.options().max_iterations == 0 && run.gradient_norm() > 0)
            return Status::max_iterations;
        if (!way.is_fresh() && !way.estimate()) return Status::not_finite;
        way.grow_older();
        const double g = run.gradient_norm();
        double step = way.length();
        // What the step promises is no more than the decrement of Newton's, which decides.
        const double promised = step > 0 ? way.modesty() * way.slope(step) : 0;
        if (step > 0 && std::isfinite(step)) {
            run.watch(promised);
            if (run.runs_away(promised)) return Status::unbounded;
        }
        if (const auto status = end.look(promised)) return *status;
        if (end.moved()) {
            way.forget();
            continue;
        }
        // No positive curvature along the gradient: the last length, doubled; at first one that
        // would lower the loss to zero.
        if (!std::isfinite(step) || step <= 0)
            step = last_step > 0 ? 2 * last_step : run.first_step_length();

        // The length is in the direction: |g|^2 may be out of range.
        vectors.scale(run.direction(), static_cast<T>(-step), way.z(), run.n());
        const double slope = -way.slope(step);
        const Trial first = run.try_step(1);
        // The length is the method: it is only shortened if the loss does not decrease.
        std::optional<Trial> accepted;
        // Where losses cannot judge the step any more the gradient does.
        const bool rounding = -slope <= run.noise();
        const bool better = rounding ? first.gradient_norm < g : first.f <= run.f() + 1e-4 * slope;
        if (first.finite() && better)
            accepted = first;
        else
            accepted = run.bounded() ? shortened(run, slope) : line_search(run, slope, first);
        const bool kept = way.is_kept();
        if (!accepted || accepted->alpha < 1) way.forget();
        if (!accepted) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            if (kept) continue;  // by the curvature here the step is another one
            if (!first.finite()) return Status::not_finite;
            if (const auto status = end.stuck(-slope)) return *status;
            continue;
        }
        last_step = accepted->alpha * step;
        const double previous = run.f();
        run.accept(*accepted, accepted->alpha >= 1);
        if (const auto status = run.end_iteration(*accepted, previous, last_step, 0))
            return *status;
    }
}
template Status gradient_descent(Minimization<double>&);
template Status gradient_descent(Minimization<float>&);

}  // namespace cunewton::solver
