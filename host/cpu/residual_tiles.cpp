#include "host/cpu/residual_tiles.h"

#include "cunewton/cpu/dispatch.h"
#include "cunewton/cpu/residual_code.h"
#include "cunewton/small/problem.h"

namespace cunewton::cpu {

namespace {

template <class P>
CUNEWTON_ALWAYS_INLINE double sum_of(const P& p) {
    double sum = 0;
    for (int l = 0; l < P::lanes; ++l) sum += p.lane(l);
    return sum;
}

/// add(i, j, sum) of J_i' diag(c) J_j for `rows` x `columns` pairs, those with i >= j.
template <class P, bool weighted, int rows, int columns, class T, class Add>
CUNEWTON_ALWAYS_INLINE void add_block(const ResidualTile<T>& tile, int i0, int j0, const Add& add) {
    P sums[rows * columns];
    for (P& sum : sums) sum = P(0.0);
    const T *const left = tile.J + i0 * tile.rows, *const right = tile.J + j0 * tile.rows;
    for (std::ptrdiff_t q = 0; q < tile.rows; q += P::lanes) {
        P a[rows];
        for (int i = 0; i < rows; ++i) a[i] = P::load(left + i * tile.rows + q);
        for (int j = 0; j < columns; ++j) {
            P b = P::load(right + j * tile.rows + q);
            if constexpr (weighted) b = b * P::load(tile.curvature + q);
            for (int i = 0; i < rows; ++i) sums[j * rows + i] += a[i] * b;
        }
    }
    for (int j = 0; j < columns; ++j)
        for (int i = 0; i < rows; ++i)
            if (i0 + i >= j0 + j) add(i0 + i, j0 + j, sum_of(sums[j * rows + i]));
}

/// All pairs of so few columns from `first` on, read once.
template <class P, int columns, class T, class Add>
CUNEWTON_ALWAYS_INLINE void add_all(const ResidualTile<T>& tile, const Add& add, int first = 0) {
    P sums[columns * (columns + 1) / 2];
    for (P& sum : sums) sum = P(0.0);
    for (std::ptrdiff_t q = 0; q < tile.rows; q += P::lanes) {
        P a[columns];
        for (int i = 0; i < columns; ++i) a[i] = P::load(tile.J + (first + i) * tile.rows + q);
        int e = 0;
        for (int j = 0; j < columns; ++j)
            for (int i = j; i < columns; ++i) sums[e++] += a[i] * a[j];
    }
    int e = 0;
    for (int j = 0; j < columns; ++j)
        for (int i = j; i < columns; ++i) add(first + i, first + j, sum_of(sums[e++]));
}

/// All pairs of columns in two groups, whose products stay in 32 registers.
template <class P, int left, int right, class T, class Add>
CUNEWTON_ALWAYS_INLINE void add_halves(const ResidualTile<T>& tile, const Add& add) {
    static_assert(left <= 6 && left * right <= 30);
    add_all<P, left>(tile, add);
    add_block<P, false, right, left>(tile, left, 0, add);
    add_all<P, right>(tile, add, left);
}

/// The pairs of `columns` columns: four at a time, and those that are left together.
template <class P, bool weighted, class T, class Add>
CUNEWTON_ALWAYS_INLINE void add_pairs(const ResidualTile<T>& tile, int columns, const Add& add) {
    const int whole = columns / 4 * 4, left = columns - whole;
    for (int j = 0; j < whole; j += 4) {
        for (int i = j; i < whole; i += 4) add_block<P, weighted, 4, 4>(tile, i, j, add);
        if (left == 1) add_block<P, weighted, 1, 4>(tile, whole, j, add);
        if (left == 2) add_block<P, weighted, 2, 4>(tile, whole, j, add);
        if (left == 3) add_block<P, weighted, 3, 4>(tile, whole, j, add);
    }
    if (left == 1) add_block<P, weighted, 1, 1>(tile, whole, whole, add);
    if (left == 2) add_block<P, weighted, 2, 2>(tile, whole, whole, add);
    if (left == 3) add_block<P, weighted, 3, 3>(tile, whole, whole, add);
}

template <class P, class T>
CUNEWTON_ALWAYS_INLINE double losses(const ResidualTile<T>& tile, bool derivatives, bool second) {
    P sum(0.0);
    bool all_count = true;
    for (std::ptrdiff_t q = 0; q < tile.rows; q += P::lanes) {
        const P weight = tile.weights ? P::load(tile.weights + q) : P(1.0);
        const auto counts = weight > P(0.0);
        const P r = select(counts, P::load(tile.r + q), P(0.0));
        // Roots of zero have no derivative.
        const P safe = select(counts, weight, P(1.0));
        const batch::Loss<P> loss =
            batch::point_loss<P>(tile.estimator, tile.tuning, r, P(0.0), safe);
        sum += select(counts, loss.rho + loss.rho, P(0.0));
        if (!derivatives) continue;
        select(counts, loss.slope, P(0.0)).store(tile.slope + q);
        P curvature = loss.curvature;
        if (second) {
            using D = Dual<P>;
            curvature =
                batch::point_loss<D>(tile.estimator, tile.tuning, D(r, P(1.0)), D(P(0.0)), D(safe))
                    .slope.d;
        }
        select(counts, curvature, P(0.0)).store(tile.curvature + q);
        if (tile.weights && !all(counts)) all_count = false;
    }
    if (derivatives && !all_count)
        for (std::ptrdiff_t q = 0; q < tile.rows; q += P::lanes) {
            const auto counts = P::load(tile.weights + q) > P(0.0);
            if (all(counts)) continue;
            for (int j = 0; j < tile.n; ++j) {
                T* const at = tile.J + j * tile.rows + q;
                select(counts, P::load(at), P(0.0)).store(at);
            }
        }
    return sum_of(sum);
}

template <class P, class T>
CUNEWTON_ALWAYS_INLINE double squares(const ResidualTile<T>& tile) {
    P sum(0.0), other(0.0);
    for (std::ptrdiff_t q = 0; q < tile.rows; q += 2 * P::lanes) {
        const P a = P::load(tile.r + q), b = P::load(tile.r + q + P::lanes);
        sum += a * a;
        other += b * b;
    }
    return sum_of(sum + other);
}

}  // namespace

template <class T>
double residual_losses(const ResidualTile<T>& tile, bool derivatives, bool second) {
    double sum = 0;
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 1>;
        static_assert(residual_padding % (2 * P::lanes) == 0);
        sum = tile.plain() ? squares<P>(tile) : losses<P>(tile, derivatives, second);
    });
    return sum;
}

