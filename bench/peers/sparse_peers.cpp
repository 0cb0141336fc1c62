#include "bench/peers/sparse_peers.h"

namespace cunewton::bench {

const std::vector<SparsePeer>& sparse_peers() {
    static const std::vector<SparsePeer> list {
#if CUNEWTON_BENCH_HAVE_PETSC
        {"PETSc/TAO nls, coloured", &minimize_petsc_colouring},
#endif
#if CUNEWTON_BENCH_HAVE_IPOPT
            {"Ipopt with MUMPS, exact Hessian", &minimize_ipopt},
#endif
    };
    return list;
}

}  // namespace cunewton::bench
