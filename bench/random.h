// Random numbers that are the same everywhere, up to the rounding of the C library's log.
#pragma once

#include <cmath>
#include <random>

namespace cunewton::bench {

class Random {
  public:
    explicit Random(unsigned seed) : bits_(seed) {}

    /// In [0, 1).
    double uniform() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }

    /// A count of this mean, at least 0.
    double poisson(double mean) { return mean < 10 ? by_products(mean) : by_rejection(mean); }

  private:
    double by_products(double mean) {
        const double limit = std::exp(-mean);
        double count = -1;
        for (double product = 1; product > limit; ++count) product *= uniform();
        return count;
    }

    /// Hormann, The transformed rejection method for generating Poisson random variables, 1993:
    /// algorithm PTRS.
    double by_rejection(double mean) {
        const double b = 0.931 + 2.53 * std::sqrt(mean);
        const double a = -0.059 + 0.02483 * b;
        const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        const double accepted_below = 0.9277 - 3.6224 / (b - 2);
        for (;;) {
            const double u = uniform() - 0.5, v = uniform();
            const double distance = 0.5 - std::abs(u);
            const double count = std::floor((2 * a / distance + b) * u + mean + 0.43);
            if (distance >= 0.07 && v <= accepted_below) return count;
            if (count < 0 || (distance < 0.013 && v > distance)) continue;
            if (std::log(v * inverse_alpha / (a / (distance * distance) + b)) <=
                count * std::log(mean) - mean - std::lgamma(count + 1))
                return count;
        }
    }

    std::mt19937_64 bits_;
};

}  // namespace cunewton::bench
