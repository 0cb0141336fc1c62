#include "bench/peers/peers.h"

#include <exception>

namespace cunewton::bench {

const std::vector<Peer>& peers() {
    static const std::vector<Peer> list = {
        {"plain Newton, BLAS", true, minimize_plain_newton},
#if CUNEWTON_BENCH_HAVE_PETSC
        {"PETSc TAO nls", true, minimize_petsc_nls},
#endif
#if CUNEWTON_BENCH_HAVE_DLIB
        {"dlib trust region", true, minimize_dlib_trust_region},
        {"dlib bfgs", false, minimize_dlib_bfgs},
#endif
#if CUNEWTON_BENCH_HAVE_CERES
        {"Ceres bfgs", false, minimize_ceres_bfgs},
#endif
#if CUNEWTON_BENCH_HAVE_GSL
        {"GSL bfgs2", false, minimize_gsl_bfgs},
#endif
    };
    return list;
}

PeerResult minimize_with(const Peer& peer, Objective& objective, const std::vector<double>& x0,
                         const PeerLimits& limits) {
    try {
        return peer.minimize(objective, x0, limits);
    } catch (const std::exception& error) {
        return {x0, 0, error.what()};
    }
}

}  // namespace cunewton::bench
