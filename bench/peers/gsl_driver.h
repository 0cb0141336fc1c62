// GSL's driver of nonlinear least squares, from a start to its end. Included where GSL is there.
#pragma once

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>

#include <memory>
#include <vector>

#include "bench/peers/curve_fit_peers.h"

namespace cunewton::bench {

inline CurveFitResult run_multifit(gsl_multifit_nlinear_fdf function,
                                   const gsl_multifit_nlinear_parameters& options,
                                   const std::vector<double>& start, double step_tolerance,
                                   double gradient_tolerance) {
    gsl_set_error_handler_off();
    const std::size_t n = start.size();
    const std::unique_ptr<gsl_multifit_nlinear_workspace, void (*)(gsl_multifit_nlinear_workspace*)>
        solver(gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &options, function.n, n),
               gsl_multifit_nlinear_free);
    const gsl_vector_const_view at = gsl_vector_const_view_array(start.data(), n);
    gsl_multifit_nlinear_init(&at.vector, &function, solver.get());
    int info = 0;
    const int code = gsl_multifit_nlinear_driver(1000, step_tolerance, gradient_tolerance, 0,
                                                 nullptr, nullptr, &info, solver.get());
    const double* p = gsl_multifit_nlinear_position(solver.get())->data;
    return {
        {p, p + n}, static_cast<int>(gsl_multifit_nlinear_niter(solver.get())), gsl_strerror(code)};
}

}  // namespace cunewton::bench
