#!/usr/bin/env python3
"""Writes function_references.h: values and derivatives of the functions of scalar/functions.h to 30
digits. It shares nothing with them: mpmath's functions, and its differences in 80 digits for what
has no closed form. Needs mpmath and numpy.

    python3 function_references.py > function_references.h
"""
import mpmath as mp
import numpy

mp.mp.dps = 80

TINY = [1e-300, 1e-30, 1e-9, 1e-4]
SMALL = [0.0078125, 0.1, 0.3, 0.45, 0.625, 0.75, 0.9]
NEAR_ONE = [0.99, 0.9999, 0.9999999, 1.0000001, 1.0001, 1.01]
ORDINARY = [1.25, 1.5, 2, 2.75, 3.5, 5, 7.5, 10]
LARGE = [15, 20, 26, 40, 85]


def both_signs(points):
    return [s * x for x in points for s in (1, -1)]


ANYWHERE = both_signs(TINY + SMALL + NEAR_ONE + ORDINARY + LARGE)
POSITIVE = TINY + SMALL + NEAR_ONE + ORDINARY + LARGE + [1e3, 1e6, 1e10, 1e30, 1e300]
UNIT = both_signs(TINY + SMALL + [0.86, 0.95, 0.99, 0.9999, 0.9999999, 1 - 2.0**-40, 1 - 2.0**-53])
HALVES = both_signs([0.25, 0.49, 0.5, 0.51, 0.75, 1, 1.25, 1.5, 2.5, 3.5, 1e6 + 0.5, 1e15 + 0.5, 1e30])
EXPONENTS = both_signs(TINY + SMALL + ORDINARY + LARGE + [0.347, 88, 300.5, 706])
GAMMA = [x for x in POSITIVE if x < 1e30] + [-0.5, -1.25, -2.75, -3.5, -10.125]
ANGLES = both_signs(TINY + SMALL + ORDINARY + LARGE + [0.785, 1.5707, 1.5709, 3.1416, 300, 9e4])

sqrt_pi = mp.sqrt(mp.pi)


def erfinv_slope(x):
    return sqrt_pi / 2 * mp.exp(mp.erfinv(x) ** 2)


def normal_below(x):
    """The normal distribution function over its density: a continued fraction far below 0."""
    if x > -40:
        return mp.erfc(-x / mp.sqrt(2)) / 2 / (mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi))
    fraction = -x
    for k in range(400, 0, -1):
        fraction = -x + k / fraction
    return 1 / fraction


def normal_ratio(x):
    return 1 / normal_below(mp.mpf(x))


def log_normal(x):
    x = mp.mpf(x)
    if x > 0:
        return mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2)
    return mp.log(normal_below(x)) - x * x / 2 - mp.log(2 * mp.pi) / 2


def step(f):
    return f, lambda x: mp.mpf(0), lambda x: mp.mpf(0)


def away_from_zero(x):
    return mp.sign(x) * mp.floor(abs(x) + mp.mpf(1) / 2)


def real_cbrt(x):
    return mp.sign(x) * mp.cbrt(abs(x))


ONE = {
    "abs": (ANYWHERE, abs, mp.sign, lambda x: mp.mpf(0)),
    "acos": (UNIT, mp.acos, lambda x: -1 / mp.sqrt(1 - x * x), lambda x: -x / mp.sqrt(1 - x * x) ** 3),
    "asin": (UNIT, mp.asin, lambda x: 1 / mp.sqrt(1 - x * x), lambda x: x / mp.sqrt(1 - x * x) ** 3),
    "atan": (ANYWHERE, mp.atan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "cbrt": (
        both_signs(POSITIVE[1:]),
        real_cbrt,
        lambda x: 1 / (3 * real_cbrt(x) ** 2),
        lambda x: -2 / (9 * real_cbrt(x) ** 5),
    ),
    "ceil": (HALVES, *step(mp.ceil)),
    "cos": (ANGLES, mp.cos, lambda x: -mp.sin(x), lambda x: -mp.cos(x)),
    "cosh": (EXPONENTS, mp.cosh, mp.sinh, mp.cosh),
    "digamma": (GAMMA, *(lambda x, n=n: mp.psi(n, x) for n in (0, 1, 2))),
    "erf": (
        ANYWHERE,
        mp.erf,
        lambda x: 2 / sqrt_pi * mp.exp(-x * x),
        lambda x: -4 * x / sqrt_pi * mp.exp(-x * x),
    ),
    "erfc": (
        ANYWHERE,
        mp.erfc,
        lambda x: -2 / sqrt_pi * mp.exp(-x * x),
        lambda x: 4 * x / sqrt_pi * mp.exp(-x * x),
    ),
    "erfinv": (UNIT, mp.erfinv, erfinv_slope, lambda x: 2 * mp.erfinv(x) * erfinv_slope(x) ** 2),
    "exp": (EXPONENTS, mp.exp, mp.exp, mp.exp),
    "exp2": (
        EXPONENTS + [-1019, 1023.5],
        lambda x: mp.power(2, x),
        lambda x: mp.log(2) * mp.power(2, x),
        lambda x: mp.log(2) ** 2 * mp.power(2, x),
    ),
    "expm1": (EXPONENTS, mp.expm1, mp.exp, mp.exp),
    "floor": (HALVES, *step(mp.floor)),
    "lgamma": (GAMMA, lambda x: mp.log(abs(mp.gamma(x))) if x < 1e3 else mp.loggamma(x), lambda x: mp.psi(0, x), lambda x: mp.psi(1, x)),
    "log": (POSITIVE, mp.log, lambda x: 1 / x, lambda x: -1 / x**2),
    "log10": (POSITIVE, mp.log10, lambda x: 1 / x / mp.log(10), lambda x: -1 / x**2 / mp.log(10)),
    "log1p": (
        POSITIVE + [-x for x in TINY + SMALL + [0.99, 0.9999999]],
        mp.log1p,
        lambda x: 1 / (1 + x),
        lambda x: -1 / (1 + x) ** 2,
    ),
    "log_ndtr": (
        ANYWHERE + [-300, -1e4, -1e10],
        log_normal,
        lambda x: normal_ratio(x),
        lambda x: -normal_ratio(x) * (x + normal_ratio(x)),
    ),
    "log2": (POSITIVE, lambda x: mp.log(x) / mp.log(2), lambda x: 1 / x / mp.log(2), lambda x: -1 / x**2 / mp.log(2)),
    "round": (HALVES, *step(away_from_zero)),
    "sin": (ANGLES, mp.sin, mp.cos, lambda x: -mp.sin(x)),
    "sinh": (EXPONENTS, mp.sinh, mp.cosh, mp.sinh),
    "sqrt": (POSITIVE, mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), lambda x: -1 / (4 * x * mp.sqrt(x))),
    "tan": (ANGLES, mp.tan, lambda x: 1 + mp.tan(x) ** 2, lambda x: 2 * mp.tan(x) * (1 + mp.tan(x) ** 2)),
    "tanh": (
        both_signs(TINY + SMALL + ORDINARY + [15, 20]),
        mp.tanh,
        lambda x: 1 / mp.cosh(x) ** 2,
        lambda x: -2 * mp.tanh(x) / mp.cosh(x) ** 2,
    ),
    "trunc": (HALVES, *step(lambda x: mp.sign(x) * mp.floor(abs(x)))),
}

