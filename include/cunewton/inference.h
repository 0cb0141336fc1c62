// What a minimum says of the data: covariance, standard errors, intervals and p values of the
// parameters, deviance, likelihood and information criteria, comparisons, predictions, tables.
//
//     const auto problem = make_linear_predictor<double>(Poisson{}, samples, {.intercept = true});
//     const auto result = minimize(problem, start);
//     const Inference found = inference(problem, result);
//     std::cout << summary(found, {.names = {"age", "income", "const"}});
//
// The loss is taken to be a negative log likelihood, as it is for linear predictors whose loss says
// of which distribution (LossStatistics), for sums of squared residuals (normal, independent), for
// perceptrons, and, on the caller's word, for other sums over samples, sums of elements, objectives
// and black boxes. Whether the problem is a sum or a mean does not matter.
//
// The Hessian is evaluated on the backend that the options name. Sums over samples (deviance,
// scores of the sandwich) are made on the host, in double precision and by threads; data on a GPU
// are fetched for them.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cunewton/differentiate.h"
#include "cunewton/fit.h"
#include "cunewton/minimize.h"
#include "cunewton/problem.h"

namespace cunewton {

/// What the covariance is formed of. H: the Hessian of the negative log likelihood.
enum class CovarianceBy {
    automatic,        ///< gauss_newton of squared residuals, sandwich of losses that are no
                      ///< likelihood (Huber's, robust residuals), else inverse_hessian
    inverse_hessian,  ///< H^-1 times the dispersion (the observed information)
    gauss_newton,     ///< residuals and perceptrons: the Gauss-Newton matrix in the place of H, as
                      ///< curve_fit and NIST's certified values have it
    expected,         ///< linear predictors with one output whose loss says its distribution: the
                      ///< expected Hessian, as R's glm and statsmodels' GLM have it. The same as H
                      ///< of canonical links (Logistic, Poisson, squares)
    sandwich,         ///< H^-1 (sum of the scores' s s') H^-1 (Huber 1967; White 1980, HC0): holds
                      ///< where the likelihood is wrong but samples are independent. Of sums over
                      ///< samples; those other than linear predictors and residuals take a
                      ///< gradient for each
};
/// "inverse_hessian", ...
const char* to_string(CovarianceBy by);

/// What the weights of samples are. There is no default: the answers differ.
enum class WeightsAre {
    not_said,     ///< allowed where there are none
    frequencies,  ///< w equal observations each: as if their rows were there w times
    precisions,   ///< one observation each, whose dispersion is that of the others over w
};
/// "frequencies", ...
const char* to_string(WeightsAre weights);

struct InferenceOptions : EvaluationOptions {
    CovarianceBy covariance = CovarianceBy::automatic;
    WeightsAre weights = WeightsAre::not_said;
    double level = 0.95;  ///< of intervals, between 0 and 1
    /// The dispersion where it is known. 1 with weights that are precisions 1 / sigma^2 is what
    /// curve_fit() calls absolute_sigma. Unset: 1 of distributions that have none (binomial,
    /// Poisson) and of losses that are taken as they are; else estimated, by Pearson's chi-square
    /// over the degrees of freedom, which is RSS / (N - p) of squares.
    std::optional<double> dispersion{};
    /// Student's distribution for statistics and intervals; false: the normal one. Unset: where the
    /// dispersion is estimated, and not by the sandwich.
    std::optional<bool> student{};
    /// The sandwich times N / (N - p) (HC1: MacKinnon and White 1985).
    bool small_sample = false;
    bool errors = true;  ///< false: no Hessian, and nothing that needs it
    /// More parameters than these have no errors: the Hessian is inverted on the host.
    int most_parameters = 5000;
    /// Parameters of which intervals by the profile likelihood are wanted: the others are fitted
    /// anew for each of some ten values of one, until it is the limit at which the likelihood has
    /// fallen by what the level allows (Venzon and Moolgavkar 1988). What has no standard error has
    /// none of these either.
    std::vector<int> profile{};
    /// The equations that the fit was subject to, its Options::constraints: errors are then those
    /// on their surface, Z (Z'H Z)^-1 Z' for a basis Z of the directions that they leave (Aitchison
    /// and Silvey 1958), and each independent one is a parameter less.
    LinearConstraints constraints{};
    /// The bounds of the fit, n numbers each or none, which fits for profile intervals keep to: a
    /// limit beyond them there is not.
    std::vector<double> lower{}, upper{};
};

/// Why there is no standard error of a parameter.
enum class WithoutError : unsigned char {
    none,           ///< there is one
    fixed,          ///< it is known: Options::fixed, or equations leave it only one value
    at_bound,       ///< the bound decided its value, see Result::at_bound
    undetermined,   ///< other values of it give the same loss
    no_minimum,     ///< the point is no minimum, or the fit has not converged
    no_likelihood,  ///< there is no degree of freedom left, or the fit is exact
    left_out,       ///< not asked for, or too many parameters
};
/// In words: "at a bound", ...
const char* to_string(WithoutError why);

/// What is known of a problem's minimum. Vectors have m entries, those of the parameters in their
/// order. m = n, but of losses to which only differences between outputs matter (Softmax,
/// perceptrons excepted): there an entry is the parameter of output k less that of output 0, for k
/// = 1 .. K - 1. With a penalty l2 the errors are those of the posterior for a normal prior, and
/// say nothing of the shrunken estimate's bias. Numbers that there are not are NaN.
struct Inference {
    std::vector<double> estimates, standard_errors;
    std::vector<double> statistics;                 ///< estimate / standard error: t or z
    std::vector<double> p_values;                   ///< two-sided, of the parameter being 0
    std::vector<double> low, high;                  ///< Wald's interval at `level`
    std::vector<double> profile_low, profile_high;  ///< where InferenceOptions::profile asks
    std::vector<WithoutError> without;
    std::vector<double> covariance, correlation;  ///< m x m; empty without errors
    std::string reason;  ///< why no parameter has an error; empty: some have
    std::string errors;  ///< what they are, in a sentence
    double level = 0.95;
    bool student = false;
    CovarianceBy covariance_by = CovarianceBy::automatic;  ///< that was used
    WeightsAre weights = WeightsAre::not_said;
    /// 2-norm, of the Hessian by free parameters, and of it with its diagonal scaled to 1, which
    /// does not depend on units. Infinite where it is singular; NaN beyond 2000 parameters.
    double condition_number = std::numeric_limits<double>::quiet_NaN();
    double scaled_condition_number = std::numeric_limits<double>::quiet_NaN();

