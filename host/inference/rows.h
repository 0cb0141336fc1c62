// The rows of a linear predictor on the host, with their predictors, and sums over them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "cunewton/problem/forms.h"
#include "host/backend/thread_pool.h"
#include "host/data/sample_data.h"

namespace cunewton::infer {

/// Rows that one item of a loop goes through: sums of items are added in their order, so that they
/// do not depend on the number of threads.
inline constexpr long rows_of_an_item = 4096;

template <class T>
class Rows {
  public:
    Rows(const LinearPredictor<T>& form, int threads)
        : form_(form),
          host_(form.samples),
          pool_(threads),
          z_(static_cast<std::size_t>(form.samples.count) *
             static_cast<std::size_t>(form.outputs)) {}

    long count() const { return form_.samples.count; }
    int outputs() const { return form_.outputs; }
    int features() const { return form_.samples.dimension; }
    /// Parameters of one output.
    int block() const { return features() + (form_.intercept ? 1 : 0); }
    const Samples<T>& view() const { return host_.view(); }
    double weight(long i) const {
        return view().weights ? static_cast<double>(view().weights[i]) : 1.0;
    }
    double target(long i) const {
        return view().targets ? static_cast<double>(view().targets[i]) : 0.0;
    }
    double feature(long i, int j) const {
        return static_cast<double>(view().features[i * view().ld + j * view().feature_stride]);
    }
    double offset(long i, int k) const {
        return view().offsets ? static_cast<double>(view().offsets[i * outputs() + k]) : 0.0;
    }
    const double* z(long i) const {
        return z_.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(outputs());
    }

    /// z_i = W' (x_i, 1) + offsets, for parameters as the problem has them.
    void predict(const std::vector<double>& x) {
        for_rows([&](long i) {
            for (int k = 0; k < outputs(); ++k) {
                const double* const w = x.data() + static_cast<std::ptrdiff_t>(k) * block();
                double sum = offset(i, k) + (form_.intercept ? w[features()] : 0);
                for (int j = 0; j < features(); ++j) sum += w[j] * feature(i, j);
                put(i, k) = sum;
            }
        });
    }
    /// z_i = b + offsets.
    void predict_constant(const std::vector<double>& b) {
        for_rows([&](long i) {
            for (int k = 0; k < outputs(); ++k)
                put(i, k) = offset(i, k) + b[static_cast<std::size_t>(k)];
        });
    }
    /// sum of term(i) over the rows that have a weight.
    double sum(const std::function<double(long)>& term) {
        std::vector<double> sums(items(), 0.0);
        pool_.for_each(items(), [&](std::size_t item, int) {
            double total = 0;
            for (long i = first(item); i < end(item); ++i)
                if (weight(i) > 0) total += term(i);
            sums[item] = total;
        });
        double all = 0;
        for (const double part : sums) all += part;
        return all;
    }
    ThreadPool& pool() { return pool_; }
    std::size_t items() const {
        return static_cast<std::size_t>((count() + rows_of_an_item - 1) / rows_of_an_item);
    }
    long first(std::size_t item) const { return static_cast<long>(item) * rows_of_an_item; }
    long end(std::size_t item) const { return std::min(count(), first(item) + rows_of_an_item); }

  private:
    double& put(long i, int k) {
        return z_[static_cast<std::size_t>(i) * static_cast<std::size_t>(outputs()) +
                  static_cast<std::size_t>(k)];
    }
    void for_rows(const std::function<void(long)>& each) {
        pool_.for_each(items(), [&](std::size_t item, int) {
            for (long i = first(item); i < end(item); ++i) each(i);
        });
    }
    const LinearPredictor<T>& form_;
    HostSamples<T> host_;
    ThreadPool pool_;
    std::vector<double> z_;
};

}  // namespace cunewton::infer
