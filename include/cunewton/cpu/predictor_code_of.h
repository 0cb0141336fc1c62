// (Compiled in the user's file.) A loss on linear predictors, l(z, y), evaluated in SIMD lanes over
// the samples.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/cpu/predictor_code.h"
#include "cunewton/math/predictor_derivatives.h"
#include "cunewton/scalar/views.h"

namespace cunewton::cpu {

namespace detail {

/// z as lanes over samples.
template <class P, class T>
struct LanePredictors {
    using value_type = P;
    const T* z;
    std::ptrdiff_t ld;
    int count;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P operator[](int k) const {
        return P::load(z + k * ld);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return count; }
};

/// w * value, and 0 where w is 0 even if the value is not finite.
template <class P>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P weighted(const P& w, const P& value) {
    using math::select;
    return select(w == P(0.0), P(0.0), w * value);
}

/// Writes w * value where a loss assigns g[k] = value or h(k, l) = value.
template <class P, class T>
struct WeightedOutput {
    struct Entry {
        T* p;
        const P& w;
        CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void operator=(const P& value) const {
            weighted(w, value).store(p);
        }
    };
    T* out;
    std::ptrdiff_t ld;
    P w;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Entry operator[](int k) const {
        return {out + k * ld, w};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Entry operator()(int k, int l) const {
        return {out + (k * (k + 1) / 2 + l) * ld, w};
    }
};

}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// The loss interface of predictor losses (see loss/logistic.h for an example):
///   int outputs() const                                     number of predictors K
///   auto operator()(const Z& z, const Y& y) const           the loss, scalar Z::value_type
/// and optionally
///   static constexpr bool shift_invariant = true            l(z + c 1) = l(z)
///   static constexpr bool needs_targets = true              without targets: InvalidArgument
///   const char* check_target(double y) const                why a target is wrong; null: it is not
///   const char* check() const                               why its own members are; null: not
///   void gradient(const Z& z, const Y& y, G& g) const       g[k] = ...   for every k
///   void hessian(const Z& z, const Y& y, H& h) const        h(k, l) = ... for every l <= k
template <class T, class Loss>
class PredictorCodeOf final : public PredictorCode<T> {
  public:
    explicit PredictorCodeOf(const Loss& loss) : loss_(loss) {}

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
                for (int k = 0; k < z.size(); ++k)
                    g[k] = predictor_partial(loss_, z, y, k, by, step);
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
                    for (int l = 0; l <= k; ++l)
                        out(k, l) = predictor_second_partial(loss_, z, y, k, l, by, step);
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
            partial_sum += detail::weighted(w, P(loss_(z, y)));
            visit(z, y, w, i);
        }
        for (int l = 0; l < P::lanes; ++l) sum += partial_sum.lane(l);
        return sum;
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

}  // namespace CUNEWTON_CPU_CODE

}  // namespace cunewton::cpu
