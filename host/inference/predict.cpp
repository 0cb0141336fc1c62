#include <cmath>
#include <limits>

#include "cunewton/distributions.h"
#include "cunewton/inference.h"

namespace cunewton {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Predictions one after the other.
class Predictions {
  public:
    explicit Predictions(const Inference& inference) : inference_(inference) {
        if (inference.covariance.empty())
            throw InvalidArgument("predictions have no errors (standard errors " +
                                  inference.errors + ") predict from a minimum");
        // What is undetermined has no variance, and what the bound or the caller decided is known.
        for (const WithoutError without : inference.without)
            if (without == WithoutError::undetermined)
                throw InvalidArgument(
                    "predictions have no errors (some parameters are not determined by the data) "
                    "leave those out of the model");
        const double freedom = inference.student ? inference.degrees_of_freedom
                                                 : std::numeric_limits<double>::infinity();
        quantile_ = student_two_sided_quantile(1 - inference.level, freedom);
    }

    /// c' V c of the parameters that have errors.
    double variance(const std::vector<double>& c) const {
        const std::size_t m = c.size();
        double sum = 0;
        for (std::size_t f = 0; f < m; ++f) {
            if (inference_.without[f] != WithoutError::none) continue;
            double row = 0;
            for (std::size_t e = 0; e < m; ++e)
                if (inference_.without[e] == WithoutError::none)
                    row += inference_.covariance[f * m + e] * c[e];
            sum += row * c[f];
        }
        return std::max(sum, 0.0);
    }

    void add(double z, double variance, bool is_normal) {
        const double error = std::sqrt(variance), low = z - quantile_ * error,
                     high = z + quantile_ * error;
        found_.predictor.push_back(z);
        found_.predictor_error.push_back(error);
        found_.predictor_low.push_back(low);
        found_.predictor_high.push_back(high);
        const auto& mean = inference_.distribution.mean;
        const auto& slope = inference_.distribution.mean_slope;
        const bool identity = inference_.outputs == 0;
        const auto at = [&](double v) { return identity ? v : mean ? mean(v) : nan; };
        const double first = at(low), last = at(high);
        found_.mean.push_back(at(z));
        found_.mean_error.push_back(error * (identity ? 1 : slope ? std::abs(slope(z)) : nan));
        found_.mean_low.push_back(std::fmin(first, last));
        found_.mean_high.push_back(std::fmax(first, last));
        const double spread =
            is_normal ? quantile_ * std::sqrt(variance + inference_.dispersion) : nan;
        found_.observation_low.push_back(z - spread);
        found_.observation_high.push_back(z + spread);
    }
    Prediction take() { return std::move(found_); }

  private:
    const Inference& inference_;
    double quantile_ = 0;
    Prediction found_;
};

template <class T>
void check_place(const Array<const T>& array, const char* name) {
    if (!array.on_host())
        throw InvalidArgument(std::string(name) +
                              " are on a GPU (predictions are made on the host) fetch them");
}

}  // namespace

template <class T>
Prediction predict(const Inference& inference, const Array<const T>& rows,
                   const Array<const T>& offsets) {
    if (inference.outputs != 1)
        throw InvalidArgument("rows are predicted for linear predictors with one output (this is " +
                              (inference.outputs > 1
                                   ? "one with " + std::to_string(inference.outputs)
                                   : inference.loss) +
                              ") pass the problem as well if it is a curve fit");
    const long features =
        static_cast<long>(inference.estimates.size()) - (inference.intercept ? 1 : 0);
    if (rows.columns != features)
        throw InvalidArgument("rows have " + std::to_string(rows.columns) +
                              " features (the problem has " + std::to_string(features) +
                              ") pass as many, without the intercept's 1");
    if (!offsets.empty() && offsets.size() != rows.rows)
        throw InvalidArgument("offsets have the wrong size (" + std::to_string(offsets.size()) +
                              " for " + std::to_string(rows.rows) + " rows) pass one for each");
    check_place(rows, "rows");
    check_place(offsets, "offsets");
    Predictions predictions(inference);
    // Of squares, where the loss's mean is its predictor.
    const bool is_normal =
        inference.distribution.has_dispersion && inference.distribution.variance &&
        inference.distribution.variance(2) == 1 && inference.distribution.variance(3) == 1;
    std::vector<double> c(inference.estimates.size(), 1.0);
    for (long i = 0; i < rows.rows; ++i) {
        double z = 0;
        if (!offsets.empty())
            z = static_cast<double>(offsets.rows == 1 ? offsets(0, i) : offsets(i, 0));
        for (long j = 0; j < features; ++j)
            c[static_cast<std::size_t>(j)] = static_cast<double>(rows(i, j));
        for (std::size_t j = 0; j < c.size(); ++j) z += c[j] * inference.estimates[j];
        predictions.add(z, predictions.variance(c), is_normal);
    }
    return predictions.take();
}
template Prediction predict(const Inference&, const Array<const double>&,
                            const Array<const double>&);
