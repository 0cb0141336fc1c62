#pragma once

#include "cunewton/scalar/scalar.h"

// The models of the NIST Statistical Reference Datasets for nonlinear regression
// (bench/data/nist_strd.json), as user functors. Parameters are in NIST's order.
namespace cunewton::test::nist {

/// b1 (1 - exp(-b2 x)): Misra1a, BoxBOD.
struct ExponentialRise {
    using arithmetic = double;
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2] = p;
        return b1 * (1.0 - exp(-b2 * x[0]));
    }
};

/// b1 (1 - (1 + b2 x / 2)^-2)
struct Misra1b {
    using arithmetic = double;
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2] = p;
        return b1 * (1.0 - 1.0 / square(1.0 + b2 * (0.5 * x[0])));
    }
};

/// b1 (1 - (1 + 2 b2 x)^-1/2)
struct Misra1c {
    using arithmetic = double;
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2] = p;
        return b1 * (1.0 - 1.0 / sqrt(1.0 + b2 * (2.0 * x[0])));
    }
};

/// b1 b2 x / (1 + b2 x)
struct Misra1d {
    using arithmetic = double;
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        const auto& [b1, b2] = p;
        const auto u = b2 * x[0];
        return b1 * u / (1.0 + u);
    }
};

/// exp(-b1 x) / (b2 + b3 x): Chwirut1, Chwirut2.
struct Chwirut {
    using arithmetic = double;
    static constexpr int parameters = 3, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3] = p;
        return exp(-b1 * x[0]) / (b2 + b3 * x[0]);
    }
};

/// b1 exp(-b2 x) + b3 exp(-b4 x) + b5 exp(-b6 x): Lanczos1, Lanczos2, Lanczos3.
struct Lanczos {
    using arithmetic = double;
    static constexpr int parameters = 6, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3, b4, b5, b6] = p;
        return b1 * exp(-b2 * x[0]) + b3 * exp(-b4 * x[0]) + b5 * exp(-b6 * x[0]);
    }
};

/// b1 exp(-b2 x) + b3 exp(-(x - b4)^2 / b5^2) + b6 exp(-(x - b7)^2 / b8^2): Gauss1, Gauss2, Gauss3.
struct TwoGaussians {
    using arithmetic = double;
    static constexpr int parameters = 8, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3, b4, b5, b6, b7, b8] = p;
        return b1 * exp(-b2 * x[0]) + b3 * exp(-square((x[0] - b4) / b5)) +
               b6 * exp(-square((x[0] - b7) / b8));
    }
};

/// b1 x^b2
struct DanWood {
    using arithmetic = double;
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2] = p;
        return b1 * pow(x[0], b2);
    }
};

/// (b1 + b2 x + b3 x^2) / (1 + b4 x + b5 x^2)
struct Kirby2 {
    using arithmetic = double;
    static constexpr int parameters = 5, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        const auto& [b1, b2, b3, b4, b5] = p;
        const auto u = x[0];
        return (b1 + u * (b2 + u * b3)) / (1.0 + u * (b4 + u * b5));
    }
};

/// (b1 + b2 x + b3 x^2 + b4 x^3) / (1 + b5 x + b6 x^2 + b7 x^3): Hahn1, Thurber.
struct CubicRatio {
    using arithmetic = double;
    static constexpr int parameters = 7, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        const auto& [b1, b2, b3, b4, b5, b6, b7] = p;
        const auto u = x[0];
        return (b1 + u * (b2 + u * (b3 + u * b4))) / (1.0 + u * (b5 + u * (b6 + u * b7)));
    }
};

/// b1 - b2 x1 exp(-b3 x2), of the response's logarithm.
struct Nelson {
    using arithmetic = double;
    static constexpr int parameters = 3, coordinates = 2;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3] = p;
        return b1 - b2 * x[0] * exp(-b3 * x[1]);
    }
};

/// b1 + b2 exp(-b4 x) + b3 exp(-b5 x)
struct Mgh17 {
    using arithmetic = double;
    static constexpr int parameters = 5, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3, b4, b5] = p;
        return b1 + b2 * exp(-b4 * x[0]) + b3 * exp(-b5 * x[0]);
    }
};

