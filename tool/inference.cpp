#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cunewton/differentiate.h"
#include "cunewton/minimize.h"
#include "tool/regression.h"
#include "tool/statistics.h"

namespace cunewton::tool {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
/// Parameters of which the Hessian's inverse is taken: 200 MB, and about as many seconds as the
/// fit.
constexpr int most_inverted = 5000;

/// Sums over the rows.
struct Sums {
    double weight = 0;  // of the rows
    long rows = 0;      // with a weight
    double loss = 0;    // minus the logarithm of the likelihood, or the squared residuals
    double right = 0;   // weight of rows that are classified right
    double targets = 0;
    std::vector<double> classes;  // weight of each
    double logarithms = 0;        // of what does not depend on the fit
    double squares = 0;           // of the targets
};

double logistic_loss(double z, double y) {
    return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))) - y * z;
}

template <class T>
Sums sum_rows(const Regression<T>& r, const std::vector<double>& x) {
    const int outputs = r.outputs();
    std::vector<double> z(static_cast<std::size_t>(outputs));
    Sums sums;
    sums.classes.assign(r.classes().size(), 0);
    for (long i = 0; i < r.rows(); ++i) {
        const double w = r.weight_at(i), y = r.target_at(i);
        if (w == 0) continue;
        r.predict(x, i, z.data());
        sums.weight += w;
        ++sums.rows;
        sums.targets += w * y;
        sums.squares += w * y * y;
        switch (r.loss()) {
            case Loss::logistic:
                sums.loss += w * logistic_loss(z[0], y);
                sums.right += w * ((z[0] > 0) == (y > 0.5));
                sums.classes[static_cast<std::size_t>(y)] += w;
                break;
            case Loss::softmax: {
                const auto top = std::max_element(z.begin(), z.end());
                double sum = 0;
                for (const double zk : z) sum += std::exp(zk - *top);
                sums.loss += w * (std::log(sum) + *top - z[static_cast<std::size_t>(y)]);
                sums.right += w * (top - z.begin() == static_cast<std::ptrdiff_t>(y));
                sums.classes[static_cast<std::size_t>(y)] += w;
                break;
            }
            case Loss::poisson:
                sums.loss += w * (std::exp(z[0]) - y * z[0]);
                sums.logarithms += w * log_gamma(y + 1);
                break;
            default:
                sums.loss += w * (z[0] - y) * (z[0] - y);
                sums.logarithms += std::log(w);
        }
    }
    return sums;
}

/// What sum_rows() would have as `loss` for the intercept alone (or no parameter, without one).
template <class T>
double null_loss(const Regression<T>& r, const Sums& sums) {
    if (r.has_offsets()) {
        const Problem<T> alone = r.null_problem();
        const T f = r.has_intercept() ? minimize(alone, std::vector<T>{T(0)}).f
                                      : evaluate(alone, std::vector<T>{T(0)});
        return static_cast<double>(f) * sums.weight;
    }
    const double mean = r.has_intercept() ? sums.targets / sums.weight : 0;
    if (r.loss() == Loss::poisson) {
        if (!r.has_intercept()) return sums.weight;
        return mean > 0 ? sums.targets - sums.targets * std::log(mean) : 0;
    }
    if (!r.classes().empty()) {
        if (!r.has_intercept())
            return sums.weight * std::log(static_cast<double>(r.classes().size()));
        double loss = 0;
        for (const double w : sums.classes)
            if (w > 0) loss -= w * std::log(w / sums.weight);
        return loss;
    }
    double squares = 0;
    for (long i = 0; i < r.rows(); ++i)
        squares += r.weight_at(i) * (r.target_at(i) - mean) * (r.target_at(i) - mean);
    return squares;
}

/// Poisson: sum w (y log y - y), which the deviance is counted from.
template <class T>
double saturated_loss(const Regression<T>& r) {
    double loss = 0;
    for (long i = 0; i < r.rows(); ++i)
        if (const double y = r.target_at(i); y > 0) loss += r.weight_at(i) * (y - y * std::log(y));
    return loss;
}

