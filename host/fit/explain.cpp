#include "host/fit/explain.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>

#include "cunewton/math/stencil.h"
#include "cunewton/small/hessian_statistics.h"
#include "host/cpu/rank_k.h"
#include "host/fit/options.h"

namespace cunewton {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string text(double value) {
    char characters[32];
    std::snprintf(characters, sizeof(characters), "%.6g", value);
    return characters;
}

/// "parameter 1", "parameters 0, 2 and 3".
std::string list(const std::vector<int>& parameters) {
    std::string names = parameters.size() == 1 ? "parameter " : "parameters ";
    for (std::size_t k = 0; k < parameters.size(); ++k)
        names += (k == 0                       ? ""
                  : k + 1 == parameters.size() ? " and "
                                               : ", ") +
                 std::to_string(parameters[k]);
    return names;
}

std::vector<int> bits_of(std::uint64_t mask) {
    std::vector<int> numbers;
    for (int j = 0; j < 64; ++j)
        if (mask >> j & 1) numbers.push_back(j);
    return numbers;
}

template <class C>
constexpr const char* name_of = std::is_same_v<C, float> ? "single" : "double";

/// One problem in the arithmetic C, evaluated as the CPU's engine does it.
template <class C>
class OneProblem {
  public:
    OneProblem(const BatchModel& model, const BatchData<double>& data, const BatchOptions& options)
        : n_(model.parameters()),
          coordinates_(model.coordinates()),
          points_(data.points),
          fit_(model.kind() == SmallKind::fit),
          estimator_(options.estimator),
          tuning_(static_cast<C>(tuning_constant(options))),
          x_(numbers(data.coordinates)),
          y_(numbers(data.y)),
          weights_(numbers(data.weights)),
          start_(numbers(data.start)) {
        ops_ = model.parts().in<C>().cpu.get();
        by_ = batch_derivatives(options, ops_->has_analytic());
        for (int j = 0; j < n_; ++j) {
            lower_.push_back(data.lower.empty() ? -std::numeric_limits<C>::infinity()
                                                : static_cast<C>(data.lower(0, j)));
            upper_.push_back(data.upper.empty() ? std::numeric_limits<C>::infinity()
                                                : static_cast<C>(data.upper(0, j)));
            fixed_.push_back((!options.fixed.empty() && options.fixed[j]) ||
                             lower_[j] == upper_[j]);
        }
    }

    int n() const { return n_; }
    int coordinates() const { return coordinates_; }
    int points() const { return points_; }
    bool fit() const { return fit_; }
    bool counts() const { return fit_ && estimator_ == Estimator::poisson; }
    C weight(int p) const { return weights_.empty() ? C(1) : weights_[p]; }
    C y(int p) const { return y_[p]; }
    C x(int p, int c) const { return x_[p * coordinates_ + c]; }
    C start(int j) const { return start_[j]; }
    C lower(int j) const { return lower_[j]; }
    C upper(int j) const { return upper_[j]; }
    bool fixed(int j) const { return fixed_[j]; }

    struct Sums {
        C f;
        std::vector<C> gradient, hessian;
    };
    /// Of all points, as the solver sees them.
    Sums sums(const std::vector<double>& at) const {
        return evaluate(at, 0, points_, y_.data(), estimator_, !weights_.empty());
    }
    /// Of one point: an objective's term, or half the square of the model less `y`.
    Sums point(const std::vector<double>& at, int p, C y = 0) const {
        return evaluate(at, p, 1, &y, Estimator::least_squares, false);
    }

  private:
    static std::vector<C> numbers(const Array<const double>& array) {
        return std::vector<C>(array.data, array.data + array.size());
    }

