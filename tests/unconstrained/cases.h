#pragma once

#include <string>
#include <string_view>
#include <vector>

// What is known about the problems of functors.h, and how a solve of one is judged.
namespace cunewton::test {

/// How accepts() treats f_min. Each other listed minimum counts as well, whatever the rule.
enum class AcceptRule {
    standard,          ///< within minimum_tolerance() of f_min
    below_limit,       ///< |f| < limit: f_min = 0 with a singular Hessian or a set of minimisers
    up_to_largest,     ///< no greater than the largest listed minimum (many small local minima)
    with_cancellation  ///< standard, and `limit` more on both sides for the rounding noise of f
};

/// One problem at one size from one start. Numbers are those of More, Garbow, Hillstrom (1981) and
/// of CUTEst where these print them (six digits), recomputed in 50-digit arithmetic from the exact
/// decimal x0 and rounded to double.
struct UnconstrainedCase {
    std::string id;          ///< "MGH01", as in the functor
    std::string name;        ///< "Rosenbrock"
    std::string size_label;  ///< "n=2"; with the start where there are two; id + this is unique
    int n = 0;
    std::vector<double> x0;  ///< n entries
    double f_x0 = 0;
    double f_min = 0;                    ///< global minimum
    std::vector<double> other_minima_f;  ///< strict local minima seen from x0; right answers too
    std::vector<std::vector<double>> minimisers;  ///< global ones, correct to double; may be empty
    AcceptRule rule = AcceptRule::standard;
    double limit = 0;  ///< see rule
    /// x0 lies on the way to, or on, a saddle where f = 0 > f_min. A solver that stops there is
    /// right only if it says that the point is a saddle; accepts() refuses the value.
    bool saddle_report_allowed = false;

    /// "MGH01 Rosenbrock n=2"
    std::string label() const { return id + " " + name + " " + size_label; }
};

/// All sizes and starts of one problem, in the order of the publications. Throws
/// std::invalid_argument for an id that no functor has.
std::vector<UnconstrainedCase> unconstrained_cases(std::string_view id);

/// What a final f may differ from `reference`: 1e-12 at 0; relative 1e-6 below 1e-3 in magnitude;
/// 1e-8 max(1, |reference|) above.
double minimum_tolerance(double reference);

/// Whether f_final, in double, solves the case. A value below the minimum by more than the
/// tolerance is refused too: nothing lies there, so f was evaluated wrongly. Where other minima are
/// listed the value alone does not show that the final point is a strict local minimum: test its
/// gradient and Hessian beside this.
bool accepts(const UnconstrainedCase& problem, double f_final);

}  // namespace cunewton::test
