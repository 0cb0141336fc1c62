#include "cunewton/problem/cox.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "cunewton/problem/black_box.h"
#include "host/data/sample_data.h"

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

/// Sums over samples of w e^(z - top) times 1, x, u = v'x, u x and x x': of those at risk, or of
/// those who fail at a time. What is not asked for is left out.
struct RiskSums {
    double one = 0, u = 0;
    std::vector<double> x, ux, xx;

    void scale(double factor) {
        one *= factor;
        u *= factor;
        for (std::vector<double>* const sums : {&x, &ux, &xx})
            for (double& sum : *sums) sum *= factor;
    }
};

template <class T>
class CoxRegression {
  public:
    CoxRegression(const Samples<T>& samples, std::span<const T> times, std::span<const T> events,
                  CoxTies ties)
        : keep_(samples.keep),
          there_(samples),
          d_(static_cast<std::size_t>(samples.dimension)),
          ties_(ties),
          order_(times.size()),
          failed_(times.size()),
          last_(times.size()) {
        std::iota(order_.begin(), order_.end(), 0L);
        std::stable_sort(order_.begin(), order_.end(), [&](long a, long b) {
            return times[static_cast<std::size_t>(a)] > times[static_cast<std::size_t>(b)];
        });
        for (std::size_t i = 0; i < order_.size(); ++i) {
            const std::size_t sample = static_cast<std::size_t>(order_[i]);
            failed_[i] = events[sample] == T(1);
            last_[i] = i + 1 == order_.size() ||
                       times[static_cast<std::size_t>(order_[i + 1])] != times[sample];
        }
    }

    /// The loss; its gradient, its Hessian (the lower triangle) and its product with v, unless they
    /// are null.
    double evaluate(const T* x, double* gradient, double* hessian, const T* v,
                    double* product) const {
        const Samples<T>& s = there_.view();
        RiskSums risk = sums(gradient || hessian || v, hessian, v), tied = risk;
        double f = 0, top = -std::numeric_limits<double>::infinity();
        double tied_weight = 0;
        long failures = 0;
        for (std::size_t i = 0; i < order_.size(); ++i) {
            const long sample = order_[i];
            const T* const row = s.features + sample * s.ld;
            const double weight = s.weights ? static_cast<double>(s.weights[sample]) : 1.0;
            if (weight > 0) {
                double z = s.offsets ? static_cast<double>(s.offsets[sample]) : 0.0, u = 0;
                for (std::size_t j = 0; j < d_; ++j) {
                    z += static_cast<double>(x[j]) * static_cast<double>(row[j]);
                    if (v) u += static_cast<double>(v[j]) * static_cast<double>(row[j]);
                }
                if (z > top) {
                    // The largest summand stays 1, so that none overflows and not all vanish.
                    const double factor = std::exp(top - z);
                    risk.scale(factor);
                    tied.scale(factor);
                    top = z;
                }
                const double part = weight * std::exp(z - top);
                add(risk, row, part, u);
                if (failed_[i]) {
                    add(tied, row, part, u);
                    tied_weight += weight;
                    ++failures;
                    f -= weight * z;
                    for (std::size_t j = 0; gradient && j < d_; ++j)
                        gradient[j] -= weight * static_cast<double>(row[j]);
                }
            }
            if (!last_[i]) continue;
            f += fail(risk, tied, tied_weight, failures, top, gradient, hessian, product);
            tied.scale(0);
            tied_weight = 0;
            failures = 0;
        }
        return f;
    }

  private:
    RiskSums sums(bool x, bool xx, bool u) const {
        RiskSums empty;
        if (x) empty.x.assign(d_, 0);
        if (xx) empty.xx.assign(d_ * d_, 0);
        if (u) empty.ux.assign(d_, 0);
        return empty;
    }
    void add(RiskSums& to, const T* row, double part, double u) const {
        to.one += part;
        to.u += part * u;
        for (std::size_t j = 0; j < to.x.size(); ++j) to.x[j] += part * static_cast<double>(row[j]);
        for (std::size_t j = 0; j < to.ux.size(); ++j)
            to.ux[j] += part * u * static_cast<double>(row[j]);
        for (std::size_t c = 0; c < d_ && !to.xx.empty(); ++c) {
            const double scaled = part * static_cast<double>(row[c]);
            for (std::size_t r = c; r < d_; ++r)
                to.xx[c * d_ + r] += scaled * static_cast<double>(row[r]);
        }
    }
    /// Adds the terms of the failures at one time, of which each has the mean weight; returns the
    /// loss's.
    double fail(const RiskSums& risk, const RiskSums& tied, double weight, long failures,
                double top, double* gradient, double* hessian, double* product) const {
        double f = 0;
        std::vector<double> mean(risk.x.size());
        for (long l = 0; l < failures; ++l) {
            // Of those who fail then, the share that has left the set at risk.
            const double gone = ties_ == CoxTies::efron
                                    ? static_cast<double>(l) / static_cast<double>(failures)
                                    : 0.0;
            const double each = weight / static_cast<double>(failures);
            const double all = risk.one - gone * tied.one;
            f += each * (std::log(all) + top);
            for (std::size_t j = 0; j < mean.size(); ++j)
                mean[j] = (risk.x[j] - gone * tied.x[j]) / all;
            for (std::size_t j = 0; gradient && j < d_; ++j) gradient[j] += each * mean[j];
            const double u = (risk.u - gone * tied.u) / all;
            for (std::size_t j = 0; product && j < d_; ++j)
                product[j] += each * ((risk.ux[j] - gone * tied.ux[j]) / all - mean[j] * u);
            for (std::size_t c = 0; hessian && c < d_; ++c)
                for (std::size_t r = c; r < d_; ++r) {
                    const std::size_t e = c * d_ + r;
                    hessian[e] +=
                        each * ((risk.xx[e] - gone * tied.xx[e]) / all - mean[r] * mean[c]);
                }
        }
        return f;
    }

