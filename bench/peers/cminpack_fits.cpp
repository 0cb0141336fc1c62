#if CUNEWTON_BENCH_HAVE_CMINPACK && CUNEWTON_BENCH_HAVE_EIGEN
#include <cminpack.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "bench/peers/small_fits.h"

namespace cunewton::bench {
namespace {

struct Current {
    NativeResiduals& residuals;
    long problem;
    std::vector<double> unused;
};

int evaluate(void* data, int, int, const double* p, double* r, double* jacobian, int, int what) {
    Current& current = *static_cast<Current*>(data);
    if (what == 1) current.residuals.evaluate(current.problem, p, r, nullptr);
    if (what == 2) current.residuals.evaluate(current.problem, p, current.unused.data(), jacobian);
    return 0;
}

}  // namespace

void fit_with_cminpack(const SmallFits<double>& fits) {
    const int n = parameters_of(fits.model), m = fits.points;
    const std::unique_ptr<NativeResiduals> residuals(make_native_residuals(fits));
    Current current{*residuals, 0, std::vector<double>(m)};
    std::vector<double> r(m), jacobian(std::size_t(m) * n), diagonal(n), qtf(n), work(3 * n + m);
    std::vector<int> pivots(n);
    for (long i = 0; i < fits.problems; ++i) {
        current.problem = i;
        double* p = fits.parameters + i * n;
        std::copy_n(fits.start + i * n, n, p);
        int values = 0, derivatives = 0;
        // Limits: on the change alone, 400 values. Scaling by the columns, first step bound 100.
        lmder(evaluate, &current, m, n, p, r.data(), jacobian.data(), m, fits.change_tolerance, 0,
              0, 400, diagonal.data(), 1, 100, 0, &values, &derivatives, pivots.data(), qtf.data(),
              &work[0], &work[n], &work[2 * n], &work[3 * n]);
        *fits.iterations += values - 1;
    }
}

}  // namespace cunewton::bench
#endif
