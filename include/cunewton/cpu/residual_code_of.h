// (Compiled in the user's file.) Residuals of samples and their derivatives, in SIMD lanes over the
// samples.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <cstddef>
#include <limits>

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
            const Point at(x);
            const detail::UniformPoint<P, T> point{at.x(), n};
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
                        using P = typename Lanes::template Pack<T, row_vectors>;
                        exact_rows<P, true>(x, n, range, r, J, ld);
                    });
                [[fallthrough]];
            default:
                return with_lanes([&]<class Lanes>() {
                    using P = typename Lanes::template Pack<T, row_vectors>;
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
    static constexpr int stated = cunewton::detail::stated_parameters<Functor>();
    /// Vectors of a pack that carries derivatives: of many parameters two do not fit in registers.
    static constexpr int row_vectors = stated > 6 ? 1 : 2;

    /// Parameters, copied where their number is known: what is made of them alone, such as 1 / w,
    /// then need not be made again after each store.
    class Point {
      public:
        explicit Point(const T* x) : given_(x) { std::copy_n(x, stated, own_); }
        CUNEWTON_ALWAYS_INLINE const T* x() const { return stated > 0 ? own_ : given_; }

      private:
        T own_[stated > 0 ? stated : 1];
        const T* given_;
    };

    /// visit(sample, i) for each pack of samples, i being the place of its first in the range, up
    /// to ld or to where one pack is as good as another.
    template <class P, class Visit>
    CUNEWTON_ALWAYS_INLINE void for_packs(const SampleRange<T>& range, std::ptrdiff_t ld,
                                          const Visit& visit) const {
        const std::ptrdiff_t count = range.end - range.begin;
        const int m = range.dimension;
        const detail::PackBuffer<P> features(static_cast<std::size_t>(m) + 1);
        P number(0.0), places(0.0);
        for (int l = 0; l < P::lanes; ++l) places.set_lane(l, static_cast<T>(l));
        const bool exact = range.end <= 1L << std::numeric_limits<T>::digits;
        for (std::ptrdiff_t i = 0; i < ld; i += P::lanes) {
            P target(0.0);
            const bool whole = i + P::lanes <= count;
            const T* const first = range.features + (range.begin + i) * range.ld;
            if (range.ld <= 4) {
                prefetch(first, P::lanes * range.ld);
                if (range.targets) prefetch(range.targets + range.begin + i, P::lanes);
            }
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
            if (whole && exact) {
                number = P(static_cast<T>(range.begin + i)) + places;
            } else {
                for (int l = 0; l < P::lanes; ++l)
                    number.set_lane(l, static_cast<T>(sample_of(range, i + l)));
            }
            visit(detail::LaneSample<P>{features.data(), m, target, number}, i);
        }
    }
    /// What a few packs later will be read of the array that these numbers are in: the processor's
    /// own prefetching stops between tiles. Addresses past the array's end are harmless.
    static CUNEWTON_ALWAYS_INLINE void prefetch(const T* numbers, std::ptrdiff_t count) {
#if defined(__GNUC__)
        constexpr std::ptrdiff_t line = 64 / sizeof(T), ahead = 32 * line;
        for (std::ptrdiff_t e = 0; e < count; e += line) __builtin_prefetch(numbers + ahead + e);
#endif
    }
    static CUNEWTON_ALWAYS_INLINE long sample_of(const SampleRange<T>& range, std::ptrdiff_t i) {
        return std::min<long>(range.begin + i, range.end - 1);
    }

    template <class P, bool analytic>
    CUNEWTON_ALWAYS_INLINE void exact_rows(const T* x, int n, const SampleRange<T>& range, T* r,
                                           T* J, std::ptrdiff_t ld) const {
        const Point at(x);
        const detail::UniformPoint<P, T> point{at.x(), n};
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
                if (up == down) {  // it is fixed
                    for (int c = 0; c < k; ++c)
                        P(T(0)).store(J + (static_cast<std::ptrdiff_t>(j) * k + c) * ld + i);
                    continue;
                }
                at[j] = P(up);
                residual::evaluate(functor_, view_parameters<Functor>(point), s, above);
                at[j] = P(down);
                if (central)
                    residual::evaluate(functor_, view_parameters<Functor>(point), s, below);
                at[j] = P(x[j]);
                for (int c = 0; c < k; ++c)
                    ((above[c] - (central ? below[c] : own[c])) / P(up - down))
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
