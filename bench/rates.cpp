#include "bench/rates.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/blas.h"
#include "bench/timing.h"

namespace cunewton::bench {
namespace {

/// Operations a second of the fastest of several runs: other processes only slow one down.
template <class Job>
double best_rate(double operations, const Job& job) {
    double least = 1e300;
    const double begin = wall_seconds();
    for (int run = 0; run < 10 && (run < 2 || wall_seconds() - begin < 0.5); ++run) {
        const double start = wall_seconds();
        job();
        least = std::min(least, wall_seconds() - start);
    }
    return operations / least;
}

template <class T>
std::vector<T> some_numbers(std::size_t count) {
    std::vector<T> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>((i * 7919 % 1024) / 1024.0);
    return values;
}

template <class T, class Syrk>
double syrk_rate(Syrk syrk, int n, int k) {
    const std::vector<T> a = some_numbers<T>(static_cast<std::size_t>(n) * k);
    std::vector<T> c(static_cast<std::size_t>(n) * n);
    const T one = 1, zero = 0;
    return best_rate(double(n) * (n + 1) * k,
                     [&] { syrk("L", "N", &n, &k, &one, a.data(), &n, &zero, c.data(), &n); });
}

template <class T, class Potrf>
double potrf_rate(Potrf potrf, int n) {
    std::vector<T> a(static_cast<std::size_t>(n) * n, T(1));
    for (int j = 0; j < n; ++j) a[static_cast<std::size_t>(j) * (n + 1)] = static_cast<T>(2 * n);
    std::vector<T> l(a.size());
    double least = 1e300;
    for (int run = 0; run < 5; ++run) {
        l = a;
        int info = 0;
        const double start = wall_seconds();
        potrf("L", &n, l.data(), &n, &info);
        least = std::min(least, wall_seconds() - start);
    }
    return std::pow(n, 3) / 3 / least;
}

double gemm_rate(int n) {
    const std::vector<double> a = some_numbers<double>(static_cast<std::size_t>(n) * n);
    std::vector<double> c(a.size());
    const double one = 1, zero = 0;
    return best_rate(2 * std::pow(n, 3), [&] {
        dgemm_("N", "N", &n, &n, &n, &one, a.data(), &n, a.data(), &n, &zero, c.data(), &n);
    });
}

DenseRates measure_dense_rates(const RateSizes& size) {
    DenseRates rates;
    rates.dsyrk_785 = syrk_rate<double>(dsyrk_, size.middle, size.samples);
    rates.dsyrk_1970 = syrk_rate<double>(dsyrk_, size.large, size.samples / 4);
    rates.ssyrk_785 = syrk_rate<float>(ssyrk_, size.middle, size.samples);
    rates.ssyrk_1970 = syrk_rate<float>(ssyrk_, size.large, size.samples / 4);
    rates.dpotrf_785 = potrf_rate<double>(dpotrf_, size.middle);
    rates.dpotrf_1970 = potrf_rate<double>(dpotrf_, size.large);
    rates.spotrf_785 = potrf_rate<float>(spotrf_, size.middle);
    rates.spotrf_1970 = potrf_rate<float>(spotrf_, size.large);
    return rates;
}

}  // namespace

Rates measure_rates(const Settings& settings) {
    const RateSizes size(settings);
    const bool one_thread = settings.threads == 1;
    Rates rates;
    rates.fma_peak_one_thread = measure_fma_peak(1);
    rates.fma_peak = one_thread ? rates.fma_peak_one_thread : measure_fma_peak(settings.threads);
    rates.fma_peak_single = measure_fma_peak_single(settings.threads);
    set_blas_threads(1);
    rates.dgemm_one_thread = gemm_rate(size.square);
    set_blas_threads(settings.threads);
    rates.dgemm = one_thread ? rates.dgemm_one_thread : gemm_rate(size.square);
    rates.dense = measure_dense_rates(size);
    return rates;
}

double floor_seconds(const DenseWork& work, const DenseRates& rates) {
    const bool large = work.dimension > 1200;
    const double products = work.single_products ? (large ? rates.ssyrk_1970 : rates.ssyrk_785)
                                                 : (large ? rates.dsyrk_1970 : rates.dsyrk_785);
    const double factorizations = work.single_factorizations
                                      ? (large ? rates.spotrf_1970 : rates.spotrf_785)
                                      : (large ? rates.dpotrf_1970 : rates.dpotrf_785);
    return work.products / products + work.factorizations / factorizations;
}

double floor_peak_seconds(const DenseWork& work, const Rates& rates) {
    const auto peak = [&](bool single) { return single ? rates.fma_peak_single : rates.fma_peak; };
    return work.products / peak(work.single_products) +
           work.factorizations / peak(work.single_factorizations);
}

}  // namespace cunewton::bench