    double observations = 0;        ///< N: rows with a weight, or the sum of frequencies; times the
                                    ///< residuals of one. 0: not known (objectives)
    double parameters = 0;          ///< p that are estimated: free and determined
    double degrees_of_freedom = 0;  ///< N - p
    int intercepts = 0;             ///< parameters that are one, or of a feature that is constant
    double dispersion = 1;
    bool dispersion_estimated = false;
    double deviance = std::numeric_limits<double>::quiet_NaN();  ///< of squares: RSS
    double pearson = std::numeric_limits<double>::quiet_NaN();   ///< chi-square
    double log_likelihood = std::numeric_limits<double>::quiet_NaN();
    /// Of the intercepts alone, with the offsets, by a fit of its own; of a problem without an
    /// intercept or a constant feature, of no parameter.
    double null_deviance = std::numeric_limits<double>::quiet_NaN();
    double null_log_likelihood = std::numeric_limits<double>::quiet_NaN();
    double explained = std::numeric_limits<double>::quiet_NaN();  ///< 1 - deviance / null; R^2
    double pseudo_r2 = std::numeric_limits<double>::quiet_NaN();  ///< Cox and Snell 1989
    /// 2k - 2 log L and k log N - 2 log L; an estimated dispersion is one of the k. Constants are
    /// in; an estimated dispersion is deviance / N in the likelihood, as R has it (the maximum of
    /// the normal and the inverse Gaussian). Of penalised parameters there is none.
    double aic = std::numeric_limits<double>::quiet_NaN();
    double bic = std::numeric_limits<double>::quiet_NaN();
    std::string without_likelihood;  ///< why there is none; empty: there is one

    Status status = Status::not_run;
    std::string status_message;
    Method method = Method::newton;
    int iterations = 0;
    std::string loss;  ///< the functor's type, or what the problem is

