// A loss on linear predictors, l(z, y), evaluated in SIMD lanes over the samples.
#pragma once

#include <cstddef>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/derivative_methods.h"
#include "cunewton/math/dual.h"
#include "cunewton/math/stencil.h"

namespace cunewton::cpu {

/// A block of samples: predictor k of sample i is z[k * ld + i]. `count` is a multiple of
/// predictor_padding; padding samples have weight 0 and a valid target.
template <class T>
struct PredictorBlock {
    const T* z;
    std::ptrdiff_t ld;
    const T* targets;
    const T* weights;
    int count;
};
inline constexpr int predictor_padding = 64;

/// Interface of every predictor loss on the CPU. Functions are serial and thread-safe.
template <class T>
class PredictorOps {
   public:
    virtual ~PredictorOps() = default;
    virtual int outputs() const = 0;
    virtual bool shift_invariant() const = 0;
    virtual Capabilities capabilities() const = 0;
    /// sum_i w_i l(z_i, y_i)
    virtual double value(const PredictorBlock<T>& block) const = 0;
    /// Also r[k * ld + i] = w_i dl/dz_k. `by` is not automatic; step is relative to max(1, |z|).
    virtual double value_and_gradient(const PredictorBlock<T>& block, GradientBy by, T step,
                                      T* r) const = 0;
    /// h[p * ld + i] = w_i d2l/dz_k dz_l for l <= k with p = k (k + 1) / 2 + l.
    virtual void hessian(const PredictorBlock<T>& block, HessianBy by, T step, T* h) const = 0;
};

namespace detail {

/// z as lanes over samples.
template <class P, class T>
struct LanePredictors {
    using value_type = P;
    const T* z;
    std::ptrdiff_t ld;
    int count;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P operator[](int k) const { return P::load(z + k * ld); }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return count; }
};

/// z with a multiple of unit vectors added: hi e_i + hk e_k.
template <class P, class T>
struct ShiftedPredictors {
    using value_type = P;
    LanePredictors<P, T> z;
    int i, k;
    P hi, hk;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P operator[](int j) const {
        P p = z[j];
        if (j == i) p += hi;
        if (j == k) p += hk;
        return p;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return z.size(); }
};

template <class Z>
struct DualPredictors {
    using value_type = Dual<typename Z::value_type>;
    Z z;
    int i;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        using P = typename Z::value_type;
        return value_type(z[j], P(j == i ? 1.0 : 0.0));
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return z.size(); }
};

template <class Z>
struct HyperDualPredictors {
    using value_type = HyperDual<typename Z::value_type>;
    Z z;
    int i, k;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        using P = typename Z::value_type;
        return value_type(z[j], P(j == i ? 1.0 : 0.0), P(j == k ? 1.0 : 0.0), P(0.0));
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return z.size(); }
};

/// Writes w * value where a loss assigns g[k] = value, or adds h(k, l) = value.
template <class P, class T>
struct WeightedOutput {
    struct Slot {
        T* p;
        const P& w;
        CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void operator=(const P& value) const { (value * w).store(p); }
    };
    T* out;
    std::ptrdiff_t ld;
    P w;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Slot operator[](int k) const { return {out + k * ld, w}; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Slot operator()(int k, int l) const {
        return {out + (k * (k + 1) / 2 + l) * ld, w};
    }
};

}  // namespace detail

/// The loss interface of predictor losses (see loss/logistic.h for an example):
///   int outputs() const                                     number of predictors K
///   auto operator()(const Z& z, const Y& y) const           the loss, scalar Z::value_type
/// and optionally
///   static constexpr bool shift_invariant = true            l(z + c 1) = l(z)
///   void gradient(const Z& z, const Y& y, G& g) const       g[k] = ...   for every k
///   void hessian(const Z& z, const Y& y, H& h) const        h(k, l) = ... for every l <= k
template <class T, class Loss>
class PredictorOpsOf final : public PredictorOps<T> {
   public:
    explicit PredictorOpsOf(const Loss& loss) : loss_(loss) {}

    int outputs() const override { return loss_.outputs(); }
    bool shift_invariant() const override {
        if constexpr (requires { Loss::shift_invariant; }) return Loss::shift_invariant;
        return false;
    }
    Capabilities capabilities() const override { return {has_gradient, has_hessian, true}; }

    double value(const PredictorBlock<T>& block) const override {
        double sum = 0;
        with_lanes([&]<class Lanes>() {
            sum = for_packs<Lanes>(block, [](const auto&, const auto&, const auto&, int) {});
        });
        return sum;
    }

