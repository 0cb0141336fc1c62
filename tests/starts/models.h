#pragma once

#include "cunewton/fit.h"
#include "cunewton/scalar/scalar.h"

// Models and objectives with their code for the CPU, and, in a build with CUDA, for the GPU.
namespace cunewton::test {

/// exp(-a x) + b x^2. Not a number where a is not in [0, 2], or b not in [-1, 1].
struct FencedModel {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        using S = scalar_t<P>;
        const S a = p[0], b = p[1];
        const auto inside = a >= 0.0 && a <= 2.0 && b >= -1.0 && b <= 1.0;
        const S value = exp(-a * S(x[0])) + b * square(S(x[0]));
        const double nothing = limits::not_a_number<double>;
        return select(inside, value, S(nothing));
    }
};

/// 2 cosh(a - d) + (b - a / 2)^2 + a b / 4, likewise.
struct FencedObjective {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const D& d) const {
        using namespace math;
        using S = scalar_t<P>;
        const S a = p[0], b = p[1], u = a - S(d[0]);
        const auto inside = a >= 0.0 && a <= 2.0 && b >= -1.0 && b <= 1.0;
        const S value = exp(u) + exp(-u) + square(b - 0.5 * a) + 0.25 * a * b;
        const double nothing = limits::not_a_number<double>;
        return select(inside, value, S(nothing));
    }
};

/// a x + b. Its guess is the mean of y for b, and the number of points for a.
struct GuessedLine {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        return p[0] * x[0] + p[1];
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE void guess(const Points& points, typename Points::value_type* p) const {
        using S = typename Points::value_type;
        const auto sums = points.template sum<2>([](const auto&, const S& y, S* terms) {
            terms[0] = y;
            terms[1] = S(1.0);
        });
        p[0] = sums[1];
        p[1] = sums[0] / sums[1];
    }
};

/// Six-hump camel (Dixon and Szego 1978): six minima in [-3, 3] x [-2, 2], two of them global at
/// -1.0316284534898774.
struct CamelObjective {
    static constexpr int parameters = 2, coordinates = 0;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const D&) const {
        using S = scalar_t<P>;
        const S u = p[0] * p[0], v = p[1] * p[1];
        return (4.0 - 2.1 * u + u * u / 3.0) * u + p[0] * p[1] + (4.0 * v - 4.0) * v;
    }
};

FitModel fenced_model();
SmallObjective fenced_objective();
FitModel guessed_line();
SmallObjective camel_objective();

#if CUNEWTON_WITH_CUDA
void add_starts_device_code(FitModel& model, const FencedModel& functor);
void add_starts_device_code(SmallObjective& model, const FencedObjective& functor);
void add_starts_device_code(FitModel& model, const GuessedLine& functor);
void add_starts_device_code(SmallObjective& model, const CamelObjective& functor);
#endif

}  // namespace cunewton::test
