#include "tool/regression.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <numeric>
#include <type_traits>

#include "cunewton/differentiate.h"
#include "cunewton/error.h"
#include "cunewton/loss/complementary_log_log.h"
#include "cunewton/loss/gamma.h"
#include "cunewton/loss/huber.h"
#include "cunewton/loss/inverse_gaussian.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/negative_binomial.h"
#include "cunewton/loss/poisson.h"
#include "cunewton/loss/probit.h"
#include "cunewton/loss/pseudo_huber.h"
#include "cunewton/loss/quantile.h"
#include "cunewton/loss/softmax.h"
#include "tool/commands.h"
#include "tool/eigenvalues.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

using readers::Column;

constexpr std::size_t most_classes = 1000, most_levels = 1000;
/// Parameters of which eigenvectors are found to name the intercepts that are not determined.
constexpr std::size_t most_decomposed = 2000;
/// Of the standardised normal distribution: the median of |z|.
constexpr double normal_mad = 0.6744897501960817;

const char* const losses[] = {
    "linear",           "logistic", "softmax", "poisson",           "huber",    "gamma",
    "inverse_gaussian", "probit",   "cloglog", "negative_binomial", "quantile", "pseudo_huber"};
std::vector<std::string> loss_names() {
    return {std::begin(losses), std::end(losses)};
}
/// In standard deviations of the residuals, of p parameters and n rows (He, Pan, Tan and Zhou
/// 2023): the errors rest on the density of the residuals within it.
double default_smoothing(int p, long n) {
    const double rows = static_cast<double>(n);
    return std::max(0.05, std::pow((p + std::log(rows)) / rows, 0.4));
}

double median(std::vector<double> values) {
    const std::size_t half = values.size() / 2;
    std::nth_element(values.begin(), values.begin() + half, values.end());
    const double upper = values[half];
    if (values.size() % 2) return upper;
    return 0.5 * (upper + *std::max_element(values.begin(), values.begin() + half));
}

}  // namespace

void add_table_options(CLI::App& app, TableSettings& s) {
    const std::string group = "How the file is read";
    app.add_option("--missing", s.missing,
                   "what becomes of a row with a value that is empty, NA, NaN, ...: reject or drop")
        ->check(CLI::IsMember({"reject", "drop"}))
        ->group(group);
    app.add_option("--separator", s.separator,
                   "between fields, one character or 'tab'; found out where it is not given")
        ->group(group);
    app.add_flag("--decimal-comma", s.decimal_comma, "1,5 is one and a half")->group(group);
    auto* const header =
        app.add_flag("--header", s.header, "the first row has names, numbers or not")->group(group);
    app.add_flag("--no-header", s.no_header,
                 "the first row has values; columns are named by their number")
        ->excludes(header)
        ->group(group);
}

readers::CsvOptions csv_options(const TableSettings& s, Progress& progress) {
    readers::CsvOptions options;
    if (s.separator == "tab" || s.separator == "\\t")
        options.separator = '\t';
    else if (s.separator.size() == 1)
        options.separator = s.separator[0];
    else if (!s.separator.empty())
        throw InvalidArgument("a separator is one character ('" + s.separator +
                              "') pass ';' or tab, say");
    if (s.no_header || s.header) options.header = s.header;
    options.decimal_comma = s.decimal_comma;
    if (s.missing == "drop") options.missing = readers::Missing::rows_dropped;
    options.if_missing = "mend the file, or pass --missing drop";
    options.if_text =
        "mend the file, leave the column out (--drop), or say that it has categories "
        "(--categorical)";
    options.if_comma = "pass --decimal-comma if these are decimal commas, or take them out";
    options.if_first_row = "pass --header";
    options.progress = [&progress, file = s.file](std::size_t bytes) {
        progress.show([&] { return "reading " + file + ": " + size_text(bytes); });
    };
    return options;
}

