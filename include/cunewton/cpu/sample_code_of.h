// (Compiled in the user's file.) A sum over samples, f(x) = sum_i w_i l(x, s_i), evaluated in SIMD
// lanes.
//
// At one point the lanes are samples. For derivatives the lanes are entries of the gradient or the
// Hessian: each lane holds its own perturbed point (or its own directions of differentiation), all
// lanes read the same sample, so that many points are evaluated for one pass over the data.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/cpu/sample_code.h"
#include "cunewton/functor/as_sample.h"
#include "cunewton/math/stencil.h"
#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/views.h"

namespace cunewton::cpu {

namespace detail {

/// Aligned scratch memory for packs.
template <class P>
class PackBuffer {
  public:
    explicit PackBuffer(std::size_t count)
        : data_(static_cast<P*>(::operator new (count * sizeof(P), std::align_val_t{64}))) {}
    ~PackBuffer() { ::operator delete (data_, std::align_val_t{64}); }
    PackBuffer(const PackBuffer&) = delete;
    PackBuffer& operator=(const PackBuffer&) = delete;
    P* data() const { return data_; }

  private:
    P* data_;
};

/// x_j + d_j e: the point, the same or another in every lane, with a direction for each lane.
template <class P, class X>
struct DualPoint {
    using value_type = Dual<P>;
    X x;
    const P* d;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        return {P(x[j]), d[j]};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return x.size(); }
};
template <class P, class X>
struct HyperDualPoint {
    using value_type = HyperDual<P>;
    X x;
    const P* d1;
    const P* d2;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        return {P(x[j]), d1[j], d2[j], P(0.0)};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return x.size(); }
};
/// The same real point in every lane.
template <class P, class T>
struct UniformPoint {
    using value_type = P;
    const T* x;
    int n;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P operator[](int j) const { return P(x[j]); }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return n; }
};
/// x_j + h_j s in every lane, where s, 1, -1 or 0, is the lane's for the colour of parameter j.
template <class P, class T>
struct SeededPoint {
    using value_type = P;
    const T* x;
    const T* h;
    const int* colour;
    const P* signs;
    int n;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P operator[](int j) const {
        return P(x[j]) + P(h[j]) * signs[colour[j]];
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return n; }
};
/// Consecutive samples in lanes: feature j of lane l at rows[j].lane(l).
template <class P>
struct LaneSample {
    using value_type = P;
    const P* features;
    int count;
    P target_value;
    P number;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const P& operator[](int j) const {
        return features[j];
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return count; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const P& target() const { return target_value; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const P& index() const { return number; }
};
/// What a loss's hessian(x, s, h) adds to: h(i, j) for i >= j, packs over samples.
template <class P>
struct LowerTriangle {
    P* data;
    int n;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P& operator()(int i, int j) const {
        return data[static_cast<std::size_t>(j) * n + i];
    }
};

template <class Loss>
inline constexpr bool is_objective = false;
template <class Loss>
inline constexpr bool is_objective<ObjectiveAsSample<Loss>> = true;

}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// The interface of sums over samples:
///   auto operator()(const X& x, const S& s) const     the loss of one sample, scalar X::value_type
///                                                     combined with S::value_type
/// and optionally, each *adding* to its output,
///   void gradient(const X& x, const S& s, G& g) const     g[j] += dl/dx_j
///   void hessian(const X& x, const S& s, H& h) const      h(i, j) += d2l/dx_i dx_j, i >= j
/// X and S are as VectorView and SampleView.
template <class T, class Loss>
class SampleCodeOf final : public SampleCode<T> {
  public:
    explicit SampleCodeOf(const Loss& loss) : loss_(loss) {}

    Capabilities capabilities() const override { return {has_gradient, has_hessian, true}; }

    double value(const T* x, int n, const SampleRange<T>& range) const override {
        double sum = 0;
        if constexpr (objective) {
            // All lanes would do the same.
            with_lanes([&]<class>() {
                sum = loss_(VectorView<const T>{x, n}, range.sample(range.begin));
            });
        } else {
            for_sample_lanes(range, x, n, 0,
                             [&](const auto& px, const auto& s, const auto& w, auto*) {
                                 using P = std::remove_cvref_t<decltype(w)>;
                                 add_lanes(sum, select(w == P(0.0), P(0.0), w * P(loss_(px, s))));
                             });
        }
        return sum;
    }

