// Line searches: strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6) and
// backtracking (their algorithm 3.1).
#include <algorithm>
#include <cmath>
#include <limits>

#include "host/minimize/methods.h"

namespace cunewton::solver {

namespace {

constexpr double sufficient_decrease = 1e-4;
constexpr double curvature_condition = 0.9;
constexpr double longest_step = 1e10;
constexpr int most_trials = 60;

/// Minimiser of the cubic through two points with slopes (Nocedal and Wright, equation 3.59), kept
/// away from both ends.
double cubic_step(const Trial& a, const Trial& b) {
    const double d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.alpha - b.alpha);
    const double square = d1 * d1 - a.slope * b.slope;
    const double width = b.alpha - a.alpha;
    double step = 0.5 * (a.alpha + b.alpha);
    if (square >= 0) {
        const double d2 = std::copysign(std::sqrt(square), width);
        const double cubic = b.alpha - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
        if (std::isfinite(cubic)) step = cubic;
    }
    const double low = std::min(a.alpha, b.alpha), high = std::max(a.alpha, b.alpha);
    return std::clamp(step, low + 0.1 * (high - low), high - 0.1 * (high - low));
}

template <class T>
class Search {
  public:
    Search(Minimization<T>& run, double slope)
        : run_(run), origin_{0,
                             run.f(),
                             slope,
                             run.gradient_norm(),
                             run.gradient_size(),
                             run.x_norm(),
                             run.x_size(),
                             0,
                             0} {}

    std::optional<Trial> backtrack(Trial trial) {
        bool asked = false;
        for (int i = 0; i < most_trials; ++i) {
            if (decreases(trial)) {
                // A value alone has no gradient yet.
                const Trial full = trial.step_norm > 0 ? trial : run_.try_step(trial.alpha);
                if (full.finite() && !only_rounding(full)) return full;
            }
            // A short step that raises the loss: is it the gradient? Once is enough to ask.
            if (!asked && trial.alpha <= 1e-3 && trial.f > origin_.f &&
                !run_.out_of_evaluations()) {
                asked = true;
                if (ascends(run_.try_step(trial.alpha))) return std::nullopt;
            }
            if (within_noise(trial)) return std::nullopt;
            double next = 0.5 * trial.alpha;
            if (std::isfinite(trial.f)) {
                // Minimiser of the parabola through f(0), f'(0) and f(alpha).
                const double a = trial.alpha;
                const double parabola =
                    -origin_.slope * a * a / (2 * (trial.f - origin_.f - origin_.slope * a));
                if (std::isfinite(parabola)) next = std::clamp(parabola, 0.1 * a, 0.5 * a);
            }
            if (run_.out_of_evaluations()) return std::nullopt;
            // The last one has to be of the gradient too, to be accepted.
            trial = run_.evaluations_left() == 1 ? run_.try_step(next) : run_.try_value(next);
        }
        return std::nullopt;
    }

    std::optional<Trial> strong_wolfe(Trial trial) {
        last_ = trial;
        Trial previous = origin_;
        double outside =
            std::numeric_limits<double>::infinity();  // shortest step out of the domain
        for (int i = 0; i < most_trials; ++i) {
            if (!trial.finite()) {
                outside = trial.alpha;
                const double next = previous.alpha + 0.1 * (outside - previous.alpha);
                if (none_to_spare(previous) || next < 1e-20 || !(next > previous.alpha)) break;
                trial = try_step(next);
                continue;
            }
            if (trial.f < run_.options().unbounded_below) return trial;
            if (approximately_optimal(trial)) return trial;
            if (ascends(trial) || only_rounding(trial)) return std::nullopt;
            if (!decreases(trial) || (previous.alpha > 0 && trial.f >= previous.f))
                return zoom(previous, trial);
            if (std::abs(trial.slope) <= -curvature_condition * origin_.slope) return trial;
            if (trial.slope >= 0) return zoom(trial, previous);
            // The end of the domain is close enough, too.
            const bool at_end = outside <= trial.alpha * (1 + 1e-3);
            if (trial.alpha >= longest_step || at_end || none_to_spare(trial)) return trial;
            double next = std::max(2 * trial.alpha,
                                   std::min(10 * trial.alpha, extrapolated(previous, trial)));
            next = std::min({next, longest_step, trial.alpha + 0.5 * (outside - trial.alpha)});
            previous = trial;
            trial = try_step(next);
        }
        if (previous.alpha > 0 && decreases(previous)) return back_to(previous);
        return std::nullopt;
    }

