// What only a device can be asked: its properties, its ceilings, and times without the copies from
// and to the host.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "bench/settings.h"
#include "cunewton/fit.h"

namespace cunewton::bench {

/// Properties of the current device, and measured ceilings: GB/s of copies on the device (bytes
/// read and written) and from and to page-locked host memory, GFLOP/s of matrix products. Throws
/// std::runtime_error if there is no device.
nlohmann::ordered_json describe_device(const Settings& settings);

/// Seconds, by the device's clock, of a batch whose data are on the device and whose results stay
/// there: the median of `repeats`. Nothing if the options ask for more than the device does alone,
/// or if the batch is not shaped as the cases' batches are: all of one size, with shared
/// coordinates or none. T is double or float.
template <class T>
std::optional<double> resident_seconds(const BatchModel& model, const BatchData<T>& data,
                                       const BatchOptions& options, int repeats);
extern template std::optional<double> resident_seconds(const BatchModel&, const BatchData<double>&,
                                                       const BatchOptions&, int);
extern template std::optional<double> resident_seconds(const BatchModel&, const BatchData<float>&,
                                                       const BatchOptions&, int);

}  // namespace cunewton::bench
