#if CUNEWTON_BENCH_HAVE_GSL && CUNEWTON_BENCH_HAVE_EIGEN
#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "bench/peers/small_fits.h"

namespace cunewton::bench {
namespace {

struct Current {
    NativeResiduals& residuals;
    long problem;
    std::vector<double> residual, jacobian;
};

int residuals(const gsl_vector* p, void* data, gsl_vector* r) {
    Current& current = *static_cast<Current*>(data);
    current.residuals.evaluate(current.problem, p->data, r->data, nullptr);
    return GSL_SUCCESS;
}
int derivatives(const gsl_vector* p, void* data, gsl_matrix* J) {
    Current& current = *static_cast<Current*>(data);
    current.residuals.evaluate(current.problem, p->data, current.residual.data(),
                               current.jacobian.data());
    for (std::size_t j = 0; j < J->size2; ++j)
        for (std::size_t i = 0; i < J->size1; ++i)
            J->data[i * J->tda + j] = current.jacobian[j * J->size1 + i];
    return GSL_SUCCESS;
}

}  // namespace

void fit_with_gsl(const SmallFits<double>& fits) {
    gsl_set_error_handler_off();
    const std::size_t n = parameters_of(fits.model), m = fits.points;
    const std::unique_ptr<NativeResiduals> native(make_native_residuals(fits));
    Current current{*native, 0, std::vector<double>(m), std::vector<double>(m * n)};
    gsl_multifit_nlinear_fdf function{};
    function.f = residuals;
    function.df = derivatives;
    function.n = m;
    function.p = n;
    function.params = &current;
    // Its defaults solve by QR; Cholesky on the normal equations is the faster choice.
    gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
    options.solver = gsl_multifit_nlinear_solver_cholesky;
    const std::unique_ptr<gsl_multifit_nlinear_workspace, void (*)(gsl_multifit_nlinear_workspace*)>
        solver(gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &options, m, n),
               gsl_multifit_nlinear_free);
    for (long i = 0; i < fits.problems; ++i) {
        current.problem = i;
        const gsl_vector_const_view start = gsl_vector_const_view_array(fits.start + i * n, n);
        gsl_multifit_nlinear_init(&start.vector, &function, solver.get());
        // It has no test of the sum of squares itself.
        double last = gsl_blas_dnrm2(gsl_multifit_nlinear_residual(solver.get()));
        for (int iteration = 0; iteration < 200; ++iteration) {
            if (gsl_multifit_nlinear_iterate(solver.get())) break;
            ++*fits.iterations;
            const double now = gsl_blas_dnrm2(gsl_multifit_nlinear_residual(solver.get()));
            if (last * last - now * now <= fits.change_tolerance * last * last) break;
            last = now;
        }
        std::copy_n(gsl_multifit_nlinear_position(solver.get())->data, n, fits.parameters + i * n);
    }
}

}  // namespace cunewton::bench
#endif
