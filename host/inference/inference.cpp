#include "cunewton/inference.h"

#include <cxxabi.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <typeinfo>
#include <utility>

#include "cunewton/checkpoint.h"
#include "cunewton/distributions.h"
#include "host/inference/inverse.h"
#include "host/inference/profile.h"
#include "host/inference/rows.h"
#include "host/inference/scores.h"
#include "host/minimize/null_space.h"

namespace cunewton {

const char* to_string(CovarianceBy by) {
    switch (by) {
        case CovarianceBy::automatic:
            return "automatic";
        case CovarianceBy::inverse_hessian:
            return "inverse_hessian";
        case CovarianceBy::gauss_newton:
            return "gauss_newton";
        case CovarianceBy::expected:
            return "expected";
        case CovarianceBy::sandwich:
            return "sandwich";
    }
    return "unknown";
}

const char* to_string(WeightsAre weights) {
    switch (weights) {
        case WeightsAre::not_said:
            return "not_said";
        case WeightsAre::frequencies:
            return "frequencies";
        case WeightsAre::precisions:
            return "precisions";
    }
    return "unknown";
}

const char* to_string(WithoutError why) {
    switch (why) {
        case WithoutError::none:
            return "has an error";
        case WithoutError::fixed:
            return "fixed";
        case WithoutError::at_bound:
            return "at a bound";
        case WithoutError::undetermined:
            return "not determined by the data";
        case WithoutError::no_minimum:
            return "not at a minimum";
        case WithoutError::no_likelihood:
            return "no degrees of freedom";
        case WithoutError::left_out:
            return "left out";
    }
    return "unknown";
}

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
/// A Newton step of this many standard errors would not be seen in what is printed of a fit.
constexpr double least_step = 1e-3;

std::string type_name(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
    std::string text = name ? name.get() : type.name();
    const std::string own = "cunewton::";
    for (std::size_t at; (at = text.find(own)) != std::string::npos;) text.erase(at, own.size());
    return text;
}

/// What the samples' weights are where the form has samples; false: all are 1.
template <class T>
bool has_weights(const Form<T>& form) {
    if (const auto* const elements = std::get_if<ElementSum<T>>(&form))
        return std::ranges::any_of(elements->kinds,
                                   [](const auto& kind) { return kind.data.weights != nullptr; });
    return std::visit(
        [](const auto& any) {
            if constexpr (requires { any.samples; }) return any.samples.weights != nullptr;
            return false;
        },
        form);
}

template <class T>
void check(const Problem<T>& problem, const Result<T>& result, const InferenceOptions& options) {
    const ProblemParts<T>& parts = problem.parts();
    if (result.x.size() != static_cast<std::size_t>(problem.dimension()))
        throw InvalidArgument("the result is of another problem (" +
                              std::to_string(result.x.size()) + " parameters, the problem has " +
                              std::to_string(problem.dimension()) +
                              ") pass what minimize() returned for it");
    if (parts.ranks)
        throw InvalidArgument(
            "inference is of samples in one place (these are spread over ranks) make the problem "
            "of all samples on one rank");
    if (std::holds_alternative<CurvaturePenalized<T>>(parts.form))
        throw InvalidArgument(
            "inference is of likelihoods (a penalty on the curvature is part of none) pass the "
            "problem without it");
    if (has_weights(parts.form) && options.weights == WeightsAre::not_said)
        throw InvalidArgument(
            "the samples have weights (standard errors depend on whether a weight counts "
            "observations or is the precision of one) set weights to WeightsAre::frequencies or "
            "WeightsAre::precisions");
    if (const auto* const residuals = std::get_if<ResidualSum<T>>(&parts.form);
        residuals && residuals->estimator != Estimator::least_squares &&
        residuals->samples.weights && options.weights == WeightsAre::frequencies)
        throw InvalidArgument(
            "weights of robust residuals are no frequencies (the estimator is applied to the root "
            "of the weight times the residual) repeat the samples, or say precisions");
    if (!(options.level > 0 && options.level < 1))
        throw InvalidArgument("level is invalid (" + std::to_string(options.level) +
                              ") pass a number between 0 and 1, such as 0.95");
    if (options.dispersion && !(*options.dispersion > 0 && std::isfinite(*options.dispersion)))
        throw InvalidArgument("dispersion is invalid (" + std::to_string(*options.dispersion) +
                              ") pass a finite number > 0, or none");
    if (result.constrained && options.constraints.b.empty() && options.constraints.A.empty())
        throw InvalidArgument(
            "the fit had equations as constraints (errors without them are of another model) set "
            "InferenceOptions::constraints to them");
    for (const std::vector<double>* const bounds : {&options.lower, &options.upper})
        if (!bounds->empty() && bounds->size() != result.x.size())
            throw InvalidArgument("bounds have the wrong size (" + std::to_string(bounds->size()) +
                                  " for " + std::to_string(result.x.size()) +
                                  " parameters) pass one for each parameter, or none");
    if (options.threads < 0)
        throw InvalidArgument("threads is negative (" + std::to_string(options.threads) +
                              ") pass 0 for all");
}

/// Why nothing can be said of how the data determine the point; empty for a minimum, and for ends
/// that may be one.
std::string why_no_minimum(Status status) {
    switch (status) {
        case Status::converged:
        case Status::precision_limit:
        case Status::derivative_accuracy:
        case Status::singular:
            return {};
        case Status::unbounded:
            return "the loss falls towards infinity, there is no minimum";
        default:
            return std::string("the fit has not converged (") + to_string(status) + ")";
    }
}

/// The Inference as it is made.
template <class T>
class Maker {
  public:
    Maker(const Problem<T>& problem, const Result<T>& result, const InferenceOptions& options)
        : problem_(problem),
          parts_(problem.parts()),
          result_(result),
          options_(options),
          x_(result.x.begin(), result.x.end()),
          n_(problem.dimension()),
          predictor_(std::get_if<LinearPredictor<T>>(&parts_.form)),
          residuals_(std::get_if<ResidualSum<T>>(&parts_.form)) {}

