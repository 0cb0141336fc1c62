// Residuals that the tests of this folder share.
#pragma once

#include <random>
#include <vector>

#include "cunewton/minimize.h"
#include "cunewton/problem.h"
#include "tests/support/backends.h"

namespace cunewton::test {

/// a exp(-k t) sin(q t) - y
struct WaveResidual {
    static constexpr int parameters = 3;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace math;
        const auto& [a, k, q] = x;
        return a * exp(-(k * s[0])) * sin(q * s[0]) - s.target();
    }
};

/// Data of it with a little noise.
template <class T>
struct Wave {
    explicit Wave(int count, bool weighted = false) {
        std::mt19937_64 random(7);
        std::normal_distribution<double> noise(0, 0.3);
        for (int i = 0; i < count; ++i) {
            t.push_back(static_cast<T>(3.0 * i / count));
            y.push_back(static_cast<T>(1.5 * std::exp(-0.6 * t.back()) * std::sin(2.8 * t.back()) +
                                       noise(random)));
            if (weighted) weights.push_back(i % 5 == 0 ? T(0) : T(0.25 * (1 + i % 4)));
        }
    }
    Samples<T> samples() const {
        Samples<T> s;
        s.features = t.data();
        s.count = static_cast<long>(t.size());
        s.dimension = 1;
        s.targets = y.data();
        s.weights = weights.empty() ? nullptr : weights.data();
        return s;
    }
    std::vector<T> t, y, weights;
};

/// On both backends.
template <class T>
Problem<T> wave_problem(const Wave<T>& data, const ProblemOptions& options = {}) {
    return make_residuals<T>(WaveResidual{}, data.samples(), 3, options);
}

}  // namespace cunewton::test