template <class T>
void say_what_was_read(const readers::Table<T>& table, const TableSettings& s) {
    if (table.decimal_comma && !s.decimal_comma) note(s.file + " has decimal commas");
    if (!table.has_header && !s.no_header)
        note("line 1 of " + s.file +
             " was taken as data, as it has numbers (pass --header if it has names, else "
             "--no-header)");
    if (!table.is_utf8)
        note(s.file + " is not UTF-8: texts are shown with ? (iconv -f LATIN1 -t UTF-8, say)");
    if (table.dropped > 0)
        note(std::to_string(table.dropped) + " of " + std::to_string(table.rows + table.dropped) +
             " rows were left out for missing values, the first in line " +
             std::to_string(table.first_dropped));
}

void add_regression_options(CLI::App& app, RegressionSettings& s) {
    app.add_option("data", s.table.file, "CSV file, may be gzipped; - reads from a pipe")
        ->type_name("FILE");
    app.add_option("--loss", s.loss, list_text(loss_names(), 99))
        ->check(CLI::IsMember(loss_names()));
    app.add_option("--target", s.target, "column that is predicted, by name or number from 1")
        ->type_name("COLUMN");
    app.add_option("--features", s.features, "columns it is predicted from; without, all others")
        ->delimiter(',')
        ->type_name("COLUMN,...");
    app.add_option("--drop", s.drop, "columns to leave out")
        ->delimiter(',')
        ->type_name("COLUMN,...");
    app.add_option("--categorical", s.categorical,
                   "features of texts or codes: a column of 0 and 1 for each but the first of "
                   "their sorted values")
        ->delimiter(',')
        ->type_name("COLUMN,...");
    app.add_option("--weights", s.weights, "column with a weight >= 0 for each row")
        ->type_name("COLUMN");
    auto* const offset =
        app.add_option("--offset", s.offset,
                       "column that is added to w'x + b with a coefficient of 1; not of softmax")
            ->type_name("COLUMN");
    app.add_option("--exposure", s.exposure,
                   "column of numbers > 0 whose logarithm is the offset: with poisson, rates")
        ->type_name("COLUMN")
        ->excludes(offset);
    app.add_option("--reference", s.reference,
                   "class of logistic and softmax that others are compared with; without, the "
                   "first of the sorted ones")
        ->type_name("CLASS");
    app.add_flag("--no-intercept", s.no_intercept, "no constant term");
    app.add_flag("--standardize", s.standardize,
                 "fit features in standard deviations from their mean");
    app.add_option("--l2", s.l2,
                   "penalty l2/2 |w|^2, beside the mean loss of a row; not on the intercept")
        ->check(not_negative());
    app.add_flag("--penalize-intercept", s.penalize_intercept,
                 "let --l2 hold for the intercept too: a prior on every parameter, as an evidence "
                 "needs");
    app.add_option(
           "--delta", s.delta,
           "of huber and pseudo_huber, in the target's unit: residuals beyond count linearly; "
           "without, 1.345 times a robust standard deviation of the residuals of a linear fit")
        ->check(positive());
    app.add_option("--alpha", s.alpha,
                   "of negative_binomial: the variance is m + alpha m^2; estimated where it is not "
                   "given")
        ->check(positive());
    app.add_option("--tau", s.tau, "of quantile: which one, between 0 and 1; without, the median")
        ->check(positive());
    app.add_option("--smoothing", s.smoothing,
                   "of quantile, in the target's unit: how far its corner is rounded; without, by "
                   "the rows, the parameters and the residuals of a linear fit")
        ->check(positive());
    add_table_options(app, s.table);
}

