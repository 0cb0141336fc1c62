// Small linear systems in long double, by elimination with complete pivoting: the tests' oracle.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace cunewton::test {

/// The solution of M x = c for a regular M, n x n, row after row.
inline std::vector<long double> dense_solve(std::vector<long double> M,
                                            std::vector<long double> c) {
    const std::size_t n = c.size();
    std::vector<std::size_t> column(n);
    for (std::size_t j = 0; j < n; ++j) column[j] = j;
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t row = k, best = k;
        for (std::size_t i = k; i < n; ++i)
            for (std::size_t j = k; j < n; ++j)
                if (std::abs(M[i * n + j]) > std::abs(M[row * n + best])) {
                    row = i;
                    best = j;
                }
        for (std::size_t j = 0; j < n; ++j) std::swap(M[k * n + j], M[row * n + j]);
        std::swap(c[k], c[row]);
        for (std::size_t i = 0; i < n; ++i) std::swap(M[i * n + k], M[i * n + best]);
        std::swap(column[k], column[best]);
        for (std::size_t i = k + 1; i < n; ++i) {
            const long double factor = M[i * n + k] / M[k * n + k];
            for (std::size_t j = k; j < n; ++j) M[i * n + j] -= factor * M[k * n + j];
            c[i] -= factor * c[k];
        }
    }
    std::vector<long double> x(n);
    for (std::size_t k = n; k-- > 0;) {
        long double sum = c[k];
        for (std::size_t j = k + 1; j < n; ++j) sum -= M[k * n + j] * x[column[j]];
        x[column[k]] = sum / M[k * n + k];
    }
    return x;
}

}  // namespace cunewton::test
