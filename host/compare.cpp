#include "cunewton/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <typeinfo>

#include "cunewton/differentiate.h"
#include "cunewton/loss/complementary_log_log.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/poisson.h"
#include "cunewton/loss/probit.h"
#include "cunewton/loss/softmax.h"
#include "cunewton/minimize.h"
#include "host/backend/lapack.h"
#include "host/backend/perceptron_layers.h"
#include "host/backend/sample_order.h"
#include "host/data/sample_data.h"

namespace cunewton {

namespace {

constexpr double not_known = std::numeric_limits<double>::quiet_NaN();

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

/// The loss itself, without curvature penalties around it.
template <class T>
const ProblemParts<T>& loss_of(const ProblemParts<T>& parts) {
    const auto* form = std::get_if<CurvaturePenalized<T>>(&parts.form);
    return form ? loss_of(*form->inner) : parts;
}

/// What the targets' probability is.
struct Model {
    Likelihood likelihood = Likelihood::none;
    double squares_factor = 1;  ///< of gaussian
    int targets = 1;            ///< K of a sample
    bool counts = false;        ///< log y! is missing
};

template <class T>
Model known_model(const ProblemParts<T>& loss) {
    const auto is = [](const std::any& functor, const auto& type) {
        return functor.type() == typeid(type);
    };
    if (const auto* form = std::get_if<LinearPredictor<T>>(&loss.form)) {
        const std::any& functor = form->code.functor;
        if (is(functor, LinearRegression{})) return {Likelihood::gaussian};
        if (is(functor, Poisson{})) return {Likelihood::negative_log, 1, 1, true};
        if (is(functor, Logistic{}) || is(functor, Softmax{}) || is(functor, Probit{}) ||
            is(functor, ComplementaryLogLog{}))
            return {Likelihood::negative_log};
    }
    if (const auto* form = std::get_if<PerceptronSum<T>>(&loss.form)) {
        const Perceptron& network = form->perceptron;
        if (network.loss == PerceptronLoss::softmax_cross_entropy)
            return {Likelihood::negative_log};
        return {Likelihood::gaussian, 0.5, network.widths.back()};
    }
    return {};
}

template <class T>
Model model_of(const FittedModel<T>& fitted) {
    Model model = known_model(loss_of(fitted.problem.parts()));
    if (fitted.likelihood == Likelihood::automatic) return model;
    // What a loss is taken for by the caller has the factor and the targets that he gives, if it is
    // none that is known.
    if (model.likelihood != fitted.likelihood)
        model = {fitted.likelihood, fitted.squares_factor, fitted.targets, false};
    return model;
}

template <class T>
void check(const std::vector<FittedModel<T>>& models, const CompareOptions& options) {
    if (models.empty()) reject("there are no models (the list is empty) pass at least one");
    if (options.folds < 0 || options.folds == 1)
        reject("folds are too few (" + std::to_string(options.folds) +
               ") pass at least 2, or 0 for no cross-validation");
    if (options.largest_dense < 0)
        reject("largest_dense is negative (" + std::to_string(options.largest_dense) +
               ") pass a number of parameters");
    for (const FittedModel<T>& model : models) {
        const std::string who = "model '" + model.name + "'";
        const std::size_t n = static_cast<std::size_t>(model.problem.dimension());
        if (model.x.size() != n)
            reject(who + " has an x of the wrong size (" + std::to_string(model.x.size()) +
                   " for " + std::to_string(n) + " parameters) pass its minimiser");
        for (const T x : model.x)
            if (!std::isfinite(x))
                reject(who + " has an x that is not finite (" + std::to_string(x) +
                       ") pass its minimiser");
        if (model.problem.parts().ranks)
            reject(who +
                   " has samples that are spread over ranks (a table is of samples in one "
                   "place) make its problem of all of them on one rank");
        if (model.noise_variance &&
            !(*model.noise_variance > 0 && *model.noise_variance < INFINITY))
            reject(who + " has an invalid noise_variance (" +
                   std::to_string(*model.noise_variance) + ") pass a finite number > 0");
        if (!(model.squares_factor > 0) || std::isinf(model.squares_factor))
            reject(who + " has an invalid squares_factor (" + std::to_string(model.squares_factor) +
                   ") pass a finite number > 0");
        if (model.targets < 1)
            reject(who + " has too few targets (" + std::to_string(model.targets) +
                   ") pass the number that a sample has");
        if (model.samples && !(*model.samples > 0 && *model.samples < INFINITY))
            reject(who + " has an invalid number of samples (" + std::to_string(*model.samples) +
                   ") pass a finite number > 0");
        const Samples<T>* const samples = samples_of(model.problem);
        if (samples && options.folds > samples->count)
            reject("folds are too many (" + std::to_string(options.folds) + " for " +
                   std::to_string(samples->count) + " samples of " + who + ") pass fewer");
    }
}

/// The N of a sum over samples. An objective is one sample that stands for nothing, and elements
/// are terms of a sum, of which priors are some.
template <class T>
double samples_known(const ProblemParts<T>& loss) {
    const auto* const sum = std::get_if<SampleSum<T>>(&loss.form);
    const bool known = (sum && !sum->objective) ||
                       std::holds_alternative<LinearPredictor<T>>(loss.form) ||
                       std::holds_alternative<ResidualSum<T>>(loss.form) ||
                       std::holds_alternative<PerceptronSum<T>>(loss.form);
    return known ? loss.weight : not_known;
}

/// Parameters from `first` on that no penalty holds.
template <class T>
int count_free(const ProblemParts<T>& loss, std::size_t first) {
    int free = 0;
    for (int j = static_cast<int>(first); j < loss.dimension; ++j) free += loss.penalty.at(j) == 0;
    return free;
}

/// Dimensions of x in which neither loss nor penalty changes: the outputs of softmax may all move
/// by the same function of what they see, and a relu unit's inputs be a times as large and its
/// outputs 1/a times.
template <class T>
int undetermined(const ProblemParts<T>& loss) {
    if (const auto* form = std::get_if<LinearPredictor<T>>(&loss.form))
        return form->code.cpu && form->code.cpu->shift_invariant()
                   ? count_free(loss, 0) / form->outputs
                   : 0;
    const auto* form = std::get_if<PerceptronSum<T>>(&loss.form);
    if (!form) return 0;
    const Perceptron& network = form->perceptron;
    const std::vector<PerceptronLayer> layers = layers_of(network);
    int sum = 0;
    if (network.loss == PerceptronLoss::softmax_cross_entropy)
        sum += count_free(loss, layers.back().weights) / layers.back().outputs;
    if (network.activation == Activation::relu && loss.penalty.l2 == 0)
        for (std::size_t l = 0; l + 1 < layers.size(); ++l) sum += layers[l].outputs;
    return sum;
}

/// The same without penalties, the weighted sum as it is or its mean.
template <class T>
Problem<T> bare(const ProblemParts<T>& loss, Reduction reduction) {
    auto parts = std::make_shared<ProblemParts<T>>(loss);
    parts->penalty = {};
    parts->reduction = reduction;
    parts->scale = reduction == Reduction::mean ? 1 / loss.weight : 1;
    return Problem<T>(std::move(parts));
}

/// The same problem of these samples alone, which are copied. Their weight is 0 where no problem is
/// left.
template <class T>
std::shared_ptr<ProblemParts<T>> of_samples(const ProblemParts<T>& all,
                                            const std::vector<long>& list) {
    auto parts = std::make_shared<ProblemParts<T>>(all);
    std::visit(
        [&](auto& form) {
            if constexpr (requires { form.samples; }) {
                const auto there = std::make_shared<HostSamples<T>>(form.samples);
                there->select(list, 1);
                Samples<T> some = there->view();
                parts->weight = 0;
                for (std::size_t i = 0; i < list.size(); ++i) parts->weight += some.weights[i];
                if (!form.samples.weights) some.weights = nullptr;
                some.keep = there;
                form.samples = some;
            } else if constexpr (requires { form.inner; }) {
                const std::shared_ptr<ProblemParts<T>> inner = of_samples(*form.inner, list);
                parts->weight = inner->weight;
                form.inner = inner;
            }
        },
        parts->form);
    parts->scale = parts->reduction == Reduction::mean ? 1 / parts->weight : 1;
    return parts;
}

void note(ModelScore& score, const std::string& sentence) {
    if (!score.notes.empty()) score.notes += ' ';
    score.notes += sentence;
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.3g", value);
    return text;
}

/// Sum of w log y!
template <class T>
double log_factorials(const Samples<T>& samples) {
    const HostSamples<T> there(samples, true);
    const Samples<T>& host = there.view();
    double sum = 0;
    for (long i = 0; i < host.count; ++i)
        sum += (host.weights ? static_cast<double>(host.weights[i]) : 1.0) *
               std::lgamma(static_cast<double>(host.targets[i]) + 1);
    return sum;
}

template <class T>
class Scorer {
  public:
    Scorer(const FittedModel<T>& fitted, const CompareOptions& options)
        : fitted_(fitted),
          options_(options),
          parts_(fitted.problem.parts()),
          loss_(loss_of(parts_)),
          model_(model_of(fitted)) {
        static_cast<Execution&>(evaluation_) = options.minimize;
        evaluation_.derivatives = options.minimize.derivatives;
    }

