#include "host/curvature/penalized_evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/math/stencil.h"
#include "host/backend/random.h"
#include "host/curvature/lanczos.h"

namespace cunewton {

namespace {

/// Relative step of a central difference of products with the Hessian that balances truncation,
/// O(h^2), with their own error over h: epsilon^(1/3) of exact products; of those that are
/// differences of gradients, good to epsilon^(2/3), epsilon^(2/9). The third derivatives are good
/// to the squares of these: epsilon^(2/3) and epsilon^(4/9).
template <class T>
double third_derivative_step(bool exact_products) {
    const double root = static_cast<double>(central_step<T>());
    return exact_products ? root : std::pow(root, 2.0 / 3);
}

/// That the Lanczos method keeps in memory.
constexpr int lanczos_vectors = 40;
/// Numbers of the machine that it takes, at most: the basis, as much again where it begins anew,
/// and a few vectors.
std::size_t lanczos_numbers(std::size_t n) {
    const std::size_t most = std::min<std::size_t>(n, lanczos_vectors);
    return n * (2 * most + 6) + most * most + 1;
}

}  // namespace

DerivativeOptions inner_derivatives(const CurvaturePenalty& penalty,
                                    const DerivativeOptions& options) {
    DerivativeOptions inner;
    inner.hessian = penalty.hessian;
    inner.hessian_precision = options.hessian_precision;
    inner.typical_x = options.typical_x;
    inner.memory_budget = options.memory_budget;
    return inner;
}

template <class T>
PenalizedEvaluator<T>::PenalizedEvaluator(const CurvaturePenalty& penalty,
                                          std::unique_ptr<Evaluator<T>> inner, bool exact_products,
                                          const ResolvedDerivatives& derivatives,
                                          const std::vector<double>& typical, Vectors<T>& vectors,
                                          DenseMatrices<T>& matrices, int n, SetNumber set_number)
    : Evaluator<T>(vectors, matrices, n),
      penalty_(penalty),
      inner_(std::move(inner)),
      derivatives_(derivatives),
      typical_(typical),
      vectors_(vectors),
      matrices_(matrices),
      n_(n),
      set_number_(std::move(set_number)),
      third_step_(third_derivative_step<T>(exact_products)),
      probes_(penalty.probes > 0 ? penalty.probes : n),
      block_(block_of(penalty, n)),
      wanted_{.largest = 1,
              .smallest = 0,
              .tolerance = 1e-8,
              .max_products = penalty.most_products,
              .max_vectors = lanczos_vectors,
              .multiplicities = false,
              .seed = penalty.seed},
      v_(vectors.allocate(static_cast<std::size_t>(n) * block_)),
      Hv_(vectors.allocate(static_cast<std::size_t>(n) * block_)),
      moved_(vectors.allocate(n)),
      ahead_(vectors.allocate(n)),
      behind_(vectors.allocate(n)),
      f_(vectors.number()),
      a_(vectors.number()),
      b_(vectors.number()) {}

template <class T>
EvaluationPlan PenalizedEvaluator<T>::inner_plan(const CurvaturePenalized<T>& form,
                                                 const EvaluationPlan& plan,
                                                 const DerivativeOptions& options,
                                                 const Capabilities& capabilities) {
    EvaluationPlan inner = plan;
    inner.derivatives = resolve<T>(inner_derivatives(form.penalty, options), capabilities);
    inner.curvature = CurvatureKind::product;
    inner.precondition = PreconditionBy::none;
    inner.kronecker = false;
    return inner;
}
template <class T>
std::size_t PenalizedEvaluator<T>::numbers(const CurvaturePenalty& penalty,
                                           const EvaluationPlan& plan) {
    // Its own, one of a Hessian's columns or of values, and those of products by differences.
    const std::size_t vectors = 2 * static_cast<std::size_t>(block_of(penalty, plan.n)) + 3 + 1 + 3;
    const std::size_t n = static_cast<std::size_t>(plan.n);
    return penalty.kind == CurvaturePenaltyKind::largest_eigenvalue
               ? vectors * n + lanczos_numbers(n)
               : vectors * n;
}
template <class T>
std::size_t PenalizedEvaluator<T>::host_memory(const CurvaturePenalty& penalty,
                                               const EvaluationPlan& plan) {
    const std::size_t n = static_cast<std::size_t>(plan.n);
    const std::size_t probes = n * static_cast<std::size_t>(block_of(penalty, plan.n));
    return std::max(probes, plan.hessian() ? n * n + n : 2 * n) * sizeof(T);
}

template <class T>
int PenalizedEvaluator<T>::block_of(const CurvaturePenalty& penalty, int n) {
    const bool probes = penalty.kind == CurvaturePenaltyKind::trace ||
                        penalty.kind == CurvaturePenaltyKind::squared_frobenius_norm;
    if (!probes) return 1;
    constexpr int most = 16;
    return std::min(penalty.probes > 0 ? penalty.probes : n, most);
}

template <class T>
void PenalizedEvaluator<T>::fill(int first, int count) {
    if (filled_ == first) return;
    filled_ = first;
    const std::size_t n = static_cast<std::size_t>(n_);
    std::vector<T> numbers(n * static_cast<std::size_t>(count), T(0));
    // Seeds that are neighbours have no probe in common.
    const std::uint64_t base = Generator(penalty_.seed).bits();
    for (std::size_t c = 0; c < static_cast<std::size_t>(count); ++c) {
        const std::uint64_t probe = static_cast<std::uint64_t>(first) + c;
        if (penalty_.probes == 0) {
            numbers[c * n + static_cast<std::size_t>(probe)] = T(1);
            continue;
        }
        // Each its own numbers: they do not depend on how many are made at a time.
        Generator generator(Generator(base + probe).bits());
        for (std::size_t j = 0; j < n; ++j)
            numbers[c * n + j] = generator.bits() >> 63 ? T(1) : T(-1);
    }
    vectors_.upload(v_.get(), numbers.data(), numbers.size());
}

template <class T>
void PenalizedEvaluator<T>::add_third_derivative(const T* x, const T* along, const T* v,
                                                 double factor, T* g) {
    vectors_.norms({{along, a_}}, n_);
    vectors_.dot(x, along, n_, b_);
    const auto [length, position] = read(vectors_, a_, b_);
    if (!(length > 0)) return;
    // Lengths as those of Evaluator::products().
    const double h = third_step_ * std::max(std::abs(position) / length, 1.0) / length;
    vectors_.add_scaled(moved_.get(), x, static_cast<T>(-h), along, n_);
    inner_->prepare_products(moved_.get());
    inner_->products(v, 1, behind_.get());
    vectors_.add_scaled(moved_.get(), x, static_cast<T>(h), along, n_);
    inner_->prepare_products(moved_.get());
    inner_->products(v, 1, ahead_.get());
    vectors_.add_scaled(ahead_.get(), ahead_.get(), T(-1), behind_.get(), n_);
    vectors_.add_scaled(g, g, static_cast<T>(factor / (2 * h)), ahead_.get(), n_);
}

/// v'Hv and |Hv|^2, summed over unit vectors or averaged over vectors of random signs (Hutchinson
/// 1989, "A stochastic estimator of the trace of the influence matrix"; of H^2 for the latter).
/// Their gradients are T[v, v] and 2 T[Hv, v].
template <class T>
double PenalizedEvaluator<T>::by_probes(const T* x, T* g) {
    const std::size_t n = static_cast<std::size_t>(n_);
    const bool trace = penalty_.kind == CurvaturePenaltyKind::trace;
    const double share = penalty_.probes > 0 ? 1.0 / probes_ : 1;
    double sum = 0;
    for (int first = 0; first < probes_; first += block_) {
        const int count = std::min(block_, probes_ - first);
        fill(first, count);
        inner_->prepare_products(x);
        inner_->products(v_.get(), count, Hv_.get());
        vectors_.dot(trace ? v_.get() : Hv_.get(), Hv_.get(), static_cast<long>(n) * count, a_);
        sum += vectors_.read(a_);
        if (!g) continue;
        for (std::size_t c = 0; c < static_cast<std::size_t>(count); ++c) {
            const T* const v = v_.get() + c * n;
            add_third_derivative(x, trace ? v : Hv_.get() + c * n, v,
                                 penalty_.strength * share * (trace ? 1 : 2), g);
        }
    }
    return share * sum;
}

/// Of u, a unit eigenvector of a simple largest eigenvalue, the gradient is T[u, u] (Magnus 1985,
/// "On differentiating eigenvalues and eigenvectors"). Every evaluation begins with the same random
/// vector: the last eigenvector would be sooner done, but the value would depend on where the
/// method has been, and stay with that eigenvector where another one has become the largest.
template <class T>
double PenalizedEvaluator<T>::by_largest_eigenvalue(const T* x, T* g) {
    ProductCurvature<T> H(*inner_);
    H.update(x);
    lanczos::Found<T> found;
    try {
        found =
            lanczos::find_extremes(vectors_, matrices_, H, static_cast<std::size_t>(n_), wanted_);
    } catch (const lanczos::NotFinite&) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (g) {
        const T* const u = found.vectors.get();
        add_third_derivative(x, u, u, penalty_.strength, g);
    }
    return found.largest.front().value;
}

/// With g^ = g / |g|, y = x + radius g^ and g_y the gradient there the derivative of f(y) is g_y +
/// (radius / |g|) H (g_y - g^ (g^'g_y)). Where g = 0 there is no slope to go up: f and g.
template <class T>
double PenalizedEvaluator<T>::by_sharpness(const T* x, double f, T* g) {
    const Buffer<T>& slope = Hv_;  // g at x, wherever the caller's is
    if (g)
        vectors_.copy(slope.get(), g, n_);
    else
        inner_->value_and_gradient(x, slope.get(), f_);
    vectors_.norms({{slope.get(), a_}}, n_);
    const double length = vectors_.read(a_);
    if (!(length > 0)) return 0;
    vectors_.add_scaled(moved_.get(), x, static_cast<T>(penalty_.radius / length), slope.get(), n_);
    if (!g) {
        inner_->value(moved_.get(), f_);
        return vectors_.read(f_) - f;
    }
    inner_->value_and_gradient(moved_.get(), ahead_.get(), f_);
    const double rise = vectors_.read(f_) - f;
    vectors_.add_scaled(g, g, static_cast<T>(-penalty_.strength), slope.get(), n_);
    vectors_.add_scaled(g, g, static_cast<T>(penalty_.strength), ahead_.get(), n_);
    if (penalty_.exact_gradient) {
        vectors_.scale(v_.get(), static_cast<T>(1 / length), slope.get(), n_);
        vectors_.dot(v_.get(), ahead_.get(), n_, b_);
        vectors_.add_scaled(ahead_.get(), ahead_.get(), static_cast<T>(-vectors_.read(b_)),
                            v_.get(), n_);
        inner_->prepare_products(x);
        inner_->products(ahead_.get(), 1, behind_.get());
        vectors_.add_scaled(g, g, static_cast<T>(penalty_.strength * penalty_.radius / length),
                            behind_.get(), n_);
    }
    return rise;
}

template <class T>
double PenalizedEvaluator<T>::penalty_at(const T* x, double f, T* g) {
    switch (penalty_.kind) {
        case CurvaturePenaltyKind::trace:
        case CurvaturePenaltyKind::squared_frobenius_norm:
            return by_probes(x, g);
        case CurvaturePenaltyKind::largest_eigenvalue:
            return by_largest_eigenvalue(x, g);
        case CurvaturePenaltyKind::sharpness:
            return by_sharpness(x, f, g);
    }
    return 0;
}

template <class T>
double PenalizedEvaluator<T>::value_at(const T* x) {
    inner_->value(x, f_);
    const double f = vectors_.read(f_);
    return f + penalty_.strength * penalty_at(x, f, nullptr);
}
template <class T>
void PenalizedEvaluator<T>::value(const T* x, Scalar f) {
    set_number_(f, value_at(x));
}

template <class T>
void PenalizedEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar to) {
    if (derivatives_.gradient != GradientBy::analytic) {
        difference_values(x, g);
        return value(x, to);
    }
    inner_->value_and_gradient(x, g, f_);
    const double f = vectors_.read(f_);
    set_number_(to, f + penalty_.strength * penalty_at(x, f, g));
}

