#include "cunewton/problem.h"

#include <cxxabi.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

#include "host/backend/perceptron_layers.h"
#include "host/data/sample_data.h"

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

/// What each form asks for; returns the weight by which a mean divides.
template <class T>
double checked_weight(SampleSum<T>& form) {
    return cunewton::checked_weight(form.samples);
}
template <class T>
double checked_weight(LinearPredictor<T>& form) {
    if (form.outputs <= 0)
        reject("a loss needs predictors (outputs() = " + std::to_string(form.outputs) +
               ") give it at least one");
    return cunewton::checked_weight(form.samples);
}
template <class T>
double checked_weight(PerceptronSum<T>& form) {
    return cunewton::checked_weight(form.samples);
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
    parts->weight = weight;
    parts->scale = options.reduction == Reduction::mean ? 1 / weight : 1;
    parts->penalty.l2 = options.l2;
    const auto* const predictor = std::get_if<LinearPredictor<T>>(&form);
    if (options.intercept && !predictor)
        reject("an intercept was asked for (only linear predictors have one) leave it to the loss");
    if (const auto* const network = std::get_if<PerceptronSum<T>>(&form);
        network && !options.penalize_intercept)
        for (const PerceptronLayer& layer : layers_of(network->perceptron)) {
            const int begin = static_cast<int>(layer.biases);
            parts->penalty.spared[parts->penalty.ranges++] = {begin, begin + layer.outputs};
        }
    if (options.intercept && !options.penalize_intercept)
        parts->penalty.spared_period = predictor->samples.dimension + 1;
    parts->form = std::move(form);
    return Problem<T>(std::move(parts));
}
template <class T>
void check_targets(const Samples<T>& samples, const std::function<const char*(T)>& why) {
    if (!samples.targets) return;
    const HostSamples<T> there(samples, true);
    for (long i = 0; i < samples.count; ++i)
        if (const char* problem = why(there.view().targets[i]))
            reject("target of sample " + std::to_string(i) + " is invalid (" + problem +
                   ") correct the data or choose another loss");
}
template void check_targets(const Samples<double>&, const std::function<const char*(double)>&);
template void check_targets(const Samples<float>&, const std::function<const char*(float)>&);

template Problem<double> make_problem(Form<double>, long, const ProblemOptions&);
template Problem<float> make_problem(Form<float>, long, const ProblemOptions&);

}  // namespace cunewton::detail

namespace cunewton {

template <class T>
Samples<T> Samples<T>::of(const Array<const T>& features, const Array<const T>& targets,
                          const Array<const T>& weights) {
    const auto check = [&](const Array<const T>& array, const char* name) {
        if (array.data == nullptr) return;
        if (array.size() != features.rows)
            throw InvalidArgument(std::string(name) + " have the wrong size (" +
                                  std::to_string(array.size()) + " for " +
                                  std::to_string(features.rows) +
                                  " samples) pass one for each; a row of the features is a sample, "
                                  "and a vector one row: transposed() exchanges rows and columns");
        const bool column = array.columns == 1 && (array.rows <= 1 || array.row_stride == 1);
        if (!array.contiguous() && !column)
            throw InvalidArgument(
                std::string(name) +
                " are not one after the other (their distance is not 1) copy them");
        if (array.memory != features.memory || array.device != features.device)
            throw InvalidArgument(
                std::string(name) +
                " are in other memory than the features (one of them is on a GPU, "
                "or on another one) bring all there");
    };
    check(targets, "targets");
    check(weights, "weights");
    if (features.columns > std::numeric_limits<int>::max())
        throw InvalidArgument("there are too many features (" + std::to_string(features.columns) +
                              ") pass at most " + std::to_string(std::numeric_limits<int>::max()));
    Samples samples;
    samples.features = features.data;
    samples.count = features.rows;
    samples.dimension = static_cast<int>(features.columns);
    samples.ld =
        features.rows > 1 ? features.row_stride : features.columns * features.column_stride;
    samples.targets = targets.data;
    samples.weights = weights.data;
    samples.feature_stride = features.column_stride;
    samples.memory = features.memory;
    samples.device = features.device;
    if (features.keep || targets.keep || weights.keep)
        samples.keep = std::make_shared<std::array<std::shared_ptr<const void>, 3>>(
            std::array{features.keep, targets.keep, weights.keep});
    return samples;
}

template struct Samples<double>;
template struct Samples<float>;

}  // namespace cunewton