template <class T>
Regression<T>::Regression(const RegressionSettings& settings, Progress& progress, Units units)
    : settings_(settings) {
    RegressionSettings& s = settings_;
    if (s.table.file.empty())
        throw InvalidArgument("there are no data (no file is named) name one, - for a pipe");
    if (s.loss.empty())
        throw InvalidArgument("there is no loss (--loss is not given) pass " +
                              list_text(loss_names(), 99));
    if (s.target.empty())
        throw InvalidArgument(
            "there is no target (--target is not given) name the column that is predicted");
    if (s.penalize_intercept && s.no_intercept)
        throw InvalidArgument(
            "there is no intercept to penalise (--no-intercept with --penalize-intercept) leave "
            "one of them out");
    loss_ = static_cast<Loss>(std::find(std::begin(losses), std::end(losses), s.loss) - losses);
    const bool has_classes = is_classification();
    const auto belongs = [&](const char* option, double value, std::initializer_list<Loss> to) {
        if (value > 0 && std::find(to.begin(), to.end(), loss_) == to.end())
            throw InvalidArgument(std::string(option) + " is of another loss (--loss is " + s.loss +
                                  ") leave it out, or pass --loss " +
                                  losses[static_cast<int>(*to.begin())]);
    };
    belongs("--delta", s.delta, {Loss::huber, Loss::pseudo_huber});
    belongs("--alpha", s.alpha, {Loss::negative_binomial});
    belongs("--tau", s.tau, {Loss::quantile});
    belongs("--smoothing", s.smoothing, {Loss::quantile});
    if (s.tau >= 1)
        throw InvalidArgument("a quantile is between 0 and 1 (--tau is " + number_text(s.tau) +
                              ") pass 0.5 for the median");
    if (estimates_alpha() && s.l2 > 0)
        throw InvalidArgument(
            "a penalty would hold alpha too (--l2 without --alpha) give --alpha, or leave --l2 "
            "out");
    const bool is_exposure = !s.exposure.empty(), has_offsets = is_exposure || !s.offset.empty();
    const std::string& offset_name = is_exposure ? s.exposure : s.offset;
    const std::string offset_what = is_exposure ? "exposures" : "offsets";
    if (has_offsets && loss_ == Loss::softmax)
        throw InvalidArgument("softmax has a predictor for each class (one column of " +
                              offset_what + " is given) leave it out");
    if (has_offsets && estimates_alpha())
        throw InvalidArgument("alpha is estimated without " + offset_what +
                              " (a column of them is given) give --alpha, or leave it out");
    readers::CsvOptions options = csv_options(s.table, progress);
    std::size_t target = 0, weights = 0, offsets = 0;  // of the columns that are kept
    const bool has_weights = !s.weights.empty();
    options.choose = [&](const std::vector<std::string>& names) {
        const auto place = [&](const std::string& name) {
            return readers::column_named(name, names, s.table.file);
        };
        const std::size_t target_column = place(s.target);
        target_name_ = names[target_column];
        std::vector<Column> kinds(names.size(),
                                  s.features.empty() ? Column::number : Column::skipped);
        for (const std::string& name : s.features) {
            const std::size_t column = place(name);
            if (column == target_column)
                throw InvalidArgument("the target is among the features ('" + names[column] +
                                      "') leave it out of them");
            if (has_weights && column == place(s.weights))
                throw InvalidArgument("the weights are among the features ('" + names[column] +
                                      "') leave them out of them");
            if (has_offsets && column == place(offset_name))
                throw InvalidArgument("the " + offset_what + " are among the features ('" +
                                      names[column] + "') leave them out of them");
            if (kinds[column] != Column::skipped)
                throw InvalidArgument("a feature is named twice ('" + names[column] +
                                      "') name it once");
            kinds[column] = Column::number;
        }
        for (const std::string& name : s.drop) kinds[place(name)] = Column::skipped;
        for (const std::string& name : s.categorical) {
            const std::size_t column = place(name);
            if (!s.features.empty() && kinds[column] == Column::skipped)
                throw InvalidArgument("a categorical column is no feature ('" + name +
                                      "') name it in --features too");
            kinds[column] = Column::category;
        }
        kinds[target_column] = has_classes ? Column::category : Column::number;
        std::size_t weights_column = names.size();
        if (has_weights) {
            weights_column = place(s.weights);
            if (weights_column == target_column)
                throw InvalidArgument("one column is target and weights ('" + s.target +
                                      "') name two");
            kinds[weights_column] = Column::number;
        }
        std::size_t offset_column = names.size();
        if (has_offsets) {
            offset_column = place(offset_name);
            if (offset_column == target_column || offset_column == weights_column)
                throw InvalidArgument("one column is " + offset_what + " and " +
                                      (offset_column == target_column ? "target" : "weights") +
                                      " ('" + offset_name + "') name two");
            kinds[offset_column] = Column::number;
        }
        std::size_t kept = 0;
        for (std::size_t c = 0; c < names.size(); ++c) {
            if (c == target_column) target = kept;
            if (c == offset_column) offsets = kept;
            if (c == weights_column) weights = kept;
            kept += kinds[c] != Column::skipped;
        }
        if (kept < 2u + has_weights + has_offsets && s.no_intercept)
            throw InvalidArgument(
                "there is nothing to fit (no feature and no intercept) leave a "
                "column or the intercept");
        return kinds;
    };
    readers::Table<T> table = readers::read_csv<T>(s.table.file, options);
    progress.clear();
    say_what_was_read(table, s.table);
    rows_ = table.rows;
    if (has_classes) choose_classes(table.categories[target]);
    // Where a class stands in the sorted list, and its number.
    std::vector<T> number_of(table.categories[target].size());
    for (std::size_t k = 0; k < number_of.size(); ++k)
        number_of[k] = static_cast<T>(
            std::find(classes_.begin(), classes_.end(), table.categories[target][k]) -
            classes_.begin());
    targets_.resize(static_cast<std::size_t>(rows_));
    if (has_weights) weights_.resize(static_cast<std::size_t>(rows_));
    const auto columns = static_cast<std::size_t>(table.columns);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        const T* const row = table.values.data() + i * columns;
        targets_[i] = has_classes ? number_of[static_cast<std::size_t>(row[target])] : row[target];
        if (has_weights) weights_[i] = row[weights];
        if (!has_offsets) continue;
        const double added = static_cast<double>(row[offsets]);
        if (is_exposure && !(added > 0))
            throw FileError("an exposure is not above 0 ('" + offset_name + "' of '" +
                            s.table.file + "', data row " + std::to_string(i + 1) + ": " +
                            number_text(added) + ") mend the file");
        offsets_.push_back(is_exposure ? static_cast<T>(std::log(added)) : row[offsets]);
    }
    check_targets();
    std::vector<std::size_t> taken{target};
    if (has_weights) taken.push_back(weights);
    if (has_offsets) taken.push_back(offsets);
    expand(table, taken);
    if (s.standardize)
        standardize();
    else if (units == Units::internal)
        condition();
    if (is_robust())
        find_delta();
    else if (has_intercept() && (loss_ == Loss::gamma || loss_ == Loss::inverse_gaussian ||
                                 loss_ == Loss::negative_binomial)) {
        double sum = 0, rate = 0;
        for (long i = 0; i < rows_; ++i) {
            const double w = weight_at(i);
            sum += w * target_at(i);
            rate +=
                w * (offsets_.empty()
                         ? 1.0
                         : std::exp(static_cast<double>(offsets_[static_cast<std::size_t>(i)])));
        }
        if (!(sum > 0 && std::isfinite(sum / rate))) return;
        start_ = start();
        start_[static_cast<std::size_t>(block() - 1)] = static_cast<T>(std::log(sum / rate));
    }
}

