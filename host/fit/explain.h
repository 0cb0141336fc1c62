// Why one problem of a batch ended as it did.
#pragma once

#include <cstdint>
#include <vector>

#include "cunewton/fit.h"

namespace cunewton {

/// One problem by itself: `data` is a batch of it alone, whose coordinates are its own and which
/// has one start and no offsets. C is the arithmetic that it was solved in.
template <class C>
BatchExplanation explain_problem(const BatchModel& model, const BatchData<double>& data,
                                 const BatchOptions& options, Status status,
                                 const std::vector<double>& end, std::uint64_t at_bound);
extern template BatchExplanation explain_problem<double>(const BatchModel&,
                                                         const BatchData<double>&,
                                                         const BatchOptions&, Status,
                                                         const std::vector<double>&, std::uint64_t);
extern template BatchExplanation explain_problem<float>(const BatchModel&, const BatchData<double>&,
                                                        const BatchOptions&, Status,
                                                        const std::vector<double>&, std::uint64_t);

}  // namespace cunewton
