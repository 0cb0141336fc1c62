#include "cunewton/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <vector>

#include "host/minimize/methods.h"

namespace cunewton {

namespace {

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
std::string
format(const char* how, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, how);
    std::vsnprintf(text, sizeof(text), how, arguments);
    va_end(arguments);
    return text;
}

const char* why(GradientBy by, bool asked) {
    switch (by) {
        case GradientBy::automatic:
            break;
        case GradientBy::analytic:
            return "the loss's own";
        case GradientBy::autodiff:
            return asked ? "exact, by forward mode"
                         : "exact, by forward mode: the loss supplies none of its own";
        case GradientBy::forward_differences:
            return "of loss values, n + 1 for each";
        case GradientBy::central_differences:
            return asked ? "of loss values, 2 n for each"
                         : "of loss values, 2 n for each: the loss supplies no gradient and is no "
                           "functor";
    }
    return "not known";
}

const char* why(HessianBy by, bool asked) {
    switch (by) {
        case HessianBy::automatic:
            break;
        case HessianBy::analytic:
            return "the loss's own";
        case HessianBy::autodiff:
            return asked ? "exact, by hyper-dual numbers"
                         : "exact, by hyper-dual numbers: the loss supplies none of its own";
        case HessianBy::gradient_differences:
            return asked ? "central, of the gradient"
                         : "central, of the gradient: the loss supplies no Hessian, or has a "
                           "pattern for which they are cheap";
        case HessianBy::value_differences:
            return asked ? "of loss values"
                         : "of loss values: the loss supplies neither gradient nor Hessian";
        case HessianBy::gauss_newton:
            return "positive semidefinite, in the place of the Hessian";
    }
    return "not known";
}

std::string asked_for(bool asked) {
    return asked ? ", asked for" : "";
}

std::string list_of(const std::vector<int>& parameters) {
    constexpr std::size_t shown = 20;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, parameters.size()); ++i)
        text += (i ? ", " : "") + std::to_string(parameters[i]);
    if (parameters.size() > shown)
        text += " and " + std::to_string(parameters.size() - shown) + " more";
    return text;
}

/// A line of a section.
std::string line(const char* name, const std::string& what) {
    return format("  %-16s", name) + what + "\n";
}

template <class T>
std::string parameters(const Result<T>& result) {
    std::string text;
    for (const AtBound where : {AtBound::lower, AtBound::upper, AtBound::fixed}) {
        std::vector<int> list;
        for (std::size_t j = 0; j < result.at_bound.size(); ++j)
            if (result.at_bound[j] == where) list.push_back(static_cast<int>(j));
        const std::string name =
            where == AtBound::fixed ? "fixed" : std::string("at ") + to_string(where) + " bound";
        if (!list.empty()) text += line(name.c_str(), list_of(list));
    }
    if (!result.moved.empty())
        text += line("moved",
                     list_of(result.moved) + ": the start was outside of bounds or constraints");
    if (!result.undetermined.empty()) text += line("not determined", list_of(result.undetermined));
    return text.empty() ? text : "Parameters (the first is 0)\n" + text;
}

std::string times(const PhaseTimes& seconds) {
    const double rest =
        std::max(0.0, seconds.total - seconds.evaluate - seconds.hessian - seconds.factorize);
    const auto phase = [&](const char* name, double time) {
        return line(name, format("%10.4g s %6.1f %%", time,
                                 seconds.total > 0 ? 100 * time / seconds.total : 0));
    };
    return "Time\n" + phase("loss, gradient", seconds.evaluate) +
           phase("Hessian", seconds.hessian) + phase("factors", seconds.factorize) +
           phase("all else", rest) + phase("total", seconds.total);
}

std::string counts(const Counts& counts) {
    std::string text = format("  %ld of the loss, %ld of them with its gradient; %ld Hessians",
                              counts.evaluations, counts.gradients, counts.hessians);
    if (counts.factorizations > 0) text += format(", %ld factorisations", counts.factorizations);
    if (counts.products > 0) text += format(", %ld products", counts.products);
    if (counts.sampled_passes > 0)
        text += format("; %.4g passes over samples", counts.sampled_passes);
    return "Evaluations\n" + text + "\n";
}

std::string table(const std::vector<IterationRecord>& iterations) {
    if (iterations.empty()) return "";
    std::string text = format("  %9s %22s %11s %11s %11s %11s %10s\n", "iteration", "loss",
                              "|gradient|", "|step|", "length", "shift", "seconds");
    for (const IterationRecord& at : iterations)
        text += format("  %9d %22.15g %11.3e %11.3e %11.3e %11.3e %10.4g\n", at.iteration, at.f,
                       at.gradient_norm, at.step_norm, at.step_length, at.shift, at.seconds);
    return "Last iterations\n" + text;
}

}  // namespace

template <class T>
std::string full_report(const Result<T>& result, const Options& options) {
    const bool matrix_free =
        result.method != Method::automatic && solver::is_matrix_free(result.method);
    const DerivativeOptions& asked = options.derivatives;
    const bool gradient_asked = asked.gradient != GradientBy::automatic,
               hessian_asked = asked.hessian != HessianBy::automatic;
    std::string text = "Problem\n  " + result.problem + "\n  " +
                       (sizeof(T) == sizeof(double) ? "double" : "single") + " precision\n";
    text += "End\n  " + result.message + "\n" +
            format("  loss %.15g, |gradient| %.3e, %d iteration%s\n", static_cast<double>(result.f),
                   result.gradient_norm, result.iterations, result.iterations == 1 ? "" : "s");
    text += "How\n";
    text +=
        line("gradient", std::string(to_string(result.gradient_by)) + ": " +
                             why(result.gradient_by, gradient_asked) + asked_for(gradient_asked));
    text += line("Hessian", std::string(to_string(result.hessian_by)) + ": " +
                                why(result.hessian_by, hessian_asked) + asked_for(hessian_asked) +
                                (matrix_free ? "; products alone" : ""));
    text += line("method", std::string(to_string(result.method)) +
                               (options.method != Method::automatic ? ""
                                : matrix_free ? ": products are estimated to take less time"
                                              : ": the Hessian is estimated to take less time than "
                                                "products"));
    text += line("backend", result.backend + ": " + result.backend_reason);
    return text + parameters(result) + times(result.seconds) + counts(result.counts) +
           table(result.last_iterations);
}
template std::string full_report(const Result<double>&, const Options&);
template std::string full_report(const Result<float>&, const Options&);

}  // namespace cunewton
