// One iteration of the solvers of small problems: its trial point against the exact minimiser of
// the quadratic model in a trust region, found in long double by maximising the dual.
#include "cunewton/small/solver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "host/cpu/advance_lanes.h"
#include "tests/support/datasets.h"
#include "tests/support/fit_oracle.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using fit_oracle::Real;
using fit_oracle::Vector;

/// f(x + s) = f + g's + s'Hs/2; H is n x n.
struct Quadratic {
    int n;
    Vector g, h;

    Real change(const Vector& s) const {
        Real sum = 0;
        for (int i = 0; i < n; ++i) {
            sum += g[i] * s[i];
            for (int j = 0; j < n; ++j) sum += h[i * n + j] * s[i] * s[j] / 2;
        }
        return sum;
    }
};

/// The least change within s'D s <= radius^2, D diagonal: the maximum over lambda >= 0 with
/// H + lambda D positive semidefinite of -g'(H + lambda D)^-1 g / 2 - lambda radius^2 / 2, a
/// concave function (strong duality holds although H may be indefinite).
Real least_change(const Quadratic& q, const Vector& d, Real radius) {
    const int n = q.n;
    // In the variables sqrt(D) s.
    Vector h(q.h.size()), g(n);
    for (int i = 0; i < n; ++i) {
        g[i] = q.g[i] / std::sqrt(d[i]);
        for (int j = 0; j < n; ++j) h[i * n + j] = q.h[i * n + j] / std::sqrt(d[i] * d[j]);
    }
    const Vector spectrum = fit_oracle::eigenvalues(n, h);
    const Real size = std::max(std::abs(spectrum.front()), std::abs(spectrum.back()));
    Real slope = 0;
    for (const Real value : g) slope += value * value;
    slope = std::sqrt(slope);
    const auto dual = [&](Real lambda) {
        Vector shifted = h;
        for (int j = 0; j < n; ++j) shifted[j * n + j] += lambda;
        const Vector inverse = fit_oracle::inverse(n, shifted);
        if (inverse.empty()) return -std::numeric_limits<Real>::infinity();
        Real quadratic = 0;
        for (int i = 0; i < n; ++i)
            for (int j = 0; j < n; ++j) quadratic += g[i] * inverse[i * n + j] * g[j];
        return -quadratic / 2 - lambda * radius * radius / 2;
    };
    const Real least = std::max(Real(0), -spectrum.front());
    Real low = std::log(1e-17L * (size + slope / radius)),
         high = std::log(2 * (size + slope / radius));
    // The interval shrinks to 1e-9 of its length; at the maximum that is 1e-18 of the value.
    for (int iteration = 0; iteration < 50; ++iteration) {
        const Real a = low + (high - low) / 3, b = high - (high - low) / 3;
        if (dual(least + std::exp(a)) < dual(least + std::exp(b)))
            low = a;
        else
            high = b;
    }
    return std::max(dual(least + std::exp((low + high) / 2)), least == 0 ? dual(0) : dual(least));
}

/// State and sums of problems side by side, at x = 1, ..., 1.
template <class T, bool fit, int width = 1>
struct Bench {
    batch::StateLayout layout;
    std::vector<T> state, f, gradient, hessian;
    batch::SolverSettings<T> settings;

