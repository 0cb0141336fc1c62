#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/datasets.h"
#include "tests/support/oracle.h"

// The built-in linear-predictor losses with data in the library's form and in the oracle's.
namespace cunewton::test {

enum class ModelKind { squared, logistic, softmax2, softmax3, softmax10, poisson, huber };

inline const std::vector<ModelKind>& all_models() {
    static const std::vector<ModelKind> models{
        ModelKind::squared,   ModelKind::logistic, ModelKind::softmax2, ModelKind::softmax3,
        ModelKind::softmax10, ModelKind::poisson,  ModelKind::huber};
    return models;
}

inline int classes_of(ModelKind kind) {
    switch (kind) {
        case ModelKind::softmax2:
            return 2;
        case ModelKind::softmax3:
            return 3;
        case ModelKind::softmax10:
            return 10;
        default:
            return 1;
    }
}

inline std::string name_of(ModelKind kind) {
    switch (kind) {
        case ModelKind::squared:
            return "squared";
        case ModelKind::logistic:
            return "logistic";
        case ModelKind::poisson:
            return "poisson";
        case ModelKind::huber:
            return "huber";
        default:
            return "softmax " + std::to_string(classes_of(kind));
    }
}

constexpr double huber_delta = 1.25;

inline OracleModel oracle_model(ModelKind kind) {
    switch (kind) {
        case ModelKind::squared:
            return {OracleLoss::squared};
        case ModelKind::logistic:
            return {OracleLoss::logistic};
        case ModelKind::poisson:
            return {OracleLoss::poisson};
        case ModelKind::huber:
            return {OracleLoss::huber, 1, huber_delta};
        default:
            return {OracleLoss::softmax, classes_of(kind)};
    }
}

struct ModelOptions {
    int samples = 33;
    int features = 4;
    bool weights = false;
    bool zero_weights = false;  ///< every fifth weight is 0 (with `weights`)
    int ld_padding = 0;         ///< NaN between the rows
    ProblemOptions problem = {};
    std::uint64_t seed = 1;
};

/// A model's data in T and, the very same numbers, in the oracle's form. The problem looks into the
/// vectors: keep it where it is.
template <class T>
class Model {
  public:
    Model(ModelKind kind, const ModelOptions& options) : kind_(kind), options_(options) {
        const Dataset set = dataset();
        const int d = options.features, ld = d + options.ld_padding;
        features_.assign(static_cast<std::size_t>(options.samples) * ld,
                         std::numeric_limits<T>::quiet_NaN());
        for (int i = 0; i < options.samples; ++i)
            for (int j = 0; j < d; ++j)
                features_[static_cast<std::size_t>(i) * ld + j] = static_cast<T>(set.X[i * d + j]);
        targets_.assign(set.y.begin(), set.y.end());
        weights_.assign(set.w.begin(), set.w.end());
        if (options.zero_weights)
            for (std::size_t i = 0; i < weights_.size(); i += 5) weights_[i] = T(0);
        if (options.zero_weights && options.samples == 1) weights_[0] = T(1);

        oracle_.samples = options.samples;
        oracle_.features = d;
        oracle_.X.assign(set.X.begin(), set.X.end());
        oracle_.w.assign(weights_.begin(), weights_.end());
        oracle_.intercept = options.problem.intercept;
        oracle_.mean = options.problem.reduction != Reduction::sum;
        oracle_.l2 = options.problem.l2;
        oracle_.penalize_intercept = options.problem.penalize_intercept;

        Random random(options.seed + 1000);
        for (const double coefficient : set.truth)
            theta_.push_back(static_cast<T>(coefficient + 0.25 * random.near_normal()));
        // Residuals on either side of Huber's kinks and never near them, where differences of any
        // step would mix the two sides.
        if (kind == ModelKind::huber)
            for (int i = 0; i < options.samples; ++i) {
                constexpr double residuals[] = {0.25, -2.5, 0.75, 3.5, -0.5, 2.0, -0.125};
                targets_[i] = static_cast<T>(predictor(i) - residuals[i % 7]);
            }
        oracle_.y.assign(targets_.begin(), targets_.end());
    }
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    Samples<T> samples() const {
        return {
            features_.data(),  options_.samples,
            options_.features, options_.ld_padding ? options_.features + options_.ld_padding : 0,
            targets_.data(),   weights_.empty() ? nullptr : weights_.data()};
    }
    Problem<T> problem() const {
        switch (kind_) {
            case ModelKind::squared:
                return make(LinearRegression{});
            case ModelKind::logistic:
                return make(Logistic{});
            case ModelKind::poisson:
                return make(Poisson{});
            case ModelKind::huber:
                return make(Huber{huber_delta});
            default:
                return make(Softmax{classes_of(kind_)});
        }
    }
    /// A point of ordinary size, not a minimiser.
    const std::vector<T>& theta() const { return theta_; }
    const OracleData& oracle() const { return oracle_; }
    OracleModel model() const { return oracle_model(kind_); }

    long double value(const std::vector<T>& x) const {
        return oracle_value(model(), oracle_, wide(x));
    }
    std::vector<long double> gradient(const std::vector<T>& x) const {
        return oracle_gradient(model(), oracle_, wide(x));
    }
    std::vector<long double> hessian(const std::vector<T>& x) const {
        return oracle_hessian(model(), oracle_, wide(x));
    }
    static std::vector<long double> wide(const std::vector<T>& x) { return {x.begin(), x.end()}; }

  private:
    template <class Loss>
    Problem<T> make(const Loss& loss) const {
        return make_linear_predictor<T>(loss, samples(), options_.problem);
    }
    Dataset dataset() const {
        const DatasetOptions o{options_.problem.intercept,
                               options_.weights || options_.zero_weights, 0.5};
        const int samples = options_.samples, features = options_.features;
        switch (kind_) {
            case ModelKind::squared:
            case ModelKind::huber:
                return make_regression(samples, features, options_.seed, o);
            case ModelKind::logistic:
                return make_binary(samples, features, options_.seed, o);
            case ModelKind::poisson:
                return make_counts(samples, features, options_.seed, o);
            default:
                return make_multiclass(samples, features, classes_of(kind_), options_.seed, o);
        }
    }
    double predictor(int i) const {
        double z = options_.problem.intercept ? double(theta_.back()) : 0;
        for (int j = 0; j < options_.features; ++j)
            z += double(oracle_.X[static_cast<std::size_t>(i) * options_.features + j]) * theta_[j];
        return z;
    }

    ModelKind kind_;
    ModelOptions options_;
    std::vector<T> features_, targets_, weights_, theta_;
    OracleData oracle_;
};
// Compiled once, in models.cpp.
extern template class Model<double>;
extern template class Model<float>;

inline double largest(const std::vector<long double>& values) {
    long double top = 0;
    for (const long double v : values) top = std::max(top, std::abs(v));
    return static_cast<double>(top);
}

/// max |computed - exact|; infinite if an entry is not a number.
template <class T>
double largest_error(const std::vector<T>& computed, const std::vector<long double>& exact) {
    if (computed.size() != exact.size()) return INFINITY;
    long double top = 0;
    for (std::size_t e = 0; e < exact.size(); ++e) {
        const long double error = std::abs(computed[e] - exact[e]);
        if (!(error <= std::numeric_limits<long double>::max())) return INFINITY;
        top = std::max(top, error);
    }
    return static_cast<double>(top);
}

}  // namespace cunewton::test
