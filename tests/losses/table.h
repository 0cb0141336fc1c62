// A small table of made-up numbers, and what statsmodels 0.15 says of it (with its tolerances at
// 1e-14): see the tests that read them.
#pragma once

#include <span>
#include <vector>

#include "cunewton/problem.h"

namespace cunewton::test::table {

inline constexpr long rows = 30;
inline constexpr int columns = 2;
inline constexpr double features[] = {
    -0.8,  -1.32, -0.25, 0.42,  1.14,  0.11,  -0.55, -0.78, 0.75,  1.63, 0.27,  -1.23,
    -0.96, 1.6,   0.2,   -1.73, -0.08, -1.16, -0.63, -0.49, -0.71, 0.55, -0.06, -0.59,
    0.41,  0.83,  -1.64, -0.26, -0.98, -0.17, -1.29, 0.02,  -0.04, -0.3, -1.05, -0.4,
    -1.09, -1.36, 0.22,  -1.11, 1.17,  0.72,  -2,    0.27,  -1.1,  0.03, 0.04,  -1.99,
    -0.23, -0.26, 0.96,  -1.18, 0.74,  -1.1,  -0.33, -0.84, 1.45,  0.57, 2.43,  0.64};
inline constexpr double offsets[] = {0.18,  -0.04, -0.28, 0.14,  -0.39, 0.19, 0.14, -0.12,
                                     0.3,   -0.31, -0.11, 0.3,   -0.12, 0.21, 0.11, 0.44,
                                     0.49,  0.22,  0.31,  -0.35, 0.21,  0.35, -0.1, 0.05,
                                     -0.02, 0.46,  -0.18, -0.1,  -0.5,  -0.08};
inline constexpr double positive[] = {1.79, 0.87, 0.68, 1.35, 0.92, 1.89, 0.59, 3.81, 3.28, 3.58,
                                      0.49, 2.02, 0.95, 0.83, 0.87, 2.24, 2.1,  0.55, 1.61, 2.01,
                                      3.3,  0.88, 1.24, 5.26, 2.41, 3.4,  5.25, 1.94, 7.28, 2.05};
inline constexpr double counts[] = {4, 2, 13, 5, 2,  3, 0, 2, 2, 0, 2, 2, 2, 1, 2,
                                    5, 1, 3,  1, 10, 6, 1, 4, 3, 4, 0, 4, 0, 5, 7};
inline constexpr double binary[] = {0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1,
                                    0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0};
inline constexpr double ordered[] = {0, 0, 3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 3, 3,
                                     0, 0, 0, 1, 1, 3, 1, 3, 2, 0, 3, 3, 0, 1, 3};
inline constexpr double times[] = {2,   0.5, 0.5, 2,   2,   1.5, 3,   0.5, 0.5, 1.5,
                                   2.5, 1,   0.5, 0.5, 1.5, 1.5, 0.5, 1,   1,   1,
                                   0.5, 3,   0.5, 1,   2,   1,   0.5, 2.5, 1.5, 0.5};
inline constexpr double events[] = {1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0,
                                    1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};

/// The table with these targets.
template <class T>
struct Table {
    std::vector<T> x, y, added;
    explicit Table(std::span<const double> targets)
        : x(std::begin(features), std::end(features)),
          y(targets.begin(), targets.end()),
          added(std::begin(offsets), std::end(offsets)) {}
    Samples<T> samples() const {
        return Samples<T>::of(Array<const T>(x.data(), rows, columns),
                              Array<const T>(y.data(), 1, rows));
    }
    Samples<T> with_offsets() const {
        return samples().with_offsets(Array<const T>(added.data(), 1, rows));
    }
};

}  // namespace cunewton::test::table