/// And the start, from a linear fit.
template <class T>
void Regression<T>::find_delta() {
    start_ = minimize(problem(Loss::linear, settings_.l2), start()).x;
    const bool is_quantile = loss_ == Loss::quantile;
    delta_ = is_quantile ? settings_.smoothing : settings_.delta;
    if (delta_ > 0) return;
    std::vector<double> residuals;
    const std::vector<double> x(start_.begin(), start_.end());
    for (long i = 0; i < rows_; ++i) {
        double z;
        predict(x, i, &z);
        residuals.push_back(z - target_at(i));
    }
    const double centre = median(residuals);
    for (double& r : residuals) r = std::abs(r - centre);
    const double scale = median(residuals) / normal_mad;
    if (!(scale > 0))
        throw InvalidArgument(
            std::string("the residuals have no scale (half of them are the same) pass ") +
            (is_quantile ? "--smoothing" : "--delta"));
    delta_ = (is_quantile ? default_smoothing(block(), rows_) : 1.345) * scale;
}

template <class T>
bool Regression<T>::is_classification() const {
    return loss_ == Loss::logistic || loss_ == Loss::softmax || loss_ == Loss::probit ||
           loss_ == Loss::cloglog;
}
template <class T>
bool Regression<T>::is_robust() const {
    return loss_ == Loss::huber || loss_ == Loss::pseudo_huber || loss_ == Loss::quantile;
}

