// Speeds that floors are made of, measured in this process.
#pragma once

#include "bench/settings.h"

namespace cunewton::bench {

/// Floating-point operations a second, with the threads of the settings unless said otherwise.
struct Rates {
    double fma_peak = 0;         ///< multiply-adds in double from registers
    double fma_peak_single = 0;  ///< in float
    double dgemm = 0;
    double dsyrk_785 = 0;  ///< n = 785, k = 8192
    double dsyrk_1970 = 0;
    double ssyrk_785 = 0;
    double ssyrk_1970 = 0;
    double dpotrf_785 = 0;
    double dpotrf_1970 = 0;
    double spotrf_785 = 0;
    double spotrf_1970 = 0;
    double dgemm_one_thread = 0;
    double fma_peak_one_thread = 0;
};
Rates measure_rates(const Settings& settings);

/// The operations of a dense Newton solve.
struct DenseWork {
    int dimension = 0;
    double products = 0;        ///< operations in symmetric products
    double factorizations = 0;  ///< operations in Cholesky factorisations
    bool single_products = false;
    bool single_factorizations = false;
};
double floor_seconds(const DenseWork& work, const Rates& rates);
double floor_peak_seconds(const DenseWork& work, const Rates& rates);

/// Multiply-adds in SIMD lanes from registers on this number of threads: operations a second.
double measure_fma_peak(int threads);
double measure_fma_peak_single(int threads);

}  // namespace cunewton::bench