    ModelScore score() {
        score_.name = fitted_.name;
        score_.parameters = fitted_.problem.dimension();
        score_.samples = fitted_.samples.value_or(samples_known(loss_));
        score_.loss = static_cast<double>(evaluate(fitted_.problem, fitted_.x, evaluation_));
        score_.counted = score_.parameters - undetermined(loss_);
        if (take_likelihood()) {
            criteria();
            if (options_.evidence) evidence();
        }
        if (options_.folds > 0) cross_validate();
        return std::move(score_);
    }

  private:
    /// False if there is none.
    bool take_likelihood() {
        if (model_.likelihood == Likelihood::none) {
            note(score_,
                 "The loss is not known to be a likelihood (say so by "
                 "FittedModel::likelihood).");
            return false;
        }
        const Problem<T> sum = bare(loss_, Reduction::sum);
        const double total = static_cast<double>(evaluate(sum, fitted_.x, evaluation_));
        if (model_.likelihood == Likelihood::negative_log) {
            score_.log_likelihood = -total;
            if (model_.counts) score_.log_likelihood -= log_factorials(*samples_in(loss_));
            return true;
        }
        if (std::isnan(score_.samples)) {
            note(score_, no_count);
            return false;
        }
        const double squares = total / model_.squares_factor,
                     residuals = score_.samples * model_.targets;
        const bool estimated = !fitted_.noise_variance;
        const double variance = estimated ? squares / residuals : *fitted_.noise_variance;
        score_.noise_variance = variance;
        if (estimated) ++score_.counted;
        if (!(variance > 0)) {
            note(score_, "The fit is exact: its likelihood has no bound (give a noise_variance).");
            return false;
        }
        likelihood_factor_ = 1 / (2 * variance * model_.squares_factor);
        score_.log_likelihood =
            -squares / (2 * variance) - residuals / 2 * std::log(2 * std::numbers::pi * variance);
        return true;
    }

