// What a result says about the machine and the build.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bench/rates.h"
#include "bench/settings.h"

namespace cunewton::bench {

nlohmann::ordered_json describe_environment(const Settings& settings, const Rates& rates,
                                            const std::optional<DenseRates>& device_rates);

/// A sentence if the BLAS reaches less than half of the processor's measured peak, else empty.
std::string blas_warning(const Rates& rates);

}  // namespace cunewton::bench
