// (Compiled in the library.) What the Hessian at the end of a small problem says about its
// parameters. Host and device; always in double.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/packed.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"
#include "cunewton/small/solver.h"

namespace cunewton::batch {

/// Outputs; null: not wanted.
template <class T>
struct StatisticsOut {
    T* covariance = nullptr;                ///< n x n
    T* standard_errors = nullptr;           ///< n
    T* condition_number = nullptr;          ///< 1
    std::uint64_t* undetermined = nullptr;  ///< 1
    std::ptrdiff_t covariance_stride = 1;   ///< between numbers
    std::ptrdiff_t errors_stride = 1;
};

/// Numbers of workspace that hessian_statistics() needs.
CUNEWTON_HOST_DEVICE inline long statistics_workspace(int n) {
    return packed_size(n) + 4L * n;
}

namespace detail {

/// A symmetric or triangular matrix, packed; i >= j.
struct PackedMatrix {
    double* data;
    int m;
    CUNEWTON_HOST_DEVICE double& operator()(int i, int j) const {
        return data[packed_index(i, j, m)];
    }
};

/// A becomes tridiagonal with the same eigenvalues (Householder's reflections; Golub and Van Loan,
/// Matrix Computations, 8.3.1), its diagonal in `diagonal` and the one below in `beside`. `v` and
/// `w` are workspace.
template <class Group>
CUNEWTON_HOST_DEVICE void tridiagonalize(const PackedMatrix& A, double* diagonal, double* beside,
                                         double* v, double* w, const Group& group) {
    const int m = A.m;
    for (int k = 0; k + 1 < m; ++k) {
        double square = 0;
        for (int i = k + 1; i < m; ++i) square += A(i, k) * A(i, k);
        const double first = A(k + 1, k);
        const double alpha = first > 0 ? -math::sqrt(square) : math::sqrt(square);
        // v'v / 2 for v = the column less alpha e1.
        const double half = square - alpha * first;
        if (group.rank() == 0) {
            diagonal[k] = A(k, k);
            beside[k] = alpha;
        }
        if (!(half > 1e20 * limits::smallest<double>)) continue;  // nothing to be reflected
        divide<0>(group, k + 1, m, [&](int i) { v[i] = A(i, k) - (i == k + 1 ? alpha : 0.0); });
        group.sync();
        divide<0>(group, k + 1, m, [&](int i) {
            double sum = 0;
            for (int j = k + 1; j <= i; ++j) sum += A(i, j) * v[j];
            for (int j = i + 1; j < m; ++j) sum += A(j, i) * v[j];
            w[i] = sum / half;
        });
        group.sync();
        double along = 0;
        for (int i = k + 1; i < m; ++i) along += w[i] * v[i];
        along /= 2 * half;
        divide<0>(group, k + 1, m, [&](int i) {
            const double wi = w[i] - along * v[i];
            for (int j = k + 1; j <= i; ++j) A(i, j) -= v[i] * (w[j] - along * v[j]) + wi * v[j];
        });
        group.sync();
    }
    if (group.rank() == 0) diagonal[m - 1] = A(m - 1, m - 1);
    group.sync();
}

/// Number of eigenvalues of a tridiagonal matrix below x (Sturm's sequence).
CUNEWTON_HOST_DEVICE inline int eigenvalues_below(const double* diagonal, const double* beside,
                                                  int m, double x) {
    int count = 0;
    double pivot = 1;
    for (int i = 0; i < m; ++i) {
        const double b = i > 0 ? beside[i - 1] : 0.0;
        pivot = diagonal[i] - x - b * b / pivot;
        if (pivot == 0) pivot = -limits::smallest<double>;
        count += pivot < 0;
    }
    return count;
}
/// Eigenvalue number k, ascending, by bisection of [-bound, bound].
CUNEWTON_HOST_DEVICE inline double eigenvalue(const double* diagonal, const double* beside, int m,
                                              int k, double bound) {
    double low = -bound, high = bound;
    while (high - low > 4 * limits::epsilon<double> * math::abs(low + high) &&
           high - low > 1e-20 * bound) {
        const double middle = 0.5 * (low + high);
        (eigenvalues_below(diagonal, beside, m, middle) > k ? high : low) = middle;
    }
    return 0.5 * (low + high);
}

/// The ratio of the largest and the smallest magnitude of A's eigenvalues; A is overwritten. NaN if
/// A is empty, zero or not finite. `work`: 4 m numbers.
template <class Group>
CUNEWTON_HOST_DEVICE double condition_of(const PackedMatrix& A, double* work, const Group& group) {
    const int m = A.m;
    const long entries = packed_size(m);
    double largest = 0, probe = 0;
    for (long k = 0; k < entries; ++k) {
        const double size = math::abs(A.data[k]);
        largest = size > largest ? size : largest;
        probe += size * 0.0;
    }
    if (!(largest > 0) || !(probe == 0)) return limits::not_a_number<double>;
    group.sync();
    divide<0>(group, 0, static_cast<int>(entries), [&](int k) { A.data[k] /= largest; });
    group.sync();
    double* const diagonal = work;
    double* const beside = work + m;
    tridiagonalize(A, diagonal, beside, work + 2 * m, work + 3 * m, group);
    const double bound = m + 1.0;  // above the sum of a row's magnitudes
    const int negative = eigenvalues_below(diagonal, beside, m, 0.0);
    double least = bound, most = 0;
    // The ends of the spectrum, and the neighbours of zero.
    const int numbers[4] = {0, m - 1, negative - 1, negative};
    for (int c = 0; c < 4; ++c) {
        if (numbers[c] < 0 || numbers[c] >= m) continue;
        if ((c > 0 && numbers[c] == numbers[0]) || (c > 1 && numbers[c] == numbers[1])) continue;
        const double size = math::abs(eigenvalue(diagonal, beside, m, numbers[c], bound));
        least = size < least ? size : least;
        most = size > most ? size : most;
    }
    return most / least;
}

/// L L' = A, in place; false if a pivot of A, which has a unit diagonal, is not above `smallest`.
template <class Group>
CUNEWTON_HOST_DEVICE bool cholesky(const PackedMatrix& A, double smallest, const Group& group) {
    const int m = A.m;
    for (int j = 0; j < m; ++j) {
        group.sync();
        const double pivot = A(j, j);
        if (!(pivot > smallest)) return false;
        group.sync();
        const double root = math::sqrt(pivot);
        divide<0>(group, j, m, [&](int i) { A(i, j) = i == j ? root : A(i, j) / root; });
        group.sync();
        divide<0>(group, j + 1, m, [&](int i) {
            for (int k = j + 1; k <= i; ++k) A(i, k) -= A(i, j) * A(k, j);
        });
    }
    group.sync();
    return true;
}

/// (L L')^-1 in the place of L. `column`: m numbers.
template <class Group>
CUNEWTON_HOST_DEVICE void invert(const PackedMatrix& L, double* column, const Group& group) {
    const int m = L.m;
    // L^-1, from the last column to the first.
    for (int j = m - 1; j >= 0; --j) {
        group.sync();
        divide<0>(group, j, m, [&](int i) { column[i] = L(i, j); });
        group.sync();
        divide<0>(group, j, m, [&](int i) {
            double sum = i == j ? -1.0 : 0.0;
            for (int k = j + 1; k <= i; ++k) sum += L(i, k) * column[k];
            L(i, j) = -sum / column[j];
        });
    }
    // L^-T L^-1, from the first row to the last: row i needs the rows from i on.
    for (int i = 0; i < m; ++i) {
        group.sync();
        const double diagonal = L(i, i);
        group.sync();
        divide<0>(group, 0, i + 1, [&](int j) {
            double sum = diagonal * L(i, j);
            for (int k = i + 1; k < m; ++k) sum += L(k, i) * L(k, j);
            L(i, j) = sum;
        });
    }
    group.sync();
}

/// Which of the parameters of a matrix with a unit diagonal (or zero) take part in a direction of
/// null curvature: bit j of the mask. A is overwritten; `order` and `null`: m numbers.
///
/// Cholesky's factorisation with the largest pivot first; each column that is left over depends on
/// the pivots' columns, by a combination that names the parameters in it.
template <class Group>
CUNEWTON_HOST_DEVICE std::uint64_t null_parameters(const PackedMatrix& A, double smallest,
                                                   double* order, double* null,
                                                   const Group& group) {
    const int m = A.m;
    group.sync();
    std::uint64_t found = 0;
    if (group.rank() == 0) {
        for (int j = 0; j < m; ++j) order[j] = j;
        int rank = 0;
        for (; rank < m; ++rank) {
            int best = rank;
            for (int j = rank + 1; j < m; ++j)
                if (A(j, j) > A(best, best)) best = j;
            if (!(A(best, best) > smallest)) break;
            if (best != rank) {
                const auto swap = [](double& a, double& b) {
                    const double kept = a;
                    a = b;
                    b = kept;
                };
                swap(order[rank], order[best]);
                swap(A(rank, rank), A(best, best));
                for (int k = 0; k < rank; ++k) swap(A(rank, k), A(best, k));
                for (int k = rank + 1; k < best; ++k) swap(A(k, rank), A(best, k));
                for (int k = best + 1; k < m; ++k) swap(A(k, rank), A(k, best));
            }
            const double root = math::sqrt(A(rank, rank));
            A(rank, rank) = root;
            for (int i = rank + 1; i < m; ++i) A(i, rank) /= root;
            for (int j = rank + 1; j < m; ++j)
                for (int i = j; i < m; ++i) A(i, j) -= A(i, rank) * A(j, rank);
        }
        // Components of a null vector below this part of its largest are rounding.
        constexpr double visible = 0.01;
        for (int left = rank; left < m; ++left) {
            double largest = 1;
            for (int i = rank - 1; i >= 0; --i) {
                double sum = A(left, i);
                for (int k = i + 1; k < rank; ++k) sum -= A(k, i) * null[k];
                null[i] = sum / A(i, i);
                const double size = math::abs(null[i]);
                largest = size > largest ? size : largest;
            }
            const auto add = [&](int j) {
                found |= std::uint64_t{1} << static_cast<int>(order[j]);
            };
            if (1 >= visible * largest) add(left);
            for (int i = 0; i < rank; ++i)
                if (math::abs(null[i]) >= visible * largest) add(i);
        }
    }
    return found;
}

}  // namespace detail

/// Statistics of the packed Hessian H of f, which has `not_free` on the diagonal where a parameter
/// is fixed or at a bound (those of the mask `at_bound`); these are left out.
///
/// covariance = scale H^-1 and standard_errors are 0 for fixed parameters, which are known, and NaN
/// for those at a bound, of which the data say nothing; the others' are what they are if those do
/// not move. All are NaN if H, scaled to a unit diagonal, has a pivot within n `epsilon`, the
/// rounding of the arithmetic that H was computed in; `undetermined` then has a bit for each
/// parameter that such a direction of no curvature moves, and is 0 otherwise. condition_number is
/// the ratio of H's largest and smallest eigenvalue in magnitude. All threads of the group call it;
/// `work` is shared.
template <class C, class T, class Group = Alone>
CUNEWTON_HOST_DEVICE void hessian_statistics(const C* hessian, int n, double scale, double epsilon,
                                             std::uint64_t at_bound, const StatisticsOut<T>& out,
                                             double* work, const Group& group = {}) {
    signed char kept[batch_max_parameters];
    int m = 0;
    bool known = true;
    for (int j = 0; j < n; ++j) {
        const C diagonal = hessian[packed_index(j, j, n)];
        if (diagonal == not_free<C>) continue;
        known = known && diagonal == diagonal;
        kept[m++] = static_cast<signed char>(j);
    }
    const auto entry = [&](int i, int j) {
        return static_cast<double>(hessian[packed_index(kept[i], kept[j], n)]);
    };
    const detail::PackedMatrix A{work, m};
    double* const rest = work + packed_size(n);
    double* const unit = rest + 2 * n;
    constexpr double nan = limits::not_a_number<double>;

    if (out.condition_number) {
        group.sync();
        divide<0>(group, 0, m, [&](int i) {
            for (int j = 0; j <= i; ++j) A(i, j) = entry(i, j);
        });
        group.sync();
        const double condition = detail::condition_of(A, rest, group);
        if (group.rank() == 0) *out.condition_number = static_cast<T>(condition);
    }
    if (!out.covariance && !out.standard_errors && !out.undetermined) return;

    // Scaled to a unit diagonal, so that the parameters' units do not matter.
    group.sync();
    divide<0>(group, 0, m, [&](int j) {
        const double diagonal = entry(j, j);
        unit[j] = diagonal > 0 ? 1 / math::sqrt(diagonal) : 1.0;
    });
    group.sync();
    const auto fill = [&] {
        group.sync();
        divide<0>(group, 0, m, [&](int i) {
            for (int j = 0; j <= i; ++j) A(i, j) = entry(i, j) * unit[i] * unit[j];
        });
        group.sync();
    };
    fill();
    const double smallest = m * epsilon;
    const bool regular = known && detail::cholesky(A, smallest, group);
    if (out.undetermined) {
        std::uint64_t mask = 0;
        if (known && !regular) {
            fill();
            const std::uint64_t found = detail::null_parameters(A, smallest, rest, rest + n, group);
            for (int j = 0; j < m; ++j) mask |= (found >> j & 1) << kept[j];
        }
        if (group.rank() == 0) *out.undetermined = mask;
    }
    if (regular) detail::invert(A, rest, group);
    const auto left_out = [&](int j) { return at_bound >> j & 1 ? nan : 0.0; };
    if (out.covariance) {
        divide<0>(group, 0, n, [&](int i) {
            for (int j = 0; j < n; ++j) {
                const double value = at_bound >> i & 1 ? nan : left_out(j);
                out.covariance[(i * n + j) * out.covariance_stride] =
                    static_cast<T>(regular ? value : nan);
            }
        });
        group.sync();
        if (regular)
            divide<0>(group, 0, m, [&](int i) {
                for (int j = 0; j <= i; ++j) {
                    const T value = static_cast<T>(scale * A(i, j) * unit[i] * unit[j]);
                    out.covariance[(kept[i] * n + kept[j]) * out.covariance_stride] = value;
                    out.covariance[(kept[j] * n + kept[i]) * out.covariance_stride] = value;
                }
            });
    }
    if (out.standard_errors) {
        divide<0>(group, 0, n, [&](int j) {
            out.standard_errors[j * out.errors_stride] =
                static_cast<T>(regular ? left_out(j) : nan);
        });
        group.sync();
        if (regular)
            divide<0>(group, 0, m, [&](int j) {
                out.standard_errors[kept[j] * out.errors_stride] =
                    static_cast<T>(math::sqrt(scale * A(j, j)) * unit[j]);
            });
    }
    group.sync();
}

}  // namespace cunewton::batch
