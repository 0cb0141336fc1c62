#include "host/cpu/perceptron_passes.h"

#include <algorithm>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/math/perceptron.h"
#include "cunewton/math/random_sign.h"

namespace cunewton::cpu {

namespace {

/// A pack of neighbouring samples, output by output.
template <class P, class T>
struct Column {
    using value_type = P;
    T* at;
    int ld;
    struct Entry {
        T* to;
        operator P() const { return P::load(to); }
        void operator=(const P& value) const { value.store(to); }
    };
    CUNEWTON_ALWAYS_INLINE Entry operator[](int k) const { return {at + k * ld}; }
};
template <class P, class T>
struct ConstColumn {
    using value_type = P;
    const T* at;
    int ld;
    CUNEWTON_ALWAYS_INLINE P operator[](int k) const { return P::load(at + k * ld); }
};

}  // namespace

template <class T>
void activate(Activation activation, std::size_t count, T* z, T* slope, T* bend) {
    with_activation(activation, [&]<Activation known>() {
        with_lanes([&]<class Lanes>() {
            using P = typename Lanes::template Pack<T, 1>;
            for (std::size_t i = 0; i < count; i += P::lanes) {
                const P input = P::load(z + i);
                if (!slope) {
                    expand_activation<known, 0>(input).f.store(z + i);
                    continue;
                }
                const Expansion<P> e = expand_activation<known, 2>(input);
                e.f.store(z + i);
                e.f1.store(slope + i);
                if (bend) e.f2.store(bend + i);
            }
        });
    });
}

template <class T>
void pass_back(std::size_t count, const T* slope, T* d, T* bend) {
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 1>;
        for (std::size_t i = 0; i < count; i += P::lanes) {
            const P back = P::load(d + i);
            (P::load(slope + i) * back).store(d + i);
            if (bend) (P::load(bend + i) * back).store(bend + i);
        }
    });
}

template <class T>
void scale_by(std::size_t count, const T* slope, const T* from, T* to) {
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 1>;
        for (std::size_t i = 0; i < count; i += P::lanes)
            (P::load(slope + i) * P::load(from + i)).store(to + i);
    });
}

template <class T>
void pass_product_back(std::size_t count, const T* slope, const T* bend, const T* r, T* d) {
    if (!bend) return scale_by(count, slope, d, d);
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 1>;
        for (std::size_t i = 0; i < count; i += P::lanes)
            (P::load(slope + i) * P::load(d + i) + P::load(bend + i) * P::load(r + i)).store(d + i);
    });
}

template <class T>
void add_to(std::size_t count, const T* from, double* to) {
    for (std::size_t i = 0; i < count; ++i) to[i] += static_cast<double>(from[i]);
}

template <class T>
double output_loss(PerceptronLoss loss, const OutputBlock<T>& block, T* d, T* p) {
    double sum = 0;
    with_loss(loss, block.outputs, block.target_count, [&](const auto& known) {
        with_lanes([&]<class Lanes>() {
            using P = typename Lanes::template Pack<T, 1>;
            for (int i = 0; i < block.count; i += P::lanes) {
                const ConstColumn<P, T> z{block.z + i, block.ld};
                const ConstColumn<P, T> y{block.targets + i, block.target_ld};
                const P w = P::load(block.weights + i);
                // A sample without weight counts for nothing, whatever its loss.
                const auto counts = w > P(0.0);
                const P value = select(counts, w * known.value(z, y), P(0.0));
                for (int lane = 0; lane < P::lanes; ++lane) sum += value.lane(lane);
                if (d) {
                    Column<P, T> back{d + i, block.ld};
                    known.gradient(z, y, back);
                    for (int k = 0; k < block.outputs; ++k)
                        back[k] = select(counts, w * P(back[k]), P(0.0));
                }
                if (p) {
                    Column<P, T> moments{p + i, block.ld};
                    known.moments(z, moments);
                }
            }
        });
    });
    return sum;
}

template <class T>
void apply_output_hessian(PerceptronLoss loss, int outputs, int ld, int count, const T* weights,
                          const T* p, T* u) {
    with_loss(loss, outputs, outputs, [&](const auto& known) {
        for (int i = 0; i < count; ++i) {
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * ld;
            const T* pi = p + at;
            T* ui = u + at;
            if (weights[i] > 0)
                known.apply(pi, ui, weights[i]);
            else
                std::fill_n(ui, outputs, T(0));  // whatever its loss
        }
    });
}

template <class T>
void draw_root(PerceptronLoss loss, int outputs, int ld, int count, const T* weights, const T* p,
               std::uint64_t seed, long first, T* u) {
    with_loss(loss, outputs, outputs, [&](const auto& known) {
        for (int i = 0; i < count; ++i) {
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * ld;
            const T* pi = p + at;
            T* ui = u + at;
            std::fill_n(ui, ld, T(0));
            if (!(weights[i] > 0)) continue;
            const std::uint64_t number = static_cast<std::uint64_t>(first + i) * outputs;
            for (int k = 0; k < outputs; ++k) ui[k] = static_cast<T>(random_sign(seed, number + k));
            known.apply_root(pi, ui);
        }
    });
}

#define CUNEWTON_INSTANTIATE(T)                                                               \
    template void draw_root(PerceptronLoss, int, int, int, const T*, const T*, std::uint64_t, \
                            long, T*);                                                        \
    template void activate(Activation, std::size_t, T*, T*, T*);                              \
    template void pass_back(std::size_t, const T*, T*, T*);                                   \
    template void scale_by(std::size_t, const T*, const T*, T*);                              \
    template void pass_product_back(std::size_t, const T*, const T*, const T*, T*);           \
    template void add_to(std::size_t, const T*, double*);                                     \
    template double output_loss(PerceptronLoss, const OutputBlock<T>&, T*, T*);               \
    template void apply_output_hessian(PerceptronLoss, int, int, int, const T*, const T*, T*);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cpu