/// sum w^2 psi^2 (x, 1)(x, 1)' of Huber's psi.
template <class T>
std::vector<double> outer_products(const Regression<T>& r, const std::vector<double>& x) {
    const auto n = static_cast<std::size_t>(r.block());
    std::vector<double> sum(n * n, 0), row(n, 1);
    for (long i = 0; i < r.rows(); ++i) {
        double z;
        r.predict(x, i, &z);
        const double psi = std::clamp(z - r.target_at(i), -r.delta(), r.delta()) * r.weight_at(i);
        for (int j = 0; j < r.features(); ++j)
            row[static_cast<std::size_t>(j)] = static_cast<double>(r.row(i)[j]);
        for (std::size_t a = 0; a < n; ++a) {
            const double factor = psi * psi * row[a];
            for (std::size_t b = 0; b < n; ++b) sum[a * n + b] += factor * row[b];
        }
    }
    return sum;
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b,
                            std::size_t n) {
    std::vector<double> c(n * n, 0);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t k = 0; k < n; ++k)
            for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
    return c;
}

/// A Newton step of this many standard errors would not be seen in what is printed of a fit.
constexpr double least_step = 1e-3;

/// Why nothing can be said of how the data determine the point; empty for a minimum, and for
/// precision_limit, which may be one.
std::string why_no_minimum(Status status) {
    if (status == Status::converged || status == Status::precision_limit) return {};
    if (status == Status::unbounded) return "the loss falls towards infinity, there is no minimum";
    if (status == Status::singular) return "the data do not determine all parameters";
    return std::string("the fit has not converged (") + to_string(status) + ")";
}

/// Whether the Newton step H^-1 g is next to nothing beside all standard errors.
bool is_near_minimum(const std::vector<double>& inverse, const std::vector<double>& V,
                     const std::vector<double>& g) {
    const std::size_t n = g.size();
    for (std::size_t i = 0; i < n; ++i) {
        double step = 0;
        for (std::size_t j = 0; j < n; ++j) step += inverse[i * n + j] * g[j];
        if (!(std::abs(step) <= least_step * std::sqrt(V[i * n + i]))) return false;
    }
    return true;
}

/// The covariance of all parameters of the problem; empty where there is none, and `why` says it.
/// scale2: linear, the residual variance.
template <class T>
std::vector<double> covariance(const Regression<T>& r, const Result<T>& result,
                               const std::vector<double>& x, const Sums& sums, double scale2,
                               double degrees_of_freedom, std::string& why) {
    const Problem<T> problem = r.problem();
    const std::vector<T> found = hessian(problem, result.x);
    std::vector<double> H(found.begin(), found.end());
    const int n = static_cast<int>(x.size()), block = r.block(), outputs = r.outputs();
    const auto entry = [&](int i, int j) -> double& {
        return H[static_cast<std::size_t>(i) * static_cast<std::size_t>(n) +
                 static_cast<std::size_t>(j)];
    };
    if (r.loss() == Loss::softmax) {
        // The same number added to all outputs changes nothing, and not their differences: so may
        // curvature along these directions, in which the loss has none.
        const bool penalised = r.settings().l2 > 0;
        for (int j = 0; j < block; ++j) {
            const bool is_intercept = r.has_intercept() && j == block - 1;
            if (penalised && !is_intercept) continue;
            double size = 0;
            for (int k = 0; k < outputs; ++k) size += entry(k * block + j, k * block + j);
            const double curvature = size / outputs / outputs;
            for (int k = 0; k < outputs; ++k)
                for (int l = 0; l < outputs; ++l) entry(k * block + j, l * block + j) += curvature;
        }
    }
    if (!invert(H, n, static_cast<double>(std::numeric_limits<T>::epsilon()))) {
        why = why_no_minimum(Status::singular);
        return {};
    }
    const std::vector<double> inverse = H;
    double factor = 1 / sums.weight;
    if (r.loss() == Loss::linear) factor = 2 * scale2 / sums.weight;
    if (r.loss() == Loss::huber) {
        const auto size = static_cast<std::size_t>(n);
        H = product(product(H, outer_products(r, x), size), H, size);
        factor = static_cast<double>(sums.rows) / degrees_of_freedom / (sums.weight * sums.weight);
    }
    for (double& value : H) value *= factor;
    if (result.status == Status::precision_limit) {
        const std::vector<T> slope = gradient(problem, result.x);
        if (!is_near_minimum(inverse, H, {slope.begin(), slope.end()})) {
            why = "the fit has not converged (precision_limit)";
            return {};
        }
    }
    return H;
}

}  // namespace

