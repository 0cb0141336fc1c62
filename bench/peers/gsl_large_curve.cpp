#if CUNEWTON_BENCH_HAVE_GSL
#include <gsl/gsl_blas.h>
#include <gsl/gsl_multilarge_nlinear.h>

#include <algorithm>
#include <memory>

#include "bench/peers/gsl_driver.h"
#include "bench/peers/large_curve_peers.h"

namespace cunewton::bench {
namespace {

constexpr double step_tolerance = 1e-10, gradient_tolerance = 1e-12;

struct Current {
    const LargeCurve& curve;
    std::vector<double> residuals{}, jacobian{};
};

int residuals(const gsl_vector* p, void* data, gsl_vector* r) {
    const LargeCurve& curve = static_cast<Current*>(data)->curve;
    curve.evaluate(curve.x, curve.y, curve.points, p->data, r->data, nullptr);
    return GSL_SUCCESS;
}
int derivatives(const gsl_vector* p, void* data, gsl_matrix* J) {
    Current& current = *static_cast<Current*>(data);
    const LargeCurve& curve = current.curve;
    // Its matrix is as dense as the rows are.
    current.residuals.resize(static_cast<std::size_t>(curve.points));
    curve.evaluate(curve.x, curve.y, curve.points, p->data, current.residuals.data(), J->data);
    return GSL_SUCCESS;
}

/// J'u or J u, and J'J, in pieces.
int products(CBLAS_TRANSPOSE_t transpose, const gsl_vector* p, const gsl_vector* u, void* data,
             gsl_vector* v, gsl_matrix* JTJ) {
    Current& current = *static_cast<Current*>(data);
    const LargeCurve& curve = current.curve;
    constexpr long piece = 1000;
    const std::size_t n = static_cast<std::size_t>(curve.parameters);
    current.residuals.resize(piece);
    current.jacobian.resize(piece * n);
    if (v && transpose == CblasTrans) gsl_vector_set_zero(v);
    if (JTJ) gsl_matrix_set_zero(JTJ);
    for (long begin = 0; begin < curve.points; begin += piece) {
        const std::size_t count = static_cast<std::size_t>(std::min(piece, curve.points - begin)),
                          first = static_cast<std::size_t>(begin);
        curve.evaluate(curve.x + begin, curve.y + begin, static_cast<long>(count), p->data,
                       current.residuals.data(), current.jacobian.data());
        const gsl_matrix_const_view J =
            gsl_matrix_const_view_array(current.jacobian.data(), count, n);
        if (v && transpose == CblasTrans) {
            const gsl_vector_const_view part = gsl_vector_const_subvector(u, first, count);
            gsl_blas_dgemv(CblasTrans, 1, &J.matrix, &part.vector, 1, v);
        } else if (v) {
            gsl_vector_view part = gsl_vector_subvector(v, first, count);
            gsl_blas_dgemv(CblasNoTrans, 1, &J.matrix, u, 0, &part.vector);
        }
        if (JTJ) gsl_blas_dsyrk(CblasLower, CblasTrans, 1, &J.matrix, 1, JTJ);
    }
    return GSL_SUCCESS;
}

}  // namespace

CurveFitResult fit_large_with_gsl(const LargeCurve& curve, const std::vector<double>& start) {
    Current current{curve};
    gsl_multifit_nlinear_fdf function{};
    function.f = residuals;
    function.df = derivatives;
    function.n = static_cast<std::size_t>(curve.points);
    function.p = start.size();
    function.params = &current;
    gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
    options.solver = gsl_multifit_nlinear_solver_cholesky;
    return run_multifit(function, options, start, step_tolerance, gradient_tolerance);
}

CurveFitResult fit_large_with_gsl_multilarge(const LargeCurve& curve,
                                             const std::vector<double>& start) {
    gsl_set_error_handler_off();
    const std::size_t n = start.size(), m = static_cast<std::size_t>(curve.points);
    Current current{curve};
    gsl_multilarge_nlinear_fdf function{};
    function.f = residuals;
    function.df = products;
    function.n = m;
    function.p = n;
    function.params = &current;
    gsl_multilarge_nlinear_parameters options = gsl_multilarge_nlinear_default_parameters();
    options.solver = gsl_multilarge_nlinear_solver_cholesky;
    const std::unique_ptr<gsl_multilarge_nlinear_workspace,
                          void (*)(gsl_multilarge_nlinear_workspace*)>
        solver(gsl_multilarge_nlinear_alloc(gsl_multilarge_nlinear_trust, &options, m, n),
               gsl_multilarge_nlinear_free);
    const gsl_vector_const_view at = gsl_vector_const_view_array(start.data(), n);
    gsl_multilarge_nlinear_init(&at.vector, &function, solver.get());
    int info = 0;
    const int code = gsl_multilarge_nlinear_driver(1000, step_tolerance, gradient_tolerance, 0,
                                                   nullptr, nullptr, &info, solver.get());
    const double* p = gsl_multilarge_nlinear_position(solver.get())->data;
    return {{p, p + n},
            static_cast<int>(gsl_multilarge_nlinear_niter(solver.get())),
            gsl_strerror(code)};
}

}  // namespace cunewton::bench
#endif