template <class T>
void Regression<T>::choose_classes(std::vector<std::string> found) {
    const std::string where = "'" + target_name_ + "' of '" + settings_.table.file + "'";
    const auto text = [&] { return list_text(found, 8); };
    if (found.size() < 2)
        throw FileError("there is one class alone (" + where + " has: " + text() +
                        ") name the column that has the classes");
    if (loss_ != Loss::softmax && found.size() != 2)
        throw FileError(settings_.loss + " regression is of two classes (" + where +
                        " has: " + text() + ") pass --loss softmax, or another --target");
    if (found.size() > most_classes)
        throw FileError("there are too many classes (" + where + " has " +
                        std::to_string(found.size()) + ", most are " +
                        std::to_string(most_classes) +
                        ") is it a class at all? --loss linear is for numbers");
    if (!settings_.reference.empty()) {
        const auto first = std::find(found.begin(), found.end(), settings_.reference);
        if (first == found.end())
            throw FileError("there is no such class ('" + settings_.reference + "'; " + where +
                            " has: " + text() + ") name one of those as --reference");
        std::rotate(found.begin(), first, first + 1);
    }
    classes_ = std::move(found);
}

/// Features alone, in the table's own memory unless categories become several columns each.
template <class T>
void Regression<T>::expand(readers::Table<T>& table, const std::vector<std::size_t>& taken) {
    const auto columns = static_cast<std::size_t>(table.columns);
    struct Source {
        std::size_t column;
        int level;  // -1: the number itself
    };
    std::vector<Source> sources;
    for (std::size_t c = 0; c < columns; ++c) {
        if (std::find(taken.begin(), taken.end(), c) != taken.end()) continue;
        const std::vector<std::string>& levels = table.categories[c];
        if (levels.size() > most_levels)
            throw FileError("a column has too many categories ('" + table.names[c] + "' has " +
                            std::to_string(levels.size()) + ", most are " +
                            std::to_string(most_levels) + ") leave it out: --drop");
        if (levels.empty()) {
            sources.push_back({c, -1});
            names_.push_back(table.names[c]);
        }
        for (std::size_t level = 1; level < levels.size(); ++level) {
            sources.push_back({c, static_cast<int>(level)});
            names_.push_back(table.names[c] + "=" + levels[level]);
        }
    }
    const std::size_t width = sources.size(), rows = static_cast<std::size_t>(rows_);
    readers::Numbers<T> wider;
    const bool in_place =
        width <= columns && std::all_of(sources.begin(), sources.end(),
                                        [](const Source& source) { return source.level < 0; });
    T* const to = in_place ? table.values.data() : wider.grow(rows * width);
    for (std::size_t i = 0; i < rows; ++i) {
        const T* const from = table.values.data() + i * columns;
        for (std::size_t j = 0; j < width; ++j) {
            const T value = from[sources[j].column];
            to[i * width + j] = sources[j].level < 0 ? value : T(value == T(sources[j].level));
        }
    }
    if (in_place) {
        table.values.drop(rows * (columns - width));
        values_ = std::move(table.values);
    } else {
        values_ = std::move(wider);
    }
    values_.fit();
    means_.assign(width, 0);
    deviations_.assign(width, 1);
}

template <class T>
void Regression<T>::standardize() {
    const std::size_t width = names_.size(), rows = static_cast<std::size_t>(rows_);
    std::vector<double> sums(width, 0);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < width; ++j)
            sums[j] += static_cast<double>(values_[i * width + j]);
    for (std::size_t j = 0; j < width; ++j) means_[j] = sums[j] / static_cast<double>(rows);
    std::fill(sums.begin(), sums.end(), 0);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < width; ++j) {
            const double u = static_cast<double>(values_[i * width + j]) - means_[j];
            sums[j] += u * u;
        }
    for (std::size_t j = 0; j < width; ++j) {
        deviations_[j] = std::sqrt(sums[j] / static_cast<double>(rows));
        const double noise =
            std::abs(means_[j]) * static_cast<double>(std::numeric_limits<T>::epsilon()) * 4;
        if (!(deviations_[j] > noise))
            throw FileError("a feature is constant ('" + names_[j] + "' of '" +
                            settings_.table.file + "') leave it out: --drop");
        if (!has_intercept()) means_[j] = 0;
    }
    transform();
}