    Inference make() {
        describe();
        choose_entries();
        sum_data();
        set_parameters();
        find_dispersion();
        find_likelihood();
        find_errors();
        find_criteria();
        return std::move(out_);
    }

  private:
    /// An entry: a parameter, or that less another one.
    struct Entry {
        int parameter, less = -1;
    };

    void describe() {
        out_.status = result_.status;
        out_.status_message = result_.message;
        out_.method = result_.method;
        out_.iterations = result_.iterations;
        out_.level = options_.level;
        out_.weights = options_.weights;
        out_.penalised = parts_.penalty.l2 > 0;
        std::visit(
            [this](const auto& form) {
                if constexpr (requires { form.code.functor.type(); })
                    out_.loss = type_name(form.code.functor.type());
                else if constexpr (requires { form.perceptron; })
                    out_.loss = std::string("perceptron, ") + to_string(form.perceptron.loss);
                else if constexpr (requires { form.kinds; })
                    out_.loss = "sum of elements";
                else
                    out_.loss = "black box";
            },
            parts_.form);
        if (predictor_) {
            out_.distribution = predictor_->statistics;
            out_.outputs = predictor_->outputs;
            out_.intercept = predictor_->intercept;
            factor_ = out_.distribution.likelihood_factor;
            has_dispersion_ = out_.distribution.has_dispersion;
            is_likelihood_ = static_cast<bool>(out_.distribution.log_density);
            shifts_ = predictor_->code.cpu && predictor_->code.cpu->shift_invariant();
            if (shifts_ && is_constrained())
                throw InvalidArgument(
                    "errors under equations are of parameters (of these only differences are "
                    "determined) leave constraints out, or hold one output's parameters at 0 in "
                    "the loss");
        }
        if (residuals_) {
            factor_ = 2;
            is_likelihood_ = residuals_->estimator == Estimator::least_squares;
            squares_ = has_dispersion_ = is_likelihood_;
        }
        if (const auto* const network = std::get_if<PerceptronSum<T>>(&parts_.form))
            squares_ = has_dispersion_ = network->perceptron.loss == PerceptronLoss::squared_error;
    }

    bool is_free(int j) const {
        return result_.at_bound.empty() ||
               result_.at_bound[static_cast<std::size_t>(j)] == AtBound::free;
    }

    void choose_entries() {
        if (!shifts_) {
            for (int j = 0; j < n_; ++j) entries_.push_back({j});
        } else {
            const int block = n_ / predictor_->outputs;
            for (int j = block; j < n_; ++j) entries_.push_back({j, j % block});
        }
        const std::size_t m = entries_.size();
        for (auto* const vector : {&out_.standard_errors, &out_.statistics, &out_.p_values,
                                   &out_.low, &out_.high, &out_.profile_low, &out_.profile_high})
            vector->assign(m, nan);
        out_.without.assign(m, WithoutError::none);
        for (std::size_t e = 0; e < m; ++e) {
            const auto [parameter, less] = entries_[e];
            const auto at = [this](int j) { return x_[static_cast<std::size_t>(j)]; };
            out_.estimates.push_back(at(parameter) - (less >= 0 ? at(less) : 0));
            for (const int j : {parameter, less})
                if (j >= 0 && !is_free(j))
                    out_.without[e] =
                        result_.at_bound[static_cast<std::size_t>(j)] == AtBound::fixed
                            ? WithoutError::fixed
                            : WithoutError::at_bound;
        }
        for (const int e : options_.profile)
            if (e < 0 || e >= static_cast<int>(m))
                throw InvalidArgument("profile has a parameter out of range (" + std::to_string(e) +
                                      " of " + std::to_string(m) +
                                      ") pass numbers of entries from 0 on");
    }

