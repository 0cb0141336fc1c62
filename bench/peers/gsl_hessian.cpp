// GSL differentiates functions of one variable: a second derivative is a derivative of a
// derivative.
#if CUNEWTON_BENCH_HAVE_GSL
#include <gsl/gsl_deriv.h>

#include <cmath>
#include <limits>

#include "bench/peers/hessian_peers.h"

namespace cunewton::bench {
namespace {

struct Point {
    Objective& objective;
    std::vector<double> x;
    std::size_t i, j;
};

double with_coordinate(std::size_t which, double value, Point& point, double (*f)(Point&)) {
    const double kept = point.x[which];
    point.x[which] = value;
    const double result = f(point);
    point.x[which] = kept;
    return result;
}

double derivative(std::size_t which, Point& point, double (*along)(double, void*), double step) {
    const gsl_function function{along, &point};
    double result = 0, error = 0;
    gsl_deriv_central(&function, point.x[which], step, &result, &error);
    return result;
}

double value_along_j(double xj, void* p) {
    return with_coordinate(static_cast<Point*>(p)->j, xj, *static_cast<Point*>(p),
                           [](Point& at) { return at.objective.value(at.x.data()); });
}

double slope_along_i(double xi, void* p) {
    return with_coordinate(static_cast<Point*>(p)->i, xi, *static_cast<Point*>(p),
                           [](Point& at) { return derivative(at.j, at, value_along_j, 1e-3); });
}

}  // namespace

void gsl_hessian_from_values(Objective& objective, const std::vector<double>& x, double* H) {
    const std::size_t n = x.size();
    Point point{objective, x, 0, 0};
    for (point.i = 0; point.i < n; ++point.i)
        for (point.j = 0; point.j <= point.i; ++point.j)
            H[point.i * n + point.j] = H[point.j * n + point.i] =
                derivative(point.i, point, slope_along_i, 1e-2);
}

}  // namespace cunewton::bench
#endif