    Sums evaluate(const std::vector<double>& at, int first, int count, const C* y,
                  Estimator estimator, bool weighted) const {
        constexpr int lanes = 64 / static_cast<int>(sizeof(C));
        const int packed = n_ * (n_ + 1) / 2;
        const auto buffer = [](int numbers) {
            return cpu::aligned_buffer<C>(static_cast<std::size_t>(numbers) * lanes);
        };
        const auto fill = [](const Buffer<C>& to, int k, C value) {
            std::fill_n(to.get() + k * lanes, lanes, value);
        };
        const Buffer<C> parameters = buffer(n_), slope_points = buffer(2 * n_),
                        curve_points = buffer(3 * n_), ys = buffer(count), weights = buffer(count),
                        f = buffer(1), gradient = buffer(n_), hessian = buffer(packed);
        for (int j = 0; j < n_; ++j) {
            const C value = static_cast<C>(at[j]);
            const C size = std::max(std::abs(value), typical_size(start_[j]));
            fill(parameters, j, value);
            const C low = fixed_[j] ? value : lower_[j], high = fixed_[j] ? value : upper_[j];
            const FirstPoints<C> slopes = first_points(value, central_step<C>() * size, low, high);
            fill(slope_points, j, slopes.up);
            fill(slope_points, n_ + j, slopes.down);
            const SecondPoints<C> curves =
                second_points(value, second_difference_step<C>() * size, low, high);
            fill(curve_points, j, curves.centre);
            fill(curve_points, n_ + j, curves.up);
            fill(curve_points, 2 * n_ + j, curves.down);
        }
        for (int p = 0; p < count; ++p) {
            fill(ys, p, fit_ ? y[p] : C(0));
            fill(weights, p, weight(first + p));
        }
        cpu::LaneBlock<C> block;
        block.lanes = lanes;
        block.points = count;
        block.parameters = parameters.get();
        block.coordinates = x_.data() + first * coordinates_;
        block.shared_coordinates = true;
        block.y = ys.get();
        block.weights = weighted ? weights.get() : nullptr;
        block.gradient_points = slope_points.get();
        block.hessian_points = curve_points.get();
        block.estimator = estimator;
        block.tuning = tuning_;
        block.f = f.get();
        block.gradient = gradient.get();
        block.hessian = hessian.get();
        ops_->evaluate(by_, block);
        Sums sums{f.get()[0], {}, {}};
        for (int j = 0; j < n_; ++j) sums.gradient.push_back(gradient.get()[j * lanes]);
        for (int k = 0; k < packed; ++k) sums.hessian.push_back(hessian.get()[k * lanes]);
        return sums;
    }