template <class T>
void PenalizedEvaluator<T>::values(const T* points, int count, T* losses) {
    const std::size_t n = static_cast<std::size_t>(n_);
    const Buffer<T> x = vectors_.allocate(n);
    for (std::size_t p = 0; p < static_cast<std::size_t>(count); ++p) {
        vectors_.upload(x.get(), points + p * n, n);
        losses[p] = static_cast<T>(value_at(x.get()));
    }
}

template <class T>
void PenalizedEvaluator<T>::difference_values(const T* x, T* g) {
    const std::size_t n = static_cast<std::size_t>(n_);
    std::vector<T> point(n), differences(n);
    vectors_.download(point.data(), x, n);
    const Buffer<T> there = vectors_.allocate(n);
    const auto loss = [&] {
        vectors_.upload(there.get(), point.data(), n);
        return value_at(there.get());
    };
    const bool central = derivatives_.gradient == GradientBy::central_differences;
    const double here = central ? 0 : loss();
    for (std::size_t j = 0; j < n; ++j) {
        const T start = point[j], typical = typical_.empty() ? T(1) : static_cast<T>(typical_[j]);
        const T h = difference_step(start, typical, static_cast<T>(derivatives_.gradient_step));
        point[j] = start + h;
        const double ahead = loss();
        point[j] = start - h;
        differences[j] =
            static_cast<T>(central ? central_difference(ahead, loss(), static_cast<double>(h))
                                   : forward_difference(ahead, here, static_cast<double>(h)));
        point[j] = start;
    }
    vectors_.upload(g, differences.data(), n);
}

/// Column by column from differences of gradients, and the mean of both triangles.
template <class T>
void PenalizedEvaluator<T>::hessian(const T* x, T* H) {
    if (derivatives_.hessian != HessianBy::gradient_differences)
        throw InvalidArgument(
            "a Hessian from values is not available (a penalty on curvature has a gradient) choose "
            "HessianBy::automatic");
    const std::size_t n = static_cast<std::size_t>(n_);
    const Buffer<T> unit = vectors_.allocate(n);
    std::vector<T> numbers(n, T(0)), full(n * n);
    this->prepare_products(x);
    for (std::size_t j = 0; j < n; ++j) {
        numbers[j] = T(1);
        vectors_.upload(unit.get(), numbers.data(), n);
        numbers[j] = T(0);
        this->products(unit.get(), 1, H + j * n);
    }
    vectors_.download(full.data(), H, n * n);
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = j + 1; i < n; ++i)
            full[j * n + i] = T(0.5) * (full[j * n + i] + full[i * n + j]);
    vectors_.upload(H, full.data(), n * n);
}

template class PenalizedEvaluator<double>;
template class PenalizedEvaluator<float>;

}  // namespace cunewton