/// See Units::internal. What has no deviation, to the accuracy of T, is left where it is, for the
/// minimum to be found singular in the units of the data.
template <class T>
void Regression<T>::condition() {
    const bool centred = has_intercept() && !(settings_.penalize_intercept && settings_.l2 > 0);
    const bool scaled = settings_.l2 == 0;
    if (!centred && !scaled) return;
    const std::size_t width = names_.size(), rows = static_cast<std::size_t>(rows_);
    double weight = 0;
    std::vector<double> sums(width, 0), squares(width, 0);
    for (std::size_t i = 0; i < rows; ++i) {
        const double w = weight_at(static_cast<long>(i));
        weight += w;
        for (std::size_t j = 0; j < width; ++j)
            sums[j] += w * static_cast<double>(values_[i * width + j]);
    }
    if (!(weight > 0)) return;
    for (double& sum : sums) sum /= weight;
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < width; ++j) {
            const double u =
                static_cast<double>(values_[i * width + j]) - (centred ? sums[j] : 0.0);
            squares[j] += weight_at(static_cast<long>(i)) * u * u;
        }
    for (std::size_t j = 0; j < width; ++j) {
        const double deviation = std::sqrt(squares[j] / weight);
        const double noise =
            std::abs(sums[j]) * static_cast<double>(std::numeric_limits<T>::epsilon()) * 4;
        const bool is_constant = centred && !(deviation > noise);
        if (!std::isfinite(deviation)) continue;
        if (is_constant && scaled && rows > 1)
            note("'" + names_[j] + "' is the same in all rows (" + number_text(sums[j]) +
                 "), as the intercept's column is: leave it out (--drop)");
        if (centred && !is_constant) means_[j] = sums[j];
        const double unit = is_constant ? std::abs(sums[j]) : deviation;
        if (scaled && unit > 0) deviations_[j] = unit;
    }
    transform();
}

template <class T>
void Regression<T>::transform() {
    const std::size_t width = names_.size(), rows = static_cast<std::size_t>(rows_);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < width; ++j) {
            T& value = values_[i * width + j];
            value = static_cast<T>((static_cast<double>(value) - means_[j]) / deviations_[j]);
        }
}

template <class T>
void Regression<T>::check_targets() const {
    const auto where = [&](long i) {
        return "('" + target_name_ + "' of '" + settings_.table.file + "', data row " +
               std::to_string(i + 1) + ": " + number_text(target_at(i)) + ") ";
    };
    if (loss_ == Loss::gamma || loss_ == Loss::inverse_gaussian)
        for (long i = 0; i < rows_; ++i)
            if (!(target_at(i) > 0))
                throw FileError("a target is not above 0 " + where(i) +
                                "mend the file: " + settings_.loss + " is of numbers above 0");
    bool are_counts = true;
    if (loss_ == Loss::poisson || loss_ == Loss::negative_binomial)
        for (long i = 0; i < rows_; ++i) {
            if (are_counts && target_at(i) != std::floor(target_at(i))) {
                are_counts = false;
                note("'" + target_name_ + "' has numbers that are no counts (such as " +
                     number_text(target_at(i)) +
                     "): standard errors and likelihood are those of counts");
            }
            if (targets_[static_cast<std::size_t>(i)] < T(0))
                throw FileError("a count is negative " + where(i) + "mend the file");
        }
    for (std::size_t i = 0; i < weights_.size(); ++i)
        if (weights_[i] < T(0))
            throw FileError("a weight is negative ('" + settings_.weights + "' of '" +
                            settings_.table.file + "', data row " + std::to_string(i + 1) +
                            ") mend the file");
}