    const std::shared_ptr<const void> keep_;
    const HostSamples<T> there_;
    const std::size_t d_;
    const CoxTies ties_;
    std::vector<long> order_;   // latest first
    std::vector<char> failed_;  // in that order
    std::vector<char> last_;    // of those of one time
};

template <class T>
void check(const Samples<T>& samples, std::span<const T> times, std::span<const T> events) {
    const std::size_t count = static_cast<std::size_t>(samples.count);
    if (times.size() != count || events.size() != count)
        reject("times or events have the wrong size (" + std::to_string(times.size()) + " and " +
               std::to_string(events.size()) + " for " + std::to_string(count) +
               " samples) pass one of each for each sample");
    if (samples.offsets && samples.offset_count != 1)
        reject("samples have the wrong number of offsets (" + std::to_string(samples.offset_count) +
               " each) pass one for each sample");
    const HostSamples<T> there(samples, true);
    const T* const weights = there.view().weights;
    bool some_fail = false;
    for (std::size_t i = 0; i < count; ++i) {
        if (!std::isfinite(times[i]))
            reject("times are not finite (that of sample " + std::to_string(i) + " is " +
                   std::to_string(times[i]) + ") remove or repair that sample");
        if (events[i] != T(0) && events[i] != T(1))
            reject("event of sample " + std::to_string(i) + " is invalid (" +
                   std::to_string(events[i]) + ") pass 1 for a failure and 0 for none");
        some_fail |= events[i] == T(1) && (!weights || weights[i] > T(0));
    }
    if (!some_fail)
        reject("no sample fails (there is no event of 1 with a weight) pass at least one");
}

}  // namespace

template <class T>
Problem<T> make_cox_regression(const Samples<T>& given,
                               std::type_identity_t<std::span<const T>> times,
                               std::type_identity_t<std::span<const T>> events, CoxTies ties) {
    Samples<T> samples = given;
    samples.targets = nullptr;
    checked_weight(samples);
    check<T>(samples, times, events);
    const auto cox = std::make_shared<const CoxRegression<T>>(samples, times, events, ties);
    BlackBox<T> box;
    box.values = [cox](const T* points, int n, int count, T* losses) {
        for (int p = 0; p < count; ++p)
            losses[p] = static_cast<T>(cox->evaluate(points + static_cast<std::ptrdiff_t>(p) * n,
                                                     nullptr, nullptr, nullptr, nullptr));
    };
    box.value_and_gradient = [cox](const T* x, int n, T* gradient) {
        std::vector<double> g(static_cast<std::size_t>(n), 0.0);
        const double f = cox->evaluate(x, g.data(), nullptr, nullptr, nullptr);
        std::transform(g.begin(), g.end(), gradient, [](double e) { return static_cast<T>(e); });
        return static_cast<T>(f);
    };
    box.hessian = [cox](const T* x, int n, T* hessian) {
        std::vector<double> H(static_cast<std::size_t>(n) * static_cast<std::size_t>(n), 0.0);
        cox->evaluate(x, nullptr, H.data(), nullptr, nullptr);
        std::transform(H.begin(), H.end(), hessian, [](double e) { return static_cast<T>(e); });
    };
    box.products = [cox](const T* x, int n, const T* V, int columns, T* HV) {
        std::vector<double> product(static_cast<std::size_t>(n));
        for (std::ptrdiff_t c = 0; c < columns; ++c) {
            std::fill(product.begin(), product.end(), 0.0);
            cox->evaluate(x, nullptr, nullptr, V + c * n, product.data());
            std::transform(product.begin(), product.end(), HV + c * n,
                           [](double e) { return static_cast<T>(e); });
        }
    };
    return make_black_box<T>(std::move(box), samples.dimension);
}

template Problem<double> make_cox_regression(const Samples<double>&, std::span<const double>,
                                             std::span<const double>, CoxTies);
template Problem<float> make_cox_regression(const Samples<float>&, std::span<const float>,
                                            std::span<const float>, CoxTies);

}  // namespace cunewton