template <class T>
Inference infer(const Regression<T>& r, const Result<T>& result, bool errors) {
    const std::vector<double> x(result.x.begin(), result.x.end());
    const Sums sums = sum_rows(r, x);
    const int n = static_cast<int>(x.size()), block = r.block(), outputs = r.outputs();
    const int compared = r.loss() == Loss::softmax ? outputs - 1 : 1;
    const double parameters = compared * block;
    const bool penalised = r.settings().l2 > 0;
    Inference inference{};
    inference.degrees_of_freedom = static_cast<double>(sums.rows) - parameters;
    inference.accuracy = r.classes().empty() ? nan : sums.right / sums.weight;
    inference.scale = nan;
    const double rows = static_cast<double>(sums.rows);
    const bool is_linear = r.loss() == Loss::linear;
    const std::string few = "there are no more rows than parameters";
    std::string why = why_no_minimum(result.status), why_no_likelihood;
    if (result.status == Status::singular) inference.degrees_of_freedom = nan;
    const double freedom_left = inference.degrees_of_freedom;
    inference.deviance = inference.log_likelihood = inference.explained = inference.aic = nan;
    if (result.status == Status::unbounded) {
        why_no_likelihood = why;
    } else if (is_linear) {
        // Squares of residuals that are rounding of the targets.
        const double noise = 10 * static_cast<double>(std::numeric_limits<T>::epsilon());
        inference.deviance = sums.loss;
        const double total = null_loss(r, sums);
        if (total > 0) inference.explained = 1 - sums.loss / total;
        if (freedom_left > 0) inference.scale = std::sqrt(sums.loss / freedom_left);
        if (freedom_left <= 0)
            why_no_likelihood = few;
        else if (!(sums.loss > noise * noise * sums.squares))
            why_no_likelihood = "the fit is exact, its residuals are rounding";
        else
            inference.log_likelihood =
                -0.5 * rows * (std::log(2 * M_PI * sums.loss / rows) + 1) + 0.5 * sums.logarithms;
    } else if (r.loss() == Loss::huber) {
        inference.scale = r.delta() / 1.345;
        why_no_likelihood = "Huber's loss is no likelihood";
        if (freedom_left <= 0 && why.empty()) why = few;
    } else {
        const double saturated = r.loss() == Loss::poisson ? saturated_loss(r) : 0;
        const double null_deviance = 2 * (null_loss(r, sums) - saturated);
        inference.deviance = 2 * (sums.loss - saturated);
        inference.log_likelihood = -sums.loss - sums.logarithms;
        if (null_deviance > 0) inference.explained = 1 - inference.deviance / null_deviance;
    }
    if (is_linear && why.empty()) why = why_no_likelihood;

    std::vector<double> V;
    if (!why.empty()) {
        inference.errors = "are left out: " + why;
    } else if (!errors) {
        inference.errors = "were not asked for";
    } else if (n > most_inverted) {
        inference.errors =
            "are left out for more than " + std::to_string(most_inverted) + " parameters";
    } else {
        V = covariance(r, result, x, sums, inference.scale * inference.scale, freedom_left, why);
        if (V.empty())
            inference.errors = "are left out: " + why;
        else if (r.loss() == Loss::huber)
            inference.errors =
                "by the sandwich estimator N/(N-p) H^-1 (sum psi^2 x x') H^-1 (Huber 1981), N rows "
                "and p parameters";
        else if (is_linear)
            inference.errors = "by the inverse Hessian times the residual variance";
        else
            inference.errors = "by the inverse Hessian of the negative log-likelihood";
        if (!V.empty() && penalised)
            inference.errors +=
                ", with the penalty in it: of the posterior for a normal prior, "
                "not of the shrunken estimate's bias";
    }
    if (!why_no_likelihood.empty())
        inference.without = why_no_likelihood;
    else if (!why.empty())
        inference.without = why;
    else if (penalised)
        inference.without = "a penalised parameter counts for less than one";
    else if (result.status == Status::precision_limit && V.empty())
        inference.without = "the fit has not converged (precision_limit)";
    else
        inference.aic = 2 * (parameters + (is_linear ? 1 : 0)) - 2 * inference.log_likelihood;
    inference.statistic = is_linear ? "t" : "z";
    const double freedom =
        is_linear ? inference.degrees_of_freedom : std::numeric_limits<double>::infinity();
    const double quantile = V.empty() ? nan : two_sided_quantile(0.05, freedom);

    for (int c = 0; c < compared; ++c) {
        // Of softmax the differences from the first class.
        const int of = r.loss() == Loss::softmax ? c + 1 : 0;
        const bool is_difference = r.loss() == Loss::softmax;
        const auto parameter = [&](int j) {
            return x[static_cast<std::size_t>(of * block + j)] -
                   (is_difference ? x[static_cast<std::size_t>(j)] : 0);
        };
        const auto covariance_of = [&](int i, int j) {
            const auto at = [&](int k, int l) {
                return V[static_cast<std::size_t>(k) * static_cast<std::size_t>(n) +
                         static_cast<std::size_t>(l)];
            };
            if (!is_difference) return at(i, j);
            const int first = of * block;
            return at(first + i, first + j) - at(first + i, j) - at(i, first + j) + at(i, j);
        };
        // What the intercept of the features as they are takes of each parameter.
        std::vector<double> shares(static_cast<std::size_t>(block), 1);
        for (int j = 0; j < r.features(); ++j)
            shares[static_cast<std::size_t>(j)] = -r.means()[static_cast<std::size_t>(j)] /
                                                  r.deviations()[static_cast<std::size_t>(j)];
        const std::vector<std::string> names = r.block_names();
        for (int j = 0; j < block; ++j) {
            Coefficient at{};
            at.name = names[static_cast<std::size_t>(j)];
            if (is_difference) at.output = r.classes()[static_cast<std::size_t>(of)];
            at.standardized = nan;
            double variance = nan;
            if (j < r.features()) {
                const double deviation = r.deviations()[static_cast<std::size_t>(j)];
                at.estimate = parameter(j) / deviation;
                at.deviation = deviation;
                if (r.settings().standardize) at.standardized = parameter(j);
                if (!V.empty()) variance = covariance_of(j, j) / (deviation * deviation);
            } else {
                for (int k = 0; k < block; ++k)
                    at.estimate += shares[static_cast<std::size_t>(k)] * parameter(k);
                if (!V.empty()) {
                    variance = 0;
                    for (int k = 0; k < block; ++k)
                        for (int l = 0; l < block; ++l)
                            variance += shares[static_cast<std::size_t>(k)] *
                                        shares[static_cast<std::size_t>(l)] * covariance_of(k, l);
                }
            }
            at.error = std::sqrt(variance);
            at.statistic = at.estimate / at.error;
            at.p = std::isnan(at.error) ? nan
                   : is_linear          ? student_two_sided(at.statistic, freedom)
                                        : normal_two_sided(at.statistic);
            at.low = at.estimate - quantile * at.error;
            at.high = at.estimate + quantile * at.error;
            inference.coefficients.push_back(std::move(at));
        }
    }
    return inference;
}

template Inference infer(const Regression<double>&, const Result<double>&, bool);
template Inference infer(const Regression<float>&, const Result<float>&, bool);

}  // namespace cunewton::tool
