#include "cunewton/problem.h"

#include <cxxabi.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

#include "host/backend/perceptron_layers.h"
#include "host/backend/ranks.h"
#include "host/data/sample_data.h"
#include "host/fit/options.h"

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

/// Of losses whose samples have one target.
template <class T>
double weight_of_single_targets(Samples<T>& samples) {
    if (samples.target_count > 1)
        reject(
            "samples have several targets (target_count = " + std::to_string(samples.target_count) +
            ") only perceptrons read more than one, others are features to the loss");
    return cunewton::checked_weight(samples);
}

/// What of others would be left out of the loss without a word.
template <class T>
void refuse_offsets(const Samples<T>& samples) {
    if (samples.offsets)
        reject(
            "samples have offsets (they are added to linear predictors, which this problem does "
            "not have) leave them out, or make them a feature that the loss adds");
}

/// What each form asks for; returns the weight by which a mean divides.
template <class T>
double checked_weight(SampleSum<T>& form) {
    refuse_offsets(form.samples);
    return weight_of_single_targets(form.samples);
}
template <class T>
double checked_weight(LinearPredictor<T>& form) {
    if (form.outputs <= 0)
        reject("a loss needs predictors (outputs() = " + std::to_string(form.outputs) +
               ") give it at least one");
    if (form.samples.offsets && form.samples.offset_count != form.outputs)
        reject("samples have the wrong number of offsets (" +
               std::to_string(form.samples.offset_count) + " each, for " +
               std::to_string(form.outputs) + " predictors) pass one for each predictor");
    return weight_of_single_targets(form.samples);
}
template <class T>
double checked_weight(ResidualSum<T>& form) {
    return weight_of_single_targets(form.samples);
}
template <class T>
double checked_weight(PerceptronSum<T>& form) {
    refuse_offsets(form.samples);
    return cunewton::checked_weight(form.samples);
}
template <class T>
double checked_weight(ElementSum<T>& form) {
    double weight = 0;
    int device = -1;
    for (Elements<T>& kind : form.kinds) {
        if (kind.indices->count == 0) continue;
        refuse_offsets(kind.data);
        weight += weight_of_single_targets(kind.data);
        if (kind.data.memory == Memory::host) continue;
        if (device >= 0 && kind.data.device != device)
            reject("the data of elements are on several GPUs (devices " + std::to_string(device) +
                   " and " + std::to_string(kind.data.device) + ") bring all to one");
        device = kind.data.device;
    }
    return weight;
}
template <class T>
double checked_weight(Opaque<T>& form) {
    if (!form.cpu && !form.cuda)
        reject(
            "a black box has no function (values and value_and_gradient are empty for the CPU "
            "and for the GPU) pass at least one");
    return 1;
}

/// Its options were checked before.
template <class T>
double checked_weight(CurvaturePenalized<T>& form) {
    return form.inner->weight;
}

/// The samples of a form that ranks may share; others throw InvalidArgument.
template <class T, class F>
const Samples<T>& shared_samples(const F& form) {
    if constexpr (requires { form.samples; }) {
        bool objective = false;
        if constexpr (requires { form.objective; }) objective = form.objective;
        if (!objective) return form.samples;
    }
    reject(
        "a communicator was given (objectives, sums of elements and black boxes have no samples "
        "that ranks could share) leave it out");
}

std::uint64_t hash_of(const std::string& text) {
    return hash(text.data(), text.size());
}

