#include "host/inference/profile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace cunewton::infer {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double most_widths = 1000;
constexpr int most_refits = 60;

/// sqrt((f - f_min) / rise) of the profile, which is about linear: 1 at the limit.
template <class T>
class Profile {
  public:
    Profile(const Problem<T>& problem, const Result<T>& result, int j, double rise,
            const InferenceOptions& options)
        : problem_(problem), result_(result), j_(static_cast<std::size_t>(j)), rise_(rise) {
        static_cast<Execution&>(fit_) = options;
        fit_.derivatives = options.derivatives;
        fit_.fixed.assign(result.x.size(), false);
        // What is held at the minimum stays held: the interval is of the same model.
        for (std::size_t i = 0; i < result.at_bound.size(); ++i)
            fit_.fixed[i] = result.at_bound[i] != AtBound::free;
        fit_.fixed[j_] = true;
        fit_.lower = options.lower;
        fit_.upper = options.upper;
        fit_.constraints = options.constraints;
    }

    double estimate() const { return static_cast<double>(result_.x[j_]); }

    /// At parameter j = value, from where the last refit nearby has ended; none: it failed.
    std::optional<double> root(double value, std::vector<T>& start) const {
        if ((!fit_.lower.empty() && value < fit_.lower[j_]) ||
            (!fit_.upper.empty() && value > fit_.upper[j_]))
            return {};
        start[j_] = static_cast<T>(value);
        const Result<T> found = minimize(problem_, start, fit_);
        if (!found.converged() && found.status != Status::precision_limit &&
            found.status != Status::derivative_accuracy)
            return {};
        start = found.x;
        const double above = static_cast<double>(found.f) - static_cast<double>(result_.f);
        return std::sqrt(std::max(above, 0.0) / rise_);
    }

    double limit(double side, double width) const {
        std::vector<T> start = result_.x;
        double inner = 0, inner_root = 0, outer = width;
        std::optional<double> outer_root = root(estimate() + side * outer, start);
        int refits = 1;
        while (outer_root && *outer_root < 1) {
            inner = outer;
            inner_root = *outer_root;
            // By the slope so far, and somewhat further.
            outer *= std::clamp(1.1 / std::max(inner_root, 0.1), 1.05, 4.0);
            if (outer > most_widths * width || ++refits > most_refits) return nan;
            outer_root = root(estimate() + side * outer, start);
        }
        if (!outer_root) return nan;
        // False position with halved ends (Dowell and Jarratt 1971, the Illinois method).
        double low = inner_root - 1, high = *outer_root - 1;
        const double enough = std::max(
            1e-9, 8 * std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon())) * 1e-2);
        int kept = 0;
        while (outer - inner > enough * width && ++refits <= most_refits) {
            const double middle = outer - high * (outer - inner) / (high - low);
            const std::optional<double> at = root(estimate() + side * middle, start);
            if (!at) return nan;
            const double value = *at - 1;
            if (std::abs(value) < enough) return estimate() + side * middle;
            if (value < 0) {
                inner = middle;
                low = value;
                if (kept == -1) high /= 2;
                kept = -1;
            } else {
                outer = middle;
                high = value;
                if (kept == 1) low /= 2;
                kept = 1;
            }
        }
        return estimate() + side * 0.5 * (inner + outer);
    }

  private:
    const Problem<T>& problem_;
    const Result<T>& result_;
    const std::size_t j_;
    const double rise_;
    Options fit_;
};

}  // namespace

template <class T>
std::pair<double, double> profile_interval(const Problem<T>& problem, const Result<T>& result,
                                           int j, double rise, double width,
                                           const InferenceOptions& options) {
    const Profile<T> profile(problem, result, j, rise, options);
    return {profile.limit(-1, width), profile.limit(1, width)};
}
template std::pair<double, double> profile_interval(const Problem<double>&, const Result<double>&,
                                                    int, double, double, const InferenceOptions&);
template std::pair<double, double> profile_interval(const Problem<float>&, const Result<float>&,
                                                    int, double, double, const InferenceOptions&);

}  // namespace cunewton::infer
