// Regressions on the columns of a table: what of the file is the problem, and what its minimum says
// of the data.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cunewton/inference.h"
#include "cunewton/minimize.h"
#include "cunewton/problem.h"
#include "readers/csv.h"
#include "tool/shell.h"

namespace cunewton::tool {

/// How a CSV file is read.
struct TableSettings {
    std::string file, missing = "reject", separator;
    bool header = false, no_header = false, decimal_comma = false;
};
void add_table_options(CLI::App& app, TableSettings& settings);
readers::CsvOptions csv_options(const TableSettings& settings, Progress& progress);
/// On stderr: decimal commas, rows that were left out, a first line of numbers.
template <class T>
void say_what_was_read(const readers::Table<T>& table, const TableSettings& settings);

enum class Loss {
    linear,
    logistic,
    softmax,
    poisson,
    huber,
    gamma,
    inverse_gaussian,
    probit,
    cloglog,
    negative_binomial,
    quantile,
    pseudo_huber,
};

struct RegressionSettings {
    TableSettings table;
    std::string loss, target, weights, reference, offset, exposure;
    std::vector<std::string> features, drop, categorical;
    bool no_intercept = false, standardize = false, penalize_intercept = false;
    double l2 = 0, delta = 0, alpha = 0, tau = 0, smoothing = 0;  // but for l2, 0: not given
};
void add_regression_options(CLI::App& app, RegressionSettings& settings);

/// The units in which a problem has its features.
enum class Units {
    of_the_data,  ///< as they are, or as --standardize says
    /// Less their mean and over their standard deviation as far as that leaves the minimum what it
    /// is: a column far from 0 (times in seconds since 1970) would cost the Hessian its digits.
    /// Centring needs an intercept without a penalty, scaling features without one.
    internal,
};

/// A table as samples of a regression.
template <class T>
class Regression {
  public:
    /// Reads the table. Throws FileError for what in it does not fit the settings.
    Regression(const RegressionSettings& settings, Progress& progress,
               Units units = Units::of_the_data);

    const RegressionSettings& settings() const { return settings_; }
    Loss loss() const { return loss_; }
    long rows() const { return rows_; }
    int features() const { return static_cast<int>(names_.size()); }
    int outputs() const { return loss_ == Loss::softmax ? static_cast<int>(classes_.size()) : 1; }
    bool has_intercept() const { return !settings_.no_intercept; }
    /// Whether targets are two classes, or several.
    bool is_classification() const;
    /// Losses that are no likelihood of any distribution.
    bool is_robust() const;
    /// Of negative_binomial without --alpha: its logarithm is the last parameter.
    bool estimates_alpha() const {
        return loss_ == Loss::negative_binomial && !(settings_.alpha > 0);
    }
    /// Of one output: features and intercept.
    int block() const { return features() + (has_intercept() ? 1 : 0); }
    /// Of the parameters of one output, the intercept last.
    std::vector<std::string> block_names() const;
    /// Of the problem's parameters.
    std::vector<std::string> parameter_names() const;
    /// Of a classification: those whose number is their place; the first is what others are
    /// compared with.
    const std::vector<std::string>& classes() const { return classes_; }
    /// A feature of the problem is the column's, less its mean and over its deviation: 0 and 1
    /// where it is not centred and not scaled.
    const std::vector<double>& means() const { return means_; }
    const std::vector<double>& deviations() const { return deviations_; }
    double delta() const { return delta_; }
    const std::string& target_name() const { return target_name_; }
    /// "logistic regression of 'label' (1 stands for 'yes')"
    std::string title() const;

    Samples<T> samples() const;
    Problem<T> problem() const { return problem(loss_, settings_.l2); }
    Problem<T> problem(Loss loss, double l2) const;
    /// Where a minimisation begins: 0, of losses that are no likelihood the linear fit (where no
    /// residual is within delta Huber's Hessian is 0), of means above 0 their logarithm.
    std::vector<T> start() const;
    /// The predictors z = W'x + b of a row, with its offset: `outputs` numbers.
    void predict(const std::vector<double>& x, long row, double* z) const;
    double target_at(long row) const { return static_cast<double>(targets_[row]); }
    double weight_at(long row) const {
        return weights_.empty() ? 1.0 : static_cast<double>(weights_[row]);
    }
    bool has_weights() const { return !weights_.empty(); }
    const T* row(long i) const { return values_.data() + i * features(); }

  private:
    void choose_classes(std::vector<std::string> found);
    /// taken: the columns that are no features.
    void expand(readers::Table<T>& table, const std::vector<std::size_t>& taken);
    void standardize();
    void condition();
    void transform();
    void check_targets() const;
    void find_delta();

    RegressionSettings settings_;
    Loss loss_ = Loss::linear;
    long rows_ = 0;
    std::string target_name_;
    std::vector<std::string> names_, classes_;
    readers::Numbers<T> values_;  // rows x features
    std::vector<T> targets_, weights_, offsets_;
    std::vector<double> means_, deviations_;
    double delta_ = 0;      // of quantile: the smoothing
    std::vector<T> start_;  // empty: 0
};

/// The minimum of regression.problem(). With a penalty that leaves the intercepts of softmax out
/// these may all move together, which the differences between classes do not see: where that is all
/// that is singular, it has converged.
template <class T>
Result<T> solve(const Regression<T>& regression, const Options& options);

/// An estimate with what is known of its error; NaN where nothing is.
struct Coefficient {
    std::string name, output;  ///< output: of several, the class
    double estimate, error, statistic, p, low, high;
    double
        standardized;  ///< of a feature in standard deviations; NaN where it was not standardised
    double deviation;  ///< that of the feature, where it was standardised
};

/// What a minimum says of the data.
struct Findings {
    /// The library's, in the units of the data: of features as they are, and the intercept of
    /// those. Nothing has an error where any parameter is not determined.
    Inference inference;
    std::vector<Coefficient> coefficients;  ///< of the entries of `inference`
    double scale;     ///< linear: residual standard deviation; huber: of the residuals' MAD
    double accuracy;  ///< classification: rows whose most likely class is theirs
};

/// result: of regression.problem(). `options` say where it runs, which covariance is meant and
/// whether there are errors; what weights are follows from the loss: 1/variance, up to a factor,
/// of those with a dispersion and of those that are no likelihood, else frequencies.
template <class T>
Findings infer(const Regression<T>& regression, const Result<T>& result, InferenceOptions options);

/// Of the entries of an Inference.
template <class T>
std::vector<std::string> entry_names(const Regression<T>& regression);

}  // namespace cunewton::tool
