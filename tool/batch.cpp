#include "tool/batch.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <regex>

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
    assignments("--start", s.start,
                "where parameters begin; those left out at a guess from the data");
    assignments("--fix", s.fix, "parameters that keep this value");
    assignments("--lower", s.lower, "bounds");
    assignments("--upper", s.upper, "bounds");
    app.add_option("--x-unit", s.x_unit, "for labels, such as ms");
    app.add_option("--y-unit", s.y_unit, "for labels");
    app.add_option("--max-iterations", s.max_iterations)->check(positive());
}

ModelChoice::ModelChoice(const ModelSettings& settings)
    : settings_(settings),
      model_(&model_named(settings.model)),
      start_(assigned(settings.start, "--start", nan)) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (settings.lower.empty() && settings.upper.empty() && settings.fix.empty()) return;
    lower_ = assigned(settings.lower, "--lower", -infinity);
    upper_ = assigned(settings.upper, "--upper", infinity);
    const std::vector<double> fixed = assigned(settings.fix, "--fix", nan);
    for (std::size_t j = 0; j < lower_.size(); ++j) {
        const std::string& name = model_->parameters[j];
        const std::string range = format("from %g to %g", lower_[j], upper_[j]);
        if (lower_[j] > upper_[j])
            throw InvalidArgument("the bounds leave nothing ('" + name + "' " + range +
                                  ") give a --lower " + name + " below --upper " + name);
        if (start_[j] < lower_[j] || start_[j] > upper_[j])
            throw InvalidArgument("a start is outside of its bounds ('" + name + "' " + range +
                                  ") start within");
        if (std::isnan(fixed[j])) continue;
        if (!std::isnan(start_[j]))
            throw InvalidArgument("a fixed parameter has a start too ('" + name +
                                  "' in --fix and --start) leave one of them out");
        if (!(lower_[j] <= fixed[j] && fixed[j] <= upper_[j]))
            throw InvalidArgument("a fixed parameter is outside of its bounds ('" + name + "' " +
                                  range + ") leave the bound out");
        start_[j] = lower_[j] = upper_[j] = fixed[j];
    }
}

bool ModelChoice::all_starts_named() const {
    return std::none_of(start_.begin(), start_.end(), [](double x) { return std::isnan(x); });
}

bool ModelChoice::any_start_named() const {
    return !settings_.start.empty();
}

std::vector<double> ModelChoice::assigned(const std::vector<std::string>& settings,
                                          const char* option, double otherwise) const {
    std::vector<double> values(model_->parameters.size(), otherwise);
    std::vector<bool> is_named(values.size(), false);
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.find('=');
        const std::string name = setting.substr(0, equals);
        double value = 0;
        bool is_good = equals != setting.npos;
        if (is_good) {
            const char* const end = setting.data() + setting.size();
            const auto [behind, error] = std::from_chars(setting.data() + equals + 1, end, value);
            is_good = error == std::errc() && behind == end &&
                      (std::isfinite(value) || value == otherwise);
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
        if (is_named[j])
            throw InvalidArgument("a parameter is named twice ('" + name + "' in " + option +
                                  ") name it once");
        is_named[j] = true;
        values[j] = value;
    }
    return values;
}