  private:
    /// Whether no evaluation is left for another trial: one is for going back to `best`.
    bool none_to_spare(const Trial& best) const {
        return run_.evaluations_left() <= (best.alpha > 0 ? 1 : 0);
    }
    Trial try_step(double alpha) { return last_ = run_.try_step(alpha); }
    /// What is not the last trial has to be evaluated again to be accepted.
    std::optional<Trial> back_to(const Trial& trial) {
        if (trial.alpha == last_.alpha) return last_;
        if (run_.out_of_evaluations()) return std::nullopt;
        return try_step(trial.alpha);
    }
    /// Where the secant of the slopes is zero.
    static double extrapolated(const Trial& a, const Trial& b) {
        const double step = b.alpha + b.slope * (b.alpha - a.alpha) / (a.slope - b.slope);
        return std::isfinite(step) && step > b.alpha ? step : 0;
    }

    bool decreases(const Trial& t) const {
        return std::isfinite(t.f) &&
               t.f <= origin_.f + sufficient_decrease * t.alpha * origin_.slope;
    }
    /// Too close to the origin for losses to tell a decrease from rounding.
    bool within_noise(const Trial& t) const {
        return std::isfinite(t.f) && -t.alpha * origin_.slope <= run_.noise() &&
               std::abs(t.f - origin_.f) <= run_.noise();
    }
    bool ascends(const Trial& t) const {
        return t.alpha <= 1e-3 && run_.contradicts(t, origin_.slope);
    }
    /// Accepting such steps because of a last bit would go round in circles.
    bool only_rounding(const Trial& t) const {
        return within_noise(t) && t.gradient_size >= origin_.gradient_size;
    }
    /// The approximate Wolfe conditions, for steps whose decrease drowns in rounding (Hager and
    /// Zhang 2005, equation 4.1).
    bool approximately_optimal(const Trial& t) const {
        return t.f <= origin_.f + run_.noise() && -t.alpha * origin_.slope <= 1e6 * run_.noise() &&
               t.slope >= curvature_condition * origin_.slope &&
               t.slope <= (2 * sufficient_decrease - 1) * origin_.slope &&
               t.gradient_size < origin_.gradient_size;
    }

    std::optional<Trial> zoom(Trial low, Trial high) {
        for (int i = 0; i < most_trials; ++i) {
            const bool tiny =
                std::abs(high.alpha - low.alpha) * -origin_.slope <= 0.1 * run_.noise() ||
                std::abs(high.alpha - low.alpha) <= 1e-15 * std::max(low.alpha, high.alpha);
            if (tiny || none_to_spare(low)) break;
            Trial trial = try_step(cubic_step(low, high));
            if (!trial.finite()) {
                high = trial;
                high.f = low.f + std::abs(low.f) + 1;
                high.slope = std::abs(low.slope);
                continue;
            }
            if (approximately_optimal(trial)) return trial;
            if (low.alpha == 0 && ascends(trial)) return std::nullopt;
            if (!decreases(trial) || trial.f >= low.f) {
                high = trial;
                continue;
            }
            if (std::abs(trial.slope) <= -curvature_condition * origin_.slope) return trial;
            if (trial.slope * (high.alpha - low.alpha) >= 0) high = low;
            low = trial;
        }
        // The best point so far decreases the loss, if not by the curvature condition too.
        if (low.alpha > 0 && low.f < origin_.f - run_.noise()) return back_to(low);
        return std::nullopt;
    }

    Minimization<T>& run_;
    const Trial origin_;
    Trial last_{};
};

}  // namespace

template <class T>
std::optional<Trial> line_search(Minimization<T>& run, double slope, Trial first) {
    Search<T> search(run, slope);
    return run.options().line_search == LineSearch::strong_wolfe ? search.strong_wolfe(first)
                                                                 : search.backtrack(first);
}
template std::optional<Trial> line_search(Minimization<double>&, double, Trial);
template std::optional<Trial> line_search(Minimization<float>&, double, Trial);

}  // namespace cunewton::solver
