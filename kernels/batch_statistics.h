// Launcher of covariances, standard errors and condition numbers of small problems that have been
// solved. Conventions as in vector.h.
#pragma once

#include <cstdint>

#include "cunewton/cuda/small_code.h"

namespace cunewton::cuda {

/// Fills those of covariance, standard_errors, condition_number and undetermined that are not null,
/// for every run, from batch.hessian. Bit j of `fixed`: parameter j kept its start. `scaled`:
/// covariances are multiplied by objective / (degrees of freedom), which takes
/// batch.counted_points.
template <class T>
void launch_batch_statistics(const DeviceBatch<T>& batch, int n, std::uint64_t fixed, bool scaled,
                             Stream stream);

}  // namespace cunewton::cuda