template <class T>
std::vector<std::string> Regression<T>::block_names() const {
    std::vector<std::string> names = names_;
    if (has_intercept()) names.push_back("(intercept)");
    return names;
}

template <class T>
std::vector<std::string> Regression<T>::parameter_names() const {
    std::vector<std::string> names;
    if (outputs() == 1) {
        names = block_names();
        if (estimates_alpha()) names.push_back("log(alpha)");
        return names;
    }
    for (const std::string& output : classes_)
        for (const std::string& name : block_names()) names.push_back(output + ": " + name);
    return names;
}

template <class T>
std::string Regression<T>::title() const {
    std::string text = settings_.loss + " regression of '" + target_name_ + "'";
    if (loss_ == Loss::logistic)
        text += ", the log odds of '" + classes_[1] + "' against '" + classes_[0] + "'";
    if (loss_ == Loss::probit || loss_ == Loss::cloglog)
        text += ", the probability of '" + classes_[1] + "', not '" + classes_[0] + "'";
    if (loss_ == Loss::softmax)
        text += ", the log odds of each of " + std::to_string(classes_.size()) +
                " classes against '" + classes_[0] + "'";
    if (!settings_.offset.empty()) text += ", offset by '" + settings_.offset + "'";
    if (!settings_.exposure.empty()) text += ", per unit of '" + settings_.exposure + "'";
    if (loss_ == Loss::huber || loss_ == Loss::pseudo_huber)
        text += ", delta = " + number_text(delta_);
    if (loss_ == Loss::negative_binomial)
        text +=
            estimates_alpha() ? ", alpha estimated" : ", alpha = " + number_text(settings_.alpha);
    if (loss_ == Loss::quantile)
        text += ", tau = " + number_text(settings_.tau > 0 ? settings_.tau : 0.5) +
                ", smoothed over " + number_text(delta_);
    return text;
}

template <class T>
Samples<T> Regression<T>::samples() const {
    Samples<T> samples;
    samples.features = values_.data();
    samples.count = rows_;
    samples.dimension = features();
    samples.targets = targets_.data();
    samples.weights = weights_.empty() ? nullptr : weights_.data();
    samples.offsets = offsets_.empty() ? nullptr : offsets_.data();
    return samples;
}

template <class T>
std::vector<T> Regression<T>::start() const {
    if (!start_.empty()) return start_;
    return std::vector<T>(
        static_cast<std::size_t>(outputs()) * static_cast<std::size_t>(block()) + estimates_alpha(),
        T(0));
}

template <class T>
Problem<T> Regression<T>::problem(Loss loss, double l2) const {
    const Samples<T> samples = this->samples();
    const ProblemOptions options{
        .l2 = l2, .intercept = has_intercept(), .penalize_intercept = settings_.penalize_intercept};
    switch (loss) {
        case Loss::logistic:
            return make_linear_predictor<T>(Logistic{}, samples, options);
        case Loss::softmax:
            return make_linear_predictor<T>(Softmax{static_cast<int>(classes_.size())}, samples,
                                            options);
        case Loss::poisson:
            return make_linear_predictor<T>(Poisson{}, samples, options);
        case Loss::huber:
            return make_linear_predictor<T>(Huber{delta_}, samples, options);
        case Loss::gamma:
            return make_linear_predictor<T>(Gamma{}, samples, options);
        case Loss::inverse_gaussian:
            return make_linear_predictor<T>(InverseGaussian{}, samples, options);
        case Loss::probit:
            return make_linear_predictor<T>(Probit{}, samples, options);
        case Loss::cloglog:
            return make_linear_predictor<T>(ComplementaryLogLog{}, samples, options);
        case Loss::negative_binomial:
            if (estimates_alpha()) return make_negative_binomial<T>(samples, options);
            return make_linear_predictor<T>(NegativeBinomial{settings_.alpha}, samples, options);
        case Loss::quantile:
            return make_linear_predictor<T>(
                SmoothQuantile{settings_.tau > 0 ? settings_.tau : 0.5, delta_}, samples, options);
        case Loss::pseudo_huber:
            return make_linear_predictor<T>(PseudoHuber{delta_}, samples, options);
        case Loss::linear:
            break;
    }
    return make_linear_predictor<T>(LinearRegression{}, samples, options);
}

