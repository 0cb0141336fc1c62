#if CUNEWTON_BENCH_HAVE_GSL
#include <gsl/gsl_math.h>

#include "bench/peers/gsl_driver.h"

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
    const std::size_t n = start.size(), m = std::size_t(fit.points());
    Current current{fit, std::vector<double>(m), std::vector<double>(m * n)};
    gsl_multifit_nlinear_fdf function{};
    function.f = residuals;
    function.df = derivatives;
    function.n = m;
    function.p = n;
    function.params = &current;
    return run_multifit(function, gsl_multifit_nlinear_default_parameters(), start, step_tolerance,
                        gradient_tolerance);
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
