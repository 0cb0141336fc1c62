#include "tests/sparse/problems.h"

namespace cunewton::test {

namespace {

template <class T, class Function>
Problem<T> objective(const Function& function, int n, const ProblemOptions& options) {
    Problem<T> problem = make_objective<T>(function, n, options);
#if CUNEWTON_WITH_CUDA
    add_sparse_device_code(problem, function);
#endif
    return problem;
}

}  // namespace

template <class T>
Problem<T> chain_problem(int n, const ProblemOptions& options) {
    return objective<T>(ChainWithGradient{}, n, options);
}
template <class T>
Problem<T> broyden_problem(int n, const ProblemOptions& options) {
    return objective<T>(BroydenWithGradient{}, n, options);
}
template <class T>
Problem<T> surface_problem(int side, const ProblemOptions& options) {
    return objective<T>(SurfaceWithGradient{side}, side * side, options);
}

#define CUNEWTON_INSTANTIATE(T)                                      \
    template Problem<T> chain_problem(int, const ProblemOptions&);   \
    template Problem<T> broyden_problem(int, const ProblemOptions&); \
    template Problem<T> surface_problem(int, const ProblemOptions&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::test
