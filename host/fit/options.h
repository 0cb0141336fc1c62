// What BatchOptions mean to the solvers, on the host's data and on the device's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cunewton/fit.h"
#include "cunewton/small/solver.h"

namespace cunewton {

/// Throws InvalidArgument for options that no batch of n parameters can be solved with.
void check_batch_options(const BatchOptions& options, int n);

/// The arithmetic that solves data of type T at first.
template <class T>
bool solves_in_single(BatchPrecision precision) {
    if (precision == BatchPrecision::as_data) return sizeof(T) == sizeof(float);
    return precision != BatchPrecision::full;
}

/// Throws InvalidArgument if the model is not compiled for the arithmetic, or both, that solves a
/// batch of type T.
template <class T>
void check_arithmetic(const BatchModel& model, BatchPrecision precision) {
    const bool both = precision == BatchPrecision::twice, single = solves_in_single<T>(precision);
    const char* missing = (both || single) && !model.parts().in<float>().cpu     ? "single"
                          : (both || !single) && !model.parts().in<double>().cpu ? "double"
                                                                                 : nullptr;
    if (missing)
        throw InvalidArgument(std::string("the model has no code for ") + missing +
                              " precision (its member `arithmetic` is the other one) change "
                              "BatchOptions::precision or leave that member out");
}

/// Throws InvalidArgument for a number of points that a problem cannot have.
void check_batch_points(long points, int coordinates);

/// options.tuning, or the estimator's constant of 95 % efficiency.
double tuning_constant(const BatchOptions& options);
/// The one that an estimator usually has.
double usual_tuning(Estimator estimator);

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