/// b1 - b2 x - atan(b3 / (x - b4)) / pi
struct Roszman1 {
    using arithmetic = double;
    static constexpr int parameters = 4, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        constexpr double pi = 3.141592653589793238462643;
        const auto& [b1, b2, b3, b4] = p;
        return b1 - b2 * x[0] - atan(b3 / (x[0] - b4)) * (1.0 / pi);
    }
};

/// b1 + b2 cos(2 pi x / 12) + b3 sin(2 pi x / 12) + b5 cos(2 pi x / b4) + b6 sin(2 pi x / b4)
///   + b8 cos(2 pi x / b7) + b9 sin(2 pi x / b7)
struct Enso {
    using arithmetic = double;
    static constexpr int parameters = 9, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        constexpr double pi = 3.141592653589793238462643;
        const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9] = p;
        const auto turn = (2.0 * pi) * x[0];
        const auto year = turn * (1.0 / 12.0);
        const auto first = turn / b4;
        const auto second = turn / b7;
        return b1 + b2 * cos(year) + b3 * sin(year) + b5 * cos(first) + b6 * sin(first) +
               b8 * cos(second) + b9 * sin(second);
    }
};

/// b1 (x^2 + x b2) / (x^2 + x b3 + b4)
struct Mgh09 {
    using arithmetic = double;
    static constexpr int parameters = 4, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        const auto& [b1, b2, b3, b4] = p;
        const auto u = x[0];
        return b1 * (u * u + u * b2) / (u * u + u * b3 + b4);
    }
};

/// b1 / (1 + exp(b2 - b3 x))
struct Rat42 {
    using arithmetic = double;
    static constexpr int parameters = 3, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3] = p;
        return b1 / (1.0 + exp(b2 - b3 * x[0]));
    }
};

/// b1 exp(b2 / (x + b3))
struct Mgh10 {
    using arithmetic = double;
    static constexpr int parameters = 3, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3] = p;
        return b1 * exp(b2 / (x[0] + b3));
    }
};

/// b1 / b2 exp(-((x - b3) / b2)^2 / 2)
struct Eckerle4 {
    using arithmetic = double;
    static constexpr int parameters = 3, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3] = p;
        return b1 / b2 * exp(-0.5 * square((x[0] - b3) / b2));
    }
};

/// b1 / (1 + exp(b2 - b3 x))^(1 / b4)
struct Rat43 {
    using arithmetic = double;
    static constexpr int parameters = 4, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3, b4] = p;
        return b1 / pow(1.0 + exp(b2 - b3 * x[0]), 1.0 / b4);
    }
};

/// b1 (b2 + x)^(-1 / b3)
struct Bennett5 {
    using arithmetic = double;
    static constexpr int parameters = 3, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [b1, b2, b3] = p;
        return b1 * pow(b2 + x[0], -1.0 / b3);
    }
};

}  // namespace cunewton::test::nist

/// Calls the macro X with each problem's name and its model.
#define CUNEWTON_TEST_NIST_PROBLEMS(X) \
    X("Misra1a", ExponentialRise)      \
    X("Chwirut2", Chwirut)             \
    X("Chwirut1", Chwirut)             \
    X("Lanczos3", Lanczos)             \
    X("Gauss1", TwoGaussians)          \
    X("Gauss2", TwoGaussians)          \
    X("DanWood", DanWood)              \
    X("Misra1b", Misra1b)              \
    X("Kirby2", Kirby2)                \
    X("Hahn1", CubicRatio)             \
    X("Nelson", Nelson)                \
    X("MGH17", Mgh17)                  \
    X("Lanczos1", Lanczos)             \
    X("Lanczos2", Lanczos)             \
    X("Gauss3", TwoGaussians)          \
    X("Misra1c", Misra1c)              \
    X("Misra1d", Misra1d)              \
    X("Roszman1", Roszman1)            \
    X("ENSO", Enso)                    \
    X("MGH09", Mgh09)                  \
    X("Thurber", CubicRatio)           \
    X("BoxBOD", ExponentialRise)       \
    X("Rat42", Rat42)                  \
    X("MGH10", Mgh10)                  \
    X("Eckerle4", Eckerle4)            \
    X("Rat43", Rat43)                  \
    X("Bennett5", Bennett5)