    Bench(int n, bool in_memory, bool bounded = false)
        : layout{n, fit, bounded, in_memory},
          state(static_cast<std::size_t>(layout.size()) * width, T(0)),
          f(width),
          gradient(static_cast<std::size_t>(n) * width),
          hessian(static_cast<std::size_t>(n) * (n + 1) / 2 * width) {
        settings.bounded = bounded;
        settings.max_iterations = 100;
        for (int l = 0; l < width; ++l) {
            for (int j = 0; j < n; ++j) at(layout.x() + j, l) = at(layout.trial() + j, l) = T(1);
            batch::begin_problem(batch::Memory<T>{state.data() + l, width}, layout, T(0), T(1));
            f[l] = 1;
        }
    }
    T& at(int slot, int lane) { return state[static_cast<std::size_t>(slot) * width + lane]; }
    void set(int lane, const Quadratic& q) {
        for (int j = 0, k = 0; j < q.n; ++j) {
            gradient[j * width + lane] = static_cast<T>(q.g[j]);
            for (int i = j; i < q.n; ++i, ++k)
                hessian[k * width + lane] = static_cast<T>(q.h[i * q.n + j]);
        }
    }
    template <int N>
    void advance() requires(width == 1) {
        const batch::Memory<T> memory{state.data(), width};
        const batch::TrialMemory<T> trial{
            {f.data(), width}, {gradient.data(), width}, {hessian.data(), width}};
        if constexpr (fit)
            batch::advance_fit<N>(memory, layout, trial, settings);
        else
            batch::advance_objective<N>(memory, layout, trial, settings);
    }
    void advance_lanes() requires(width == cpu::lane_count<T>) {
        cpu::advance_lanes<T>(fit ? SmallKind::fit : SmallKind::objective, layout, state.data(),
                              f.data(), gradient.data(), hessian.data(), settings);
    }
    /// Until each lane has its step once; returns the number of calls.
    int advance_until_found() requires(width == cpu::lane_count<T>) {
        std::vector<T> found(state.size());
        std::vector<bool> waits(width, true);
        int calls = 0;
        for (; std::ranges::find(waits, true) != waits.end(); ++calls) {
            advance_lanes();
            for (int l = 0; l < width; ++l) {
                if (!waits[l] || at(batch::StateLayout::attempts, l) > T(0)) continue;
                waits[l] = false;
                for (int slot = 0; slot < layout.size(); ++slot)
                    found[static_cast<std::size_t>(slot) * width + l] = at(slot, l);
            }
        }
        state = found;
        return calls;
    }
    Vector step(int lane) {
        Vector s;
        for (int j = 0; j < layout.n; ++j)
            s.push_back(Real(at(layout.trial() + j, lane)) - at(layout.x() + j, lane));
        return s;
    }
};

enum class Kind { definite, indefinite, singular, hard, saddle };

/// Random eigenvectors with a spectrum of the kind. `rank_one` columns as J'J for fits.
Quadratic make_quadratic(int n, Kind kind, double units, Random& random) {
    // Product of reflections: orthogonal.
    Vector v(static_cast<std::size_t>(n) * n);
    for (int j = 0; j < n; ++j) v[j * n + j] = 1;
    for (int reflection = 0; reflection < 2; ++reflection) {
        Vector u(n);
        Real square = 0;
        for (Real& value : u) {
            value = random.near_normal();
            square += value * value;
        }
        for (int i = 0; i < n; ++i) {
            Real along = 0;
            for (int k = 0; k < n; ++k) along += v[i * n + k] * u[k];
            for (int k = 0; k < n; ++k) v[i * n + k] -= 2 * along * u[k] / square;
        }
    }
    Vector spectrum(n), g(n);
    for (int j = 0; j < n; ++j) {
        spectrum[j] = 0.25 + 4 * random.uniform();
        g[j] = random.near_normal();
    }
    if (kind != Kind::definite) spectrum[0] = kind == Kind::singular ? 0 : -0.5 - random.uniform();
    if (kind == Kind::hard || kind == Kind::singular) g[0] = 0;
    if (kind == Kind::saddle) std::fill(g.begin(), g.end(), 0);
    Quadratic q{n, Vector(n), Vector(static_cast<std::size_t>(n) * n)};
    for (int i = 0; i < n; ++i)
        for (int k = 0; k < n; ++k) {
            q.g[i] += v[i * n + k] * g[k];
            for (int j = 0; j < n; ++j) q.h[i * n + j] += v[i * n + k] * spectrum[k] * v[j * n + k];
        }
    // Parameters in different units, for fits.
    for (int i = 0; i < n; ++i) {
        const Real unit = std::pow(Real(units), i % 3 - 1);
        q.g[i] *= unit;
        for (int j = 0; j < n; ++j) q.h[i * n + j] *= unit * std::pow(Real(units), j % 3 - 1);
    }
    return q;
}
/// As the solver sees it.
template <class T>
Quadratic rounded(Quadratic q) {
    for (Real& value : q.g) value = static_cast<T>(value);
    for (int i = 0; i < q.n; ++i)
        for (int j = 0; j <= i; ++j)
            q.h[i * q.n + j] = q.h[j * q.n + i] = static_cast<T>(q.h[i * q.n + j]);
    return q;
}

