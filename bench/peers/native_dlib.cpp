#if CUNEWTON_BENCH_HAVE_DLIB
#include <dlib/matrix.h>
#include <dlib/optimization.h>

#include <cmath>
#include <vector>

#include "bench/peers/small_fits.h"

namespace cunewton::bench {
namespace {

/// One point: its coordinates and what was measured there.
template <int coordinates>
struct Point {
    double x[coordinates];
    double y;
};

struct PointGaussian {
    static constexpr int parameters = 5, coordinates = 2;
    using Vector = dlib::matrix<double, 5, 1>;
    static double residual(const Point<2>& point, const Vector& p) {
        const double dx = point.x[0] - p(1), dy = point.x[1] - p(2);
        return p(0) * std::exp((dx * dx + dy * dy) * (-0.5 / (p(3) * p(3)))) + p(4) - point.y;
    }
    static Vector derivatives(const Point<2>& point, const Vector& p) {
        const double dx = point.x[0] - p(1), dy = point.x[1] - p(2), squared = dx * dx + dy * dy;
        const double inverse_square = 1 / (p(3) * p(3));
        const double shape = std::exp(squared * (-0.5 * inverse_square));
        const double slope = p(0) * shape * inverse_square;
        Vector g;
        g = shape, slope * dx, slope * dy, slope * squared / p(3), 1.0;
        return g;
    }
};

struct PointDiffusion {
    static constexpr int parameters = 7, coordinates = 4;
    using Vector = dlib::matrix<double, 7, 1>;
    static Vector derivatives(const Point<4>& point, const Vector& p) {
        const double b = -point.x[0], gx = point.x[1], gy = point.x[2], gz = point.x[3];
        const double w[] = {b * gx * gx, 2 * b * gx * gy, 2 * b * gx * gz,
                            b * gy * gy, 2 * b * gy * gz, b * gz * gz};
        double exponent = 0;
        for (int j = 0; j < 6; ++j) exponent += w[j] * p(1 + j);
        Vector g;
        g(0) = std::exp(exponent);
        for (int j = 0; j < 6; ++j) g(1 + j) = p(0) * g(0) * w[j];
        return g;
    }
    static double residual(const Point<4>& point, const Vector& p) {
        const double b = -point.x[0], gx = point.x[1], gy = point.x[2], gz = point.x[3];
        const double exponent = b * (gx * (gx * p(1) + 2 * (gy * p(2) + gz * p(3))) +
                                     gy * (gy * p(4) + 2 * gz * p(5)) + gz * gz * p(6));
        return p(0) * std::exp(exponent) - point.y;
    }
};

/// On the relative change of the objective; dlib's own test is on the change itself.
struct Stop {
    double tolerance;
    long* iterations;
    double last = -1;

    template <class Vector>
    bool should_continue_search(const Vector&, double f, const Vector&) {
        const bool done = last >= 0 && last - f <= tolerance * last;
        last = f;
        if (!done) ++*iterations;
        return !done;
    }
};

template <class Model>
void fit_all(const SmallFits<double>& fits) {
    constexpr int n = Model::parameters;
    std::vector<Point<Model::coordinates>> points(static_cast<std::size_t>(fits.points));
    for (int k = 0; k < fits.points; ++k)
        for (int c = 0; c < Model::coordinates; ++c)
            points[k].x[c] = fits.coordinates[k * Model::coordinates + c];
    for (long i = 0; i < fits.problems; ++i) {
        for (int k = 0; k < fits.points; ++k) points[k].y = fits.y[i * fits.points + k];
        typename Model::Vector p;
        for (int j = 0; j < n; ++j) p(j) = fits.start[i * n + j];
        dlib::solve_least_squares_lm(Stop{fits.change_tolerance, fits.iterations}, Model::residual,
                                     Model::derivatives, points, p);
        for (int j = 0; j < n; ++j) fits.parameters[i * n + j] = p(j);
    }
}

}  // namespace

void fit_with_dlib(const SmallFits<double>& fits) {
    if (fits.model == SmallModel::gaussian2d)
        fit_all<PointGaussian>(fits);
    else
        fit_all<PointDiffusion>(fits);
}

}  // namespace cunewton::bench
#endif