    double value_and_gradient(const T* x, int n, const SampleRange<T>& range,
                              double* g) const override {
        std::fill(g, g + n, 0.0);
        double sum = 0;
        if constexpr (has_gradient && objective) {
            const VectorView<const T> point{x, n};
            const SampleView<T> sample = range.sample(range.begin);
            std::vector<T> own;
            T* to;
            if constexpr (std::is_same_v<T, double>) {
                to = g;
            } else {
                own.resize(static_cast<std::size_t>(n));
                to = own.data();
            }
            with_lanes([&]<class>() {
                sum = loss_(point, sample);
                VectorView<T> gradient{to, n};
                loss_.gradient(point, sample, gradient);
            });
            std::copy(own.begin(), own.end(), g);
        } else if constexpr (has_gradient) {
            for_sample_lanes(range, x, n, n,
                             [&](const auto& px, const auto& s, const auto& w, auto* scratch) {
                                 using P = std::remove_cvref_t<decltype(w)>;
                                 const auto off = w == P(0.0);
                                 add_lanes(sum, select(off, P(0.0), w * P(loss_(px, s))));
                                 for (int j = 0; j < n; ++j) scratch[j] = P(0.0);
                                 VectorView<P> gradient{scratch, n};
                                 loss_.gradient(px, s, gradient);
                                 for (int j = 0; j < n; ++j)
                                     add_lanes(g[j], select(off, P(0.0), w * scratch[j]));
                             });
        }
        return sum;
    }

    void hessian(const T* x, int n, const SampleRange<T>& range, double* out) const override {
        const std::size_t size = static_cast<std::size_t>(n) * n;
        std::fill(out, out + size, 0.0);
        if constexpr (has_hessian) {
            if (range.end - range.begin == 1) return one_hessian(x, n, range, out);
            for_sample_lanes(range, x, n, size,
                             [&](const auto& px, const auto& s, const auto& w, auto* scratch) {
                                 using P = std::remove_cvref_t<decltype(w)>;
                                 const auto off = w == P(0.0);
                                 for (std::size_t j = 0; j < size; ++j) scratch[j] = P(0.0);
                                 detail::LowerTriangle<P> h{scratch, n};
                                 loss_.hessian(px, s, h);
                                 for (int c = 0; c < n; ++c)
                                     for (int r = c; r < n; ++r)
                                         add_lanes(out[static_cast<std::size_t>(c) * n + r],
                                                   select(off, P(0.0), w * h(r, c)));
                             });
        }
    }

    void tile(const Tile& tile, const T* x, int n, const T* h, const SampleRange<T>& range,
              double* out) const override {
        switch (tile.kind) {
            case Entries::gradient_autodiff:
            case Entries::hessian_autodiff:
            case Entries::hessian_autodiff_differences:
            case Entries::product_autodiff:
                return with_lanes([&]<class Lanes>() {
                    exact_tile<typename Lanes::template Pack<T, 2>>(tile, x, n, h, range, out);
                });
            case Entries::gradient_forward:
            case Entries::gradient_central:
            case Entries::hessian_values:
                // Points of four vectors a parameter hide the latency of a multiply-add; three fit
                // the first-level cache for longer.
                if (n * 256 <= 40 * 1024)
                    return with_lanes([&]<class Lanes>() {
                        value_tile<typename Lanes::template Pack<T, 4>>(tile, x, n, h, range, out);
                    });
                return with_lanes([&]<class Lanes>() {
                    value_tile<typename Lanes::template Pack<T, 3>>(tile, x, n, h, range, out);
                });
        }
    }