/// What ranks have to have in common, beside numbers that they may have on their own.
template <class T>
std::vector<Common> common_parts(const Form<T>& form, const Samples<T>& samples, long n,
                                 const ProblemOptions& options) {
    std::uint64_t loss = 0;
    if (const auto* const sum = std::get_if<SampleSum<T>>(&form))
        loss = hash_of(sum->code.functor.type().name());
    if (const auto* const predictor = std::get_if<LinearPredictor<T>>(&form))
        loss = hash_of(predictor->code.functor.type().name());
    if (const auto* const residuals = std::get_if<ResidualSum<T>>(&form))
        loss = hash_of(residuals->code.functor.type().name()) +
               16 * static_cast<std::uint64_t>(residuals->estimator) + bits(residuals->tuning);
    if (const auto* const network = std::get_if<PerceptronSum<T>>(&form)) {
        const Perceptron& perceptron = network->perceptron;
        const std::vector<int>& widths = perceptron.widths;
        loss = hash(widths.data(), widths.size() * sizeof(int)) +
               16 * static_cast<std::uint64_t>(perceptron.activation) +
               static_cast<std::uint64_t>(perceptron.loss);
    }
    return {{"number type", sizeof(T)},
            {"form", form.index()},
            {"number of parameters", static_cast<std::uint64_t>(n)},
            {"number of features", static_cast<std::uint64_t>(samples.dimension)},
            {"loss", loss},
            {"l2 penalty", bits(options.l2)},
            {"reduction", static_cast<std::uint64_t>(options.reduction)},
            {"intercept", options.intercept},
            {"penalty of intercepts", options.penalize_intercept},
            {"choice of rank_sums", static_cast<std::uint64_t>(options.rank_sums)},
            {"answer to whether there are targets", samples.targets != nullptr},
            {"answer to whether there are offsets", samples.offsets != nullptr}};
}

/// The sum of all weights of all ranks, in the order of every other sum.
template <class T>
double weight_of_all(const Ranks& ranks, const Samples<T>& samples) {
    const HostSamples<T> there(samples, true);
    const T* const weights = there.view().weights;
    RankSum<double> sum(ranks, 1);
    for (const SampleBlock& chunk : ranks.chunks()) {
        double weight = weights ? 0 : static_cast<double>(chunk.end - chunk.begin);
        for (long i = chunk.begin; weights && i < chunk.end; ++i) weight += weights[i];
        sum.add(chunk.chunk, &weight);
    }
    double all = 0;
    sum.finish(0, &all);
    return all;
}

template <class T>
Problem<T> make_own_problem(Form<T> form, long n, const ProblemOptions& options) {
    auto parts = std::make_shared<ProblemParts<T>>();
    // Before data are read by it; that there are none is told in better words below.
    if (n > 0) checked_dimension(n);
    double weight = std::visit([](auto& any) { return checked_weight(any); }, form);
    parts->dimension = checked_dimension(n);
    if (!std::isfinite(options.l2) || options.l2 < 0)
        reject("l2 penalty is invalid (" + std::to_string(options.l2) +
               ") pass a finite number >= 0");
    parts->penalty.l2 = options.l2;
    const auto* const predictor = std::get_if<LinearPredictor<T>>(&form);
    if (options.intercept && !predictor)
        reject("an intercept was asked for (only linear predictors have one) leave it to the loss");
    if (options.communicator) {
        const Samples<T>& samples = std::visit(
            [](const auto& any) -> const Samples<T>& { return shared_samples<T>(any); }, form);
        require_common(*options.communicator, Meeting::problem, "problems",
                       common_parts(form, samples, n, options));
        parts->ranks =
            std::make_shared<Ranks>(options.communicator, options.rank_sums, samples.count);
        weight = weight_of_all(*parts->ranks, samples);
    }
    if (weight == 0) reject("all weights are zero (nothing is left to fit) pass positive weights");
    parts->weight = weight;
    const auto* const elements = std::get_if<ElementSum<T>>(&form);
    const bool residuals = std::holds_alternative<ResidualSum<T>>(form);
    if (!residuals && (options.estimator != Estimator::least_squares || options.tuning != 0))
        reject(
            "an estimator was asked for (only residuals have one) leave it to the loss, or use "
            "make_residuals");
    const Reduction natural = elements || residuals ? Reduction::sum : Reduction::mean;
    parts->reduction = options.reduction == Reduction::automatic ? natural : options.reduction;
    parts->scale = parts->reduction == Reduction::mean ? 1 / weight : 1;
    if (elements) parts->sparsity = {elements->places, &elements->places->pattern};
    if (const auto* const penalized = std::get_if<CurvaturePenalized<T>>(&form))
        parts->ranks = penalized->inner->ranks;
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

}  // namespace

void check_together(Communicator* communicator, const std::function<void()>& checks) {
    in_step(communicator, checks);
}

template <class T>
Problem<T> make_problem(Form<T> form, long n, const ProblemOptions& options) {
    return in_step(options.communicator.get(),
                   [&] { return make_own_problem<T>(std::move(form), n, options); });
}

