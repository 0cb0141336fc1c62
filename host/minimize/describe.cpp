#include "host/minimize/describe.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "host/backend/ranks.h"

namespace cunewton::solver {

namespace {

std::string counted(long count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g", value);
    return text;
}

template <class T>
std::string over_samples(const ProblemParts<T>& parts, const Samples<T>& samples) {
    const long count = parts.ranks ? parts.ranks->samples() : samples.count;
    std::string text = parts.reduction == Reduction::mean ? "mean" : "sum";
    text += " over " + counted(count, samples.weights ? "weighted sample" : "sample");
    if (parts.ranks) text += " of all ranks";
    return text;
}

template <class T>
std::string name_of(const ProblemParts<T>& parts) {
    return std::visit(
        [&]<class Form>(const Form& form) -> std::string {
            if constexpr (std::is_same_v<Form, SampleSum<T>>) {
                return form.objective ? "a function" : over_samples(parts, form.samples);
            } else if constexpr (std::is_same_v<Form, LinearPredictor<T>>) {
                return over_samples(parts, form.samples) + " of a loss of " +
                       (form.outputs == 1 ? "a linear predictor"
                                          : std::to_string(form.outputs) + " linear predictors") +
                       (form.intercept ? " with intercept" : "");
            } else if constexpr (std::is_same_v<Form, ResidualSum<T>>) {
                return over_samples(parts, form.samples) + " of " +
                       counted(form.residuals, "residual") + " each, by " +
                       to_string(form.estimator);
            } else if constexpr (std::is_same_v<Form, PerceptronSum<T>>) {
                std::string widths;
                for (const int width : form.perceptron.widths)
                    widths += (widths.empty() ? "" : "-") + std::to_string(width);
                return over_samples(parts, form.samples) + " of a perceptron " + widths;
            } else if constexpr (std::is_same_v<Form, ElementSum<T>>) {
                long count = 0;
                for (const Elements<T>& kind : form.kinds) count += kind.indices->count;
                return (parts.reduction == Reduction::mean ? "mean of " : "sum of ") +
                       counted(count, "element");
            } else if constexpr (std::is_same_v<Form, CurvaturePenalized<T>>) {
                return name_of(*form.inner) + " with a penalty on its curvature";
            } else if constexpr (std::is_same_v<Form, Opaque<T>>) {
                return "a black box";
            } else {
                return over_samples(parts, form.samples);
            }
        },
        parts.form);
}

}  // namespace

template <class T>
std::string describe(const Problem<T>& problem, const Options& options) {
    const ProblemParts<T>& parts = problem.parts();
    std::string text = name_of(parts) + ", " + counted(parts.dimension, "parameter");
    if (parts.penalty.l2 > 0) text += ", l2 penalty " + number(parts.penalty.l2);
    if (parts.sparsity) text += ", sparse Hessian";
    long bounded = 0;
    const std::vector<double>&lower = options.lower, &upper = options.upper;
    for (std::size_t j = 0; j < std::max(lower.size(), upper.size()); ++j)
        bounded += (j < lower.size() && std::isfinite(lower[j])) ||
                   (j < upper.size() && std::isfinite(upper[j]));
    if (bounded > 0) text += ", " + std::to_string(bounded) + " of them bounded";
    if (const long fixed = std::count(options.fixed.begin(), options.fixed.end(), true))
        text += ", " + std::to_string(fixed) + " of them fixed";
    return text;
}
template std::string describe(const Problem<double>&, const Options&);
template std::string describe(const Problem<float>&, const Options&);

}  // namespace cunewton::solver
