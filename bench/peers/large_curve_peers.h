// Least-squares solvers that take a curve of many points.
#pragma once

#include <vector>

#include "bench/peers/curve_fit_peers.h"

namespace cunewton::bench {

/// Residuals m(p; x_i) - y_i of points [begin, begin + count), whose coordinates and targets are
/// given; also the derivatives, row by row, unless `jacobian` is null.
using CurveFunction = void (*)(const double* x, const double* y, long count, const double* p,
                               double* r, double* jacobian);

struct LargeCurve {
    const double* x;
    const double* y;
    long points;
    int parameters;
    CurveFunction evaluate;
};

struct LargeCurvePeer {
    const char* name;
    CurveFitResult (*fit)(const LargeCurve&, const std::vector<double>& start);
    long most_points;
};

/// Those that this build has.
const std::vector<LargeCurvePeer>& large_curve_peers();

/// One block of residuals; normal equations by Cholesky's factorisation.
CurveFitResult fit_large_with_ceres(const LargeCurve&, const std::vector<double>& start);
/// gsl_multifit_nlinear, which holds J, with its solver of normal equations.
CurveFitResult fit_large_with_gsl(const LargeCurve&, const std::vector<double>& start);
/// gsl_multilarge_nlinear, which is given J'J.
CurveFitResult fit_large_with_gsl_multilarge(const LargeCurve&, const std::vector<double>& start);

}  // namespace cunewton::bench
