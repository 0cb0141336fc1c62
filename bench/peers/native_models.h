// The models of small_fits.h in Eigen's vectorised arrays, as a user of Eigen would write them.
// For files that are compiled for the processor at hand alone (see bench/CMakeLists.txt).
#pragma once

#include <Eigen/Core>

#include "bench/peers/small_fits.h"

namespace cunewton::bench {
namespace {

/// The coordinates of all points, a row for each coordinate.
template <class T, int points, int count>
using Coordinates = Eigen::Array<T, points, count>;

template <class T, int points, int count>
Coordinates<T, points, count> columns_of(const T* coordinates, int rows) {
    return Eigen::Map<const Eigen::Array<T, points, count, Eigen::RowMajor>>(coordinates, rows,
                                                                             count);
}

/// p = (a, cx, cy, w, b).
template <class T, int points>
struct NativeGaussian {
    static constexpr int parameters = 5;
    using Column = Eigen::Array<T, points, 1>;
    Coordinates<T, points, 2> x;
    Column dx, dy, distance, shape, slope;

    NativeGaussian(const T* coordinates, int rows)
        : x(columns_of<T, points, 2>(coordinates, rows)),
          dx(rows),
          dy(rows),
          distance(rows),
          shape(rows),
          slope(rows) {}

    void operator()(const T* p, const T* y, T* residuals, T* jacobian) {
        const Eigen::Index rows = x.rows();
        Eigen::Map<Column> r(residuals, rows);
        const T inverse_square = 1 / (p[3] * p[3]);
        dx = x.col(0) - p[1];
        dy = x.col(1) - p[2];
        distance = dx * dx + dy * dy;
        shape = (distance * (T(-0.5) * inverse_square)).exp();
        r = p[0] * shape + p[4] - Eigen::Map<const Column>(y, rows);
        if (!jacobian) return;
        Eigen::Map<Eigen::Array<T, points, 5>> J(jacobian, rows, 5);
        slope = (p[0] * inverse_square) * shape;
        J.col(0) = shape;
        J.col(1) = slope * dx;
        J.col(2) = slope * dy;
        J.col(3) = slope * distance * (1 / p[3]);
        J.col(4).setOnes();
    }
};

/// p = (S0, Dxx, Dxy, Dxz, Dyy, Dyz, Dzz); coordinates (b, gx, gy, gz), b in ms/um^2.
template <class T, int points>
struct NativeDiffusion {
    static constexpr int parameters = 7;
    using Column = Eigen::Array<T, points, 1>;
    Eigen::Array<T, points, 6> weights;  ///< the exponent's derivatives by the tensor
    Column signal;

    NativeDiffusion(const T* coordinates, int rows) : weights(rows, 6), signal(rows) {
        const Coordinates<T, points, 4> x = columns_of<T, points, 4>(coordinates, rows);
        const Column b = -x.col(0);
        weights.col(0) = b * x.col(1) * x.col(1);
        weights.col(1) = 2 * b * x.col(1) * x.col(2);
        weights.col(2) = 2 * b * x.col(1) * x.col(3);
        weights.col(3) = b * x.col(2) * x.col(2);
        weights.col(4) = 2 * b * x.col(2) * x.col(3);
        weights.col(5) = b * x.col(3) * x.col(3);
    }

    void operator()(const T* p, const T* y, T* residuals, T* jacobian) {
        const Eigen::Index rows = weights.rows();
        Eigen::Map<Column> r(residuals, rows);
        const Eigen::Map<const Eigen::Matrix<T, 6, 1>> tensor(p + 1);
        signal.matrix().noalias() = weights.matrix() * tensor;
        signal = signal.exp();
        r = p[0] * signal - Eigen::Map<const Column>(y, rows);
        if (!jacobian) return;
        Eigen::Map<Eigen::Array<T, points, 7>> J(jacobian, rows, 7);
        J.col(0) = signal;
        signal *= p[0];
        for (int j = 0; j < 6; ++j) J.col(1 + j) = weights.col(j) * signal;
    }
};

/// Calls run(model) with the model of the fits; the usual numbers of points are known to the
/// compiler.
template <class T, class Run>
void with_native_model(const SmallFits<T>& fits, const Run& run) {
    if (fits.model == SmallModel::diffusion_tensor) {
        if (fits.points == 65) return run(NativeDiffusion<T, 65>(fits.coordinates, fits.points));
        return run(NativeDiffusion<T, Eigen::Dynamic>(fits.coordinates, fits.points));
    }
    if (fits.points == 225) return run(NativeGaussian<T, 225>(fits.coordinates, fits.points));
    run(NativeGaussian<T, Eigen::Dynamic>(fits.coordinates, fits.points));
}

}  // namespace
}  // namespace cunewton::bench