    double penalty() const {
        double sum = 0;
        for (int j = 0; j < n_; ++j)
            sum += 0.5 * parts_.penalty.at(j) * x_[static_cast<std::size_t>(j)] *
                   x_[static_cast<std::size_t>(j)];
        return sum;
    }

    /// Observations, their weights and fingerprint; the loss as a sum.
    void sum_data() {
        if (predictor_) {
            rows_ = std::make_unique<infer::Rows<T>>(*predictor_, options_.threads);
            rows_->predict(x_);
            if (predictor_->intercept || has_constant_feature())
                out_.intercepts = predictor_->outputs - (shifts_ ? 1 : 0);
            take_weights(rows_->view());
        } else {
            loss_ = (static_cast<double>(result_.f) - penalty()) / parts_.scale / factor_;
            const Samples<T>* const samples = samples_in(parts_);
            const auto* const sum = std::get_if<SampleSum<T>>(&parts_.form);
            if (samples && !(sum && sum->objective)) {
                const HostSamples<T> host(*samples, true);
                take_weights(host.view());
                const auto* const network = std::get_if<PerceptronSum<T>>(&parts_.form);
                if (residuals_) squares_of_sample_ = residuals_->residuals;
                if (squares_ && network) squares_of_sample_ = network->perceptron.widths.back();
                out_.observations *= squares_of_sample_;
            }
        }
    }
    void take_weights(const Samples<T>& view) {
        const auto more = [this](const T* data, long count) {
            if (data)
                out_.data = fingerprint(
                    std::as_bytes(std::span(data, static_cast<std::size_t>(count))), out_.data);
        };
        out_.data = fingerprint({});
        more(view.targets, view.count * view.target_count);
        more(view.weights, view.count);
        more(view.offsets, view.count * view.offset_count);
        const auto* const sum = std::get_if<SampleSum<T>>(&parts_.form);
        const auto constant = sum ? sum->likelihood_constant : std::function<double(double)>();
        for (long i = 0; i < view.count; ++i) {
            const double w = view.weights ? static_cast<double>(view.weights[i]) : 1;
            if (!(w > 0)) continue;
            out_.observations += options_.weights == WeightsAre::frequencies ? w : 1;
            log_weights_ += std::log(w);
            for (int k = 0; view.targets && k < view.target_count; ++k) {
                const double y = static_cast<double>(view.targets[i * view.target_count + k]);
                target_squares_ += w * y * y;
                if (constant) likelihood_constants_ += w * constant(y);
            }
        }
    }

    void set_parameters() {
        long free = 0;
        for (const WithoutError without : out_.without) free += without == WithoutError::none;
        out_.parameters = static_cast<double>(free);
        out_.reason = why_no_minimum(result_.status);
        if (!out_.reason.empty()) fail(WithoutError::no_minimum, out_.reason);
        find_hessian();
        out_.degrees_of_freedom = out_.observations > 0 ? out_.observations - out_.parameters : nan;
    }

    /// Nothing has an error.
    void fail(WithoutError why, const std::string& reason) {
        failed_ = true;
        out_.reason = reason;
        for (WithoutError& without : out_.without)
            if (without == WithoutError::none || without == WithoutError::undetermined)
                without = why;
    }

    CovarianceBy chosen() const {
        if (options_.covariance != CovarianceBy::automatic) return options_.covariance;
        if (residuals_ && !is_likelihood_) return CovarianceBy::sandwich;
        if (residuals_) return CovarianceBy::gauss_newton;
        if (predictor_ && !is_likelihood_) return CovarianceBy::sandwich;
        return CovarianceBy::inverse_hessian;
    }