    /// For predict() and compare_nested().
    LossStatistics distribution{};
    int outputs = 0;  ///< of linear predictors, K; else 0
    bool intercept = false;
    bool penalised = false;
    std::uint64_t data = 0;  ///< fingerprint of targets, weights and offsets
};

/// Throws InvalidArgument: for weights of which options.weights does not say what they are, for a
/// result of another number of parameters, samples that ranks share, a problem with a penalty on
/// its curvature, a sandwich of what is no sum over samples, frequencies of robust residuals (the
/// estimator is applied to the root of the weight times the residual), a fit with equations that
/// options.constraints does not have, or equations of a loss to which only differences matter, and
/// options out of range.
template <class T>
Inference inference(const Problem<T>& problem, const Result<T>& result,
                    const InferenceOptions& options = {});
extern template Inference inference(const Problem<double>&, const Result<double>&,
                                    const InferenceOptions&);
extern template Inference inference(const Problem<float>&, const Result<float>&,
                                    const InferenceOptions&);

struct LikelihoodRatio {
    double statistic = 0;           ///< 2 (log L of the larger - log L of the smaller)
    double degrees_of_freedom = 0;  ///< parameters that the larger has more
    double p = 1;                   ///< by the chi-square distribution (Wilks 1938)
};
/// Whether the larger of two nested models fits better than chance would. Throws InvalidArgument
/// for what are not two fits of the same loss to the same targets, weights and offsets, have no
/// likelihood or a penalty, or are not nested: the larger one must have more parameters and must
/// not be less likely. That its columns contain the smaller one's is not checked.
LikelihoodRatio compare_nested(const Inference& smaller, const Inference& larger);

/// Of M rows.
struct Prediction {
    std::vector<double> predictor, predictor_error, predictor_low,
        predictor_high;  ///< x'b + offset
    /// Of the response, by the delta method: |dmean/dz| times the predictor's error. Intervals are
    /// the ends of the predictor's, so that they stay in the range of means.
    std::vector<double> mean, mean_error, mean_low, mean_high;
    /// Of a new observation of weight 1, normal distributions only; else NaN.
    std::vector<double> observation_low, observation_high;
};
/// Of a linear predictor with one output. rows: M x d, without the intercept's 1; offsets: M or
/// none; both on the host. Estimates that have no error (at a bound, fixed) count as known. Throws
/// InvalidArgument for others, and where the numbers of features differ.
template <class T>
Prediction predict(const Inference& inference, const Array<const T>& rows,
                   const Array<const T>& offsets = {});
extern template Prediction predict(const Inference&, const Array<const double>&,
                                   const Array<const double>&);
extern template Prediction predict(const Inference&, const Array<const float>&,
                                   const Array<const float>&);
/// Of squared residuals m(x) - y or y - m(x), one a sample: predictor and mean are the model at
/// `rows`, of as many features as the samples have, with errors by the model's gradient. Throws
/// InvalidArgument for others.
template <class T>
Prediction predict(const Problem<T>& problem, const Inference& inference,
                   const Array<const T>& rows);
extern template Prediction predict(const Problem<double>&, const Inference&,
                                   const Array<const double>&);
extern template Prediction predict(const Problem<float>&, const Inference&,
                                   const Array<const float>&);

struct SummaryOptions {
    std::vector<std::string> names{};  ///< of the m entries; others are called x1, x2, ...
    std::string dependent = "y";
    std::string title{};  ///< empty: "Generalized Linear Model Regression Results", or what it is
};
/// The table of statsmodels' summary(), as text: what was fitted, a line a parameter, and notes
/// that say what the errors are and why some are missing. Throws InvalidArgument for a wrong number
/// of names.
std::string summary(const Inference& inference, const SummaryOptions& options = {});

struct FitReportOptions {
    int worst = 3;  ///< problems shown of each status that is not `converged`, and of the fits
                    ///< with the largest reduced chi-square; 0: none
};
/// How a batch went, as text: what ran, counts by status, problems that ended at a bound, and the
/// worst ones with explain()'s reasons. model, data and options are those of the batch. Throws
/// InvalidArgument as explain() does.
template <class T>
std::string fit_report(const BatchModel& model, const BatchData<T>& data,
                       const BatchOptions& options, const BatchResult<T>& result,
                       const FitReportOptions& report = {});
extern template std::string fit_report(const BatchModel&, const BatchData<double>&,
                                       const BatchOptions&, const BatchResult<double>&,
                                       const FitReportOptions&);
extern template std::string fit_report(const BatchModel&, const BatchData<float>&,
                                       const BatchOptions&, const BatchResult<float>&,
                                       const FitReportOptions&);

}  // namespace cunewton
