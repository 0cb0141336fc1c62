// Newton's method in random subspaces (Gower, Kovalev, Lieder and Richtarik 2019, "RSN: Randomized
// subspace Newton", algorithm 1, with a line search): coordinates at random, and the gradient, so
// that no step is worse than the best one along it.
#include "host/minimize/subspace_newton.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "host/backend/lapack.h"
#include "host/backend/random.h"
#include "host/minimize/partial_newton.h"

namespace cunewton::solver {

namespace {

/// The quadratic model in the columns of S: s coordinates of n, or s - 1 and the gradient.
template <class T>
class SubspaceModel {
  public:
    explicit SubspaceModel(Minimization<T>& run)
        : run_(run),
          s_(subspace_dimension(run.options(), run.n())),
          whole_(s_ == run.n()),
          generator_(run.options().seed),
          order_(static_cast<std::size_t>(run.n())),
          there_(order_.size() * s_, T(0)),
          S_(run.vectors().allocate(there_.size())),
          HS_(run.vectors().allocate(there_.size())),
          small_(run.vectors().allocate(static_cast<std::size_t>(s_) * s_)),
          part_(run.vectors().allocate(static_cast<std::size_t>(s_))) {
        std::iota(order_.begin(), order_.end(), 0);
    }

    /// run.direction() = -S (S'HS + shift D^2)^-1 S'g, D^2 the absolute values of the diagonal of
    /// S'HS, with a shift where that is not definite.
    PartialStep direction() {
        Vectors<T>& vectors = run_.vectors();
        DenseMatrices<T>& matrices = run_.matrices();
        const long n = run_.n();
        choose();
        run_.take_products([&] { run_.products().apply(S_.get(), s_, HS_.get()); });
        run_.count_products(s_);
        matrices.multiply_transposed(S_.get(), s_, HS_.get(), s_, n, small_.get());
        std::vector<double> G = download(small_);
        matrices.multiply_transposed(S_.get(), s_, run_.g(), 1, n, part_.get());
        const std::vector<double> b = download(part_);
        const std::size_t s = static_cast<std::size_t>(s_);
        for (std::size_t j = 0; j < s; ++j)
            for (std::size_t i = j + 1; i < s; ++i)
                G[j * s + i] = (G[j * s + i] + G[i * s + j]) / 2;
        for (const double entry : G)
            if (!std::isfinite(entry)) return {false, false, 0};
        // In the metric of the curvatures, so that units do not matter.
        std::vector<double> D(s);
        for (std::size_t j = 0; j < s; ++j) {
            D[j] = std::sqrt(std::abs(G[j * (s + 1)]));
            if (!(D[j] > 0)) D[j] = std::abs(b[j]) / std::sqrt(std::abs(run_.f()));
            if (!(D[j] > 0 && std::isfinite(D[j]))) D[j] = 1;
        }
        double norm = 0;
        for (std::size_t j = 0; j < s; ++j)
            for (std::size_t i = j; i < s; ++i) {
                G[j * s + i] = G[j * s + i] / D[i] / D[j];
                norm = std::max(norm, std::abs(G[j * s + i]));
            }
        const double rounding =
            10 * (run_.hessian_accuracy() + s_ * std::numeric_limits<double>::epsilon());
        std::vector<double> L;
        double shift = 0;
        bool factored = factorize(G, shift, L);
        for (int i = 0; !factored && i < 60; ++i) {
            // Without any curvature the length is limited below.
            shift = norm == 0 ? 1 : i == 0 ? rounding : std::max(10 * shift, 1e-6 * norm);
            factored = factorize(G, shift, L);
        }
        if (!factored) return {false, false, 0};
        std::vector<double> c = b;
        for (std::size_t j = 0; j < s; ++j) c[j] /= D[j];
        lapack::trsv(false, s_, L.data(), c.data());
        double decrement = std::inner_product(c.begin(), c.end(), c.begin(), 0.0);
        lapack::trsv(true, s_, L.data(), c.data());
        std::vector<T> step(s);
        for (std::size_t j = 0; j < s; ++j) step[j] = static_cast<T>(-c[j] / D[j]);
        vectors.upload(part_.get(), step.data(), s);
        matrices.multiply(S_.get(), s_, part_.get(), 1, n, T(0), run_.direction());
        if (shift > 0) {
            const double part = limit_direction(run_);
            if (part == 0) return {false, false, 0};
            decrement *= part;
        }
        return {std::isfinite(decrement), shift == 0, decrement};
    }

    void pass(State<T>& state) {
        state(chosen_, generator_, order_);
        if (!state.reads() || !chosen_) return;
        for (std::size_t j = 0; j < coordinates(); ++j)
            there_[j * order_.size() + order_[j]] = T(1);
        run_.vectors().upload(S_.get(), there_.data(), coordinates() * order_.size());
    }

  private:
    std::size_t coordinates() const { return static_cast<std::size_t>(s_) - !whole_; }
    /// S, by the first steps of a shuffle (Knuth 1997, algorithm 3.4.2P).
    void choose() {
        Vectors<T>& vectors = run_.vectors();
        const std::size_t n = order_.size(), coordinates = this->coordinates();
        if (whole_ && chosen_) return;
        for (std::size_t j = 0; chosen_ && j < coordinates; ++j) there_[j * n + order_[j]] = T(0);
        for (std::size_t j = 0; j < coordinates; ++j) {
            const std::size_t left = n - j;
            const std::size_t other =
                j + std::min(left - 1, static_cast<std::size_t>(generator_.uniform() *
                                                                static_cast<double>(left)));
            std::swap(order_[j], order_[other]);
            there_[j * n + order_[j]] = T(1);
        }
        chosen_ = true;
        vectors.upload(S_.get(), there_.data(), coordinates * n);
        if (!whole_)
            vectors.scale(S_.get() + coordinates * n, static_cast<T>(1 / run_.gradient_norm()),
                          run_.g(), static_cast<long>(n));
    }
    std::vector<double> download(const Buffer<T>& buffer) {
        std::vector<T> host(buffer.size());
        run_.vectors().download(host.data(), buffer.get(), host.size());
        return {host.begin(), host.end()};
    }
    /// L L' = G + shift I; without a shift false unless its pivots are more than rounding.
    bool factorize(const std::vector<double>& G, double shift, std::vector<double>& L) const {
        const std::size_t s = static_cast<std::size_t>(s_);
        L = G;
        for (std::size_t j = 0; j < s; ++j) L[j * (s + 1)] += shift;
        if (lapack::potrf(s_, L.data(), s_) != 0) return false;
        const double least =
            shift > 0
                ? 0
                : 10 * (run_.hessian_accuracy() + s_ * std::numeric_limits<double>::epsilon());
        for (std::size_t j = 0; j < s; ++j) {
            const double pivot = L[j * (s + 1)];
            if (!(pivot * pivot > least * (G[j * (s + 1)] + shift))) return false;
        }
        return true;
    }

    Minimization<T>& run_;
    const int s_;
    const bool whole_;  // s = n: all coordinates
    bool chosen_ = false;
    Generator generator_;
    std::vector<int> order_;
    std::vector<T> there_;
    const Buffer<T> S_, HS_, small_, part_;
};

}  // namespace

template <class T>
Status subspace_newton(Minimization<T>& run) {
    SubspaceModel<T> model(run);
    return partial_newton(run, model);
}
template Status subspace_newton(Minimization<double>&);
template Status subspace_newton(Minimization<float>&);

}  // namespace cunewton::solver