    /// The inverse of the Hessian of the negative log likelihood times the dispersion, by the free
    /// parameters.
    void find_hessian() {
        out_.covariance_by = chosen();
        if (failed_) return;
        if (!options_.errors) return fail(WithoutError::left_out, "they were not asked for");
        if (n_ > options_.most_parameters)
            return fail(WithoutError::left_out,
                        "there are more than " + std::to_string(options_.most_parameters) +
                            " parameters, see InferenceOptions::most_parameters");
        EvaluationOptions evaluation = options_;
        HessianBy& by = evaluation.derivatives.hessian;
        if (by == HessianBy::automatic && out_.covariance_by == CovarianceBy::gauss_newton)
            by = HessianBy::gauss_newton;
        if (by == HessianBy::automatic && residuals_ && is_likelihood_) by = HessianBy::autodiff;
        const std::vector<double> H = full_hessian(evaluation);
        for (int j = 0; j < n_; ++j)
            if (is_free(j)) free_.push_back(j);
        const std::size_t size = free_.size();
        std::vector<double> K(size * size);
        for (std::size_t b = 0; b < size; ++b)
            for (std::size_t a = 0; a < size; ++a) {
                const std::size_t at =
                    static_cast<std::size_t>(free_[b]) * static_cast<std::size_t>(n_) +
                    static_cast<std::size_t>(free_[a]);
                K[b * size + a] = H[at];
            }
        for (const double entry : K)
            if (!std::isfinite(entry))
                return fail(WithoutError::no_minimum, "the Hessian is not finite");
        if (shifts_ && free_.size() == static_cast<std::size_t>(n_)) settle_shifts(K);
        const double accuracy = static_cast<double>(std::numeric_limits<T>::epsilon());
        inverse_ = is_constrained()
                       ? infer::invert_on(directions(), K, static_cast<int>(size), accuracy)
                       : infer::invert(K, static_cast<int>(size), accuracy);
        out_.condition_number = inverse_.condition;
        out_.scaled_condition_number = inverse_.scaled_condition;
        if (inverse_.indefinite)
            return fail(WithoutError::no_minimum,
                        "the Hessian has negative eigenvalues, the point is no minimum");
        place_.assign(static_cast<std::size_t>(n_), -1);
        for (std::size_t a = 0; a < size; ++a)
            place_[static_cast<std::size_t>(free_[a])] = static_cast<int>(a);
        find_undetermined();
    }

    bool is_constrained() const { return !options_.constraints.b.empty(); }

    /// The directions that equations leave, each with a number for every free parameter. Those
    /// that have no part in any are known.
    std::vector<double> directions() {
        std::vector<bool> held(static_cast<std::size_t>(n_), true);
        for (const int j : free_) held[static_cast<std::size_t>(j)] = false;
        const solver::NullSpace space(options_.constraints, n_, held, {});
        const std::size_t size = free_.size();
        const std::size_t count = static_cast<std::size_t>(space.dimension());
        std::vector<double> Z(count * size), length(size, 0.0);
        for (std::size_t d = 0; d < count; ++d) {
            std::vector<double> unit(count, 0.0);
            unit[d] = 1;
            const std::vector<double> along = space.scaled(std::move(unit));
            for (std::size_t a = 0; a < size; ++a) {
                const double entry = along[static_cast<std::size_t>(free_[a])];
                length[a] = std::hypot(length[a], entry);
                Z[d * size + a] = entry * space.scales()[static_cast<std::size_t>(free_[a])];
            }
        }
        const double rounding =
            10 * static_cast<double>(n_) * std::numeric_limits<double>::epsilon();
        for (std::size_t a = 0; a < size; ++a)
            if (length[a] <= rounding) {
                out_.without[static_cast<std::size_t>(free_[a])] = WithoutError::fixed;
                for (std::size_t d = 0; d < count; ++d) Z[d * size + a] = 0;
            }
        out_.parameters = static_cast<double>(count);
        return Z;
    }

    /// Of the negative log likelihood times the dispersion, by all parameters.
    std::vector<double> full_hessian(const EvaluationOptions& evaluation) const {
        if (out_.covariance_by == CovarianceBy::expected) {
            if (!predictor_)
                throw InvalidArgument(
                    "the expected information is of linear predictors (this is another problem) "
                    "use "
                    "the inverse Hessian");
            std::vector<double> H =
                infer::expected_information(*predictor_, result_.x, options_.threads);
            for (int j = 0; j < n_; ++j)
                H[static_cast<std::size_t>(j) * static_cast<std::size_t>(n_ + 1)] +=
                    parts_.penalty.at(j) / parts_.scale / factor_;
            return H;
        }
        const std::vector<T> found = hessian(problem_, result_.x, evaluation);
        std::vector<double> H(found.begin(), found.end());
        for (double& entry : H) entry /= parts_.scale * factor_;
        return H;
    }