template <class T>
void add_slopes(const ResidualTile<T>& tile, double* g) {
    const T* const slope = tile.plain() ? tile.r : tile.slope;
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 2>;
        for (int j = 0; j < tile.n; ++j) {
            P sum(0.0);
            for (std::ptrdiff_t q = 0; q < tile.rows; q += P::lanes)
                sum += P::load(tile.J + j * tile.rows + q) * P::load(slope + q);
            g[j] += sum_of(sum);
        }
    });
}

/// Where the entry (i, j) of the packed triangle stands.
inline std::size_t packed_place(int i, int j, int n) {
    const std::size_t column = static_cast<std::size_t>(j);
    return column * static_cast<std::size_t>(n) - column * (column + 1) / 2 +
           static_cast<std::size_t>(i);
}

template <class T>
void add_curvatures(const ResidualTile<T>& tile, double* h) {
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 1>;
        const auto add = [&](int i, int j, double sum) { h[packed_place(i, j, tile.n)] += sum; };
        if (tile.plain())
            add_pairs<P, false>(tile, tile.n, add);
        else
            add_pairs<P, true>(tile, tile.n, add);
    });
}

template <class T>
void add_plain(const ResidualTile<T>& tile, double* f, double* g, double* h) {
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 1>;
        const int n = tile.n;
        const auto add = [&](int i, int j, double sum) {
            double& to = j == n ? *f : i == n ? g[j] : h[packed_place(i, j, n)];
            to += sum;
        };
        if (n == 2) return add_all<P, 3>(tile, add);
        if (n == 3) return add_all<P, 4>(tile, add);
        if (n == 4) return add_all<P, 5>(tile, add);
        if (n == 5) return add_all<P, 6>(tile, add);
        if (n == 8) return add_halves<P, 5, 4>(tile, add);
        if (n == 9) return add_halves<P, 5, 5>(tile, add);
        if (n == 10) return add_halves<P, 6, 5>(tile, add);
        add_pairs<P, false>(tile, n + 1, add);
    });
}

template <class T>
void multiply_rows(const ResidualTile<T>& tile, const T* v) {
    with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 2>;
        for (std::ptrdiff_t q = 0; q < tile.rows; q += P::lanes) {
            P sum(0.0);
            for (int j = 0; j < tile.n; ++j) sum += P::load(tile.J + j * tile.rows + q) * P(v[j]);
            if (!tile.plain()) sum = sum * P::load(tile.curvature + q);
            sum.store(tile.slope + q);
        }
    });
}

#define CUNEWTON_RESIDUAL_TILES(T)                                              \
    template double residual_losses(const ResidualTile<T>&, bool, bool);        \
    template void add_slopes(const ResidualTile<T>&, double*);                  \
    template void add_curvatures(const ResidualTile<T>&, double*);              \
    template void add_plain(const ResidualTile<T>&, double*, double*, double*); \
    template void multiply_rows(const ResidualTile<T>&, const T*);
CUNEWTON_RESIDUAL_TILES(double)
CUNEWTON_RESIDUAL_TILES(float)

}  // namespace cunewton::cpu
