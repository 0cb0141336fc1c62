// Fitted models beside each other: likelihood, information criteria, evidence and cross-validation.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cunewton/options.h"
#include "cunewton/problem.h"

namespace cunewton {

/// What a sum of losses says of the probability of the targets.
enum class Likelihood {
    automatic,     ///< known for Logistic, Softmax, Poisson, LinearRegression and perceptrons; no
                   ///< likelihood for other losses, as nothing is known of them
    negative_log,  ///< l_i is -log p(y_i | x) as it is; what a constant is missing by is missing
    /// l_i is a multiple c of the squared residuals r_i, which are normal with a variance s^2 that
    /// is the same for all: -log p = |r|^2 / 2s^2 + N K / 2 log(2 pi s^2), for N samples of K
    /// targets. s^2 is FittedModel::noise_variance, or, as one more parameter, |r|^2 / N K.
    gaussian,
    none,
};

/// A model and where it was fitted.
template <class T>
struct FittedModel {
    std::string name;
    Problem<T> problem;
    std::vector<T> x;  ///< a minimiser, n numbers
    Likelihood likelihood = Likelihood::automatic;
    /// Of Likelihood::gaussian: s^2 if it is known, > 0.
    std::optional<double> noise_variance{};
    /// Of Likelihood::gaussian for a loss of your own: c, > 0 (1 if l_i = r_i^2).
    double squares_factor = 1;
    /// And K, >= 1.
    int targets = 1;
    /// N, > 0. None: the sum of the weights of a sum over samples; of other losses (black boxes,
    /// objectives, sums of elements) it is not known.
    std::optional<double> samples{};
};

struct CompareOptions {
    int folds = 5;             ///< of the cross-validation, at least 2 and at most N; 0: none
    std::uint64_t seed = 1;    ///< of the folds: the same for all models of as many samples
    bool evidence = true;      ///< takes a dense Hessian and its factor
    int largest_dense = 5000;  ///< parameters up to which that is done
    /// With which models are fitted to folds, from their x; also where everything runs. A callback
    /// that returns false ends the model's cross-validation.
    Options minimize{};
};

/// A model's line in the table. What cannot be said is NaN, and `notes` say why.
struct ModelScore {
    std::string name;
    int parameters = 0;  ///< n
    /// k, that the criteria count: n, less those that neither loss nor penalty determines (of
    /// softmax those of an output that have no penalty, as all outputs may move together; of relu
    /// networks without a penalty one a hidden unit, whose scale may move to the next layer), and
    /// one for a variance that was estimated.
    int counted = 0;
    double samples = std::numeric_limits<double>::quiet_NaN();  ///< N
    double loss = std::numeric_limits<double>::quiet_NaN();  ///< of the problem at x, with its l2
    double log_likelihood = std::numeric_limits<double>::quiet_NaN();
    double aic = std::numeric_limits<double>::quiet_NaN();
    double aicc = std::numeric_limits<double>::quiet_NaN();
    double bic = std::numeric_limits<double>::quiet_NaN();
    double log_evidence = std::numeric_limits<double>::quiet_NaN();
    /// Mean loss of a sample that the model was not fitted to, without penalties, and its standard
    /// error over the folds.
    double held_out_loss = std::numeric_limits<double>::quiet_NaN();
    double held_out_error = std::numeric_limits<double>::quiet_NaN();
    /// Folds that the held-out loss is of: not those without a weight, and none from the one on in
    /// which minimize.callback ended the fit.
    int folds = 0;
    int folds_converged = 0;  ///< of these, fits that ended as converged or singular
    double noise_variance = std::numeric_limits<double>::quiet_NaN();  ///< s^2, of gaussian
    std::string notes;
};

/// A line for each model, in their order. With L the log-likelihood at x, k = counted and N the sum
/// of weights:
///   aic  = 2k - 2L (Akaike 1974), aicc = aic + 2k(k+1) / (N-k-1) (Hurvich and Tsai 1989),
///   bic  = k log N - 2L (Schwarz 1978),
///   log_evidence = L + log p(x) + (n/2) log 2 pi - (1/2) log det A,
/// Laplace's approximation of log p(D) (MacKay 1992, "Bayesian interpolation") with
/// the l2 penalty as a Gaussian prior of precision a, log p(x) = (n/2) log(a / 2 pi) - a/2 |x|^2,
/// and A = -Hessian of L + log p at x. It is exact where L is quadratic. A loss scaled by c (1/N
/// for the mean) has a = l2 / c, and for gaussian likelihoods a = l2 / (2 c' s^2) with c' the
/// factor of the squares. NaN without a penalty on each parameter: a flat prior has no norm, and
/// the evidence no scale.
///
/// For samples with weights these count as that many of them. Criteria and evidence compare models
/// of the same targets. L has all its constants for built-in losses (Poisson: log y!). Without N
/// there is no aicc, no bic, and nothing of gaussian.
///
/// Cross-validation: samples are dealt to folds at random; for each the model is fitted to the
/// others, from x, by `minimize`, with the penalty as the problem has it (per sample for the mean,
/// else in all); its loss on the fold is that of the problem without penalties. held_out_loss is
/// their mean over all samples, held_out_error the standard deviation of the folds' means over the
/// root of their number (Breiman, Friedman, Olshen and Stone 1984, section 3.4.3; folds are not
/// independent, it is an orientation). Samples are copied on the host.
///
/// A curvature penalty is no prior and no part of the likelihood: those are of the loss inside, the
/// evidence NaN; fits to folds have the penalty.
///
/// Throws InvalidArgument for no models, an x of the wrong size or not finite, numbers of a model
/// and options out of range, and samples that are spread over ranks.
template <class T>
std::vector<ModelScore> compare(const std::vector<FittedModel<T>>& models,
                                const CompareOptions& options = {});

/// The lines as text in columns, with a head, and the notes below. "-" stands for NaN; the best
/// (lowest criterion or loss, highest evidence) of each column is marked by a *.
std::string to_table(const std::vector<ModelScore>& scores);

}  // namespace cunewton