    /// The same number added to all outputs changes nothing, and not their differences: so may
    /// curvature along these directions, in which the loss has none.
    void settle_shifts(std::vector<double>& K) const {
        const int outputs = predictor_->outputs, block = n_ / outputs;
        const auto entry = [&](int i, int j) -> double& {
            return K[static_cast<std::size_t>(i) * static_cast<std::size_t>(n_) +
                     static_cast<std::size_t>(j)];
        };
        for (int j = 0; j < block; ++j) {
            if (parts_.penalty.at(j) > 0) continue;
            double size = 0;
            for (int k = 0; k < outputs; ++k) size += entry(k * block + j, k * block + j);
            const double curvature = size / outputs / outputs;
            for (int k = 0; k < outputs; ++k)
                for (int l = 0; l < outputs; ++l) entry(k * block + j, l * block + j) += curvature;
        }
    }

    void find_undetermined() {
        const std::size_t size = free_.size();
        const double small = std::sqrt(static_cast<double>(size) *
                                       static_cast<double>(std::numeric_limits<T>::epsilon()));
        for (std::size_t e = 0; e < entries_.size(); ++e) {
            if (out_.without[e] != WithoutError::none) continue;
            double length = 0;
            for (const int j : {entries_[e].parameter, entries_[e].less})
                if (j >= 0) length = std::hypot(length, inverse_.scale[at(j)]);
            for (int d = 0; d < inverse_.nullity; ++d) {
                const double* const direction =
                    inverse_.null.data() + static_cast<std::size_t>(d) * size;
                double along = direction[at(entries_[e].parameter)];
                if (entries_[e].less >= 0) along -= direction[at(entries_[e].less)];
                if (std::abs(along) > small * length) out_.without[e] = WithoutError::undetermined;
            }
        }
        out_.parameters -= inverse_.nullity;
        if (std::ranges::none_of(out_.without,
                                 [](WithoutError w) { return w == WithoutError::none; }) &&
            std::ranges::any_of(out_.without,
                                [](WithoutError w) { return w == WithoutError::undetermined; }))
            out_.reason = "the data do not determine all parameters";
    }
    /// Where a free parameter is in the inverse.
    std::size_t at(int j) const {
        return static_cast<std::size_t>(place_[static_cast<std::size_t>(j)]);
    }

    void find_dispersion() {
        if (rows_ && out_.distribution.deviance)
            out_.deviance = rows_->sum([this](long i) {
                return rows_->weight(i) * out_.distribution.deviance(rows_->z(i), rows_->target(i));
            });
        if (rows_ && rows_->outputs() == 1 && out_.distribution.mean && out_.distribution.variance)
            out_.pearson = rows_->sum([this](long i) {
                const double mean = out_.distribution.mean(*rows_->z(i));
                const double y = rows_->target(i);
                // Means at the end of their range have no variance.
                if (y == mean) return 0.0;
                return rows_->weight(i) * (y - mean) * (y - mean) /
                       out_.distribution.variance(mean);
            });
        if (squares_) out_.deviance = out_.pearson = 2 * loss_;
        if (options_.dispersion) {
            out_.dispersion = *options_.dispersion;
            return;
        }
        if (!has_dispersion_) return;
        out_.dispersion_estimated = true;
        const double noise = 10 * static_cast<double>(std::numeric_limits<T>::epsilon());
        out_.dispersion =
            out_.degrees_of_freedom > 0 ? out_.pearson / out_.degrees_of_freedom : nan;
        if (!(out_.degrees_of_freedom > 0))
            no_likelihood_ = "there are no more rows than parameters";
        else if (target_squares_ > 0 && !(out_.deviance > noise * noise * target_squares_))
            no_likelihood_ = "the fit is exact, its residuals are rounding";
        if (!no_likelihood_.empty() && !failed_) fail(WithoutError::no_likelihood, no_likelihood_);
    }

    /// At the rows' predictors; an estimated dispersion is that of the deviance.
    double log_likelihood(double deviance) {
        double dispersion = out_.dispersion;
        if (out_.dispersion_estimated) dispersion = deviance / out_.observations;
        const auto& density = out_.distribution.log_density;
        const bool counted = options_.weights == WeightsAre::frequencies;
        return rows_->sum([&](long i) {
            const double w = rows_->weight(i);
            return counted ? w * density(rows_->z(i), rows_->target(i), 1, dispersion)
                           : density(rows_->z(i), rows_->target(i), w, dispersion);
        });
    }

