#include "bench/peers/large_curve_peers.h"

namespace cunewton::bench {

const std::vector<LargeCurvePeer>& large_curve_peers() {
    static const std::vector<LargeCurvePeer> list = {
#if CUNEWTON_BENCH_HAVE_CERES
        {"Ceres", fit_large_with_ceres, 1'000'000},
#endif
#if CUNEWTON_BENCH_HAVE_GSL
        {"GSL multifit", fit_large_with_gsl, 1'000'000},
        {"GSL multilarge", fit_large_with_gsl_multilarge, 10'000'000},
#endif
    };
    return list;
}

}  // namespace cunewton::bench
