// The processor's multiply-add peak, and the speed of exp in lanes. Compiled with
// -ffp-contract=fast (see CMakeLists.txt).
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

/// exp of packs of V vectors: vectors a second.
template <class T, int V>
double exponential_rate() {
    constexpr std::size_t count = 8192 / sizeof(T);
    std::vector<T> x(count), y(count);
    for (std::size_t i = 0; i < count; ++i) x[i] = -static_cast<T>(i) / static_cast<T>(count / 16);
    double best = 0;
    for (int trial = 0; trial < 7; ++trial) {
        double vectors = 0;
        const double begin = wall_seconds();
        while (wall_seconds() - begin < 0.01) {
            cpu::with_lanes([&]<class Lanes>() {
                using P = typename Lanes::template Pack<T, V>;
                for (int pass = 0; pass < 20; ++pass) {
                    for (std::size_t i = 0; i < count; i += P::lanes)
                        exp(P::load(x.data() + i)).store(y.data() + i);
                    x[0] = y[0];  // a pass is not repeated for nothing
                }
                vectors += 20.0 * count / P::vector_lanes;
            });
            x[0] = 0;
        }
        best = std::max(best, vectors / (wall_seconds() - begin));
    }
    return best;
}

}  // namespace

template <class T>
VectorRates measure_vector_rates() {
    VectorRates rates;
    cpu::with_lanes([&]<class Lanes>() { rates.lanes = Lanes::template Pack<T, 1>::vector_lanes; });
    rates.instructions = peak<T>(1) / (2 * rates.lanes);
    rates.exponentials = std::max(exponential_rate<T, 1>(), exponential_rate<T, 4>());
    return rates;
}
template VectorRates measure_vector_rates<double>();
template VectorRates measure_vector_rates<float>();

double measure_fma_peak(int threads) {
    return peak<double>(threads);
}
double measure_fma_peak_single(int threads) {
    return peak<float>(threads);
}

}  // namespace cunewton::bench
