#pragma once

#include <utility>
#include <vector>

#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"

// Functions of many parameters with sparse Hessians and their gradients, for tests and benchmark.
namespace cunewton::test {

/// sum_i 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2, i = 0 .. n - 2
struct ChainWithGradient {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f(0.0);
        T here = x[0];
        for (int i = 0; i + 1 < n; ++i) {
            const T next = x[i + 1];
            const T curve = next - here * here, slope = T(1.0) - here;
            f += T(100.0) * curve * curve + slope * slope;
            here = next;
        }
        return f;
    }
    template <class X, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, G& g) const {
        using T = typename X::value_type;
        const int n = x.size();
        T here = x[0];
        for (int i = 0; i + 1 < n; ++i) {
            const T next = x[i + 1];
            const T curve = T(200.0) * (next - here * here);
            g[i] += T(-2.0) * (here * curve + (T(1.0) - here));
            g[i + 1] += curve;
            here = next;
        }
    }
};

/// The sum of squares of Broyden's tridiagonal equations: r_i = (3 - 2 x_i) x_i - x_{i-1} -
/// 2 x_{i+1} + 1 with x_{-1} = x_n = 0. The Hessian has five diagonals.
struct BroydenWithGradient {
    template <class X>
    CUNEWTON_HOST_DEVICE static auto residual(const X& x, int i) {
        using T = typename X::value_type;
        const T here = x[i];
        T r = (T(3.0) - T(2.0) * here) * here + T(1.0);
        if (i > 0) r -= T(x[i - 1]);
        if (i + 1 < x.size()) r -= T(2.0) * T(x[i + 1]);
        return r;
    }
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        T f(0.0);
        for (int i = 0; i < x.size(); ++i) {
            const T r = residual(x, i);
            f += r * r;
        }
        return f;
    }
    template <class X, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, G& g) const {
        using T = typename X::value_type;
        for (int i = 0; i < x.size(); ++i) {
            const T twice = T(2.0) * residual(x, i);
            g[i] += twice * (T(3.0) - T(4.0) * T(x[i]));
            if (i > 0) g[i - 1] -= twice;
            if (i + 1 < x.size()) g[i + 1] -= T(2.0) * twice;
        }
    }
};

/// The area of the surface u over the unit square, of linear pieces over two triangles a cell. The
/// parameters are u at the inner side x side points, row after row; on the boundary it is
/// s^2 - t^2. Seven entries a row of the Hessian.
struct SurfaceWithGradient {
    int side;

    template <class X>
    CUNEWTON_HOST_DEVICE auto at(const X& x, int row, int column) const {
        using T = typename X::value_type;
        if (row >= 0 && row < side && column >= 0 && column < side)
            return T(x[row * side + column]);
        const double width = 1.0 / (side + 1), s = width * (column + 1), t = width * (row + 1);
        return T(s * s - t * t);
    }
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using math::sqrt;
        const double width = 1.0 / (side + 1);
        const T inverse = T(1 / (width * width));
        T f(0.0);
        for (int r = -1; r < side; ++r) {
            T low = at(x, r, -1), up = at(x, r + 1, -1);
            for (int c = -1; c < side; ++c) {
                const T low_next = at(x, r, c + 1), up_next = at(x, r + 1, c + 1);
                const T a = low_next - low, b = up - low, d = up_next - up, e = up_next - low_next;
                f += sqrt(T(1.0) + inverse * (a * a + b * b)) +
                     sqrt(T(1.0) + inverse * (d * d + e * e));
                low = low_next;
                up = up_next;
            }
        }
        return T(0.5 * width * width) * f;
    }
    template <class X, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, G& g) const {
        using T = typename X::value_type;
        using math::sqrt;
        const double width = 1.0 / (side + 1);
        const T inverse = T(1 / (width * width));
        const auto add = [&](int row, int column, const T& value) {
            if (row >= 0 && row < side && column >= 0 && column < side)
                g[row * side + column] += value;
        };
        for (int r = -1; r < side; ++r) {
            T low = at(x, r, -1), up = at(x, r + 1, -1);
            for (int c = -1; c < side; ++c) {
                const T low_next = at(x, r, c + 1), up_next = at(x, r + 1, c + 1);
                const T a = low_next - low, b = up - low, d = up_next - up, e = up_next - low_next;
                const T lower = T(0.5) / sqrt(T(1.0) + inverse * (a * a + b * b));
                const T upper = T(0.5) / sqrt(T(1.0) + inverse * (d * d + e * e));
                add(r, c, -lower * (a + b));
                add(r, c + 1, lower * a - upper * e);
                add(r + 1, c, lower * b - upper * d);
                add(r + 1, c + 1, upper * (d + e));
                low = low_next;
                up = up_next;
            }
        }
    }
};

/// Entries of the lower triangle's diagonals, from the main one.
inline std::vector<std::pair<int, int>> band(int n, int diagonals) {
    std::vector<std::pair<int, int>> entries;
    entries.reserve(static_cast<std::size_t>(n) * static_cast<std::size_t>(diagonals));
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n && i < j + diagonals; ++i) entries.push_back({i, j});
    return entries;
}

/// Those of SurfaceWithGradient.
inline std::vector<std::pair<int, int>> surface_entries(int side) {
    std::vector<std::pair<int, int>> entries;
    entries.reserve(4 * static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
    for (int r = 0; r < side; ++r)
        for (int c = 0; c < side; ++c) {
            const int j = r * side + c;
            entries.push_back({j, j});
            if (c + 1 < side) entries.push_back({j + 1, j});
            if (r + 1 < side) entries.push_back({j + side, j});
            if (r + 1 < side && c > 0) entries.push_back({j + side - 1, j});
        }
    return entries;
}

}  // namespace cunewton::test
