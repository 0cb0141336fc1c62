// What a minimisation was and how it went, in words.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <string>

#include "cunewton/options.h"

namespace cunewton {

/// Several lines of text, the last one ended: the problem and how it ended; which derivatives,
/// backend and method it was, and why; wall time by phase and what was counted; parameters that
/// were moved, are at bounds or are not determined; and the last iterations as a table. options:
/// those of the run, which tell what was asked for from what was chosen. T is double or float.
template <class T>
std::string full_report(const Result<T>& result, const Options& options = {});
extern template std::string full_report(const Result<double>&, const Options&);
extern template std::string full_report(const Result<float>&, const Options&);

}  // namespace cunewton
