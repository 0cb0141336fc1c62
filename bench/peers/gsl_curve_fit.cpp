#if CUNEWTON_BENCH_HAVE_GSL
#include <gsl/gsl_errno.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_multifit_nlinear.h>

#include <memory>

#include "bench/peers/curve_fit_peers.h"

namespace cunewton::bench {
namespace {

struct Current {
    const CurveFit& fit;
    std::vector<double> residuals, jacobian;
};

int residuals(const gsl_vector* p, void* data, gsl_vector* r) {
    static_cast<Current*>(data)->fit.evaluate(p->data, r->data, nullptr);
    return GSL_SUCCESS;
}
int derivatives(const gsl_vector* p, void* data, gsl_matrix* J) {
    Current& current = *static_cast<Current*>(data);
    current.fit.evaluate(p->data, current.residuals.data(), current.jacobian.data());
    for (std::size_t i = 0; i < J->size1; ++i)
        for (std::size_t j = 0; j < J->size2; ++j)
            J->data[i * J->tda + j] = current.jacobian[i * J->size2 + j];
    return GSL_SUCCESS;
}

CurveFitResult solve(const CurveFit& fit, const std::vector<double>& start, double step_tolerance,
                     double gradient_tolerance) {
    gsl_set_error_handler_off();
    const std::size_t n = start.size(), m = std::size_t(fit.points());
    Current current{fit, std::vector<double>(m), std::vector<double>(m * n)};
    gsl_multifit_nlinear_fdf function{};
    function.f = residuals;
    function.df = derivatives;
    function.n = m;
    function.p = n;
    function.params = &current;
    const gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
    const std::unique_ptr<gsl_multifit_nlinear_workspace, void (*)(gsl_multifit_nlinear_workspace*)>
        solver(gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &options, m, n),
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

}  // namespace

CurveFitResult fit_with_gsl(const CurveFit& fit, const std::vector<double>& start) {
    // It has no defaults for these: they are the ones of the manual's example.
    return solve(fit, start, 1e-8, 1e-8);
}

CurveFitResult fit_with_gsl_tightly(const CurveFit& fit, const std::vector<double>& start) {
    return solve(fit, start, GSL_DBL_EPSILON, GSL_DBL_EPSILON);
}

}  // namespace cunewton::bench
#endif
