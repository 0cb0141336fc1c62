#include "bench/peers/dense_model.h"

#include <algorithm>
#include <cmath>

#include "bench/blas.h"

namespace cunewton::bench {
namespace {

constexpr double one = 1, zero = 0;

class DenseModel final : public Objective {
  public:
    DenseModel(const TrainingData& data, double l2)
        : N_(static_cast<int>(data.samples)),
          m_(data.features + 1),
          K_(data.outputs()),
          l2_(l2),
          X_(std::size_t(N_) * m_),
          y_(data.y),
          z_(std::size_t(N_) * K_),
          scaled_(std::size_t(chunk) * m_) {
        for (std::size_t i = 0; i < std::size_t(N_); ++i) {
            const auto row = data.X.begin() + static_cast<long>(i) * data.features;
            std::copy(row, row + data.features, X_.begin() + static_cast<long>(i) * m_);
            X_[i * m_ + data.features] = 1;
        }
    }

    int dimension() const override { return K_ * m_; }

    double value(const double* w) override {
        predict(w);
        return losses() / N_ + penalty(w);
    }

    double value_and_gradient(const double* w, double* g) override {
        const double f = value(w);
        probabilities();
        // Residuals over N, in place.
        for (int i = 0; i < N_; ++i) {
            double* z = z_.data() + std::size_t(i) * K_;
            z[K_ == 1 ? 0 : static_cast<int>(y_[i])] -= K_ == 1 ? y_[i] : 1;
            for (int k = 0; k < K_; ++k) z[k] /= N_;
        }
        dgemm_("N", "T", &m_, &K_, &N_, &one, X_.data(), &m_, z_.data(), &K_, &zero, g, &m_);
        for (int j = 0; j < dimension(); ++j) g[j] += l2_ * w[j];
        return f;
    }

    void hessian(const double* w, double* H) override {
        predict(w);
        probabilities();
        const int n = dimension();
        std::fill(H, H + std::size_t(n) * n, 0.0);
        for (int k = 0; k < K_; ++k)
            for (int l = 0; l <= k; ++l) add_block(k, l, H + std::size_t(l) * m_ * n + k * m_);
        // Blocks are symmetric themselves; dsyrk has filled their lower triangles.
        for (int k = 0; k < K_; ++k)
            for (int l = 0; l <= k; ++l) mirror_block(H + std::size_t(l) * m_ * n + k * m_);
        for (int j = 0; j < n; ++j) {
            H[std::size_t(j) * (n + 1)] += l2_;
            for (int i = j + 1; i < n; ++i) H[std::size_t(i) * n + j] = H[std::size_t(j) * n + i];
        }
    }

  private:
    static constexpr int chunk = 4096;

    /// z = X w
    void predict(const double* w) {
        dgemm_("T", "N", &K_, &N_, &m_, &one, w, &m_, X_.data(), &m_, &zero, z_.data(), &K_);
    }

    double losses() const {
        double sum = 0;
        for (int i = 0; i < N_; ++i) {
            const double* z = z_.data() + std::size_t(i) * K_;
            if (K_ == 1) {
                sum += std::max(z[0], 0.0) + std::log1p(std::exp(-std::abs(z[0]))) - y_[i] * z[0];
            } else {
                const double top = *std::max_element(z, z + K_);
                double total = 0;
                for (int k = 0; k < K_; ++k) total += std::exp(z[k] - top);
                sum += std::log(total) + top - z[static_cast<int>(y_[i])];
            }
        }
        return sum;
    }

    /// Replaces predictors by probabilities.
    void probabilities() {
        for (int i = 0; i < N_; ++i) {
            double* z = z_.data() + std::size_t(i) * K_;
            if (K_ == 1) {
                z[0] = 1 / (1 + std::exp(-z[0]));
            } else {
                const double top = *std::max_element(z, z + K_);
                double total = 0;
                for (int k = 0; k < K_; ++k) total += z[k] = std::exp(z[k] - top);
                for (int k = 0; k < K_; ++k) z[k] /= total;
            }
        }
    }

    double penalty(const double* w) const {
        double sum = 0;
        for (int j = 0; j < dimension(); ++j) sum += w[j] * w[j];
        return l2_ / 2 * sum;
    }

    /// X' diag(p_k ([k = l] - p_l)) X / N: a product of a scaled copy, chunk by chunk.
    void add_block(int k, int l, double* block) {
        const int n = dimension();
        const double sign = k == l ? 1 : -1;
        for (int first = 0; first < N_; first += chunk) {
            const int count = std::min(chunk, N_ - first);
            for (int i = 0; i < count; ++i) {
                const double* p = z_.data() + std::size_t(first + i) * K_;
                const double weight = p[k] * (k == l ? 1 - p[k] : p[l]) / N_;
                const double root = std::sqrt(weight);
                const double* row = X_.data() + std::size_t(first + i) * m_;
                double* out = scaled_.data() + std::size_t(i) * m_;
                for (int j = 0; j < m_; ++j) out[j] = root * row[j];
            }
            dsyrk_("L", "N", &m_, &count, &sign, scaled_.data(), &m_, &one, block, &n);
        }
    }

    void mirror_block(double* block) const {
        const std::size_t n = static_cast<std::size_t>(dimension());
        for (int j = 0; j < m_; ++j)
            for (int i = j + 1; i < m_; ++i) block[i * n + j] = block[j * n + i];
    }

    int N_, m_, K_;
    double l2_;
    std::vector<double> X_;  // N rows of m = d + 1 numbers, the last of them 1
    std::vector<double> y_, z_, scaled_;
};

}  // namespace

std::unique_ptr<Objective> make_dense_model(const TrainingData& data, double l2) {
    return std::make_unique<DenseModel>(data, l2);
}

}  // namespace cunewton::bench
