// Quadratics whose eigenvalues are chosen.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"

namespace cunewton::test {

/// f(x) = 1/2 x'Ax - b'x with A = Q diag(values) Q', Q a product of two reflections, in long double
/// before it is rounded.
template <class T>
struct KnownSpectrum {
    std::vector<long double> values, Q;
    std::vector<T> A, b;

    explicit KnownSpectrum(std::vector<long double> eigenvalues, std::uint64_t seed = 1)
        : values(std::move(eigenvalues)) {
        const std::size_t n = values.size();
        Q.assign(n * n, 0.0L);
        for (std::size_t i = 0; i < n; ++i) Q[i * n + i] = 1;
        Random random(seed);
        for (int reflection = 0; reflection < 2; ++reflection) {
            std::vector<long double> v(n);
            long double square = 0;
            for (long double& entry : v) {
                entry = random.near_normal();
                square += entry * entry;
            }
            for (std::size_t c = 0; c < n; ++c) {
                long double dot = 0;
                for (std::size_t i = 0; i < n; ++i) dot += v[i] * Q[c * n + i];
                for (std::size_t i = 0; i < n; ++i) Q[c * n + i] -= 2 * dot / square * v[i];
            }
        }
        A.resize(n * n);
        b.assign(n, T(0));
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j <= i; ++j) {
                long double sum = 0;
                for (std::size_t k = 0; k < n; ++k) sum += Q[k * n + i] * values[k] * Q[k * n + j];
                A[i * n + j] = A[j * n + i] = static_cast<T>(sum);
            }
    }

    int n() const { return static_cast<int>(values.size()); }
    Problem<T> problem() const { return make_quadratic(A.data(), b.data(), n()); }
    double norm() const {
        long double largest = 0;
        for (const long double value : values) largest = std::max(largest, std::abs(value));
        return static_cast<double>(largest);
    }
    /// What rounding A and working in T may do to an eigenvalue.
    double tolerance() const { return (n() + 10) * norm() * std::numeric_limits<T>::epsilon(); }
    std::vector<T> origin() const { return std::vector<T>(values.size(), T(0)); }
};

/// On the tested backend.
template <class Options>
Options there(Options options = {}) {
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

}  // namespace cunewton::test
