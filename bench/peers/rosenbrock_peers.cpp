#include "bench/peers/rosenbrock_peers.h"

namespace cunewton::bench {

const std::vector<RosenbrockPeer>& rosenbrock_peers() {
    static const std::vector<RosenbrockPeer> list = {
        {"scalar Newton", 100000, minimize_with_scalar_newton},
#if CUNEWTON_BENCH_HAVE_CERES
        {"Ceres TinySolver", 20000, minimize_with_tiny_solver},
#endif
#if CUNEWTON_BENCH_HAVE_DLIB
        {"dlib trust region", 10000, minimize_with_dlib_trust_region},
        {"dlib newton", 10000, minimize_with_dlib_newton},
#endif
#if CUNEWTON_BENCH_HAVE_LBFGS
        {"libLBFGS", 10000, minimize_with_lbfgs},
#endif
    };
    return list;
}

}  // namespace cunewton::bench