template <class T>
void check_targets(const Samples<T>& samples, const std::function<const char*(T)>& why) {
    if (!samples.targets) return;
    const HostSamples<T> there(samples, true);
    for (long e = 0; e < samples.count * samples.target_count; ++e)
        if (const char* problem = why(there.view().targets[e]))
            reject("target of sample " + std::to_string(e / samples.target_count) +
                   " is invalid (" + problem + ") correct the data or choose another loss");
}
template void check_targets(const Samples<double>&, const std::function<const char*(double)>&);
template void check_targets(const Samples<float>&, const std::function<const char*(float)>&);

template <class T>
void set_estimator(const ProblemOptions& options, ResidualSum<T>& form) {
    if (options.estimator == Estimator::poisson)
        reject(
            "Estimator::poisson is not for residuals (they do not tell the mean from what was "
            "counted) use make_sample_sum with its loss");
    if (!(options.tuning >= 0) || !std::isfinite(options.tuning))
        reject("tuning is invalid (" + std::to_string(options.tuning) +
               ") pass a finite number > 0, or 0 for the estimator's usual one");
    form.estimator = options.estimator;
    form.tuning = options.tuning > 0 ? options.tuning : usual_tuning(options.estimator);
}
template void set_estimator(const ProblemOptions&, ResidualSum<double>&);
template void set_estimator(const ProblemOptions&, ResidualSum<float>&);

template Problem<double> make_problem(Form<double>, long, const ProblemOptions&);
template Problem<float> make_problem(Form<float>, long, const ProblemOptions&);

}  // namespace cunewton::detail

namespace cunewton {

namespace {

/// Numbers of samples that the features are those of: one for each, or, of a table, rows of some.
template <class T>
void check_column(const Array<const T>& array, const char* name, bool is_table, long count,
                  Memory memory, int device) {
    if (array.data == nullptr) return;
    if (array.size() != count && !is_table)
        throw InvalidArgument(std::string(name) + " have the wrong size (" +
                              std::to_string(array.size()) + " for " + std::to_string(count) +
                              " samples) pass one for each; a row of the features is a sample, "
                              "and a vector one row: transposed() exchanges rows and columns");
    const bool column = array.columns == 1 && (array.rows <= 1 || array.row_stride == 1);
    if (!array.contiguous() && !column)
        throw InvalidArgument(std::string(name) +
                              " are not one after the other (their distance is not 1) copy them");
    if (array.memory != memory || array.device != device)
        throw InvalidArgument(std::string(name) +
                              " are in other memory than the features (one of them is on a GPU, "
                              "or on another one) bring all there");
    if (is_table && array.columns > std::numeric_limits<int>::max())
        throw InvalidArgument("there are too many " + std::string(name) + " (" +
                              std::to_string(array.columns) + " a sample) pass at most " +
                              std::to_string(std::numeric_limits<int>::max()));
}

}  // namespace

template <class T>
Samples<T> Samples<T>::of(const Array<const T>& features, const Array<const T>& targets,
                          const Array<const T>& weights) {
    const bool several = targets.rows == features.rows && targets.columns > 1;
    const auto check = [&](const Array<const T>& array, const char* name, bool is_table = false) {
        check_column(array, name, is_table, features.rows, features.memory, features.device);
    };
    check(targets, "targets", several);
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
    if (several) samples.target_count = static_cast<int>(targets.columns);
    samples.weights = weights.data;
    samples.feature_stride = features.column_stride;
    samples.memory = features.memory;
    samples.device = features.device;
    if (features.keep || targets.keep || weights.keep)
        samples.keep = std::make_shared<std::array<std::shared_ptr<const void>, 3>>(
            std::array{features.keep, targets.keep, weights.keep});
    return samples;
}

template <class T>
Samples<T> Samples<T>::with_offsets(const Array<const T>& added) const {
    const bool several = added.rows == count && added.columns > 1;
    check_column(added, "offsets", several, count, memory, device);
    Samples samples = *this;
    samples.offsets = added.data;
    samples.offset_count = several ? static_cast<int>(added.columns) : 1;
    if (added.keep)
        samples.keep = std::make_shared<std::array<std::shared_ptr<const void>, 2>>(
            std::array{keep, added.keep});
    return samples;
}

template struct Samples<double>;
template struct Samples<float>;

}  // namespace cunewton
