// (Compiled in the user's file.) Small problems in SIMD lanes: compiles a functor for
// cpu/small_code.h's interface, in the file that names the functor.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>
#include <type_traits>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/cpu/small_code.h"
#include "cunewton/error.h"
#include "cunewton/functor/guess.h"
#include "cunewton/small/problem.h"

namespace cunewton::cpu {

namespace detail {

/// What the compiler knows of a block's points: those of unweighted least squares, or of an
/// objective without weights, have code of their own; all others share one.
enum class Points { plain_shared, plain_own, any };

/// The coordinates of one point.
template <class S, Points points>
struct LaneCoordinates {
    using value_type = S;
    const real_t<S>* data;
    std::ptrdiff_t stride;
    int count;
    bool shared;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S operator[](int c) const {
        if constexpr (points == Points::plain_shared)
            return S(data[c]);
        else
            return points == Points::any && shared ? S(data[c]) : S::load(data + c * stride);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return count; }
};

template <class S, SmallKind kind, BatchDerivatives by, Points points, class Model>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void evaluate_lanes(const Model& model,
                                                                const LaneBlock<real_t<S>>& block,
                                                                int lane) {
    using T = real_t<S>;
    constexpr int n = Model::parameters;
    constexpr int coordinates = Model::coordinates;
    const std::ptrdiff_t lanes = block.lanes;
    // Not there without differences: compilers warn of arrays that are left uninitialised.
    constexpr bool differences = by == BatchDerivatives::differences;
    constexpr bool seconds = differences && kind == SmallKind::objective;
    S p[n], gradient_points[differences ? 2 * n : 1] = {}, hessian_points[seconds ? 3 * n : 1] = {};
    batch::for_parameters<n>([&](int j) { p[j] = S::load(block.parameters + j * lanes + lane); });
    if constexpr (differences)
        for (int k = 0; k < 2 * n; ++k)
            gradient_points[k] = S::load(block.gradient_points + k * lanes + lane);
    if constexpr (seconds)
        for (int k = 0; k < 3 * n; ++k)
            hessian_points[k] = S::load(block.hessian_points + k * lanes + lane);
    const auto store = [&](const S& f, const S* g, const S* h) {
        f.store(block.f + lane);
        batch::for_parameters<n>([&](int j) { g[j].store(block.gradient + j * lanes + lane); });
        batch::for_triangle<n>(
            [&](int k, int, int) { h[k].store(block.hessian + k * lanes + lane); });
    };
    const bool shared = block.shared_coordinates;
    const T* x = block.coordinates + (shared ? 0 : lane);
    if constexpr (kind == SmallKind::objective && by == BatchDerivatives::analytic &&
                  points != Points::any) {
        // A sum of one term needs no sums, which take as long as the derivatives of many
        // parameters.
        if (block.points == 1) {
            S g[n], h[n * (n + 1) / 2];
            const LaneCoordinates<S, points> point{x, lanes, coordinates, shared};
            const S f = model.value_gradient_hessian(Parameters<S, n>{p}, point, g, h);
            return store(f, g, h);
        }
    }
    batch::Sums<S, n> sums;
    sums.clear();
    const std::ptrdiff_t next = shared ? coordinates : coordinates * lanes;
    const T* y = block.y + (kind == SmallKind::fit ? lane : 0);
    const T* weights = block.weights ? block.weights + lane : nullptr;
    int left = block.points;  // at least 1
    do {
        const LaneCoordinates<S, points> point{x, lanes, coordinates, shared};
        S weight(1.0);
        if constexpr (points == Points::any)
            if (weights) {
                weight = S::load(weights);
                weights += lanes;
            }
        if constexpr (kind == SmallKind::fit) {
            S row[n];
            const S value = batch::model_row<by, S>(model, p, point, gradient_points, row);
            if constexpr (points != Points::any)
                batch::add_residual(value - S::load(y), row, sums);
            else
                batch::add_point(block.estimator, block.tuning, value, S::load(y), weight, row,
                                 sums);
            y += lanes;
        } else {
            batch::add_term<by, S>(model, p, point, gradient_points, hessian_points, weight, sums);
        }
        x += next;
    } while (--left > 0);
    const S half(kind == SmallKind::fit ? 0.5 : 1.0);
    store(sums.f * half, sums.g, sums.h);
}

/// What a guess sees of the points of a vector's problems. `alike`: all have the same coordinates
/// and all points count, so that what depends on coordinates alone is a plain number.
template <class S, int coordinates, bool alike>
class LaneGuessPoints {
  public:
    using value_type = S;
    /// What depends on coordinates alone.
    using place_type = std::conditional_t<alike, real_t<S>, S>;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE LaneGuessPoints(const GuessBlock<real_t<S>>& block,
                                                                int lane)
        : block_(block), lane_(lane) {}

