// Intervals by the profile likelihood.
#pragma once

#include <utility>

#include "cunewton/inference.h"

namespace cunewton::infer {

/// Where the least loss that the other parameters reach, for a value of parameter j, is `rise`
/// above the minimum's, below the estimate and above it (Venzon and Moolgavkar 1988). width: of
/// Wald's interval to one side, where the search begins. NaN on a side where the loss does not rise
/// so far within 1000 widths or a refit fails.
template <class T>
std::pair<double, double> profile_interval(const Problem<T>& problem, const Result<T>& result,
                                           int j, double rise, double width,
                                           const InferenceOptions& options);
extern template std::pair<double, double> profile_interval(const Problem<double>&,
                                                           const Result<double>&, int, double,
                                                           double, const InferenceOptions&);
extern template std::pair<double, double> profile_interval(const Problem<float>&,
                                                           const Result<float>&, int, double,
                                                           double, const InferenceOptions&);

}  // namespace cunewton::infer