    void find_likelihood() {
        if (result_.status == Status::unbounded) {
            no_likelihood_ = why_no_minimum(result_.status);
            out_.deviance = out_.pearson = nan;
        } else if ((predictor_ || residuals_) && !is_likelihood_) {
            no_likelihood_ = "the loss is no likelihood";
        }
        if (rows_ && is_likelihood_) {
            if (no_likelihood_.empty()) out_.log_likelihood = log_likelihood(out_.deviance);
            find_null();
        } else if (no_likelihood_.empty() && squares_) {
            constexpr double two_pi = 6.283185307179586476925286766559;
            const double dispersion =
                out_.dispersion_estimated ? out_.deviance / out_.observations : out_.dispersion;
            double logs = 0;
            if (options_.weights == WeightsAre::precisions)
                logs = log_weights_ * squares_of_sample_;
            out_.log_likelihood = -0.5 * (out_.observations * std::log(two_pi * dispersion) +
                                          out_.deviance / dispersion - logs);
        } else if (no_likelihood_.empty()) {
            out_.log_likelihood = -(loss_ + likelihood_constants_) / out_.dispersion;
        }
    }

    /// A column that is the same in all rows that have a weight.
    bool has_constant_feature() const {
        long any = 0;
        while (any < rows_->count() && !(rows_->weight(any) > 0)) ++any;
        for (int j = 0; j < rows_->features(); ++j) {
            const double first = any < rows_->count() ? rows_->feature(any, j) : 0;
            bool constant = first != 0;
            for (long i = any + 1; constant && i < rows_->count(); ++i)
                constant = !(rows_->weight(i) > 0) || rows_->feature(i, j) == first;
            if (constant) return true;
        }
        return false;
    }

    /// The deviance and likelihood of the intercepts alone.
    void find_null() {
        if (!out_.distribution.deviance || std::isnan(out_.deviance)) return;
        const int outputs = predictor_->outputs;
        std::vector<double> b(static_cast<std::size_t>(outputs), 0.0);
        if (out_.intercepts > 0) {
            LinearPredictor<T> constant = *predictor_;
            constant.samples.dimension = 0;
            constant.samples.ld = 0;
            constant.intercept = true;
            const Problem<T> null = detail::make_problem<T>(
                std::move(constant), outputs, {.reduction = parts_.reduction, .intercept = true});
            Options fit;
            static_cast<Execution&>(fit) = options_;
            const Result<T> found =
                minimize(null, std::vector<T>(static_cast<std::size_t>(outputs), T(0)), fit);
            if (!found.converged() && found.status != Status::precision_limit) return;
            b.assign(found.x.begin(), found.x.end());
        }
        rows_->predict_constant(b);
        out_.null_deviance = rows_->sum([this](long i) {
            return rows_->weight(i) * out_.distribution.deviance(rows_->z(i), rows_->target(i));
        });
        if (out_.null_deviance > 0) out_.explained = 1 - out_.deviance / out_.null_deviance;
        if (no_likelihood_.empty()) {
            out_.null_log_likelihood = log_likelihood(out_.null_deviance);
            out_.pseudo_r2 = -std::expm1(2 / out_.observations *
                                         (out_.null_log_likelihood - out_.log_likelihood));
        }
        rows_->predict(x_);
    }

    /// Whether the Newton step H^-1 g is next to nothing beside all standard errors.
    bool is_near_minimum(const std::vector<double>& V) const {
        const std::vector<T> g = gradient(problem_, result_.x, options_);
        const std::size_t size = free_.size();
        for (std::size_t a = 0; a < size; ++a) {
            double step = 0;
            for (std::size_t b = 0; b < size; ++b)
                step += inverse_.matrix[b * size + a] *
                        static_cast<double>(g[static_cast<std::size_t>(free_[b])]) / parts_.scale /
                        factor_;
            if (!(std::abs(step) <= least_step * std::sqrt(V[a * size + a]))) return false;
        }
        return true;
    }

    /// The covariance of the free parameters.
    std::vector<double> free_covariance() {
        const std::size_t size = free_.size();
        std::vector<double> V = inverse_.matrix;
        if (out_.covariance_by != CovarianceBy::sandwich) {
            for (double& entry : V) entry *= out_.dispersion;
            return V;
        }
        const std::vector<double> all = infer::score_products(problem_, result_.x, options_);
        std::vector<double> middle(size * size);
        for (std::size_t b = 0; b < size; ++b)
            for (std::size_t a = 0; a < size; ++a)
                middle[b * size + a] =
                    all[static_cast<std::size_t>(free_[b]) * static_cast<std::size_t>(n_) +
                        static_cast<std::size_t>(free_[a])] /
                    factor_ / factor_;
        std::vector<double> half(size * size), whole(size * size);
        const int width = static_cast<int>(size);
        infer::multiply(width, width, width, middle.data(), V.data(), half.data());
        infer::multiply(width, width, width, inverse_.matrix.data(), half.data(), whole.data());
        V = std::move(whole);
        if (options_.small_sample)
            for (double& entry : V) entry *= out_.observations / out_.degrees_of_freedom;
        return V;
    }