    double value_and_gradient(const PredictorBlock<T>& block, GradientBy by, T step,
                              T* r) const override {
        double sum = 0;
        with_lanes([&]<class Lanes>() {
            sum = for_packs<Lanes>(block, [&](const auto& z, const auto& y, const auto& w, int i) {
                using P = std::remove_cvref_t<decltype(y)>;
                detail::WeightedOutput<P, T> g{r + i, block.ld, w};
                if constexpr (has_gradient) {
                    if (by == GradientBy::analytic) return loss_.gradient(z, y, g);
                }
                for (int k = 0; k < z.size(); ++k) g[k] = partial(z, y, k, by, step);
            });
        });
        return sum;
    }

    void hessian(const PredictorBlock<T>& block, HessianBy by, T step, T* h) const override {
        with_lanes([&]<class Lanes>() {
            using P = typename Lanes::template Pack<T, 2>;
            for (int i = 0; i < block.count; i += P::lanes) {
                const detail::LanePredictors<P, T> z{block.z + i, block.ld, loss_.outputs()};
                const P y = P::load(block.targets + i);
                detail::WeightedOutput<P, T> out{h + i, block.ld, P::load(block.weights + i)};
                if constexpr (has_hessian) {
                    if (by == HessianBy::analytic) {
                        loss_.hessian(z, y, out);
                        continue;
                    }
                }
                for (int k = 0; k < z.size(); ++k)
                    for (int l = 0; l <= k; ++l) out(k, l) = second_partial(z, y, k, l, by, step);
            }
        });
    }

   private:
    /// Calls visit(z, y, w, first sample) for every pack of samples; returns sum_i w_i l(z_i, y_i).
    template <class Lanes, class Visit>
    double for_packs(const PredictorBlock<T>& block, const Visit& visit) const {
        using P = typename Lanes::template Pack<T, 2>;
        double sum = 0;
        P partial_sum(0.0);
        for (int i = 0; i < block.count; i += P::lanes) {
            const detail::LanePredictors<P, T> z{block.z + i, block.ld, loss_.outputs()};
            const P y = P::load(block.targets + i);
            const P w = P::load(block.weights + i);
            partial_sum += w * loss_(z, y);
            visit(z, y, w, i);
        }
        for (int l = 0; l < P::lanes; ++l) sum += partial_sum.lane(l);
        return sum;
    }

    /// A step of about `step` max(1, |z|) for which z + h - z is exactly h.
    template <class P>
    static CUNEWTON_ALWAYS_INLINE P exact_step(const P& z, T step) {
        const P size = math::maximum(abs(z), P(1.0));
        const P moved = z + size * P(step);
        return moved - z;
    }

    template <class Z, class Y>
    Y partial(const Z& z, const Y& y, int k, GradientBy by, T step) const {
        if (by == GradientBy::autodiff) return loss_(detail::DualPredictors<Z>{z, k}, y).d;
        const Y h = exact_step(Y(z[k]), step);
        const auto at = [&](const Y& shift) {
            return loss_(detail::ShiftedPredictors<Y, T>{z, k, -1, shift, shift}, y);
        };
        if (by == GradientBy::forward_differences)
            return forward_difference(Y(at(h)), Y(loss_(z, y)), h);
        return central_difference(Y(at(h)), Y(at(-h)), h);
    }

    template <class Z, class Y>
    Y second_partial(const Z& z, const Y& y, int k, int l, HessianBy by, T step) const {
        if (by == HessianBy::autodiff) return loss_(detail::HyperDualPredictors<Z>{z, k, l}, y).d12;
        const Y hk = exact_step(Y(z[k]), step);
        if (by == HessianBy::gradient_differences) {
            using Shifted = detail::ShiftedPredictors<Y, T>;
            const auto gradient_at = [&](const Y& shift) {
                return loss_(detail::DualPredictors<Shifted>{{z, k, -1, shift, shift}, l}, y).d;
            };
            return central_difference(Y(gradient_at(hk)), Y(gradient_at(-hk)), hk);
        }
        const Y hl = exact_step(Y(z[l]), step);
        const auto at = [&](const Y& shift_k, const Y& shift_l) {
            return Y(loss_(detail::ShiftedPredictors<Y, T>{z, k, l, shift_k, shift_l}, y));
        };
        if (k == l) {
            const Y none(0.0);
            return second_difference(at(hk, none), Y(loss_(z, y)), at(-hk, none), hk);
        }
        return four_point_difference(at(hk, hl), at(hk, -hl), at(-hk, hl), at(-hk, -hl), hk, hl);
    }

    struct ProbeOutput {
        double& operator[](int) const;
        double& operator()(int, int) const;
    };
    static constexpr bool has_gradient =
        requires(const Loss& l, VectorView<const double> z, double y, ProbeOutput g) {
            l.gradient(z, y, g);
        };
    static constexpr bool has_hessian =
        requires(const Loss& l, VectorView<const double> z, double y, ProbeOutput h) {
            l.hessian(z, y, h);
        };

    Loss loss_;
};

}  // namespace cunewton::cpu
