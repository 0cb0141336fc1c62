// Launchers for what comes after and before the solution of small problems on a device: the
// results of problems from those of their runs, and the order in which problems are begun.
// Conventions as in vector.h.
#pragma once

#include <cstddef>

#include "cunewton/cuda/code.h"
#include "cunewton/small/batch_view.h"

namespace cunewton::cuda {

/// Writes the results that there are places for, but for the statistics. n: parameters; fit: else
/// an objective.
template <class T>
void launch_batch_results(const batch::BatchView<T>& view, const batch::BatchMethod<T>& method,
                          const batch::RunResults<T>& runs, const batch::BatchResults<T>& results,
                          int n, bool fit, Stream stream);

/// The same of the statistics, from runs.hessian and, if there are bounds, runs.at_bound.
template <class T>
void launch_batch_statistics(const batch::BatchView<T>& view, const batch::BatchMethod<T>& method,
                             const batch::RunResults<T>& runs,
                             const batch::BatchResults<T>& results, int n, bool fit, Stream stream);

/// Writes `count` numbers of the host's, which go along with the launch: they may change when it
/// returns, and a graph keeps them.
template <class T>
void launch_batch_numbers(const T* numbers, long count, T* to, Stream stream);

/// Bytes of workspace that launch_batch_order() takes.
std::size_t batch_order_bytes(long problems);
/// Puts the numbers of the problems, those of many points first, into `order`. points: of the
/// problem that has most.
void launch_batch_order(const long* offsets, long problems, int points, int* order, void* workspace,
                        Stream stream);

}  // namespace cunewton::cuda