    void criteria() {
        const double k = score_.counted, N = score_.samples, L = score_.log_likelihood;
        score_.aic = 2 * k - 2 * L;
        score_.bic = k * std::log(N) - 2 * L;
        if (std::isnan(N))
            note(score_, no_count);
        else if (N - k - 1 > 0)
            score_.aicc = score_.aic + 2 * k * (k + 1) / (N - k - 1);
        else
            note(score_, "AICc needs more than k + 1 samples.");
        if (loss_.penalty.l2 > 0)
            note(score_,
                 "With a penalty x is not where the likelihood is largest; the criteria "
                 "count all parameters that the two determine.");
    }

    void evidence() {
        const int n = score_.parameters;
        if (&loss_ != &parts_)
            return note(score_, "No evidence: a penalty on curvature is no prior.");
        for (int j = 0; j < n; ++j)
            if (!(loss_.penalty.at(j) > 0))
                return note(score_, "No evidence: parameter " + std::to_string(j) +
                                        " has no penalty, and a flat prior has no norm (l2, "
                                        "penalize_intercept).");
        if (n > options_.largest_dense)
            return note(score_, "No evidence: " + std::to_string(n) +
                                    " parameters are more than largest_dense.");
        // -log posterior is this multiple of the problem's loss, but for constants.
        const double factor = likelihood_factor_ / loss_.scale,
                     precision = factor * loss_.penalty.l2;
        const std::vector<T> H = hessian(fitted_.problem, fitted_.x, evaluation_);
        const std::vector<T> g = gradient(fitted_.problem, fitted_.x, evaluation_);
        const std::size_t size = static_cast<std::size_t>(n);
        std::vector<double> A(H.size());
        for (std::size_t e = 0; e < H.size(); ++e) A[e] = factor * static_cast<double>(H[e]);
        if (lapack::potrf(n, A.data(), n) != 0)
            return note(score_, "No evidence: the Hessian at x is not positive definite.");
        double log_root = 0, square = 0, decrement = 0;
        std::vector<double> y(size);  // L^-1 of the gradient
        for (std::size_t i = 0; i < size; ++i) {
            double sum = factor * static_cast<double>(g[i]);
            for (std::size_t j = 0; j < i; ++j) sum -= A[j * size + i] * y[j];
            const double pivot = A[i * size + i];
            y[i] = sum / pivot;
            decrement += y[i] * y[i];
            log_root += std::log(pivot);
            square += static_cast<double>(fitted_.x[i]) * static_cast<double>(fitted_.x[i]);
        }
        score_.log_evidence = score_.log_likelihood + n / 2.0 * std::log(precision) -
                              precision / 2 * square - log_root;
        if (decrement > 0.01)
            note(score_, "x is no minimiser: a Newton step would add " + number(decrement / 2) +
                             " to the log posterior.");
        if (model_.likelihood == Likelihood::gaussian && !fitted_.noise_variance)
            note(score_, "The evidence is that for the estimated noise variance.");
    }

