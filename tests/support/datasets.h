#pragma once

#include <cstdint>
#include <vector>

// Synthetic samples for tests and benchmarks, the same to the last bit on every platform: integer
// random numbers, no library distribution, no exp or log, and every sum exact in double (values sit
// on a coarse binary grid), so that neither the compiler's fused multiply-add nor the order of a
// sum can change a label.
namespace cunewton::test {

/// xoshiro256** 1.0 (Blackman, Vigna 2018), its state filled by splitmix64 from one seed.
class Random {
  public:
    explicit Random(std::uint64_t seed);

    std::uint64_t bits();  ///< 64 random bits
    double uniform();      ///< [0, 1), a multiple of 2^-53
    /// Mean 0, variance 1, within +-6: a sum of twelve uniforms less 6 (Irwin 1927, Hall 1927), a
    /// multiple of 2^-20. Close to a normal number, without its tails; exact in float.
    double near_normal();

  private:
    std::uint64_t state_[4];
};

struct DatasetOptions {
    bool intercept = true;  ///< the model that makes y has a bias
    bool weights = false;   ///< fill w, else leave it empty
    double noise = 0.5;     ///< standard deviation of what is added to a predictor; 0 for none
};

/// Samples and the coefficients they were made from. Every X entry is exact in float.
struct Dataset {
    int samples = 0;            ///< N
    int features = 0;           ///< d
    int classes = 1;            ///< K: outputs of the model; 1 except for make_multiclass
    std::vector<double> X;      ///< N x d, row-major
    std::vector<double> y;      ///< N
    std::vector<double> w;      ///< N multiples of 1/16 in [1/4, 9/4), or empty
    std::vector<double> truth;  ///< K blocks [beta_1 .. beta_d] (+ bias with options.intercept)
};

/// y = z + noise, with z = x'beta + b the linear predictor.
Dataset make_regression(int samples, int features, std::uint64_t seed,
                        const DatasetOptions& options = {});

/// y = 1 if z + noise > 0, else 0. With noise > 0 and N several times d the classes overlap, so an
/// unpenalised logistic regression has a finite minimiser; with noise = 0 they are separable.
Dataset make_binary(int samples, int features, std::uint64_t seed,
                    const DatasetOptions& options = {});

/// y = the class k with the largest z_k + noise_k, 0 <= k < classes; the first one of equals.
Dataset make_multiclass(int samples, int features, int classes, std::uint64_t seed,
                        const DatasetOptions& options = {});

/// Counts 0 .. 64: binomial(64, mu/64) with mu = (1 + z/16)^16, at most 32, which is close to
/// Poisson(e^z) without asking any library for exp. z is kept small, about +-1. options.noise is
/// not used: counting is noise enough.
Dataset make_counts(int samples, int features, std::uint64_t seed,
                    const DatasetOptions& options = {});

}  // namespace cunewton::test
