// (Compiled in the user's file.) L D L' = A for the packed matrices of small problems, and what is
// solved by it. Host and device; for a thread or a group of them.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/math/packed.h"
#include "cunewton/math/unroll.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton::batch::detail {

using namespace math;

/// Entry (i, j) of a packed lower triangle is number column_begin(j, n) + i.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int column_begin(int j, int n) {
    return static_cast<int>(packed_index(j, j, n)) - j;
}

/// L D L' = A for the symmetric A = element(i, j), i >= j, column after column. `factor` (packed)
/// receives L D on and below the diagonal, `inverse` 1/D; `row` is overwritten. Where a pivot is
/// not above `smallest` times its diagonal entry of A the matrix counts as not positive definite;
/// the mask of success is returned.
template <int N, class S, class Element, class Factor, class Inverse, class Row, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto factorize(int dimension, const Element& element,
                                                           Factor& factor, Inverse& inverse,
                                                           Row& row, const S& smallest,
                                                           const Group& group) {
    const int n = N > 0 ? N : dimension;
    auto positive = S(0.0) < S(1.0);
    loop<N>(0, n, [&](int j) {
        const int diagonal = static_cast<int>(packed_index(j, j, n));
        group.sync();
        divide<N>(group, 0, j, [&](int k) {
            row.set(k, factor(static_cast<int>(packed_index(j, k, n))) * inverse(k));
        });
        group.sync();
        // The rows are neighbours in each column k, and column k + 1 begins n - k - 1 entries on.
        // A lone thread takes four at a time where loops stay loops: their sums are in registers.
        const auto update = [&](auto count, int first) {
            constexpr int rows = decltype(count)::value;
            using Rows = std::make_integer_sequence<int, rows>;
            S sum[rows];
            call_each([&](auto r) { sum[r.value] = element(first + r.value, j); }, Rows());
            int entry = first;
            loop<N>(0, j, [&](int k) {
                const S factor_jk = row(k);
                call_each([&](auto r) { sum[r.value] -= factor(entry + r.value) * factor_jk; },
                          Rows());
                entry += n - k - 1;
            });
            call_each([&](auto r) { factor.set(entry + r.value, sum[r.value]); }, Rows());
        };
        int alone = j;
        if constexpr (N == 0 && Group::size() == 1) {
            for (; alone + 4 <= n; alone += 4) update(Constant<4>(), alone);
            if (alone + 2 <= n) {
                update(Constant<2>(), alone);
                alone += 2;
            }
        }
        divide<N>(group, alone, n, [&](int i) { update(Constant<1>(), i); });
        group.sync();
        const S pivot = factor(diagonal);
        const auto enough = pivot > smallest * abs(element(j, j));
        positive = positive && enough;
        if (group.rank() == 0) inverse.set(j, S(1.0) / select(enough, pivot, S(1.0)));
    });
    group.sync();
    return positive;
}

/// step = -(L D L')^-1 gradient, and the decrement gradient' (L D L')^-1 gradient.
template <int N, class S, class Gradient, class Factor, class Inverse, class Step, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S solve(int dimension, const Gradient& gradient,
                                                    const Factor& factor, const Inverse& inverse,
                                                    Step& step, const Group& group) {
    const int n = N > 0 ? N : dimension;
    S decrement(0.0);
    group.sync();
    if (group.rank() == 0) {
        loop<N>(0, n, [&](int i) { step.set(i, -gradient(i)); });
        loop<N>(0, n, [&](int j) {
            const S z = step(j) * inverse(j);
            const int column = column_begin(j, n);
            loop<N>(j + 1, n, [&](int i) { step.set(i, step(i) - factor(column + i) * z); });
            step.set(j, z);
        });
        loop_down<N>(n, [&](int j) {
            S sum(0.0);
            const int column = column_begin(j, n);
            loop<N>(j + 1, n, [&](int i) { sum += factor(column + i) * step(i); });
            step.set(j, step(j) - sum * inverse(j));
        });
    }
    group.sync();
    loop<N>(0, n, [&](int i) { decrement -= gradient(i) * step(i); });
    return decrement;
}

/// The sum of a(j) b(j).
template <int N, class S, class A, class B>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S inner(const A& a, const B& b, int dimension) {
    const int n = N > 0 ? N : dimension;
    S sum(0.0);
    loop<N>(0, n, [&](int j) { sum += a(j) * b(j); });
    return sum;
}

/// v'A^-1 v for the factorised A. `other` is overwritten.
template <int N, class S, class Vector, class Factor, class Inverse, class Other, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S inverse_norm(int dimension, const Vector& v,
                                                           const Factor& factor,
                                                           const Inverse& inverse, Other& other,
                                                           const Group& group) {
    const int n = N > 0 ? N : dimension;
    group.sync();
    if (group.rank() == 0) {
        loop<N>(0, n, [&](int j) { other.set(j, v(j)); });
        loop<N>(0, n, [&](int j) {
            const S z = other(j) * inverse(j);
            const int column = column_begin(j, n);
            loop<N>(j + 1, n, [&](int i) { other.set(i, other(i) - factor(column + i) * z); });
        });
    }
    group.sync();
    S sum(0.0);
    // In this order: squares of small numbers may be zero.
    loop<N>(0, n, [&](int j) { sum += other(j) * (other(j) * inverse(j)); });
    return sum;
}

}  // namespace cunewton::batch::detail