PAIRS = [(a, b) for a in (0.375, 1.5, 7, 1e-9, 1e9) for b in (0.5, 1.25, 3, 1e-4)]
FOUR_QUADRANTS = [(s * a, t * b) for a, b in PAIRS for s in (1, -1) for t in (1, -1)]
POWERS = [(a, s * b) for a, b in PAIRS for s in (1, -1)]


def hypotenuse(a, b):
    return mp.sqrt(a * a + b * b)


TWO = {
    "atan2": (
        FOUR_QUADRANTS,
        mp.atan2,
        lambda a, b: b / (a * a + b * b),
        lambda a, b: -a / (a * a + b * b),
        lambda a, b: -2 * a * b / (a * a + b * b) ** 2,
        lambda a, b: (a * a - b * b) / (a * a + b * b) ** 2,
        lambda a, b: 2 * a * b / (a * a + b * b) ** 2,
    ),
    "hypot": (
        FOUR_QUADRANTS,
        hypotenuse,
        lambda a, b: a / hypotenuse(a, b),
        lambda a, b: b / hypotenuse(a, b),
        lambda a, b: b * b / hypotenuse(a, b) ** 3,
        lambda a, b: -a * b / hypotenuse(a, b) ** 3,
        lambda a, b: a * a / hypotenuse(a, b) ** 3,
    ),
    "pow": (
        POWERS,
        mp.power,
        lambda a, b: b * a ** (b - 1),
        lambda a, b: a**b * mp.log(a),
        lambda a, b: b * (b - 1) * a ** (b - 2),
        lambda a, b: a ** (b - 1) * (1 + b * mp.log(a)),
        lambda a, b: a**b * mp.log(a) ** 2,
    ),
    "xlogy": (
        [(s * a, b) for a, b in PAIRS for s in (1, -1)],
        lambda a, b: a * mp.log(b),
        lambda a, b: mp.log(b),
        lambda a, b: a / b,
        lambda a, b: mp.mpf(0),
        lambda a, b: 1 / b,
        lambda a, b: -a / b**2,
    ),
}


def representable(x):
    """Floats where that does not change what the point is for, so that they serve both types."""
    single = float(numpy.float32(x))
    lost = abs(single) == 1 != abs(x) or single == 0 or abs(single) > 1e38
    near_one = abs(x) != 1 and abs(abs(x) - 1) < 1e-6
    half = x * 2 == int(x * 2) if abs(x) < 1e16 else True
    return x if lost or near_one or half else single


def literal(x):
    return mp.nstr(x, 30, min_fixed=-1, max_fixed=1) + "L"


print(
    """// Made by function_references.py: values and derivatives to 30 digits.
#pragma once

namespace cunewton::test::references {

struct Of1 {
    double x;
    long double f, f1, f2;
};
struct Of2 {
    double a, b;
    long double f, fa, fb, faa, fab, fbb;
};

// clang-format off"""
)
for name, (points, *functions) in ONE.items():
    print(f"inline constexpr Of1 {name}[] = {{")
    for x in dict.fromkeys(representable(p) for p in points):
        values = [f(mp.mpf(x)) for f in functions]
        print(f"    {{{float(x)!r}, " + ", ".join(literal(v) for v in values) + "},")
    print("};")
for name, (points, *functions) in TWO.items():
    print(f"inline constexpr Of2 {name}[] = {{")
    for a, b in dict.fromkeys((representable(a), representable(b)) for a, b in points):
        values = [f(mp.mpf(a), mp.mpf(b)) for f in functions]
        print(f"    {{{float(a)!r}, {float(b)!r}, " + ", ".join(literal(v) for v in values) + "},")
    print("};")
print("// clang-format on\n\n}  // namespace cunewton::test::references")
