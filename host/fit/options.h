// What BatchOptions mean to the solvers, on the host's data and on the device's.
#pragma once

#include <cstdint>
#include <vector>

#include "cunewton/fit.h"
#include "cunewton/small/solver.h"

namespace cunewton {

/// Throws InvalidArgument for options that no batch of n parameters can be solved with.
void check_batch_options(const BatchOptions& options, int n);

/// Throws InvalidArgument for a number of points that a problem cannot have.
void check_batch_points(long points, int coordinates);

/// options.tuning, or the estimator's constant of 95 % efficiency.
double tuning_constant(const BatchOptions& options);

/// Not automatic. Throws InvalidArgument if the model's own derivatives are asked for in vain.
BatchDerivatives batch_derivatives(const BatchOptions& options, bool has_analytic);

/// In the arithmetic T; `derivatives` is not automatic.
template <class T>
batch::SolverSettings<T> solver_settings(const BatchOptions& options, bool bounded,
                                         BatchDerivatives derivatives);
extern template batch::SolverSettings<double> solver_settings(const BatchOptions&, bool,
                                                              BatchDerivatives);
extern template batch::SolverSettings<float> solver_settings(const BatchOptions&, bool,
                                                             BatchDerivatives);

}  // namespace cunewton