    void find_errors() {
        out_.student = options_.student.value_or(out_.dispersion_estimated &&
                                                 out_.covariance_by != CovarianceBy::sandwich);
        if (failed_) {
            out_.errors = "are left out: " + out_.reason;
            return;
        }
        const bool few = out_.student || options_.small_sample;
        if (few && !(out_.degrees_of_freedom > 0)) {
            fail(WithoutError::no_likelihood, "there are no more rows than parameters");
            out_.errors = "are left out: " + out_.reason;
            return;
        }
        const std::vector<double> V = free_covariance();
        if ((result_.status == Status::precision_limit ||
             result_.status == Status::derivative_accuracy) &&
            !is_near_minimum(V)) {
            fail(WithoutError::no_minimum,
                 std::string("the fit has not converged (") + to_string(result_.status) + ")");
            out_.errors = "are left out: " + out_.reason;
            no_criteria_ = out_.reason;
            return;
        }
        say_what_they_are();
        const std::size_t m = entries_.size(), size = free_.size();
        const auto covariance = [&](int i, int j) { return V[at(j) * size + at(i)]; };
        out_.covariance.assign(m * m, nan);
        out_.correlation.assign(m * m, nan);
        for (std::size_t f = 0; f < m; ++f)
            for (std::size_t e = 0; e < m; ++e) {
                if (out_.without[e] != WithoutError::none || out_.without[f] != WithoutError::none)
                    continue;
                const Entry a = entries_[e], b = entries_[f];
                double value = covariance(a.parameter, b.parameter);
                if (a.less >= 0)
                    value += covariance(a.less, b.less) - covariance(a.less, b.parameter) -
                             covariance(a.parameter, b.less);
                out_.covariance[f * m + e] = value;
            }
        const double freedom =
            out_.student ? out_.degrees_of_freedom : std::numeric_limits<double>::infinity();
        const double quantile = student_two_sided_quantile(1 - options_.level, freedom);
        for (std::size_t e = 0; e < m; ++e) {
            if (out_.without[e] != WithoutError::none) continue;
            const double error = std::sqrt(out_.covariance[e * m + e]);
            out_.standard_errors[e] = error;
            out_.statistics[e] = out_.estimates[e] / error;
            out_.p_values[e] = student_two_sided(out_.statistics[e], freedom);
            out_.low[e] = out_.estimates[e] - quantile * error;
            out_.high[e] = out_.estimates[e] + quantile * error;
        }
        for (std::size_t f = 0; f < m; ++f)
            for (std::size_t e = 0; e < m; ++e)
                out_.correlation[f * m + e] = e == f && out_.without[e] == WithoutError::none
                                                  ? 1
                                                  : out_.covariance[f * m + e] /
                                                        out_.standard_errors[e] /
                                                        out_.standard_errors[f];
        profile(quantile);
    }

    void profile(double quantile) {
        if (options_.profile.empty()) return;
        if (!is_likelihood_ && (predictor_ || residuals_))
            throw InvalidArgument(
                "profile intervals are of likelihoods (the loss is none) use Wald's");
        if (shifts_)
            throw InvalidArgument(
                "profile intervals are of parameters (of these only differences are determined) "
                "use Wald's");
        for (const int e : options_.profile) {
            const std::size_t entry = static_cast<std::size_t>(e);
            if (out_.without[entry] != WithoutError::none) continue;
            // f - f_min at the limit: half the squared quantile, in the loss's units.
            const double rise =
                0.5 * quantile * quantile * out_.dispersion * factor_ * parts_.scale;
            const auto [low, high] = infer::profile_interval(
                problem_, result_, e, rise, quantile * out_.standard_errors[entry], options_);
            out_.profile_low[entry] = low;
            out_.profile_high[entry] = high;
        }
    }