    int n_, coordinates_, points_;
    bool fit_;
    Estimator estimator_;
    C tuning_;
    BatchDerivatives by_;
    const cpu::SmallCode<C>* ops_;
    std::vector<C> x_, y_, weights_, start_, lower_, upper_;
    std::vector<bool> fixed_;
};

/// What is wrong with the data, the start or the bounds.
template <class C>
void find_invalid(const OneProblem<C>& problem, BatchExplanation& e) {
    const auto found = [&e](double value, const std::string& message) {
        e.value = value;
        e.message = message;
    };
    const auto at_point = [](int p) { return " at point " + std::to_string(p); };
    double weighted = 0, magnitude = 0;
    for (int p = 0; p < problem.points(); ++p) {
        const double w = static_cast<double>(problem.weight(p));
        e.point = p;
        if (!(w >= 0) || std::isinf(w))
            return found(w, "a weight is not a finite number >= 0 (" + text(w) + at_point(p) +
                                ") correct it, or pass 0 to leave the point out");
        if (!(w > 0)) continue;
        ++weighted;
        const std::string advice = ") correct it, or give the point the weight 0";
        if (problem.fit()) {
            const double y = static_cast<double>(problem.y(p));
            if (!std::isfinite(y))
                return found(y, "y is not finite (" + text(y) + at_point(p) + advice);
            if (problem.counts() && y < 0)
                return found(y, "a count is negative (" + text(y) + at_point(p) +
                                    ") pass counts >= 0 to Estimator::poisson");
            magnitude += w * (problem.counts() ? y : y * y);
        }
        for (int c = 0; c < problem.coordinates(); ++c) {
            const double x = static_cast<double>(problem.x(p, c));
            if (std::isfinite(x)) continue;
            e.coordinate = c;
            return found(x, "coordinate " + std::to_string(c) + " is not finite (" + text(x) +
                                at_point(p) + advice);
        }
    }
    e.point = -1;
    if (weighted == 0)
        return found(nan, "no point counts (there is none with a weight above 0) pass some data");
    for (int j = 0; j < problem.n(); ++j) {
        e.parameter = j;
        const double start = static_cast<double>(problem.start(j));
        const double low = static_cast<double>(problem.lower(j));
        const double high = static_cast<double>(problem.upper(j));
        const std::string name = " of parameter " + std::to_string(j);
        if (!std::isfinite(start))
            return found(start, "the start is not finite (" + text(start) + name +
                                    ") start from finite numbers");
        for (const double bound : {low, high})
            if (std::isnan(bound))
                return found(bound, "a bound is not a number (nan" + name +
                                        ") pass infinity where there is none");
        if (!(low <= high))
            return found(low, "the bounds" + name + " are crossed (" + text(low) + " > " +
                                  text(high) + ") pass lower <= upper");
    }
    e.parameter = -1;
    found(magnitude, std::string("the sum of squares of the data is beyond the range of ") +
                         name_of<C> + " precision (" + text(magnitude) +
                         ") scale the data or use a wider arithmetic");
}

/// Where the model or its derivatives are no numbers.
template <class C>
void find_not_finite(const OneProblem<C>& problem, const std::vector<double>& end,
                     BatchExplanation& e) {
    const std::string advice =
        ") start elsewhere, add bounds, or give the point the weight 0 if it does not belong there";
    for (int p = 0; p < problem.points(); ++p) {
        if (!(problem.weight(p) > C(0))) continue;
        e.point = p;
        std::string where = " at point " + std::to_string(p);
        for (int c = 0; c < problem.coordinates(); ++c)
            where += (c == 0 ? ", x = " : ", ") + text(static_cast<double>(problem.x(p, c)));
        const auto sums = problem.point(end, p);
        double value = static_cast<double>(sums.f);
        if (problem.fit() && std::isfinite(value)) {
            // f is m^2 / 2, and (m - 1)^2 / 2 beside it tells the sign.
            const double beside = static_cast<double>(problem.point(end, p, C(1)).f);
            value = std::copysign(std::sqrt(2 * value), value - beside + 0.5);
        }
        const std::string what = problem.fit() ? "the model" : "the objective";
        if (!std::isfinite(value)) {
            e.value = value;
            e.message = what + (std::isnan(value) ? " is not a number (nan" : " overflows (inf") +
                        where + advice;
            return;
        }
        if (problem.counts() && !(value > 0)) {
            e.value = value;
            e.message = "the model is not positive (" + text(value) + where +
                        ") Estimator::poisson needs positive means: start elsewhere or add bounds";
            return;
        }
        // An infinite derivative first: zero times it makes others' that are not numbers. Of J'J
        // the diagonal tells.
        for (int j = 0; j < problem.n(); ++j) {
            const auto look = [&](double derivative) {
                if (std::isfinite(derivative) || std::isinf(e.value)) return;
                if (std::isnan(derivative) && e.parameter >= 0) return;
                e.parameter = j;
                e.value = derivative;
            };
            const auto second = [&](int i) {
                return static_cast<double>(
                    sums.hessian[packed_index(std::max(i, j), std::min(i, j), problem.n())]);
            };
            if (!problem.fit()) look(static_cast<double>(sums.gradient[j]));
            look(second(j));
            for (int i = 0; i < problem.n() && !problem.fit(); ++i) look(second(i));
        }
        if (e.parameter < 0) continue;
        e.message = "a derivative of " + what + " by parameter " + std::to_string(e.parameter) +
                    (std::isnan(e.value) ? " is not a number (nan" : " overflows (inf") + where +
                    advice;
        return;
    }
    e.point = -1;
    e.message = "the sums over the points overflow (each point's numbers are finite in ";
    e.message += name_of<C>;
    e.message += " precision) scale the data or use a wider arithmetic";
}

/// Which parameters the data do not determine.
template <class C>
void find_undetermined(const OneProblem<C>& problem, const std::vector<double>& end,
                       BatchExplanation& e) {
    const int n = problem.n();
    auto sums = problem.sums(end);
    for (int j = 0; j < n; ++j)
        if (problem.fixed(j) || std::ranges::find(e.at_bound, j) != e.at_bound.end())
            sums.hessian[packed_index(j, j, n)] = batch::not_free<C>;
    std::vector<double> work(static_cast<std::size_t>(batch::statistics_workspace(n)));
    std::uint64_t mask = 0;
    batch::StatisticsOut<double> out;
    out.undetermined = &mask;
    // The solver may have seen a pivot vanish that does not quite in another order.
    for (double smallest = std::numeric_limits<C>::epsilon(); mask == 0 && smallest < 0.1;
         smallest *= 10)
        batch::hessian_statistics(sums.hessian.data(), n, 1, smallest, 0, out, work.data());
    e.undetermined = bits_of(mask);
    if (e.undetermined.empty()) {
        e.message = "the data do not determine all parameters (the Hessian is singular) fix some";
    } else if (e.undetermined.size() == 1) {
        e.parameter = e.undetermined[0];
        e.message = "the data do not determine " + list(e.undetermined) +
                    " (it has no influence there) fix it or start elsewhere";
    } else {
        e.message = "the data do not determine " + list(e.undetermined) +
                    " (they may change together at no cost) fix one of them, or add data";
    }
}

std::string sentence(Status status) {
    switch (status) {
        case Status::converged:
            return "converged";
        case Status::derivative_accuracy:
            return "the gradient is zero within the error of its differences (which exceeds the "
                   "tolerance) use exact derivatives or a larger tolerance";
        case Status::precision_limit:
            return "no step lowers the objective in working precision (but the tolerance is not "
                   "met) use a larger tolerance or double precision";
        case Status::max_iterations:
            return "max_iterations reached (and the tolerance is not met) start closer or allow "
                   "more";
        case Status::saddle_point:
            return "the gradient is zero where the curvature is negative (and no lower point was "
                   "found) start elsewhere";
        case Status::unbounded:
            return "the objective falls without bound (or towards a bound that no finite point "
                   "attains) add bounds or a penalty";
        case Status::not_run:
            return "not run (the batch was cancelled before) run it again";
        default:
            return std::string("ended as ") + to_string(status);
    }
}

}  // namespace

template <class C>
BatchExplanation explain_problem(const BatchModel& model, const BatchData<double>& data,
                                 const BatchOptions& options, Status status,
                                 const std::vector<double>& end, std::uint64_t at_bound) {
    const OneProblem<C> problem(model, data, options);
    BatchExplanation e;
    e.status = status;
    e.at_bound = bits_of(at_bound);
    switch (status) {
        case Status::invalid_data:
            find_invalid(problem, e);
            break;
        case Status::not_finite:
            find_not_finite(problem, end, e);
            break;
        case Status::singular:
            find_undetermined(problem, end, e);
            break;
        default:
            e.message = sentence(status);
    }
    if (!e.at_bound.empty())
        e.message +=
            "; " + list(e.at_bound) + (e.at_bound.size() == 1 ? " is" : " are") + " at a bound";
    return e;
}
template BatchExplanation explain_problem<double>(const BatchModel&, const BatchData<double>&,
                                                  const BatchOptions&, Status,
                                                  const std::vector<double>&, std::uint64_t);
template BatchExplanation explain_problem<float>(const BatchModel&, const BatchData<double>&,
                                                 const BatchOptions&, Status,
                                                 const std::vector<double>&, std::uint64_t);

}  // namespace cunewton
