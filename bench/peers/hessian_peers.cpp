#include "bench/peers/hessian_peers.h"

#include <limits>

namespace cunewton::bench {

const std::vector<HessianPeer>& hessian_peers() {
    static const std::vector<HessianPeer> list = {
#if CUNEWTON_BENCH_HAVE_GSL
        {"GSL deriv_central of deriv_central", false, 10, gsl_hessian_from_values},
#endif
#if CUNEWTON_BENCH_HAVE_PETSC
        {"PETSc TAO fd hessian", true, std::numeric_limits<int>::max(),
         petsc_hessian_from_gradients},
#endif
    };
    return list;
}

}  // namespace cunewton::bench