/// The step is the best of its length, to a tenth; no longer than the radius, but for the slack
/// that the solver takes; and not so short that much is lost.
template <bool fit>
void expect_good_step(const Quadratic& q, const Vector& s, Real radius, const std::string& what) {
    Vector d(q.n, 1);
    if (fit)
        for (int j = 0; j < q.n; ++j) d[j] = q.h[j * q.n + j];
    Real length = 0;
    for (int j = 0; j < q.n; ++j) length += s[j] * s[j] * d[j];
    length = std::sqrt(length);
    ASSERT_TRUE(std::isfinite(length)) << what;
    const Real change = q.change(s);
    EXPECT_LE(length, (fit ? 1.11L : 1.91L) * radius) << what;
    const Real best = least_change(q, d, radius);
    if (best == 0) return;
    // Of a step that is theta times too short, theta^2 of the decrease is left at least.
    EXPECT_LE(change, (fit ? 0.8L : 0.15L) * best) << what << ", length " << double(length);
    if (length > 0) {
        EXPECT_LE(change, 0.89L * least_change(q, d, length)) << what << ", of its own length";
    }
}

template <class T>
class SmallSolverTest : public ::testing::Test {};
TYPED_TEST_SUITE(SmallSolverTest, Reals, RealName);

template <class T, bool fit, int N>
void expect_good_steps(int n, const std::vector<Kind>& kinds, double units) {
    Random random(static_cast<std::uint64_t>(n) + 10 * static_cast<std::uint64_t>(N));
    for (const Kind kind : kinds)
        for (const double radius : {1e-3, 0.03, 0.3, 1.0, 3.0, 50.0})
            for (int repeat = 0; repeat < 4; ++repeat) {
                if (n == 1 && (kind == Kind::hard || kind == Kind::singular)) continue;
                const Quadratic q = rounded<T>(make_quadratic(n, kind, units, random));
                Bench<T, fit> bench(n, N == 0);
                bench.settings.initial_radius = static_cast<T>(radius);
                bench.set(0, q);
                bench.template advance<N>();
                EXPECT_EQ(bench.at(batch::StateLayout::status, 0), T(batch::running));
                EXPECT_EQ(bench.at(batch::StateLayout::iterations, 0), T(0));
                const Vector s = bench.step(0);
                const std::string what = "n " + std::to_string(n) + ", N " + std::to_string(N) +
                                         ", kind " + std::to_string(static_cast<int>(kind)) +
                                         ", radius " + std::to_string(radius) + ", repeat " +
                                         std::to_string(repeat);
                // x = 1 is added to the step.
                if (radius > 1e4 * epsilon<T>)
                    expect_good_step<fit>(q, s, static_cast<T>(radius), what);
                const Real promised = bench.at(batch::StateLayout::predicted, 0);
                EXPECT_NEAR(double(promised), double(-q.change(s)),
                            64 * n * epsilon<T> * (1 + double(std::abs(q.change(s))) + radius))
                    << what;
            }
}