template <class T>
void Regression<T>::predict(const std::vector<double>& x, long i, double* z) const {
    const T* const features_of = row(i);
    const int width = features();
    for (int k = 0; k < outputs(); ++k) {
        const double* const w = x.data() + static_cast<std::ptrdiff_t>(k) * block();
        double sum = has_intercept() ? w[width] : 0;
        if (!offsets_.empty()) sum += static_cast<double>(offsets_[static_cast<std::size_t>(i)]);
        for (int j = 0; j < width; ++j) sum += w[j] * static_cast<double>(features_of[j]);
        z[k] = sum;
    }
}

/// The intercepts, as parameters, that move along the directions without curvature once features
/// are in the units of the data again: columns of 0 and 1 that sum to 1 leave the intercept of
/// centred features alone, and not their own.
template <class T>
std::vector<int> moving_intercepts(const Regression<T>& r, const std::vector<T>& x) {
    const int n = static_cast<int>(x.size()), block = r.block(), outputs = r.outputs();
    const std::vector<T> found = hessian(r.problem(), x);
    std::vector<double> vectors(found.begin(), found.end());
    const std::vector<double> values = eigenvalues(vectors, n);
    const double noise =
        n * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::max(values.back(), 0.0);
    double largest = 0;
    for (std::size_t j = 0; j < r.means().size(); ++j)
        largest = std::max(largest, std::abs(r.means()[j] / r.deviations()[j]));
    std::vector<int> moving;
    for (std::size_t e = 0; e < values.size() && values[e] <= noise; ++e) {
        std::vector<double> shifts(static_cast<std::size_t>(outputs), 0);
        for (int k = 0; k < outputs; ++k)
            for (int j = 0; j < r.features(); ++j)
                shifts[static_cast<std::size_t>(k)] -=
                    vectors[e * values.size() + static_cast<std::size_t>(k * block + j)] *
                    r.means()[static_cast<std::size_t>(j)] /
                    r.deviations()[static_cast<std::size_t>(j)];
        // Of softmax all outputs may move together.
        const double together =
            outputs > 1 ? std::accumulate(shifts.begin(), shifts.end(), 0.0) / outputs : 0;
        for (int k = 0; k < outputs; ++k)
            if (std::abs(shifts[static_cast<std::size_t>(k)] - together) > 1e-6 * largest)
                moving.push_back((k + 1) * block - 1);
    }
    return moving;
}

template <class T>
Result<T> solve(const Regression<T>& r, const Options& options) {
    std::vector<T> start = r.start();
    for (std::size_t j = 0; j < options.lower.size(); ++j)
        start[j] = std::max(start[j], static_cast<T>(options.lower[j]));
    for (std::size_t j = 0; j < options.upper.size(); ++j)
        start[j] = std::min(start[j], static_cast<T>(options.upper[j]));
    Result<T> result = minimize(r.problem(), start, options);
    if (result.status != Status::singular || !r.has_intercept()) return result;
    std::vector<int> intercepts;
    for (int k = 1; k <= r.outputs(); ++k) intercepts.push_back(k * r.block() - 1);
    if (r.loss() == Loss::softmax && result.undetermined == intercepts) {
        result.status = Status::converged;
        result.message = "converged: the test for a minimum is met";
        result.undetermined.clear();
    } else if (result.x.size() <= most_decomposed) {
        std::vector<int>& all = result.undetermined;
        for (const int j : moving_intercepts(r, result.x)) all.push_back(j);
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
    }
    return result;
}

template Result<double> solve(const Regression<double>&, const Options&);
template Result<float> solve(const Regression<float>&, const Options&);
template class Regression<double>;
template class Regression<float>;
template void say_what_was_read(const readers::Table<double>&, const TableSettings&);
template void say_what_was_read(const readers::Table<float>&, const TableSettings&);

}  // namespace cunewton::tool
