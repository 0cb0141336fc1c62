// Speeds that floors are made of, measured in this process.
#pragma once

#include <vector>

#include "bench/settings.h"

namespace cunewton::bench {

/// Floating-point operations a second of the BLAS and LAPACK of one backend.
struct DenseRates {
    double dsyrk_785 = 0;   ///< n = 785, k = 8192
    double dsyrk_1970 = 0;  ///< n = 1970, k = 2048
    double ssyrk_785 = 0;
    double ssyrk_1970 = 0;
    double dpotrf_785 = 0;
    double dpotrf_1970 = 0;
    double spotrf_785 = 0;
    double spotrf_1970 = 0;
};

/// Of the processor, with the threads of the settings unless the name says otherwise.
struct Rates {
    DenseRates dense;
    double dgemm = 0;
    double dgemm_one_thread = 0;
    double fma_peak = 0;         ///< multiply-adds in double from registers
    double fma_peak_single = 0;  ///< in float
    double fma_peak_one_thread = 0;
};
Rates measure_rates(const Settings& settings);

/// The same of cuBLAS and cuSOLVER. Throws std::runtime_error if a call fails; call it only where
/// something has just run on a device.
DenseRates measure_device_rates(const Settings& settings);

/// Seconds of cuSOLVER's Xsyevd for all eigenvalues of this matrix, in float if `single`. Throws as
/// measure_device_rates().
double device_eigenvalues_seconds(const std::vector<double>& matrix, int n, bool single);

/// Sizes of the measurements above; small ones for tests.
struct RateSizes {
    explicit RateSizes(const Settings& settings)
        : middle(settings.small ? 64 : 785),
          large(settings.small ? 128 : 1970),
          samples(settings.small ? 512 : 8192),
          square(settings.small ? 512 : 1024) {}
    int middle, large, samples, square;
};

/// The operations of a dense Newton solve.
struct DenseWork {
    int dimension = 0;
    double products = 0;        ///< operations in symmetric products
    double factorizations = 0;  ///< operations in Cholesky factorisations
    bool single_products = false;
    bool single_factorizations = false;
};
double floor_seconds(const DenseWork& work, const DenseRates& rates);
double floor_peak_seconds(const DenseWork& work, const Rates& rates);

/// Multiply-adds in SIMD lanes from registers on this number of threads: operations a second.
double measure_fma_peak(int threads);
double measure_fma_peak_single(int threads);

/// Of one thread, in the SIMD lanes of T.
struct VectorRates {
    int lanes = 0;
    double instructions = 0;  ///< multiply-adds a second, each of all lanes
    double exponentials = 0;  ///< the library's exp of all lanes, a second, on an array in the
                              ///< first-level cache
};
/// T is double or float.
template <class T>
VectorRates measure_vector_rates();

}  // namespace cunewton::bench
