#include "tests/support/builtin_objectives.h"

#include <stdexcept>
#include <string>

#include "cunewton/model/rosenbrock.h"

namespace cunewton::test {

namespace {
template <int n>
const SmallObjective& rosenbrock() {
    static const SmallObjective objective = make_small_objective(RosenbrockN<n>{});
    return objective;
}
}  // namespace

SmallObjective builtin_rosenbrock(int n) {
    switch (n) {
        case 2:
            return rosenbrock<2>();
        case 4:
            return rosenbrock<4>();
        case 8:
            return rosenbrock<8>();
        case 16:
            return rosenbrock<16>();
        default:
            throw std::invalid_argument("RosenbrockN<" + std::to_string(n) + "> is not built in");
    }
}

}  // namespace cunewton::test
