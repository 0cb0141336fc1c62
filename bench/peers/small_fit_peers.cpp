#include "bench/peers/small_fit_peers.h"

namespace cunewton::bench {

const std::vector<SmallFitPeer>& small_fit_peers() {
    static const std::vector<SmallFitPeer> list = {
#if CUNEWTON_BENCH_HAVE_CERES
        {"Ceres TinySolver", 100000, fit_with_tiny_solver<double>, fit_with_tiny_solver<float>},
#endif
#if CUNEWTON_BENCH_HAVE_EIGEN
        {"Eigen LevenbergMarquardt", 20000, fit_with_eigen<double>, fit_with_eigen<float>},
#if CUNEWTON_BENCH_HAVE_CMINPACK
        {"cminpack lmder", 20000, fit_with_cminpack, nullptr},
#endif
#if CUNEWTON_BENCH_HAVE_GSL
        {"GSL multifit_nlinear", 5000, fit_with_gsl, nullptr},
#endif
#endif
#if CUNEWTON_BENCH_HAVE_DLIB
        {"dlib solve_least_squares_lm", 5000, fit_with_dlib, nullptr},
#endif
    };
    return list;
}

}  // namespace cunewton::bench
