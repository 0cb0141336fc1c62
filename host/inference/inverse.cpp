#include "host/inference/inverse.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/backend/lapack.h"

extern "C" {
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*,
            const double*, const int*, const double*, const int*, const double*, double*,
            const int*);
}

namespace cunewton::infer {
namespace {

/// All eigenvalues are found of matrices up to here.
constexpr int most_eigenvalues = 2000;
constexpr double infinity = std::numeric_limits<double>::infinity();

double condition_of(std::vector<double> H, int n, double accuracy) {
    std::vector<double> values(static_cast<std::size_t>(n));
    if (lapack::syevd(false, n, H.data(), values.data()) != 0)
        return std::numeric_limits<double>::quiet_NaN();
    const double least = std::max(0.0, values.front()), most = values.back();
    return least > n * accuracy * accuracy * most ? most / least : infinity;
}

}  // namespace

Inverse invert(const std::vector<double>& H, int n, double accuracy) {
    Inverse inverse;
    const std::size_t size = static_cast<std::size_t>(n);
    inverse.condition = inverse.scaled_condition =
        n > most_eigenvalues ? std::numeric_limits<double>::quiet_NaN() : 1;
    if (n == 0) return inverse;
    std::vector<double> scaled(H);
    std::vector<double>& scale = inverse.scale;
    scale.resize(size);
    for (std::size_t j = 0; j < size; ++j) {
        const double diagonal = H[j * size + j];
        scale[j] = diagonal > 0 ? 1 / std::sqrt(diagonal) : 1;
    }
    for (std::size_t j = 0; j < size; ++j)
        for (std::size_t i = 0; i < size; ++i) scaled[j * size + i] *= scale[i] * scale[j];
    const auto unscale = [&] {
        for (std::size_t j = 0; j < size; ++j)
            for (std::size_t i = 0; i < size; ++i)
                inverse.matrix[j * size + i] *= scale[i] * scale[j];
    };

    inverse.matrix = scaled;
    bool regular = lapack::potrf(n, inverse.matrix.data(), n) == 0;
    const double least = n * accuracy;
    for (std::size_t j = 0; regular && j < size; ++j) {
        const double pivot = inverse.matrix[j * size + j];
        regular = pivot * pivot > least;
    }
    if (regular) {
        lapack::potri(n, inverse.matrix.data());
        for (std::size_t j = 0; j < size; ++j)
            for (std::size_t i = j + 1; i < size; ++i)
                inverse.matrix[i * size + j] = inverse.matrix[j * size + i];
        unscale();
        if (n <= most_eigenvalues) {
            inverse.condition = condition_of(H, n, accuracy);
            inverse.scaled_condition = condition_of(scaled, n, accuracy);
        }
        return inverse;
    }
    // The inverse on the space that has curvature: of numbers that are determined it is the only
    // one (Rao and Mitra 1971, estimable functions).
    inverse.condition = inverse.scaled_condition = infinity;
    std::vector<double> values(size);
    if (lapack::syevd(true, n, scaled.data(), values.data()) != 0) {
        inverse.indefinite = true;
        return inverse;
    }
    const double noise = least * std::max(values.back(), 0.0);
    inverse.matrix.assign(size * size, 0.0);
    for (std::size_t e = 0; e < size; ++e) {
        const double* const v = scaled.data() + e * size;
        if (values[e] < -noise) inverse.indefinite = true;
        if (values[e] <= noise) {
            inverse.null.insert(inverse.null.end(), v, v + size);
            ++inverse.nullity;
            continue;
        }
        for (std::size_t j = 0; j < size; ++j) {
            const double factor = v[j] / values[e];
            for (std::size_t i = 0; i < size; ++i) inverse.matrix[j * size + i] += v[i] * factor;
        }
    }
    unscale();
    // In units of the parameters, a direction is scale times its scaled one.
    for (int e = 0; e < inverse.nullity; ++e)
        for (std::size_t j = 0; j < size; ++j)
            inverse.null[static_cast<std::size_t>(e) * size + j] *= scale[j];
    return inverse;
}

void multiply(int m, int n, int k, const double* A, const double* B, double* C) {
    if (m == 0 || n == 0 || k == 0) return;
    const double one = 1, none = 0;
    dgemm_("N", "N", &m, &n, &k, &one, A, &m, B, &k, &none, C, &m);
}

Inverse invert_on(const std::vector<double>& Z, const std::vector<double>& H, int n,
                  double accuracy) {
    const std::size_t size = static_cast<std::size_t>(n), count = n == 0 ? 0 : Z.size() / size;
    const int d = static_cast<int>(count);
    std::vector<double> transposed(Z.size()), HZ(Z.size()), reduced(count * count);
    for (std::size_t c = 0; c < count; ++c)
        for (std::size_t j = 0; j < size; ++j) transposed[j * count + c] = Z[c * size + j];
    multiply(n, d, n, H.data(), Z.data(), HZ.data());
    multiply(d, d, n, transposed.data(), HZ.data(), reduced.data());
    Inverse inner = invert(reduced, d, accuracy);
    if (inner.indefinite) return inner;
    Inverse inverse;
    inverse.condition = inner.condition;
    inverse.scaled_condition = inner.scaled_condition;
    inverse.nullity = inner.nullity;
    inverse.matrix.assign(size * size, 0.0);
    inverse.null.assign(size * static_cast<std::size_t>(inner.nullity), 0.0);
    inverse.scale.assign(size, 0.0);
    multiply(n, d, d, Z.data(), inner.matrix.data(), HZ.data());
    multiply(n, n, d, HZ.data(), transposed.data(), inverse.matrix.data());
    multiply(n, inner.nullity, d, Z.data(), inner.null.data(), inverse.null.data());
    for (std::size_t c = 0; c < count; ++c)
        for (std::size_t j = 0; j < size; ++j)
            inverse.scale[j] = std::hypot(inverse.scale[j], Z[c * size + j] * inner.scale[c]);
    return inverse;
}

}  // namespace cunewton::infer
