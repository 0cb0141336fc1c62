// What linear equality constraints say about a minimum.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <vector>

#include "cunewton/options.h"

namespace cunewton {

/// The multipliers l of the equations A x = b at a minimiser whose loss has this gradient, n
/// numbers: A'l = gradient, in least squares (Nocedal and Wright 2006, equations 12.34 and 18.21).
/// l_i is how fast the least loss rises with b_i. Of equations that follow from others it is 0, and
/// theirs is in those. fixed: parameters that the equations do not have to explain, as in
/// Options::fixed; n entries or none. Throws InvalidArgument for sizes that do not fit and numbers
/// that are not finite. T is double or float.
template <class T>
std::vector<double> equation_multipliers(const LinearConstraints& constraints,
                                         const std::vector<T>& gradient,
                                         const std::vector<bool>& fixed = {});
extern template std::vector<double> equation_multipliers(const LinearConstraints&,
                                                         const std::vector<double>&,
                                                         const std::vector<bool>&);
extern template std::vector<double> equation_multipliers(const LinearConstraints&,
                                                         const std::vector<float>&,
                                                         const std::vector<bool>&);

}  // namespace cunewton