    void say_what_they_are() {
        std::string& text = out_.errors;
        const char* const dispersion =
            squares_ || has_dispersion_
                ? (out_.dispersion_estimated ? ", times the estimated dispersion"
                                             : ", times the given dispersion")
                : "";
        switch (out_.covariance_by) {
            case CovarianceBy::sandwich:
                text = std::string("by the sandwich estimator H^-1 (sum s s') H^-1") +
                       (options_.small_sample ? " N / (N - p), robust (HC1)" : ", robust (HC0)");
                break;
            case CovarianceBy::gauss_newton:
                text = std::string("by the inverse Gauss-Newton matrix") + dispersion;
                break;
            case CovarianceBy::expected:
                text = std::string("by the inverse of the expected information") + dispersion;
                break;
            default:
                text = std::string("by the inverse Hessian of the negative log-likelihood") +
                       dispersion;
        }
        if (is_constrained()) text += ", on the surface of the equations";
        if (out_.penalised)
            text +=
                ", with the penalty in it: of the posterior for a normal prior, not of the "
                "shrunken "
                "estimate's bias";
    }

    void find_criteria() {
        std::string& without = out_.without_likelihood;
        if (!no_likelihood_.empty())
            without = no_likelihood_;
        else if (!why_no_minimum(result_.status).empty())
            without = why_no_minimum(result_.status);
        else if (!no_criteria_.empty())
            without = no_criteria_;
        else if (out_.penalised)
            without = "a penalised parameter counts for less than one";
        if (!without.empty()) return;
        const double k = out_.parameters + (out_.dispersion_estimated ? 1 : 0);
        out_.aic = 2 * k - 2 * out_.log_likelihood;
        if (out_.observations > 0)
            out_.bic = k * std::log(out_.observations) - 2 * out_.log_likelihood;
    }

    const Problem<T>& problem_;
    const ProblemParts<T>& parts_;
    const Result<T>& result_;
    const InferenceOptions& options_;
    const std::vector<double> x_;
    const int n_;
    const LinearPredictor<T>* const predictor_;
    const ResidualSum<T>* const residuals_;

    Inference out_;
    std::vector<Entry> entries_;
    std::unique_ptr<infer::Rows<T>> rows_;
    double factor_ = 1;  // the loss over the negative log likelihood times the dispersion
    bool has_dispersion_ = false, is_likelihood_ = true;
    bool squares_ = false;  // residuals, or a perceptron's
    int squares_of_sample_ = 1;
    bool shifts_ = false;  // only differences between outputs matter
    double loss_ = 0;      // without rows: the sum, over the factor
    double log_weights_ = 0, target_squares_ = 0;
    double likelihood_constants_ = 0;
    bool failed_ = false;
    std::string no_likelihood_, no_criteria_;
    std::vector<int> free_, place_;
    infer::Inverse inverse_{};
};

}  // namespace

template <class T>
Inference inference(const Problem<T>& problem, const Result<T>& result,
                    const InferenceOptions& options) {
    check(problem, result, options);
    return Maker<T>(problem, result, options).make();
}
template Inference inference(const Problem<double>&, const Result<double>&,
                             const InferenceOptions&);
template Inference inference(const Problem<float>&, const Result<float>&, const InferenceOptions&);

LikelihoodRatio compare_nested(const Inference& smaller, const Inference& larger) {
    const auto refuse = [](const std::string& why) {
        throw InvalidArgument(
            "the fits are not to be compared (" + why +
            ") pass two fits of one loss to the same targets, of which the larger "
            "has all parameters of the smaller");
    };
    for (const Inference* const of : {&smaller, &larger}) {
        if (!of->without_likelihood.empty()) refuse(of->without_likelihood);
        if (std::isnan(of->log_likelihood)) refuse("one has no likelihood");
    }
    if (smaller.loss != larger.loss)
        refuse("their losses are " + smaller.loss + " and " + larger.loss);
    if (smaller.observations != larger.observations)
        refuse("they have " + std::to_string(smaller.observations) + " and " +
               std::to_string(larger.observations) + " observations");
    if (smaller.data != larger.data) refuse("targets, weights or offsets differ");
    if (smaller.weights != larger.weights)
        refuse("weights mean one thing in one, another in the other");
    if (smaller.dispersion_estimated != larger.dispersion_estimated ||
        (!smaller.dispersion_estimated && smaller.dispersion != larger.dispersion))
        refuse("their dispersions are not of one kind");
    LikelihoodRatio ratio;
    ratio.degrees_of_freedom = larger.parameters - smaller.parameters;
    if (!(ratio.degrees_of_freedom > 0)) refuse("the larger has no more parameters");
    ratio.statistic = 2 * (larger.log_likelihood - smaller.log_likelihood);
    const double rounding = 1e-9 * (1 + std::abs(larger.log_likelihood));
    if (ratio.statistic < -rounding)
        refuse("the larger is less likely, so it has not all that the smaller has");
    ratio.statistic = std::max(ratio.statistic, 0.0);
    ratio.p = chi_square_upper(ratio.statistic, ratio.degrees_of_freedom);
    return ratio;
}

}  // namespace cunewton