    void gradient_difference_columns(const T* x, int n, const T* h, int first, int columns,
                                     const SampleRange<T>& range, double* out) const override {
        if constexpr (has_gradient) {
            with_lanes([&]<class Lanes>() {
                using P = typename Lanes::template Pack<T, 2>;
                // The point, the sums of gradients on both sides, and one sample's gradient.
                const detail::PackBuffer<P> buffer(4 * static_cast<std::size_t>(n));
                P* point = buffer.data();
                P* const sums[2] = {point + n, point + 2 * n};
                P* scratch = point + 3 * n;
                for (int begin = 0; begin < columns; begin += P::lanes) {
                    const int lanes = std::min(P::lanes, columns - begin);
                    for (int j = 0; j < n; ++j) {
                        point[j] = P(x[j]);
                        sums[0][j] = sums[1][j] = P(0.0);
                    }
                    for (const int side : {0, 1}) {
                        for (int l = 0; l < lanes; ++l) {
                            const int c = first + begin + l;
                            point[c].set_lane(l, side == 0 ? x[c] + h[c] : x[c] - h[c]);
                        }
                        add_gradients(VectorView<const P>{point, n}, range, sums[side], scratch);
                    }
                    for (int l = 0; l < lanes; ++l) {
                        double* column = out + static_cast<std::size_t>(begin + l) * n;
                        const double width = 2 * static_cast<double>(h[first + begin + l]);
                        for (int j = 0; j < n; ++j)
                            column[j] =
                                (static_cast<double>(sums[0][j].lane(l)) - sums[1][j].lane(l)) /
                                width;
                    }
                }
            });
        }
    }

    void gradient_difference_seeds(const T* x, int n, const T* h, const int* colour, int colours,
                                   const SampleRange<T>& range, T* out) const override {
        if constexpr (has_gradient && objective) {
            with_lanes([&]<class Lanes>() {
                // Both sides of a colour are neighbours.
                constexpr bool alone = Lanes::template Pack<T, 1>::lanes == 1;
                using P = typename Lanes::template Pack<T, alone ? 2 : 1>;
                constexpr int pairs = P::lanes / 2;
                const detail::PackBuffer<P> buffer(static_cast<std::size_t>(colours) + n);
                P* const signs = buffer.data();
                P* const g = signs + colours;
                const SampleView<T> sample = range.sample(range.begin);
                for (int first = 0; first < colours; first += pairs) {
                    const int count = std::min(pairs, colours - first);
                    for (int c = 0; c < colours; ++c) signs[c] = P(0.0);
                    for (int l = 0; l < count; ++l) {
                        signs[first + l].set_lane(2 * l, T(1));
                        signs[first + l].set_lane(2 * l + 1, T(-1));
                    }
                    for (int j = 0; j < n; ++j) g[j] = P(0.0);
                    VectorView<P> gradient{g, n};
                    loss_.gradient(detail::SeededPoint<P, T>{x, h, colour, signs, n}, sample,
                                   gradient);
                    for (int l = 0; l < count; ++l) {
                        T* column = out + static_cast<std::size_t>(first + l) * n;
                        const T* lane = reinterpret_cast<const T*>(g) + 2 * l;
                        for (int j = 0; j < n; ++j, lane += P::lanes)
                            column[j] = T(0.5) * (lane[0] - lane[1]);
                    }
                }
            });
        }
    }

  private:
    static constexpr bool objective = detail::is_objective<Loss>;

    template <class P>
    static CUNEWTON_ALWAYS_INLINE void add_lanes(double& sum, const P& p) {
        double s = 0;
        for (int l = 0; l < P::lanes; ++l) s += p.lane(l);
        sum += s;
    }

    /// Of one sample, in plain numbers: a lane of its own for each would multiply the memory. `out`
    /// is filled with zeros.
    void one_hessian(const T* x, int n, const SampleRange<T>& range, double* out) const {
        const T w = range.weight(range.begin);
        if (w == T(0)) return;
        const std::size_t size = static_cast<std::size_t>(n) * n;
        const VectorView<const T> point{x, n};
        const SampleView<T> sample = range.sample(range.begin);
        if constexpr (std::is_same_v<T, double>) {
            detail::LowerTriangle<T> h{out, n};
            loss_.hessian(point, sample, h);
            if (w != T(1))
                for (std::size_t e = 0; e < size; ++e) out[e] *= w;
        } else {
            std::vector<T> own(size, T(0));
            detail::LowerTriangle<T> h{own.data(), n};
            loss_.hessian(point, sample, h);
            for (std::size_t e = 0; e < size; ++e) out[e] = static_cast<double>(w * own[e]);
        }
    }

