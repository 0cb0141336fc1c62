#include "cunewton/inference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/distributions.h"
#include "cunewton/scalar/special.h"
#include "tool/regression.h"

namespace cunewton::tool {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
const char* const not_determined = "the data do not determine all parameters";

/// Nothing is said of errors, nor what follows from their number.
void leave_out(Inference& of, const std::string& why) {
    const std::size_t m = of.estimates.size();
    for (auto* const numbers :
         {&of.standard_errors, &of.statistics, &of.p_values, &of.low, &of.high})
        numbers->assign(m, nan);
    of.covariance.clear();
    of.correlation.clear();
    of.reason = why;
    of.errors = "are left out: " + why;
    of.aic = of.bic = nan;
    of.without_likelihood = why;
}

/// Numbers of the entries, of features less their means and over their deviations, become those
/// of features as they are. at(entry) is a reference.
template <class T, class At>
void transform(const Regression<T>& r, const At& at) {
    const std::size_t features = static_cast<std::size_t>(r.features());
    const std::size_t block = static_cast<std::size_t>(r.block());
    const int blocks = std::max(1, r.outputs() - 1);
    for (int k = 0; k < blocks; ++k) {
        const std::size_t first = static_cast<std::size_t>(k) * block;
        double moved = 0;
        for (std::size_t j = 0; j < features; ++j) {
            at(first + j) /= r.deviations()[j];
            moved += r.means()[j] * at(first + j);
        }
        if (r.has_intercept()) at(first + features) -= moved;
    }
}

template <class T>
void to_units_of_the_data(const Regression<T>& r, Inference& of) {
    const std::size_t m = of.estimates.size();
    transform(r, [&](std::size_t e) -> double& { return of.estimates[e]; });
    if (of.covariance.empty()) return;
    // What is known has no variance that an intercept could take from it.
    for (std::size_t e = 0; e < m; ++e) {
        if (of.without[e] == WithoutError::none) continue;
        for (std::size_t f = 0; f < m; ++f) of.covariance[e * m + f] = of.covariance[f * m + e] = 0;
    }
    for (std::size_t f = 0; f < m; ++f)
        transform(r, [&](std::size_t e) -> double& { return of.covariance[f * m + e]; });
    for (std::size_t e = 0; e < m; ++e)
        transform(r, [&](std::size_t f) -> double& { return of.covariance[f * m + e]; });
    const double freedom =
        of.student ? of.degrees_of_freedom : std::numeric_limits<double>::infinity();
    const double quantile = student_two_sided_quantile(1 - of.level, freedom);
    for (std::size_t e = 0; e < m; ++e) {
        if (of.without[e] != WithoutError::none) continue;
        const double error = std::sqrt(of.covariance[e * m + e]);
        of.standard_errors[e] = error;
        of.statistics[e] = of.estimates[e] / error;
        of.p_values[e] = student_two_sided(of.statistics[e], freedom);
        of.low[e] = of.estimates[e] - quantile * error;
        of.high[e] = of.estimates[e] + quantile * error;
    }
    for (std::size_t f = 0; f < m; ++f)
        for (std::size_t e = 0; e < m; ++e)
            of.correlation[f * m + e] =
                e == f ? 1
                       : of.covariance[f * m + e] / of.standard_errors[e] / of.standard_errors[f];
}

/// The weight of rows whose most likely class is theirs, over that of all.
template <class T>
double accuracy(const Regression<T>& r, const Inference& of, const std::vector<double>& x) {
    if (!r.is_classification()) return nan;
    std::vector<double> z(static_cast<std::size_t>(r.outputs()));
    double weight = 0, right = 0;
    for (long i = 0; i < r.rows(); ++i) {
        const double w = r.weight_at(i), y = r.target_at(i);
        r.predict(x, i, z.data());
        const bool is_right = r.outputs() > 1 ? std::max_element(z.begin(), z.end()) - z.begin() ==
                                                    static_cast<std::ptrdiff_t>(y)
                                              : (of.distribution.mean(z[0]) > 0.5) == (y > 0.5);
        weight += w;
        right += w * is_right;
    }
    return right / weight;
}

}  // namespace

template <class T>
std::vector<std::string> entry_names(const Regression<T>& r) {
    const std::vector<std::string> all = r.parameter_names();
    // Of softmax the first class is what the others are compared with.
    return {all.begin() + (r.outputs() > 1 ? r.block() : 0), all.end()};
}

template <class T>
Findings infer(const Regression<T>& r, const Result<T>& result, InferenceOptions options) {
    if (r.has_weights())
        options.weights = r.loss() == Loss::linear || r.loss() == Loss::gamma ||
                                  r.loss() == Loss::inverse_gaussian || r.is_robust()
                              ? WeightsAre::precisions
                              : WeightsAre::frequencies;
    options.small_sample = r.is_robust();
    const bool is_singular = result.status == Status::singular;
    options.errors = options.errors && !is_singular;
    Findings findings{inference(r.problem(), result, options), {}, nan, nan};
    Inference& found = findings.inference;
    if (is_singular || std::find(found.without.begin(), found.without.end(),
                                 WithoutError::undetermined) != found.without.end()) {
        leave_out(found, not_determined);
        found.degrees_of_freedom = found.dispersion = nan;
    }
    to_units_of_the_data(r, found);
    findings.accuracy = accuracy(r, found, {result.x.begin(), result.x.end()});
    if (r.loss() == Loss::linear) findings.scale = std::sqrt(found.dispersion);
    if (r.loss() == Loss::huber) findings.scale = r.delta() / 1.345;

    const bool has_outputs = r.outputs() > 1;
    const std::vector<std::string> names = has_outputs ? r.block_names() : r.parameter_names();
    const std::size_t block = has_outputs ? names.size() : found.estimates.size();
    for (std::size_t e = 0; e < found.estimates.size(); ++e) {
        const std::size_t j = e % block;
        Coefficient at{};
        at.name = names[j];
        if (has_outputs) at.output = r.classes()[e / block + 1];
        at.estimate = found.estimates[e];
        at.error = found.standard_errors[e];
        at.statistic = found.statistics[e];
        at.p = found.p_values[e];
        at.low = found.low[e];
        at.high = found.high[e];
        at.standardized = nan;
        if (j < static_cast<std::size_t>(r.features())) {
            at.deviation = r.deviations()[j];
            if (r.settings().standardize) at.standardized = at.estimate * at.deviation;
        }
        findings.coefficients.push_back(std::move(at));
    }
    return findings;
}

template Findings infer(const Regression<double>&, const Result<double>&, InferenceOptions);
template Findings infer(const Regression<float>&, const Result<float>&, InferenceOptions);
template std::vector<std::string> entry_names(const Regression<double>&);
template std::vector<std::string> entry_names(const Regression<float>&);

}  // namespace cunewton::tool
