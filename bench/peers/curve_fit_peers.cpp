#include "bench/peers/curve_fit_peers.h"

namespace cunewton::bench {

const std::vector<CurveFitPeer>& curve_fit_peers() {
    static const std::vector<CurveFitPeer> list = {
#if CUNEWTON_BENCH_HAVE_CERES
        {"Ceres, defaults", fit_with_ceres},
        {"Ceres, tight", fit_with_ceres_tightly},
#endif
#if CUNEWTON_BENCH_HAVE_GSL
        {"GSL, defaults", fit_with_gsl},
        {"GSL, tight", fit_with_gsl_tightly},
#endif
    };
    return list;
}

}  // namespace cunewton::bench
