// What a case is given.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "bench/rates.h"
#include "bench/report.h"
#include "bench/settings.h"
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

    /// Gives a row the least time that the work can take where it ran.
    void set_floor(Row& row, const DenseWork& work) {
        if (row.backend == "cuda") {
            row.floor_seconds = floor_seconds(work, device_rates());
        } else {
            row.floor_seconds = floor_seconds(work, rates().dense);
            row.floor_peak_seconds = floor_peak_seconds(work, rates());
        }
    }

    /// Whether the chosen backend can run this problem; says so if it cannot.
    template <class T>
    bool can_run(const Problem<T>& problem, const std::string& what) const {
        const bool can = settings.backend == BackendChoice::cuda  ? problem.runs_on_cuda()
                         : settings.backend == BackendChoice::cpu ? problem.runs_on_cpu()
                                                                  : true;
        if (!can)
            report.progress(fmt::format("  {}: left out, it has no code for this backend", what));
        return can;
    }

    /// Where this problem runs.
    template <class T>
    std::string backend_of(const Problem<T>& problem) const {
        return default_backend == "cuda" && !problem.runs_on_cuda() ? "cpu" : default_backend;
    }

    std::optional<Rates> rates_ = {};
    std::optional<DenseRates> device_rates_ = {};
};

}  // namespace cunewton::bench
