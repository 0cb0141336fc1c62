#include "cunewton/problem.h"

#include <cxxabi.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>

#include "host/host_memory.h"

namespace cunewton::detail {

namespace {
[[noreturn]] void reject(const std::string& text) { throw InvalidArgument(text); }

/// As it is written in the source.
std::string type_name(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
    return name ? name.get() : type.name();
}

template <class T>
void require_finite(const T* values, long count, const char* what) {
    for (long i = 0; i < count; ++i)
        if (!std::isfinite(values[i]))
            reject(std::string(what) + " are not finite (number " + std::to_string(i) + " is " +
                   std::to_string(values[i]) + ") remove or repair that sample");
}
}  // namespace

void reject_functor(const std::type_info& kept, const std::type_info& given) {
    reject("device code of another type (" + type_name(given) +
           ", but the problem or model was made from " + type_name(kept) + ") name that type");
}

template <class T>
void check_and_scale(ProblemParts<T>& parts) {
    Samples<T>& s = parts.samples;
    const ProblemOptions& options = parts.options;
    if (parts.dimension <= 0)
        reject("a problem needs parameters (n = " + std::to_string(parts.dimension) + ") pass n > 0");
    if (parts.outputs <= 0)
        reject("a loss needs predictors (outputs() = " + std::to_string(parts.outputs) +
               ") give it at least one");
    if (options.intercept && parts.form != ProblemForm::linear_predictor)
        reject("an intercept was asked for (only linear predictors have one) leave it to the loss");
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
    if (!std::isfinite(options.l2) || options.l2 < 0)
        reject("l2 penalty is invalid (" + std::to_string(options.l2) + ") pass a finite number >= 0");
    require_host_memory(s.features, "features");
    require_host_memory(s.targets, "targets");
    require_host_memory(s.weights, "weights");
    for (long i = 0; i < s.count && s.dimension > 0; ++i)
        require_finite(s.features + i * s.ld, s.dimension, "features");
    if (s.targets) require_finite(s.targets, s.count, "targets");
    double total = static_cast<double>(s.count);
    if (s.weights) {
        require_finite(s.weights, s.count, "weights");
        total = 0;
        for (long i = 0; i < s.count; ++i) {
            if (s.weights[i] < 0)
                reject("weights are negative (weight " + std::to_string(i) + " is " +
                       std::to_string(s.weights[i]) + ") pass weights >= 0");
            total += s.weights[i];
        }
        if (total == 0) reject("all weights are zero (nothing is left to fit) pass positive weights");
    }
    if (parts.form == ProblemForm::batched && !parts.cpu_batched && !parts.cuda_batched)
        reject("a batched problem has no evaluator (both are empty) pass at least one");
    parts.scale = options.reduction == Reduction::mean ? 1 / total : 1;
}
template void check_and_scale(ProblemParts<double>&);
template void check_and_scale(ProblemParts<float>&);

}  // namespace cunewton::detail
