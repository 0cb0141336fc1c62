// The processor's multiply-add peak. Compiled with -ffp-contract=fast (see CMakeLists.txt).
#include <algorithm>
#include <thread>
#include <vector>

#include "bench/rates.h"
#include "bench/timing.h"
#include "cunewton/cpu/dispatch.h"

namespace cunewton::bench {
namespace {

constexpr long steps = 20000;
constexpr int chains = 3;  // of four vectors each: twelve hide the latency on two units

/// Returns the number of operations; the numbers are returned through `sink` so that they are not
/// optimised away.
template <class T>
double multiply_adds(T* sink) {
    int lanes = 0;
    cpu::with_lanes([&]<class Lanes>() {
        using P = typename Lanes::template Pack<T, 4>;
        lanes = P::lanes;
        P a(1.0), b(2.0), c(3.0);
        const P factor(0.999999), term(1e-6);
        for (long i = 0; i < steps; ++i) {
            a = a * factor + term;
            b = b * factor + term;
            c = c * factor + term;
        }
        *sink = (a + b + c).lane(0);
    });
    return 2.0 * lanes * chains * steps;
}

template <class T>
double peak(int threads) {
    double best = 0;
    for (int trial = 0; trial < 5; ++trial) {
        std::vector<double> rates(static_cast<std::size_t>(threads));
        std::vector<std::thread> workers;
        for (double& rate : rates) {
            workers.emplace_back([&rate] {
                T sink = 0;
                const double begin = wall_seconds();
                double operations = 0;
                while (wall_seconds() - begin < 0.02) operations += multiply_adds(&sink);
                rate = operations / (wall_seconds() - begin);
            });
        }
        for (std::thread& worker : workers) worker.join();
        double sum = 0;
        for (const double rate : rates) sum += rate;
        best = std::max(best, sum);
    }
    return best;
}

}  // namespace

double measure_fma_peak(int threads) {
    return peak<double>(threads);
}
double measure_fma_peak_single(int threads) {
    return peak<float>(threads);
}

}  // namespace cunewton::bench