    template <int of_x, int k, class F>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto sum(const F& f) const {
        return reduce<of_x, k>(0, f, [](const auto& a, const auto& b) { return a + b; });
    }
    template <int of_x, int k, class F>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto largest(const F& f) const {
        return reduce<of_x, k>(-limits::largest<real_t<S>>, f, [](const auto& a, const auto& b) {
            using namespace math;
            return maximum(a, b);
        });
    }
    template <int k, class F>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PointNumbers<S, k> sum(const F& f) const {
        return sum<0, k>(without_split(f)).of_y;
    }
    template <int k, class F>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PointNumbers<S, k> largest(const F& f) const {
        return largest<0, k>(without_split(f)).of_y;
    }

  private:
    template <class X>
    using Coordinates = LaneCoordinates<X, alike ? Points::plain_shared : Points::any>;

    /// f(x, y, terms), to which a coordinate is an S.
    template <class F>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE auto without_split(const F& f) {
        return [&f](const auto& x, const S& y, place_type*, S* terms) {
            f(Coordinates<S>{x.data, x.stride, x.count, x.shared}, y, terms);
        };
    }
    template <int of_x, int k, class F, class Combine>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE SplitNumbers<place_type, of_x, S, k> reduce(
        real_t<S> none, const F& f, const Combine& combine) const {
        const std::ptrdiff_t lanes = block_.lanes;
        const bool shared = alike || block_.shared_coordinates;
        const std::ptrdiff_t next = shared ? coordinates : coordinates * lanes;
        const real_t<S>* x = block_.coordinates + (shared ? 0 : lane_);
        SplitNumbers<place_type, of_x, S, k> all, terms;
        for (int j = 0; j < of_x; ++j) all.of_x.values[j] = place_type(none);
        for (int j = 0; j < k; ++j) all.of_y.values[j] = S(none);
        for (int i = 0; i < block_.points; ++i, x += next) {
            const std::ptrdiff_t place = i * lanes + lane_;
            f(Coordinates<place_type>{x, lanes, coordinates, shared}, S::load(block_.y + place),
              terms.of_x.values, terms.of_y.values);
            if constexpr (!alike) {
                if (block_.weights) {
                    const auto counts = S::load(block_.weights + place) > S(0.0);
                    for (int j = 0; j < of_x; ++j)
                        terms.of_x.values[j] = select(counts, terms.of_x[j], S(none));
                    for (int j = 0; j < k; ++j)
                        terms.of_y.values[j] = select(counts, terms.of_y[j], S(none));
                }
            }
            for (int j = 0; j < of_x; ++j) all.of_x.values[j] = combine(all.of_x[j], terms.of_x[j]);
            for (int j = 0; j < k; ++j) all.of_y.values[j] = combine(all.of_y[j], terms.of_y[j]);
        }
        return all;
    }
    const GuessBlock<real_t<S>>& block_;
    int lane_;
};

template <class S, bool alike, class Model>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess_lanes(const Model& model,
                                                             const GuessBlock<real_t<S>>& block,
                                                             int lane) {
    constexpr int n = Model::parameters;
    S guessed[n];
    model.guess(LaneGuessPoints<S, Model::coordinates, alike>(block, lane), guessed);
    for (int j = 0; j < n; ++j)
        finite_guess(guessed[j]).store(block.start + j * std::ptrdiff_t{block.lanes} + lane);
}

inline namespace CUNEWTON_CPU_CODE {

/// Code for special points is compiled where its speed shows, as every user's compiler has to do it
/// for every model: not for differences, and not for the lanes that processors of today leave
/// unused.
template <class Lanes, BatchDerivatives by>
constexpr bool has_special_points() {
#if defined(__CUDACC__)
    return false;
#elif CUNEWTON_CHOOSES_LANES
    if (std::is_same_v<Lanes, BaseLanes>) return false;
#endif
    return by != BatchDerivatives::differences;
}

template <SmallKind kind, BatchDerivatives by, class Model, class T>
void evaluate_block(const Model& model, const LaneBlock<T>& block) {
    const bool plain = !block.weights && block.estimator == Estimator::least_squares;
    with_lanes([&]<class Lanes>() {
        using S = typename Lanes::template Pack<T, 1>;
        for (int lane = 0; lane < block.lanes; lane += S::lanes) {
            if constexpr (has_special_points<Lanes, by>()) {
                if (plain && block.shared_coordinates)
                    evaluate_lanes<S, kind, by, Points::plain_shared>(model, block, lane);
                else if (plain)
                    evaluate_lanes<S, kind, by, Points::plain_own>(model, block, lane);
                else
                    evaluate_lanes<S, kind, by, Points::any>(model, block, lane);
            } else {
                evaluate_lanes<S, kind, by, Points::any>(model, block, lane);
            }
        }
    });
}

}  // namespace CUNEWTON_CPU_CODE
}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// A functor's CPU code. Model: see make_fit_model() and make_small_objective().
template <class T, class Model, SmallKind model_kind>
class SmallCodeOf final : public SmallCode<T> {
  public:
    explicit SmallCodeOf(const Model& model) : model_(model) {}
    SmallKind kind() const override { return model_kind; }
    int parameters() const override { return Model::parameters; }
    int coordinates() const override { return Model::coordinates; }
    bool has_analytic() const override { return own; }
    void evaluate(BatchDerivatives by, const LaneBlock<T>& block) const override {
        if (by == BatchDerivatives::analytic) {
            if constexpr (own)
                return detail::evaluate_block<model_kind, BatchDerivatives::analytic>(model_,
                                                                                      block);
            throw InvalidArgument(
                "analytic derivatives are missing (the model has none of its own) "
                "choose BatchDerivatives::automatic");
        }
        if (by == BatchDerivatives::differences)
            return detail::evaluate_block<model_kind, BatchDerivatives::differences>(model_, block);
        detail::evaluate_block<model_kind, BatchDerivatives::autodiff>(model_, block);
    }
    bool has_guess() const override { return guesses; }
    void guess(const GuessBlock<T>& block) const override {
        if constexpr (guesses)
            with_lanes([&]<class Lanes>() {
                // Two vectors: a guess ends in a chain of operations that wait for each other.
                using S = typename Lanes::template Pack<T, 2>;
                const bool alike = block.shared_coordinates && !block.weights;
                for (int lane = 0; lane < block.lanes; lane += S::lanes) {
                    if constexpr (detail::has_special_points<Lanes, BatchDerivatives::autodiff>())
                        if (alike) {
                            detail::guess_lanes<S, true>(model_, block, lane);
                            continue;
                        }
                    detail::guess_lanes<S, false>(model_, block, lane);
                }
            });
        else
            throw InvalidArgument("a start is missing (the model has no guess()) pass one");
    }

  private:
    static constexpr bool own =
        model_kind == SmallKind::fit ? batch::HasOwnGradient<Model> : batch::HasOwnHessian<Model>;
    using Points = detail::LaneGuessPoints<typename BaselineLanes::template Pack<T, 1>,
                                           Model::coordinates, false>;
    static constexpr bool guesses = model_kind == SmallKind::fit && HasGuess<Model, Points>;
    Model model_;
};

}  // namespace CUNEWTON_CPU_CODE

}  // namespace cunewton::cpu
