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

template <class T>
void check_and_scale(ProblemParts<T>& parts) {
    Samples<T>& s = parts.samples;
    const ProblemOptions& options = parts.options;
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
    checked_dimension(parts.dimension);
    if (s.ld == 0) s.ld = s.dimension;
    if (s.ld < s.dimension)
        reject("rows of samples overlap (ld = " + std::to_string(s.ld) + " < dimension = " +
               std::to_string(s.dimension) + ") pass the distance between samples");
    if (s.dimension > 0 && !s.features)
        reject("features are missing (null pointer) pass count x dimension numbers");
    if (!std::isfinite(options.l2) || options.l2 < 0)
        reject("l2 penalty is invalid (" + std::to_string(options.l2) +
               ") pass a finite number >= 0");
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
    double total = static_cast<double>(s.count);
    if (s.weights) {
        total = 0;
        for (long i = 0; i < s.count; ++i) {
            require_finite(s.weights[i], "weights", i);
            if (s.weights[i] < 0)
                reject("weights are negative (weight " + std::to_string(i) + " is " +
                       std::to_string(s.weights[i]) + ") pass weights >= 0");
            total += s.weights[i];
        }
        if (total == 0)
            reject("all weights are zero (nothing is left to fit) pass positive weights");
    }
    if (parts.form == ProblemForm::batched && !parts.cpu_batched && !parts.cuda_batched)
        reject("a batched problem has no evaluator (both are empty) pass at least one");
    parts.scale = options.reduction == Reduction::mean ? 1 / total : 1;
}
template void check_and_scale(ProblemParts<double>&);
template void check_and_scale(ProblemParts<float>&);

}  // namespace cunewton::detail