TYPED_TEST(SmallSolverTest, ObjectivesTakeTheBestStepInTheTrustRegion) {
    using T = TypeParam;
    const std::vector<Kind> kinds{Kind::definite, Kind::indefinite, Kind::singular, Kind::hard,
                                  Kind::saddle};
    expect_good_steps<T, false, 2>(2, kinds, 1);
    expect_good_steps<T, false, 5>(5, kinds, 1);
    for (const int n : {1, 2, 5, 9}) expect_good_steps<T, false, 0>(n, kinds, 1);
}

TYPED_TEST(SmallSolverTest, FitsTakeTheBestStepInTheirScaledTrustRegion) {
    using T = TypeParam;
    const std::vector<Kind> kinds{Kind::definite};
    for (const double units : {1.0, 16.0}) {
        expect_good_steps<T, true, 3>(3, kinds, units);
        for (const int n : {1, 3, 9}) expect_good_steps<T, true, 0>(n, kinds, units);
    }
}

// Where nothing slopes or curves, every point is a minimum.
TYPED_TEST(SmallSolverTest, AFlatObjectiveIsAtItsMinimum) {
    using T = TypeParam;
    const Quadratic flat{3, Vector(3, 0), Vector(9, 0)};
    Bench<T, false> bench(3, true);
    bench.set(0, flat);
    bench.template advance<0>();
    EXPECT_EQ(bench.at(batch::StateLayout::status, 0), T(batch::ended_as(Status::converged)));
    for (const Real s : bench.step(0)) EXPECT_EQ(s, 0);
}

// Lanes do not see each other: each has the bits that it has among others like itself. And all are
// good steps.
TYPED_TEST(SmallSolverTest, LanesAreSolvedAsIfAlone) {
    using T = TypeParam;
    constexpr int width = cpu::lane_count<T>;
    for (const int n : {3, 7}) {
        const bool in_memory = !cpu::is_compiled_for(SmallKind::objective, n);
        Random random(5);
        Bench<T, false, width> all(n, in_memory);
        all.settings.initial_radius = T(0.5);
        std::vector<Quadratic> problems;
        const Kind kinds[] = {Kind::definite, Kind::hard, Kind::indefinite, Kind::saddle};
        for (int l = 0; l < width; ++l) {
            problems.push_back(rounded<T>(make_quadratic(n, kinds[l % 4], 1, random)));
            all.set(l, problems.back());
        }
        // Some are searching still when most have their step.
        EXPECT_GT(all.advance_until_found(), 1);
        for (int l = 0; l < width; ++l) {
            Bench<T, false, width> same(n, in_memory);
            same.settings.initial_radius = T(0.5);
            for (int k = 0; k < width; ++k) same.set(k, problems[l]);
            same.advance_until_found();
            for (int slot = 0; slot < all.layout.work(); ++slot)
                EXPECT_EQ(all.at(slot, l), same.at(slot, l)) << "lane " << l << ", slot " << slot;
            expect_good_step<false>(problems[l], all.step(l), T(0.5), "lane " + std::to_string(l));
        }
    }
}

