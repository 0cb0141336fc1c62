// (Compiled in the user's file.) Residuals of samples and their derivatives, in SIMD lanes over the
// samples.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <cstddef>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/cpu/residual_code.h"
#include "cunewton/cpu/sample_code_of.h"
#include "cunewton/functor/residual.h"
#include "cunewton/scalar/dual.h"

namespace cunewton::cpu {

inline namespace CUNEWTON_CPU_CODE {

/// The interface of residuals:
///   auto operator()(const X& x, const S& s) const                   the residual of one sample
/// or, of a functor with `static constexpr int residuals = k`,
///   void operator()(const X& x, const S& s, scalar_t<X>* r) const   writes r[0], ..., r[k - 1]
/// and optionally, of a functor with one residual that states `parameters`,
///   scalar_t<X> value_and_gradient(const X& x, const S& s, scalar_t<X>* g) const   g[j] = dr/dx_j
/// X and S are as VectorView and SampleView.
template <class T, class Functor>
class ResidualCodeOf final : public ResidualCode<T> {
  public:
    explicit ResidualCodeOf(const Functor& functor) : functor_(functor) {}

    int residuals() const override { return k; }
    Capabilities capabilities() const override {
        Capabilities own{residual::has_gradient<Functor>(), false, true};
        own.gauss_newton = true;
        own.hessian_differences = false;
        return own;
    }

    void values(const T* x, int n, const SampleRange<T>& range, T* r,
                std::ptrdiff_t ld) const override {
        with_lanes([&]<class Lanes>() {
            using P = typename Lanes::template Pack<T, 2>;
            const detail::UniformPoint<P, T> point{x, n};
            for_packs<P>(range, ld, [&](const auto& s, std::ptrdiff_t i) {
                P own[k];
                residual::evaluate(functor_, view_parameters<Functor>(point), s, own);
                for (int c = 0; c < k; ++c) own[c].store(r + c * ld + i);
            });
        });
    }

    void rows(const T* x, int n, GradientBy by, const T* steps, const SampleRange<T>& range, T* r,
              T* J, std::ptrdiff_t ld) const override {
        switch (by) {
            case GradientBy::forward_differences:
            case GradientBy::central_differences:
                return with_lanes([&]<class Lanes>() {
                    using P = typename Lanes::template Pack<T, 2>;
                    difference_rows<P>(x, n, by == GradientBy::central_differences, steps, range, r,
                                       J, ld);
                });
            case GradientBy::analytic:
                if constexpr (residual::has_gradient<Functor>())
                    return with_lanes([&]<class Lanes>() {
                        using P = typename Lanes::template Pack<T, 2>;
                        exact_rows<P, true>(x, n, range, r, J, ld);
                    });
                [[fallthrough]];
            default:
                return with_lanes([&]<class Lanes>() {
                    using P = typename Lanes::template Pack<T, 2>;
                    exact_rows<P, false>(x, n, range, r, J, ld);
                });
        }
    }

    void add_hessian(const T* x, int n, const SampleRange<T>& range, const T* slope, const T* bend,
                     std::ptrdiff_t ld, double* out) const override {
        with_lanes([&]<class Lanes>() {
            using P = typename Lanes::template Pack<T, 2>;
            const detail::PackBuffer<P> buffer(2 * static_cast<std::size_t>(n));
            P *const d1 = buffer.data(), *const d2 = d1 + n;
            for (int j = 0; j < n; ++j) d1[j] = d2[j] = P(0.0);
            std::size_t e = 0;
            for (int j = 0; j < n; ++j) {
                d1[j] = P(1.0);
                for (int i = j; i < n; ++i, ++e) {
                    d2[i] = P(1.0);
                    out[e] += second_sum<P>(x, n, d1, d2, range, slope, bend, ld);
                    d2[i] = P(0.0);
                }
                d1[j] = P(0.0);
            }
        });
    }

    void add_product(const T* x, int n, const T* v, const SampleRange<T>& range, const T* slope,
                     const T* bend, std::ptrdiff_t ld, double* out) const override {
        with_lanes([&]<class Lanes>() {
            using P = typename Lanes::template Pack<T, 2>;
            const detail::PackBuffer<P> buffer(2 * static_cast<std::size_t>(n));
            P *const d1 = buffer.data(), *const d2 = d1 + n;
            for (int j = 0; j < n; ++j) {
                d1[j] = P(0.0);
                d2[j] = P(v[j]);
            }
            for (int j = 0; j < n; ++j) {
                d1[j] = P(1.0);
                out[j] += second_sum<P>(x, n, d1, d2, range, slope, bend, ld);
                d1[j] = P(0.0);
            }
        });
    }

  private:
    static constexpr int k = cunewton::detail::residuals_of<Functor>();

    /// visit(sample, i) for each pack of samples, i being the place of its first in the range, up
    /// to ld or to where one pack is as good as another.
    template <class P, class Visit>
    CUNEWTON_ALWAYS_INLINE void for_packs(const SampleRange<T>& range, std::ptrdiff_t ld,
                                          const Visit& visit) const {
        const std::ptrdiff_t count = range.end - range.begin;
        const int m = range.dimension;
        const detail::PackBuffer<P> features(static_cast<std::size_t>(m) + 1);
        P number(0.0);
        for (std::ptrdiff_t i = 0; i < ld; i += P::lanes) {
            P target(0.0);
            const bool whole = i + P::lanes <= count;
            const T* const first = range.features + (range.begin + i) * range.ld;
            if (whole && m == 1 && range.ld == 1) {
                features.data()[0] = P::load(first);
            } else {
                for (int l = 0; l < P::lanes; ++l) {
                    const T* const row = range.features + sample_of(range, i + l) * range.ld;
                    for (int j = 0; j < m; ++j) features.data()[j].set_lane(l, row[j]);
                }
            }
            if (range.targets && whole) {
                target = P::load(range.targets + range.begin + i);
            } else if (range.targets) {
                for (int l = 0; l < P::lanes; ++l)
                    target.set_lane(l, range.targets[sample_of(range, i + l)]);
            }
            for (int l = 0; l < P::lanes; ++l)
                number.set_lane(l, static_cast<T>(sample_of(range, i + l)));
            visit(detail::LaneSample<P>{features.data(), m, target, number}, i);
        }
    }
    static CUNEWTON_ALWAYS_INLINE long sample_of(const SampleRange<T>& range, std::ptrdiff_t i) {
        return std::min<long>(range.begin + i, range.end - 1);
    }

    template <class P, bool analytic>
    CUNEWTON_ALWAYS_INLINE void exact_rows(const T* x, int n, const SampleRange<T>& range, T* r,
                                           T* J, std::ptrdiff_t ld) const {
        const detail::UniformPoint<P, T> point{x, n};
        for_packs<P>(range, ld, [&](const auto& s, std::ptrdiff_t i) {
            residual::derivatives<P, analytic>(
                functor_, point, n, s, [&](int c, const P& value) { value.store(r + c * ld + i); },
                [&](int c, int j, const P& d) {
                    d.store(J + (static_cast<std::ptrdiff_t>(j) * k + c) * ld + i);
                });
        });
    }

    template <class P>
    CUNEWTON_ALWAYS_INLINE void difference_rows(const T* x, int n, bool central, const T* steps,
                                                const SampleRange<T>& range, T* r, T* J,
                                                std::ptrdiff_t ld) const {
        const detail::PackBuffer<P> moved(static_cast<std::size_t>(n));
        P* const at = moved.data();
        for (int j = 0; j < n; ++j) at[j] = P(x[j]);
        const VectorView<const P> point{at, n};
        for_packs<P>(range, ld, [&](const auto& s, std::ptrdiff_t i) {
            P own[k], above[k], below[k];
            residual::evaluate(functor_, view_parameters<Functor>(point), s, own);
            for (int c = 0; c < k; ++c) own[c].store(r + c * ld + i);
            for (int j = 0; j < n; ++j) {
                const T up = x[j] + steps[j], down = central ? x[j] - steps[j] : x[j];
                const P width(up == down ? T(1) : up - down);  // of a fixed parameter
                at[j] = P(up);
                residual::evaluate(functor_, view_parameters<Functor>(point), s, above);
                at[j] = P(down);
                if (central)
                    residual::evaluate(functor_, view_parameters<Functor>(point), s, below);
                at[j] = P(x[j]);
                for (int c = 0; c < k; ++c)
                    ((above[c] - (central ? below[c] : own[c])) / width)
                        .store(J + (static_cast<std::ptrdiff_t>(j) * k + c) * ld + i);
            }
        });
    }

    /// The sum of slope r'' + bend r' r' along a pair of directions.
    template <class P>
    CUNEWTON_ALWAYS_INLINE double second_sum(const T* x, int n, const P* d1, const P* d2,
                                             const SampleRange<T>& range, const T* slope,
                                             const T* bend, std::ptrdiff_t ld) const {
        const detail::HyperDualPoint<P, detail::UniformPoint<P, T>> point{{x, n}, d1, d2};
        P sum(0.0);
        for_packs<P>(range, ld, [&](const auto& s, std::ptrdiff_t i) {
            HyperDual<P> own[k];
            residual::evaluate(functor_, view_parameters<Functor>(point), s, own);
            for (int c = 0; c < k; ++c) {
                const P a = P::load(slope + c * ld + i), b = P::load(bend + c * ld + i);
                const P term = a * own[c].d12 + b * own[c].d1 * own[c].d2;
                sum += select(a == P(0.0) && b == P(0.0), P(0.0), term);
            }
        });
        double total = 0;
        for (int l = 0; l < P::lanes; ++l) total += sum.lane(l);
        return total;
    }

    Functor functor_;
};

}  // namespace CUNEWTON_CPU_CODE

}  // namespace cunewton::cpu
