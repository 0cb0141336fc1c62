#if CUNEWTON_BENCH_HAVE_GSL
#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multimin.h>

#include <memory>

#include "bench/peers/peers.h"
#include "bench/timing.h"

namespace cunewton::bench {
namespace {

double value(const gsl_vector* x, void* objective) {
    return static_cast<Objective*>(objective)->value(x->data);
}
void value_and_gradient(const gsl_vector* x, void* objective, double* f, gsl_vector* g) {
    *f = static_cast<Objective*>(objective)->value_and_gradient(x->data, g->data);
}
void gradient(const gsl_vector* x, void* objective, gsl_vector* g) {
    double f;
    value_and_gradient(x, objective, &f, g);
}

}  // namespace

PeerResult minimize_gsl_bfgs(Objective& objective, const std::vector<double>& x0,
                             const PeerLimits& limits) {
    gsl_set_error_handler_off();
    gsl_multimin_function_fdf function{value, gradient, value_and_gradient, x0.size(), &objective};
    const std::unique_ptr<gsl_multimin_fdfminimizer, void (*)(gsl_multimin_fdfminimizer*)> solver(
        gsl_multimin_fdfminimizer_alloc(gsl_multimin_fdfminimizer_vector_bfgs2, x0.size()),
        gsl_multimin_fdfminimizer_free);
    const gsl_vector_const_view start = gsl_vector_const_view_array(x0.data(), x0.size());
    // First step and line-search tolerance as in the manual's example.
    gsl_multimin_fdfminimizer_set(solver.get(), &function, &start.vector, 0.01, 0.1);

    PeerResult result{{}, 0, "max_iterations"};
    const double begin = wall_seconds();
    for (; result.iterations < limits.max_iterations; ++result.iterations) {
        if (gsl_blas_dnrm2(solver->gradient) < limits.gradient_tolerance) {
            result.status = "converged";
            break;
        }
        if (wall_seconds() - begin > limits.seconds) {
            result.status = "time_limit";
            break;
        }
        if (const int code = gsl_multimin_fdfminimizer_iterate(solver.get())) {
            result.status = gsl_strerror(code);
            break;
        }
    }
    result.x.assign(solver->x->data, solver->x->data + x0.size());
    return result;
}

}  // namespace cunewton::bench
#endif