    void cross_validate() {
        const Samples<T>* const samples = samples_of(fitted_.problem);
        if (!samples)
            return note(score_, "No cross-validation: the loss is not a sum over samples.");
        const std::size_t folds = static_cast<std::size_t>(options_.folds);
        SampleOrder shuffled(samples->count, options_.seed);
        const std::span<const long> order = shuffled.next(samples->count);
        std::vector<double> means;
        double sum = 0, weight = 0;
        int failed = 0;
        Status failure = Status::converged;
        for (std::size_t fold = 0; fold < folds; ++fold) {
            std::vector<long> in, out;
            for (std::size_t i = 0; i < order.size(); ++i)
                (i % folds == fold ? out : in).push_back(order[i]);
            std::ranges::sort(in);
            std::ranges::sort(out);
            const auto train = of_samples(parts_, in), test = of_samples(loss_, out);
            if (!(train->weight > 0) || !(test->weight > 0)) continue;
            const Result<T> fit = minimize(Problem<T>(train), fitted_.x, options_.minimize);
            if (fit.status == Status::cancelled) {
                note(score_, "Cross-validation was cancelled after " +
                                 std::to_string(means.size()) + " of " + std::to_string(folds) +
                                 " folds.");
                break;
            }
            if (fit.status == Status::converged || fit.status == Status::singular) {
                ++score_.folds_converged;
            } else {
                ++failed;
                failure = fit.status;
            }
            const double mean =
                static_cast<double>(evaluate(bare(*test, Reduction::mean), fit.x, evaluation_));
            means.push_back(mean);
            sum += test->weight * mean;
            weight += test->weight;
        }
        score_.folds = static_cast<int>(means.size());
        if (failed > 0)
            note(score_, std::to_string(failed) + " of " + std::to_string(means.size()) +
                             " fits to folds ended otherwise than converged (the last as " +
                             to_string(failure) + ").");
        if (means.size() < 2)
            return note(score_, "No held-out loss: it takes two folds that have a weight.");
        const double count = static_cast<double>(means.size());
        double mean = 0, squares = 0;
        for (const double m : means) mean += m / count;
        for (const double m : means) squares += (m - mean) * (m - mean);
        score_.held_out_loss = sum / weight;
        score_.held_out_error = std::sqrt(squares / (count - 1) / count);
    }

