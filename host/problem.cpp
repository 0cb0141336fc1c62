#include "cunewton/problem.h"

#include <cxxabi.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

#include "host/host_memory.h"

namespace cunewton::detail {

namespace {
[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

/// As it is written in the source.
std::string type_name(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
    return name ? name.get() : type.name();
}

template <class T>
void require_finite(T value, const char* what, long sample) {
    if (!std::isfinite(value))
        reject(std::string(what) + " are not finite (that of sample " + std::to_string(sample) +
               " is " + std::to_string(value) + ") remove or repair that sample");
}
}  // namespace

void reject_functor(const std::type_info& kept, const std::type_info& given) {
    reject("device code of another type (" + type_name(given) +
           ", but the problem or model was made from " + type_name(kept) + ") name that type");
}

int checked_dimension(long n) {
    if (n <= 0) reject("a problem needs parameters (n = " + std::to_string(n) + ") pass n > 0");
    if (n > std::numeric_limits<int>::max())
        reject("there are too many parameters (" + std::to_string(n) + ") at most " +
               std::to_string(std::numeric_limits<int>::max()) +
               " can be counted, and methods hold n x n matrices: reduce them");
    return static_cast<int>(n);
}

void require_targets(const void* targets) {
    if (!targets) reject("targets are missing (null pointer) this loss needs one for each sample");
}

namespace {

/// Checks them, puts in the distance between them if it is left open, and returns the sum of their
/// weights.
template <class T>
double checked_weight(Samples<T>& s) {
    if (s.count <= 0)
        reject("there are no samples (count = " + std::to_string(s.count) + ") pass at least one");
    if (s.dimension < 0)
        reject("features per sample are negative (dimension = " + std::to_string(s.dimension) +
               ") pass 0 or more");
    if (s.ld == 0) s.ld = s.dimension;
    if (s.ld < s.dimension)
        reject("rows of samples overlap (ld = " + std::to_string(s.ld) + " < dimension = " +
               std::to_string(s.dimension) + ") pass the distance between samples");
    if (s.dimension > 0 && !s.features)
        reject("features are missing (null pointer) pass count x dimension numbers");
    require_host_memory(s.features, "features");
    require_host_memory(s.targets, "targets");
    require_host_memory(s.weights, "weights");
    for (long i = 0; i < s.count; ++i)
        for (int j = 0; j < s.dimension; ++j)
            if (const T value = s.features[i * s.ld + j]; !std::isfinite(value))
                reject("features are not finite (feature " + std::to_string(j) + " of sample " +
                       std::to_string(i) + " is " + std::to_string(value) +
                       ") remove or repair that sample");
    for (long i = 0; s.targets && i < s.count; ++i) require_finite(s.targets[i], "targets", i);
    if (!s.weights) return static_cast<double>(s.count);
    double total = 0;
    for (long i = 0; i < s.count; ++i) {
        require_finite(s.weights[i], "weights", i);
        if (s.weights[i] < 0)
            reject("weights are negative (weight " + std::to_string(i) + " is " +
                   std::to_string(s.weights[i]) + ") pass weights >= 0");
        total += s.weights[i];
    }
    if (total == 0) reject("all weights are zero (nothing is left to fit) pass positive weights");
    return total;
}

/// What each form asks for; returns the weight by which a mean divides.
template <class T>
double checked_weight(SampleSum<T>& form) {
    return checked_weight(form.samples);
}
template <class T>
double checked_weight(LinearPredictor<T>& form) {
    if (form.outputs <= 0)
        reject("a loss needs predictors (outputs() = " + std::to_string(form.outputs) +
               ") give it at least one");
    return checked_weight(form.samples);
}
template <class T>
double checked_weight(Opaque<T>& form) {
    if (!form.cpu && !form.cuda)
        reject(
            "a black box has no function (values and value_and_gradient are empty for the CPU "
            "and for the GPU) pass at least one");
    return 1;
}

}  // namespace

template <class T>
Problem<T> make_problem(Form<T> form, long n, const ProblemOptions& options) {
    auto parts = std::make_shared<ProblemParts<T>>();
    // Before data are read by it; that there are none is told in better words below.
    if (n > 0) checked_dimension(n);
    const double weight = std::visit([](auto& any) { return checked_weight(any); }, form);
    parts->dimension = checked_dimension(n);
    if (!std::isfinite(options.l2) || options.l2 < 0)
        reject("l2 penalty is invalid (" + std::to_string(options.l2) +
               ") pass a finite number >= 0");
    parts->scale = options.reduction == Reduction::mean ? 1 / weight : 1;
    parts->penalty.l2 = options.l2;
    const auto* const predictor = std::get_if<LinearPredictor<T>>(&form);
    if (options.intercept && !predictor)
        reject("an intercept was asked for (only linear predictors have one) leave it to the loss");
    if (options.intercept && !options.penalize_intercept)
        parts->penalty.spared_period = predictor->samples.dimension + 1;
    parts->form = std::move(form);
    return Problem<T>(std::move(parts));
}
template Problem<double> make_problem(Form<double>, long, const ProblemOptions&);
template Problem<float> make_problem(Form<float>, long, const ProblemOptions&);

}  // namespace cunewton::detail
