#include "cunewton/constraints.h"

#include <cmath>
#include <string>

#include "cunewton/error.h"
#include "host/minimize/null_space.h"

namespace cunewton {

template <class T>
std::vector<double> equation_multipliers(const LinearConstraints& constraints,
                                         const std::vector<T>& gradient,
                                         const std::vector<bool>& fixed) {
    if (gradient.empty())
        throw InvalidArgument("the gradient is empty (it has a number for each parameter) pass it");
    for (std::size_t j = 0; j < gradient.size(); ++j)
        if (!std::isfinite(gradient[j]))
            throw InvalidArgument("the gradient is not finite (number " + std::to_string(j) +
                                  " is " + std::to_string(gradient[j]) + ") pass finite numbers");
    const solver::NullSpace space(constraints, static_cast<int>(gradient.size()), fixed, {});
    return space.multipliers({gradient.begin(), gradient.end()});
}
template std::vector<double> equation_multipliers(const LinearConstraints&,
                                                  const std::vector<double>&,
                                                  const std::vector<bool>&);
template std::vector<double> equation_multipliers(const LinearConstraints&,
                                                  const std::vector<float>&,
                                                  const std::vector<bool>&);

}  // namespace cunewton
