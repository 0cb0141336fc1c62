// What a case is given.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "bench/rates.h"
#include "bench/report.h"
#include "bench/settings.h"
#include "cunewton/fit.h"
#include "cunewton/problem.h"

namespace cunewton::bench {

struct Context {
    const Settings& settings;
    Report& report;
    std::string default_backend;  ///< what a problem with code for all backends runs on

    /// Measured when first asked for: it takes seconds.
    const Rates& rates() {
        if (!rates_) {
            report.progress("measuring the speed of multiply-adds and of BLAS");
            rates_ = measure_rates(settings);
        }
        return *rates_;
    }

    /// Of cuBLAS and cuSOLVER, for rows that ran there.
    const DenseRates& device_rates() {
        if (!device_rates_) {
            report.progress("measuring the speed of cuBLAS and cuSOLVER");
            device_rates_ = measure_device_rates(settings);
        }
        return *device_rates_;
    }

    /// Of one thread in lanes of T; measured when first asked for.
    template <class T>
    const VectorRates& vector_rates() {
        std::optional<VectorRates>& rates = sizeof(T) == 8 ? vector_rates_ : vector_rates_single_;
        if (!rates) {
            report.progress("measuring the speed of multiply-adds and of exp in lanes");
            rates = measure_vector_rates<T>();
        }
        return *rates;
    }

    /// Gives a row the least time that the work can take where it ran.
    void set_floor(Row& row, const DenseWork& work) {
        if (row.backend == "cuda") {
            row.floor_seconds = floor_seconds(work, device_rates());
        } else {
            row.floor_seconds = floor_seconds(work, rates().dense);
            row.floor_peak_seconds = floor_peak_seconds(work, rates());
        }
    }

    /// Numbers of threads besides one that batches are timed with: two, and all.
    std::vector<int> more_threads() const {
        std::vector<int> list;
        if (default_backend == "cuda") return list;
        if (settings.threads > 1) list.push_back(2);
        if (settings.threads > 2) list.push_back(settings.threads);
        return list;
    }

    /// Whether batches are compared with other libraries, which run on the CPU.
    bool runs_small_peers() const {
        return settings.peers && settings.backend != BackendChoice::cuda;
    }

    /// Whether the chosen backend can run this problem or batch; says so if it cannot.
    template <class Job>
    bool can_run(const Job& problem, const std::string& what) const {
        const bool can = settings.backend == BackendChoice::cuda  ? problem.runs_on_cuda()
                         : settings.backend == BackendChoice::cpu ? runs_on_cpu(problem)
                                                                  : true;
        if (!can)
            report.progress(fmt::format("  {}: left out, it has no code for this backend", what));
        return can;
    }

    template <class T>
    static bool runs_on_cpu(const Problem<T>& problem) {
        return problem.runs_on_cpu();
    }
    static bool runs_on_cpu(const BatchModel&) { return true; }

    /// Where this problem runs.
    template <class T>
    std::string backend_of(const Problem<T>& problem) const {
        return default_backend == "cuda" && !problem.runs_on_cuda() ? "cpu" : default_backend;
    }

    std::optional<Rates> rates_ = {};
    std::optional<DenseRates> device_rates_ = {};
    std::optional<VectorRates> vector_rates_ = {}, vector_rates_single_ = {};
};

}  // namespace cunewton::bench
