// Wall and CPU time of a piece of code.
#pragma once

#include <time.h>

#include <algorithm>
#include <vector>

namespace cunewton::bench {

/// Seconds on a POSIX clock.
inline double seconds_on(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
inline double wall_seconds() {
    return seconds_on(CLOCK_MONOTONIC);
}
/// Of all threads of the process.
inline double cpu_seconds() {
    return seconds_on(CLOCK_PROCESS_CPUTIME_ID);
}

struct Timing {
    double median = 0;      ///< wall seconds
    double spread = 0;      ///< (max - min) / median
    double cpu_median = 0;  ///< CPU seconds
    int repeats = 0;
};

inline double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Runs `job` and takes the time of each run. What takes less than 5 ms is run several times for
/// one measurement; the first run is a warm-up unless it takes more than a second; repeating ends
/// early once everything together has taken `patience` seconds.
template <class Job>
Timing measure(int repeats, const Job& job, double patience = 120) {
    const double begin = wall_seconds(), cpu_begin = cpu_seconds();
    job();
    const double first = wall_seconds() - begin, first_cpu = cpu_seconds() - cpu_begin;
    std::vector<double> wall, cpu;
    if (first > 1) {
        wall.push_back(first);
        cpu.push_back(first_cpu);
    }
    const int inner = first < 5e-3 ? static_cast<int>(5e-3 / std::max(first, 1e-6)) + 1 : 1;
    while (static_cast<int>(wall.size()) < repeats &&
           (wall.empty() || wall_seconds() - begin < patience)) {
        const double wall_start = wall_seconds(), cpu_start = cpu_seconds();
        for (int i = 0; i < inner; ++i) job();
        wall.push_back((wall_seconds() - wall_start) / inner);
        cpu.push_back((cpu_seconds() - cpu_start) / inner);
    }
    const auto [least, most] = std::minmax_element(wall.begin(), wall.end());
    const double middle = median(wall);
    return {middle, (*most - *least) / middle, median(cpu), static_cast<int>(wall.size())};
}

}  // namespace cunewton::bench