    /// sum += the weighted gradients of the range's samples at one point.
    template <class P>
    void add_gradients(const VectorView<const P>& point, const SampleRange<T>& range, P* sum,
                       P* scratch) const {
        const int n = point.size();
        VectorView<P> all{sum, n}, one{scratch, n};
        for (long i = range.begin; i < range.end; ++i) {
            const T w = range.weight(i);
            if (w == T(1)) {
                loss_.gradient(point, range.sample(i), all);
            } else if (w != T(0)) {
                for (int j = 0; j < n; ++j) scratch[j] = P(0.0);
                loss_.gradient(point, range.sample(i), one);
                for (int j = 0; j < n; ++j) sum[j] += P(w) * scratch[j];
            }
        }
    }

    /// Calls visit(point, samples in lanes, their weights, scratch) over the range. Lanes beyond
    /// the end repeat the last sample with weight 0.
    template <class Visit>
    void for_sample_lanes(const SampleRange<T>& range, const T* x, int n, std::size_t scratch,
                          const Visit& visit) const {
        with_lanes([&]<class Lanes>() {
            using P = typename Lanes::template Pack<T, 2>;
            const int m = range.dimension;
            const detail::PackBuffer<P> buffer(m + scratch);
            const detail::UniformPoint<P, T> point{x, n};
            for (long begin = range.begin; begin < range.end; begin += P::lanes) {
                const long last = range.end - 1;
                P target(0.0), weight(0.0), number(0.0);
                for (int l = 0; l < P::lanes; ++l) {
                    const long i = std::min(begin + l, last);
                    const T* row = range.features + i * range.ld;
                    T* lane = reinterpret_cast<T*>(buffer.data()) + l;
                    for (int j = 0; j < m; ++j)
                        lane[static_cast<std::size_t>(j) * P::lanes] = row[j];
                    if (range.targets) target.set_lane(l, range.targets[i]);
                    if (begin + l <= last) weight.set_lane(l, range.weight(i));
                    number.set_lane(l, static_cast<T>(i));
                }
                visit(point, detail::LaneSample<P>{buffer.data(), m, target, number}, weight,
                      buffer.data() + m);
            }
        });
    }

    /// Differences of values. Differences are formed sample by sample, before the sum over samples,
    /// so their rounding errors average out instead of growing with the sum.
    template <class P>
    void value_tile(const Tile& tile, const T* x, int n, const T* h, const SampleRange<T>& range,
                    double* out) const {
        constexpr int block = 16;
        const bool second = tile.kind == Entries::hessian_values;
        const bool central = tile.kind != Entries::gradient_forward;
        const int evaluations = second ? 4 : 2;
        const detail::PackBuffer<P> buffer(n + 4 * block);
        P* point = buffer.data();
        P* values = point + n;
        for (int j = 0; j < n; ++j) point[j] = P(x[j]);
        const VectorView<const P> view{point, n};

        for (int begin = 0; begin < tile.count; begin += P::lanes) {
            const int lanes = std::min(P::lanes, tile.count - begin);
            const int* ti = tile.i + begin;
            const int* tk = tile.k + begin;
            // Of point e of lane l.
            const auto shifts = [&](int e, int l) {
                const int i = ti[l], k = tk[l];
                if (second) return second_shifts(e, i == k, h[i], h[k]);
                return Shifts<T>{first_shift(e, central, h[i]), T(0)};
            };
            P sum(0.0);
            for (long first = range.begin; first < range.end; first += block) {
                const int samples = static_cast<int>(std::min<long>(block, range.end - first));
                for (int e = 0; e < evaluations; ++e) {
                    for (int l = 0; l < lanes; ++l) {
                        const Shifts<T> by = shifts(e, l);
                        point[ti[l]].set_lane(l, x[ti[l]] + by.i);
                        if (second && ti[l] != tk[l]) point[tk[l]].set_lane(l, x[tk[l]] + by.k);
                    }
                    for (int s = 0; s < samples; ++s)
                        values[e * block + s] = loss_(view, range.sample(first + s));
                }
                for (int s = 0; s < samples; ++s) {
                    const T w = range.weight(first + s);
                    if (w == T(0)) continue;
                    const P* v = values + s;
                    sum += P(w) * (second ? (v[0] - v[block]) - (v[2 * block] - v[3 * block])
                                          : v[0] - v[block]);
                }
            }
            for (int l = 0; l < lanes; ++l) {
                const int i = ti[l];
                point[i].set_lane(l, x[i]);
                const double hi = h[i];
                double width = central ? 2 * hi : hi;
                if (second) {
                    point[tk[l]].set_lane(l, x[tk[l]]);
                    width = second_width(i == tk[l], hi, h[tk[l]]);
                }
                out[begin + l] = sum.lane(l) / width;
            }
        }
    }

