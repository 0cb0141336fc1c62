// Batches of peaks whose arrays may lie in any order, for tests of where arrays are and how they
// lie.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"

namespace cunewton::test {

inline double number_at(long k) {
    return std::fmod(0.6180339887498949 * static_cast<double>(k + 1), 1.0) - 0.5;
}

/// Numbers of rows x columns, and the same elsewhere in other orders.
template <class T>
struct Matrix {
    long rows = 0, columns = 0;
    std::vector<T> numbers;

    /// Column by column: what an image stack is, seen from its pixels.
    std::vector<T> turned() const {
        std::vector<T> other;
        for (long j = 0; j < columns; ++j)
            for (long i = 0; i < rows; ++i)
                other.push_back(numbers[static_cast<std::size_t>(i * columns + j)]);
        return other;
    }
    /// Rows with two numbers between their own, and three between rows, all of which are NaN.
    std::vector<T> spread() const {
        std::vector<T> other(static_cast<std::size_t>(rows * (3 * columns + 3)), T(std::nan("")));
        for (long i = 0; i < rows; ++i)
            for (long j = 0; j < columns; ++j)
                other[static_cast<std::size_t>(i * (3 * columns + 3) + 3 * j)] =
                    numbers[static_cast<std::size_t>(i * columns + j)];
        return other;
    }
};

/// Peaks with everything of their own, for each problem.
template <class T>
struct Peaks {
    static constexpr long n = 4;
    long problems;
    int points, starts;
    Matrix<T> x, y, weights, start, lower, upper;

    explicit Peaks(long count, int of_each = 15, int starts_of_each = 1)
        : problems(count), points(of_each), starts(starts_of_each) {
        const auto shape = [](Matrix<T>& m, long rows, long columns) {
            m.rows = rows;
            m.columns = columns;
        };
        shape(x, problems, points);
        shape(y, problems, points);
        shape(weights, problems, points);
        shape(start, problems * starts, n);
        shape(lower, problems, n);
        shape(upper, problems, n);
        const auto add = [](Matrix<T>& m, double value) {
            m.numbers.push_back(static_cast<T>(value));
        };
        for (long i = 0; i < problems; ++i) {
            const double a = 3 + number_at(i), c = 0.3 * number_at(3 * i),
                         w = 1 + 0.2 * number_at(7 * i);
            for (int k = 0; k < points; ++k) {
                const double at = 6.0 * k / points - 3 + 0.05 * number_at(i + k), u = (at - c) / w;
                add(x, at);
                add(y, a * std::exp(-0.5 * u * u) + 0.5 + 0.02 * number_at(5 * i + k));
                add(weights, k % 7 == 3 ? 0 : 1 + 0.3 * number_at(k + i));
            }
            for (int s = 0; s < starts; ++s) {
                add(start, a * (0.9 + 0.2 * s));
                add(start, c + 0.1 - 1.5 * s);
                add(start, 1.1);
                add(start, 0.45);
            }
            for (const double low : {0.0, -2.0, 0.2, -1.0}) add(lower, low + 0.01 * number_at(i));
            for (const double high : {9.0, 2.0, 3.0, 0.505}) add(upper, high + 0.01 * number_at(i));
        }
    }
    BatchData<T> data() const {
        return {.problems = problems,
                .points = points,
                .coordinates = x.numbers,
                .y = y.numbers,
                .weights = weights.numbers,
                .start = start.numbers,
                .lower = lower.numbers,
                .upper = upper.numbers};
    }
    /// The arrays of data(), which one is which, and where they come from.
    using Member = Array<const T> BatchData<T>::*;
    std::vector<std::pair<Member, const Matrix<T>*>> members() const {
        using Data = BatchData<T>;
        return {{&Data::coordinates, &x}, {&Data::y, &y},         {&Data::weights, &weights},
                {&Data::start, &start},   {&Data::lower, &lower}, {&Data::upper, &upper}};
    }
};

inline FitModel peak() {
    return make_fit_model(Gaussian1D{});
}
inline BatchOptions options_of_test() {
    BatchOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    options.covariance = options.standard_errors = options.condition_number = true;
    return options;
}

/// Problems of random sizes, their data in one row.
template <class T>
struct Ragged {
    std::vector<long> offsets{0};
    std::vector<T> x, y;
    explicit Ragged(const Peaks<T>& peaks) {
        for (long i = 0; i < peaks.problems; ++i) {
            const long count = i % 23 == 5 ? 0 : 6 + (i * 7) % (peaks.points - 5);
            for (long k = i * peaks.points; k < i * peaks.points + count; ++k) {
                x.push_back(peaks.x.numbers[static_cast<std::size_t>(k)]);
                y.push_back(peaks.y.numbers[static_cast<std::size_t>(k)]);
            }
            offsets.push_back(offsets.back() + count);
        }
    }
    BatchData<T> data(const Peaks<T>& peaks) const {
        BatchData<T> data = peaks.data();
        data.offsets = offsets;
        data.coordinates = x;
        data.y = y;
        data.weights = {};
        return data;
    }
};

}  // namespace cunewton::test