template Prediction predict(const Inference&, const Array<const float>&, const Array<const float>&);

template <class T>
Prediction predict(const Problem<T>& problem, const Inference& inference,
                   const Array<const T>& rows) {
    const auto* const form = std::get_if<ResidualSum<T>>(&problem.parts().form);
    if (!form || form->residuals != 1 || !form->code.cpu)
        throw InvalidArgument(
            "the problem's rows cannot be predicted (it is no sum of residuals, one a sample, with "
            "code for the CPU) pass linear predictors without their problem");
    if (rows.columns != form->samples.dimension)
        throw InvalidArgument("rows have " + std::to_string(rows.columns) +
                              " features (the samples have " +
                              std::to_string(form->samples.dimension) + ") pass as many");
    if (inference.estimates.size() != static_cast<std::size_t>(problem.dimension()))
        throw InvalidArgument("the inference is of another problem (" +
                              std::to_string(inference.estimates.size()) + " parameters, not " +
                              std::to_string(problem.dimension()) + ") pass that of this problem");
    check_place(rows, "rows");
    Predictions predictions(inference);
    const int n = problem.dimension();
    const std::vector<T> x(inference.estimates.begin(), inference.estimates.end());
    std::vector<T> steps(x.size());
    for (std::size_t j = 0; j < x.size(); ++j)
        steps[j] = static_cast<T>(std::cbrt(std::numeric_limits<T>::epsilon())) *
                   std::max(T(1), std::abs(x[j]));
    const GradientBy by = resolve(GradientBy::automatic, form->code.cpu->capabilities());
    constexpr std::ptrdiff_t ld = cpu::residual_padding;
    std::vector<T> features(static_cast<std::size_t>(rows.columns));
    std::vector<T> r(ld), J(static_cast<std::size_t>(ld * n));
    std::vector<double> c(x.size());
    for (long i = 0; i < rows.rows; ++i) {
        for (long j = 0; j < rows.columns; ++j) features[static_cast<std::size_t>(j)] = rows(i, j);
        // The residual of two targets tells how the target is in it.
        const auto residual = [&](T target) {
            const cpu::SampleRange<T> range{features.data(),
                                            static_cast<int>(rows.columns),
                                            rows.columns,
                                            &target,
                                            nullptr,
                                            0,
                                            1};
            form->code.cpu->rows(x.data(), n, by, steps.data(), range, r.data(), J.data(), ld);
            return static_cast<double>(r[0]);
        };
        const double zero = residual(T(0)), scale = std::max(1.0, std::abs(zero));
        const double slope = (residual(static_cast<T>(scale)) - zero) / scale;
        const double tolerance = 100 * static_cast<double>(std::numeric_limits<T>::epsilon());
        if (!(std::abs(std::abs(slope) - 1) <= tolerance))
            throw InvalidArgument(
                "the residual is no model less the target (it does not change by as much as the "
                "target does) predict by the model itself");
        const double sign = slope < 0 ? 1 : -1;
        for (std::size_t j = 0; j < c.size(); ++j)
            c[j] = static_cast<double>(J[j * static_cast<std::size_t>(ld)]);
        predictions.add(sign * zero, predictions.variance(c), true);
    }
    return predictions.take();
}
template Prediction predict(const Problem<double>&, const Inference&, const Array<const double>&);
template Prediction predict(const Problem<float>&, const Inference&, const Array<const float>&);

}  // namespace cunewton
