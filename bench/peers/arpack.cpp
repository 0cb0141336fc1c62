#include "bench/peers/arpack.h"

#if CUNEWTON_BENCH_HAVE_ARPACK

#include <algorithm>
#include <stdexcept>
#include <string>

extern "C" {
void dsaupd_(int* ido, const char* bmat, const int* n, const char* which, const int* nev,
             const double* tol, double* resid, const int* ncv, double* v, const int* ldv,
             int* iparam, int* ipntr, double* workd, double* workl, const int* lworkl, int* info,
             std::size_t bmat_length, std::size_t which_length);
void dseupd_(const int* rvec, const char* howmny, const int* select, double* d, double* z,
             const int* ldz, const double* sigma, const char* bmat, const int* n, const char* which,
             const int* nev, const double* tol, double* resid, const int* ncv, double* v,
             const int* ldv, int* iparam, int* ipntr, double* workd, double* workl,
             const int* lworkl, int* info, std::size_t howmny_length, std::size_t bmat_length,
             std::size_t which_length);
}

namespace cunewton::bench {

std::optional<ArpackResult> arpack_largest(
    int n, int wanted, const std::function<void(const double* x, double* y)>& product,
    double tolerance, int vectors) {
    const std::size_t size = static_cast<std::size_t>(n), ncv = static_cast<std::size_t>(vectors);
    std::vector<double> resid(size), v(size * ncv), workd(3 * size), workl(ncv * (ncv + 8));
    std::vector<int> select(ncv);
    // Exact shifts, restarts at most, mode 1: A x = lambda x.
    int iparam[11] = {1, 0, 1000, 1, 0, 0, 1, 0, 0, 0, 0}, ipntr[11] = {}, ido = 0, info = 0;
    const int lworkl = static_cast<int>(workl.size());
    ArpackResult result;
    for (;;) {
        dsaupd_(&ido, "I", &n, "LA", &wanted, &tolerance, resid.data(), &vectors, v.data(), &n,
                iparam, ipntr, workd.data(), workl.data(), &lworkl, &info, 1, 2);
        if (ido != 1 && ido != -1) break;
        product(workd.data() + ipntr[0] - 1, workd.data() + ipntr[1] - 1);
        ++result.products;
    }
    if (info < 0) throw std::runtime_error("dsaupd failed (info " + std::to_string(info) + ")");
    result.converged = info == 0;
    result.largest.resize(static_cast<std::size_t>(wanted));
    const int no_vectors = 0;
    const double sigma = 0;
    dseupd_(&no_vectors, "A", select.data(), result.largest.data(), v.data(), &n, &sigma, "I", &n,
            "LA", &wanted, &tolerance, resid.data(), &vectors, v.data(), &n, iparam, ipntr,
            workd.data(), workl.data(), &lworkl, &info, 1, 1, 2);
    if (info != 0) throw std::runtime_error("dseupd failed (info " + std::to_string(info) + ")");
    std::sort(result.largest.rbegin(), result.largest.rend());
    return result;
}

}  // namespace cunewton::bench

#else

namespace cunewton::bench {

std::optional<ArpackResult> arpack_largest(int, int,
                                           const std::function<void(const double*, double*)>&,
                                           double, int) {
    return {};
}

}  // namespace cunewton::bench

#endif