    static constexpr const char* no_count =
        "How many samples it is of is not known (say so by FittedModel::samples).";
    const FittedModel<T>& fitted_;
    const CompareOptions& options_;
    const ProblemParts<T>& parts_;
    const ProblemParts<T>& loss_;
    const Model model_;
    double likelihood_factor_ = 1;  ///< of the sum of losses in -log p
    EvaluationOptions evaluation_;
    ModelScore score_;
};

}  // namespace

template <class T>
std::vector<ModelScore> compare(const std::vector<FittedModel<T>>& models,
                                const CompareOptions& options) {
    check(models, options);
    std::vector<ModelScore> scores;
    for (const FittedModel<T>& model : models) scores.push_back(Scorer<T>(model, options).score());
    return scores;
}
template std::vector<ModelScore> compare(const std::vector<FittedModel<double>>&,
                                         const CompareOptions&);
template std::vector<ModelScore> compare(const std::vector<FittedModel<float>>&,
                                         const CompareOptions&);

std::string to_table(const std::vector<ModelScore>& scores) {
    struct Column {
        const char* head;
        double ModelScore::*value;
        int best;  ///< -1: the lowest is the best, 1: the highest, 0: neither
        const char* format;
    };
    constexpr Column columns[] = {
        {"N", &ModelScore::samples, 0, "%.0f"},
        {"loss", &ModelScore::loss, 0, "%.6g"},
        {"log L", &ModelScore::log_likelihood, 0, "%.2f"},
        {"AIC", &ModelScore::aic, -1, "%.2f"},
        {"AICc", &ModelScore::aicc, -1, "%.2f"},
        {"BIC", &ModelScore::bic, -1, "%.2f"},
        {"log evidence", &ModelScore::log_evidence, 1, "%.2f"},
        {"held-out loss", &ModelScore::held_out_loss, -1, "%.6g"},
        {"+-", &ModelScore::held_out_error, 0, "%.2g"},
    };
    std::vector<std::vector<std::string>> cells(scores.size() + 1);
    cells[0] = {"model", "n", "k"};
    for (std::size_t i = 0; i < scores.size(); ++i)
        cells[i + 1] = {scores[i].name, std::to_string(scores[i].parameters),
                        std::to_string(scores[i].counted)};
    for (const Column& column : columns) {
        cells[0].emplace_back(column.head);
        double best = not_known;
        for (const ModelScore& score : scores) {
            const double value = score.*column.value;
            if (column.best != 0 && !std::isnan(value) &&
                (std::isnan(best) || column.best * value > column.best * best))
                best = value;
        }
        for (std::size_t i = 0; i < scores.size(); ++i) {
            const double value = scores[i].*column.value;
            char text[64] = "-";
            if (!std::isnan(value)) std::snprintf(text, sizeof(text), column.format, value);
            cells[i + 1].push_back(std::string(text) + (value == best ? "*" : ""));
        }
    }
    std::vector<std::size_t> widths(cells[0].size(), 0);
    for (const auto& row : cells)
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
    std::string table;
    for (const auto& row : cells) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string space(widths[c] - row[c].size(), ' ');
            // Names to the left, numbers to the right.
            line += c == 0 ? row[c] + space : "  " + space + row[c];
        }
        table += line + '\n';
    }
    for (const ModelScore& score : scores)
        if (!score.notes.empty()) table += score.name + ": " + score.notes + '\n';
    return table;
}

}  // namespace cunewton