// Parameters that are not free keep still, and the others take their step without them.
TYPED_TEST(SmallSolverTest, ParametersAtTheirBoundsKeepStill) {
    using T = TypeParam;
    constexpr int n = 4;
    Random random(11);
    for (int repeat = 0; repeat < 20; ++repeat) {
        const Quadratic q = rounded<T>(make_quadratic(n, Kind::definite, 1, random));
        Bench<T, false> bench(n, true, true);
        bench.settings.initial_radius = T(100);
        bench.set(0, q);
        std::vector<bool> held(n);
        for (int j = 0; j < n; ++j) {
            // Parameter 0 is at a bound that holds it, 1 at one that it leaves, 2 is fixed.
            const bool up = q.g[j] < 0;
            T low = -100, high = 100;
            if (j == 0) (up ? high : low) = 1;
            if (j == 1) (up ? low : high) = 1;
            if (j == 2) low = high = 1;
            bench.at(bench.layout.lower() + j, 0) = low;
            bench.at(bench.layout.upper() + j, 0) = high;
            held[j] = j == 0 || j == 2;
        }
        bench.template advance<0>();
        const Vector s = bench.step(0);
        EXPECT_EQ(s[0], 0);
        EXPECT_EQ(s[2], 0);
        // Newton's step in the other two; where it is cut at the bound that parameter 1 leaves, the
        // best step of the last one alone.
        const Vector block{q.h[5], q.h[7], q.h[13], q.h[15]};
        const Vector inverse = fit_oracle::inverse(2, block);
        const Vector exact{-inverse[0] * q.g[1] - inverse[1] * q.g[3],
                           -inverse[2] * q.g[1] - inverse[3] * q.g[3]};
        const double tolerance =
            256 * epsilon<T> * (1 + double(std::abs(exact[0]) + std::abs(exact[1])));
        const Real cut = q.g[1] < 0 ? std::max(exact[0], Real(0)) : std::min(exact[0], Real(0));
        EXPECT_NEAR(double(s[1]), double(cut), tolerance);
        const Real last = cut == exact[0] ? exact[1] : -(q.g[3] + q.h[7] * cut) / q.h[15];
        EXPECT_NEAR(double(s[3]), double(last), tolerance);
    }
}

// A problem that has ended is left as it is, whatever its trial's sums are.
TYPED_TEST(SmallSolverTest, WhatHasEndedDoesNotChange) {
    using T = TypeParam;
    Random random(13);
    Bench<T, true> bench(3, true);
    bench.set(0, rounded<T>(make_quadratic(3, Kind::definite, 1, random)));
    bench.template advance<0>();
    bench.at(batch::StateLayout::status, 0) = T(batch::ended_as(Status::converged));
    const std::vector<T> before(bench.state.begin(), bench.state.begin() + bench.layout.work());
    bench.f[0] = T(0.5);
    bench.set(0, rounded<T>(make_quadratic(3, Kind::definite, 1, random)));
    bench.template advance<0>();
    const batch::StateLayout& at = bench.layout;
    for (int j = 0; j < 3; ++j) {
        EXPECT_EQ(bench.at(at.x() + j, 0), before[at.x() + j]);
        EXPECT_EQ(bench.at(at.gradient() + j, 0), before[at.gradient() + j]);
    }
    for (const batch::StateLayout::Scalar which :
         {batch::StateLayout::f, batch::StateLayout::status, batch::StateLayout::iterations})
        EXPECT_EQ(bench.at(which, 0), before[which]);
}

// A point that is worse, or not a number, is not taken; the next step is shorter.
TYPED_TEST(SmallSolverTest, WorsePointsAreRejected) {
    using T = TypeParam;
    Random random(17);
    for (const T worse :
         {T(2), std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
        Bench<T, false> bench(3, true);
        const Quadratic q = rounded<T>(make_quadratic(3, Kind::definite, 1, random));
        bench.set(0, q);
        bench.template advance<0>();
        const Vector first = bench.step(0);
        const T first_promised = bench.at(batch::StateLayout::predicted, 0);
        bench.f[0] = worse;
        bench.template advance<0>();
        const Vector second = bench.step(0);
        EXPECT_EQ(bench.at(batch::StateLayout::f, 0), T(1));
        EXPECT_EQ(bench.at(batch::StateLayout::iterations, 0), T(1));
        Real a = 0, b = 0;
        for (int j = 0; j < 3; ++j) {
            EXPECT_EQ(bench.at(bench.layout.x() + j, 0), T(1));
            a += first[j] * first[j];
            b += second[j] * second[j];
        }
        EXPECT_LT(b, 0.75L * a);
        // A better one is.
        bench.f[0] = T(1) - first_promised / 2;
        bench.template advance<0>();
        EXPECT_EQ(bench.at(batch::StateLayout::f, 0), bench.f[0]);
        EXPECT_NE(bench.at(bench.layout.x(), 0), T(1));
    }
}

}  // namespace
}  // namespace cunewton::test