BatchOptions ModelChoice::options() const {
    BatchOptions options;
    for (const Estimator estimator : estimators)
        if (settings_.estimator == to_string(estimator)) options.estimator = estimator;
    options.max_iterations = settings_.max_iterations;
    options.standard_errors = true;
    return options;
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
                                   const std::vector<double>& x,
                                   const std::vector<double>& y) const {
    std::vector<double> sizes;
    const auto d = static_cast<std::size_t>(model_->coordinates);
    for (std::size_t i = 0; i < y.size(); ++i)
        sizes.push_back(std::abs(y[i] - model_->value(parameters.data(), x.data() + i * d)));
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

namespace {

/// Of a message of the library, which numbers parameters: "parameters 0 and 2".
std::string with_names(const std::string& message, const std::vector<std::string>& names) {
    static const std::regex numbered("parameters? ([0-9]+(?:, [0-9]+)*(?: and [0-9]+)?)"),
        number("[0-9]+");
    std::string text;
    std::string::const_iterator behind = message.begin();
    for (std::sregex_iterator list(message.begin(), message.end(), numbered), none; list != none;
         ++list) {
        text.append(behind, (*list)[0].first);
        std::string::const_iterator from = (*list)[1].first;
        for (std::sregex_iterator at(from, (*list)[1].second, number); at != none; ++at) {
            text.append(from, (*at)[0].first);
            text += "'" + names[std::stoul(at->str())] + "'";
            from = (*at)[0].second;
        }
        behind = (*list)[0].second;
    }
    return text.append(behind, message.end());
}

/// Some of a batch's problems, one after the other.
template <class T>
class Block {
  public:
    /// From `first` on, at most `count`.
    Block(const ModelChoice& choice, const BatchData<T>& all, const BatchOptions& options,
          long first, long count)
        : choice_(choice),
          lower_(choice.lower().begin(), choice.lower().end()),
          upper_(choice.upper().begin(), choice.upper().end()),
          data_(all),
          options_(options) {
        if (all.offsets.empty()) {
            for (Array<const T>* const array : {&data_.y, &data_.weights})
                array->data += first * array->row_stride;
            data_.y.rows = count;
            if (!data_.weights.empty()) data_.weights.rows = count;
        } else {
            const auto offset = [&](long i) { return all.offsets(0, i); };
            // As many coordinates as of the largest problem alone could be those of all.
            while (count > 1 && offset(first + count) - offset(first) == all.points) --count;
            for (long i = 0; i <= count; ++i) offsets_.push_back(offset(first + i) - offset(first));
            data_.offsets = offsets_;
            const auto part = [&](const Array<const T>& array, long width) {
                return array.empty() ? array
                                     : Array<const T>(array.data + offset(first) * width, 1,
                                                      offsets_.back() * width);
            };
            data_.coordinates = part(all.coordinates, choice.model().coordinates);
            data_.y = part(all.y, 1);
            data_.weights = part(all.weights, 1);
        }
        data_.problems = count;
        data_.lower = lower_;
        data_.upper = upper_;
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    long problems() const { return data_.problems; }

    BatchResult<T> fit() {
        if (!begin_where_named()) return ended();
        return fit_batch(choice_.model().model, data_, options_);
    }

    /// See fit_all(). scales: those of the last fit.
    BatchResult<T> fit_robustly(std::vector<double>& scales) {
        if (!begin_where_named()) return ended();
        constexpr int rounds = 6;
        BatchOptions options = beforehand();
        for (int round = 0; round < rounds; ++round) {
            options.estimator = round == 0 ? Estimator::least_squares : Estimator::huber;
            BatchResult<T> fits = fit_batch(choice_.model().model, data_, options);
            if (fits.cancelled) return ended();
            scales = scales_of(fits);
            weigh(scales);
            begin_at(std::move(fits.parameters), 1);
            options.starts = options_.starts;
        }
        return fit_batch(choice_.model().model, data_, options_);
    }

    std::string why(const BatchResult<T>& result, long problem) const {
        return with_names(explain(choice_.model().model, data_, options_, result, problem).message,
                          choice_.model().parameters);
    }

  private:
    /// By a signal, before any fit was done.
    static BatchResult<T> ended() {
        BatchResult<T> none;
        none.cancelled = true;
        return none;
    }

    /// Of fits that come before the ones that count.
    BatchOptions beforehand() const {
        BatchOptions options = options_;
        if (choice_.is_robust()) options.estimator = Estimator::least_squares;
        options.standard_errors = false;
        options.progress = [](const BatchProgress&) { return !was_interrupted(); };
        return options;
    }

    /// Where all starts are named, there; where some are, the others begin at their guess, and also
    /// where they are best for those that are named: a phase, say, belongs to a frequency. False if
    /// a signal came.
    bool begin_where_named() {
        const std::vector<double>& named = choice_.start();
        if (!choice_.any_start_named()) return true;
        if (choice_.all_starts_named()) {
            start_.assign(named.begin(), named.end());
            data_.start = start_;
            return true;
        }
        const std::size_t n = named.size();
        std::vector<T> lower = lower_, upper = upper_;
        lower.resize(n, -std::numeric_limits<T>::infinity());
        upper.resize(n, std::numeric_limits<T>::infinity());
        for (std::size_t j = 0; j < n; ++j)
            if (!std::isnan(named[j]))
                lower[j] = upper[j] = std::clamp(static_cast<T>(named[j]), lower[j], upper[j]);
        BatchData<T> held = data_;
        held.lower = lower;
        held.upper = upper;
        BatchOptions options = beforehand();
        const BatchResult<T> best = fit_batch(choice_.model().model, held, options);
        options.max_iterations = 0;
        const BatchResult<T> guess = fit_batch(choice_.model().model, held, options);
        if (best.cancelled || guess.cancelled) return false;
        std::vector<T> both;
        for (long i = 0; i < data_.problems; ++i)
            for (const BatchResult<T>* const from : {&guess, &best}) {
                const auto begin = from->parameters.begin() + i * static_cast<long>(n);
                both.insert(both.end(), begin, begin + static_cast<long>(n));
            }
        begin_at(std::move(both), 2);
        return true;
    }

    /// So many starts of each problem.
    void begin_at(std::vector<T> starts, int number) {
        // Of data that are no numbers there is none, which is not what is wrong with them.
        for (T& start : starts)
            if (!std::isfinite(start)) start = 1;
        start_ = std::move(starts);
        data_.start = Array<const T>(start_.data(), number * data_.problems, choice_.parameters());
        options_.starts = number;
    }

    /// Standard deviations of the residuals of each problem; 1 where there are none.
    std::vector<double> scales_of(const BatchResult<T>& fits) const {
        // Of a fit that is exact, residuals are rounding.
        const double rounding = std::sqrt(static_cast<double>(
            options_.precision == BatchPrecision::single ? std::numeric_limits<float>::epsilon()
                                                         : std::numeric_limits<T>::epsilon()));
        const long n = choice_.parameters(), d = choice_.model().coordinates;
        std::vector<double> scales, x, y;
        for (long i = 0; i < data_.problems; ++i) {
            const long row = offsets_.empty() ? i : 0;
            const long begin = offsets_.empty() ? 0 : offsets_[static_cast<std::size_t>(i)];
            const long end =
                offsets_.empty() ? data_.points : offsets_[static_cast<std::size_t>(i) + 1];
            x.clear();
            y.clear();
            double largest = 0;
            for (long k = begin; k < end; ++k) {
                for (long c = 0; c < d; ++c)
                    x.push_back(static_cast<double>(data_.coordinates(0, k * d + c)));
                y.push_back(static_cast<double>(data_.y(row, k)));
                largest = std::max(largest, std::abs(y.back()));
            }
            const auto parameters = fits.parameters.begin() + i * n;
            const double scale = std::max(
                choice_.residual_scale({parameters, parameters + n}, x, y), rounding * largest);
            scales.push_back(scale > 0 && std::isfinite(scale) ? scale : 1);
        }
        return scales;
    }

    void weigh(const std::vector<double>& scales) {
        weights_.clear();
        for (std::size_t i = 0; i < scales.size(); ++i)
            weights_.insert(
                weights_.end(),
                offsets_.empty() ? 1 : static_cast<std::size_t>(offsets_[i + 1] - offsets_[i]),
                static_cast<T>(1 / (scales[i] * scales[i])));
        if (offsets_.empty())
            data_.weights =
                Array<const T>(weights_.data(), data_.problems, data_.points).strided(1, 0);
        else
            data_.weights = weights_;
    }

    const ModelChoice& choice_;
    const std::vector<T> lower_, upper_;
    std::vector<long> offsets_;  // empty: all problems have data_.points
    std::vector<T> start_, weights_;
    BatchData<T> data_;
    BatchOptions options_;
};

}  // namespace

template <class T>
AllFits<T> fit_all(const ModelChoice& choice, const BatchData<T>& data, const BatchOptions& options,
                   Progress& progress, const char* things) {
    using Clock = std::chrono::steady_clock;
    const bool estimates_scales = choice.is_robust() && data.weights.empty();
    const auto count = static_cast<std::size_t>(data.problems),
               n = static_cast<std::size_t>(choice.parameters());
    AllFits<T> fits;
    BatchResult<T>& all = fits.result;
    all.problems = data.problems;
    all.dimension = choice.parameters();
    all.parameters.assign(count * n, static_cast<T>(nan));
    all.standard_errors.assign(count * n, static_cast<T>(nan));
    all.objective.assign(count, static_cast<T>(nan));
    all.status.assign(count, Status::not_run);
    all.iterations.assign(count, 0);
    all.degrees_of_freedom.assign(count, 0);
    if (!choice.lower().empty()) all.at_bound.assign(count, 0);
    if (estimates_scales) fits.scales.assign(count, nan);
    const Clock::time_point begin = Clock::now();
    const auto seconds_since = [](Clock::time_point then) {
        return std::chrono::duration<double>(Clock::now() - then).count();
    };
    BatchOptions shown = options;
    shown.progress = [&](const BatchProgress& at) {
        progress.show_on([&] {
            return format("%ld of %ld ", all.completed + at.completed, data.problems) + things;
        });
        return !was_interrupted();
    };
    // Bits do not depend on blocks. They are small enough for a signal to be heeded soon.
    for (long size = 64; all.completed < data.problems && !was_interrupted();) {
        const Clock::time_point block_begin = Clock::now();
        Block<T> block(choice, data, shown, all.completed,
                       std::min(size, data.problems - all.completed));
        std::vector<double> scales;
        const BatchResult<T> own = estimates_scales ? block.fit_robustly(scales) : block.fit();
        const auto keep = [&](auto& to, const auto& from) {
            const long width = static_cast<long>(from.size()) / block.problems();
            std::copy_n(from.begin(), own.completed * width, to.begin() + all.completed * width);
        };
        keep(all.parameters, own.parameters);
        keep(all.standard_errors, own.standard_errors);
        keep(all.objective, own.objective);
        keep(all.status, own.status);
        keep(all.iterations, own.iterations);
        keep(all.degrees_of_freedom, own.degrees_of_freedom);
        keep(all.at_bound, own.at_bound);
        keep(fits.scales, scales);
        all.completed += own.completed;
        all.cancelled = own.cancelled;
        if (own.completed > 0) all.backend = own.backend;
        if (data.problems == 1 && own.completed == 1 && own.status[0] != Status::converged)
            fits.message = block.why(own, 0);
        const double taken = seconds_since(block_begin);
        if (taken < 0.2) size *= 2;
        if (taken > 0.5) size = std::max(1L, size / 2);
    }
    all.seconds = seconds_since(begin);
    progress.clear();
    if (all.completed == 0) check_signals();
    for (long i = 0; i < all.completed; ++i)
        for (const int j : choice.model().without_sign) {
            T& value = all.parameters[static_cast<std::size_t>(i * choice.parameters() + j)];
            value = std::abs(value);
        }
    if (all.completed < data.problems)
        note(format("ended by a signal: %ld of %ld ", all.completed, data.problems) + things +
             " are fitted, the others have the status not_run");
    return fits;
}
template AllFits<double> fit_all(const ModelChoice&, const BatchData<double>&, const BatchOptions&,
                                 Progress&, const char*);
template AllFits<float> fit_all(const ModelChoice&, const BatchData<float>&, const BatchOptions&,
                                Progress&, const char*);

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
