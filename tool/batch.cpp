#include "tool/batch.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "cunewton/error.h"
#include "readers/csv.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr Estimator estimators[] = {Estimator::least_squares, Estimator::poisson, Estimator::huber,
                                    Estimator::cauchy, Estimator::tukey};

std::map<Status, long> counts_of(const std::vector<Status>& statuses) {
    std::map<Status, long> counts;
    for (const Status status : statuses) ++counts[status];
    return counts;
}

/// The unit with those of x and y in the place of their names.
std::string with_units(const std::string& unit, const std::string& x, const std::string& y) {
    std::string text;
    for (const char c : unit) {
        const std::string& own = c == 'x' ? x : y;
        if ((c != 'x' && c != 'y') || own.empty())
            text += c;
        else if (unit.size() > 1 && own.find_first_of("/ *") != own.npos)
            text += "(" + own + ")";
        else
            text += own;
    }
    return text;
}

}  // namespace

void add_model_options(CLI::App& app, ModelSettings& s) {
    app.add_option("--model", s.model, "one of the list below")->type_name("NAME")->required();
    std::vector<std::string> names;
    for (const Estimator estimator : estimators) names.push_back(to_string(estimator));
    app.add_option("--estimator", s.estimator,
                   "least_squares; poisson: likelihood of counts; huber, cauchy, tukey: robust, "
                   "with constants of 1.345, 2.385, 4.685 standard deviations, which are --sigma's "
                   "or else estimated from the residuals")
        ->check(CLI::IsMember(names))
        ->capture_default_str();
    const auto assignments = [&](const char* name, std::vector<std::string>& to, const char* what) {
        app.add_option(name, to, what)->delimiter(',')->type_name("NAME=NUMBER,...");
    };
    assignments("--start", s.start, "where parameters begin; without, a guess from the data");
    assignments("--fix", s.fix, "parameters that keep this value");
    assignments("--lower", s.lower, "bounds");
    assignments("--upper", s.upper, "bounds");
    app.add_option("--x-unit", s.x_unit, "for labels, such as ms");
    app.add_option("--y-unit", s.y_unit, "for labels");
    app.add_option("--max-iterations", s.max_iterations)->check(positive());
}

ModelChoice::ModelChoice(const ModelSettings& settings)
    : settings_(settings), model_(&model_named(settings.model)) {
    start_ = assigned(settings.start, "--start", nan);
    const std::vector<double> fixed = assigned(settings.fix, "--fix", nan);
    fixed_.assign(fixed.size(), false);
    bool all_named = true;
    for (std::size_t j = 0; j < fixed.size(); ++j) {
        fixed_[j] = !std::isnan(fixed[j]);
        if (fixed_[j]) start_[j] = fixed[j];
        all_named = all_named && !std::isnan(start_[j]);
    }
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (!settings.lower.empty() || !settings.upper.empty()) {
        lower_ = assigned(settings.lower, "--lower", -infinity);
        upper_ = assigned(settings.upper, "--upper", infinity);
        for (std::size_t j = 0; j < lower_.size(); ++j) {
            const std::string& name = model_->parameters[j];
            const std::string range = format("from %g to %g", lower_[j], upper_[j]);
            if (lower_[j] > upper_[j])
                throw InvalidArgument("the bounds leave nothing ('" + name + "' " + range +
                                      ") give a --lower " + name + " below --upper " + name);
            if (fixed_[j] && !(lower_[j] <= fixed[j] && fixed[j] <= upper_[j]))
                throw InvalidArgument("a fixed parameter is outside of its bounds ('" + name +
                                      "' " + range + ") leave the bound out");
        }
    }
    starts_ = all_named ? 1 : model_->starts;
}

std::vector<double> ModelChoice::assigned(const std::vector<std::string>& settings,
                                          const char* option, double otherwise) const {
    std::vector<double> values(model_->parameters.size(), otherwise);
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.find('=');
        const std::string name = setting.substr(0, equals);
        double value = 0;
        bool is_good = equals != setting.npos;
        if (is_good) {
            const char* const end = setting.data() + setting.size();
            const auto [behind, error] = std::from_chars(setting.data() + equals + 1, end, value);
            is_good = error == std::errc() && behind == end && !std::isnan(value);
        }
        if (!is_good)
            throw InvalidArgument(std::string("a value is not understood (") + option + " " +
                                  setting + ") write NAME=NUMBER, such as " +
                                  model_->parameters[0] + "=1.5");
        std::size_t j = 0;
        while (j < values.size() && model_->parameters[j] != name) ++j;
        if (j == values.size())
            throw InvalidArgument("the model has no such parameter ('" + name + "' in " + option +
                                  ") " + model_->name + " has: " + list_text(model_->parameters));
        values[j] = value;
    }
    return values;
}

BatchOptions ModelChoice::options() const {
    BatchOptions options;
    for (const Estimator estimator : estimators)
        if (settings_.estimator == to_string(estimator)) options.estimator = estimator;
    options.max_iterations = settings_.max_iterations;
    options.starts = starts_;
    options.standard_errors = true;
    options.fixed = fixed_;
    return options;
}

std::vector<double> ModelChoice::start(const Points& points) const {
    std::vector<double> start = model_->guess(points);
    const std::size_t n = model_->parameters.size();
    start.resize(static_cast<std::size_t>(starts_) * n);
    for (std::size_t e = 0; e < start.size(); ++e) {
        if (!std::isnan(start_[e % n])) start[e] = start_[e % n];
        // Data that are no numbers are the fit's business.
        if (!std::isfinite(start[e])) start[e] = 1;
    }
    return start;
}

std::string ModelChoice::label(int parameter) const {
    const auto j = static_cast<std::size_t>(parameter);
    const std::string unit = with_units(model_->units[j], settings_.x_unit, settings_.y_unit);
    return model_->parameters[j] + (unit.empty() ? "" : " (" + unit + ")");
}

bool ModelChoice::is_robust() const {
    return settings_.estimator != to_string(Estimator::least_squares) &&
           settings_.estimator != to_string(Estimator::poisson);
}

double ModelChoice::residual_scale(const std::vector<double>& parameters,
                                   const Points& points) const {
    std::vector<double> sizes;
    const auto d = static_cast<std::size_t>(model_->coordinates);
    for (std::size_t i = 0; i < points.y.size(); ++i)
        sizes.push_back(
            std::abs(points.y[i] - model_->value(parameters.data(), points.x.data() + i * d)));
    if (sizes.empty() ||
        !std::all_of(sizes.begin(), sizes.end(), [](double size) { return std::isfinite(size); }))
        return nan;
    const auto half = static_cast<std::ptrdiff_t>(sizes.size() / 2);
    std::nth_element(sizes.begin(), sizes.begin() + half, sizes.end());
    double median = sizes[static_cast<std::size_t>(half)];
    if (sizes.size() % 2 == 0)
        median = 0.5 * (median + *std::max_element(sizes.begin(), sizes.begin() + half));
    return 1.4826 * median;
}

std::string status_counts(const std::vector<Status>& statuses) {
    std::string text;
    for (const auto& [status, count] : counts_of(statuses))
        text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + to_string(status);
    return text;
}

Json status_counts_json(const std::vector<Status>& statuses) {
    Json counts = Json::object();
    for (const auto& [status, count] : counts_of(statuses)) counts[to_string(status)] = count;
    return counts;
}

}  // namespace cunewton::tool