    /// Automatic differentiation: a direction, or a pair of directions, in each lane.
    template <class P>
    void exact_tile(const Tile& tile, const T* x, int n, const T* h, const SampleRange<T>& range,
                    double* out) const {
        const bool product = tile.kind == Entries::product_autodiff;
        const bool second = tile.kind == Entries::hessian_autodiff || product;
        const bool differences = tile.kind == Entries::hessian_autodiff_differences;
        const detail::PackBuffer<P> buffer(3 * static_cast<std::size_t>(n));
        P* d1 = buffer.data();
        P* d2 = d1 + n;
        P* point = d2 + n;
        for (int j = 0; j < n; ++j) {
            d1[j] = P(0.0);
            d2[j] = P(product ? h[j] : T(0));
            point[j] = P(x[j]);
        }
        const detail::UniformPoint<P, T> uniform{x, n};
        const VectorView<const P> shifted{point, n};
        for (int begin = 0; begin < tile.count; begin += P::lanes) {
            const int lanes = std::min(P::lanes, tile.count - begin);
            const int* ti = tile.i + begin;
            const int* tk = tile.k + begin;
            for (int l = 0; l < lanes; ++l) {
                d1[ti[l]].set_lane(l, T(1));
                if (second && !product) d2[tk[l]].set_lane(l, T(1));
            }
            P sum(0.0);
            if (second) {
                const detail::HyperDualPoint<P, detail::UniformPoint<P, T>> v{uniform, d1, d2};
                for (long i = range.begin; i < range.end; ++i) {
                    const T w = range.weight(i);
                    if (w != T(0)) sum += P(w) * loss_(v, range.sample(i)).d12;
                }
            } else if (differences) {
                const detail::DualPoint<P, VectorView<const P>> v{shifted, d1};
                for (const T sign : {T(1), T(-1)}) {
                    for (int l = 0; l < lanes; ++l)
                        point[tk[l]].set_lane(l, x[tk[l]] + sign * h[tk[l]]);
                    for (long i = range.begin; i < range.end; ++i) {
                        const T w = sign * range.weight(i);
                        if (w != T(0)) sum += P(w) * loss_(v, range.sample(i)).d;
                    }
                }
            } else {
                const detail::DualPoint<P, detail::UniformPoint<P, T>> v{uniform, d1};
                for (long i = range.begin; i < range.end; ++i) {
                    const T w = range.weight(i);
                    if (w != T(0)) sum += P(w) * loss_(v, range.sample(i)).d;
                }
            }
            for (int l = 0; l < lanes; ++l) {
                d1[ti[l]].set_lane(l, T(0));
                if (second && !product) d2[tk[l]].set_lane(l, T(0));
                if (differences) point[tk[l]].set_lane(l, x[tk[l]]);
                const double width = differences ? 2 * static_cast<double>(h[tk[l]]) : 1;
                out[begin + l] = sum.lane(l) / width;
            }
        }
    }

    struct ProbeOutput {
        double& operator[](int) const;
        double& operator()(int, int) const;
    };
    static constexpr bool has_gradient =
        requires(const Loss& l, VectorView<const double> x, SampleView<double> s, ProbeOutput g) {
        l.gradient(x, s, g);
    };
    static constexpr bool has_hessian =
        requires(const Loss& l, VectorView<const double> x, SampleView<double> s, ProbeOutput h) {
        l.hessian(x, s, h);
    };

    Loss loss_;
};

}  // namespace CUNEWTON_CPU_CODE

}  // namespace cunewton::cpu
