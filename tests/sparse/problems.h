#pragma once

#include "cunewton/problem.h"
#include "tests/sparse/functions.h"

// The functions of functions.h as problems of the library, in a build with CUDA with their GPU
// code.
namespace cunewton::test {

template <class T>
Problem<T> chain_problem(int n, const ProblemOptions& options = {});
template <class T>
Problem<T> broyden_problem(int n, const ProblemOptions& options = {});
/// n = side^2
template <class T>
Problem<T> surface_problem(int side, const ProblemOptions& options = {});

#if CUNEWTON_WITH_CUDA
void add_sparse_device_code(Problem<double>& problem, const ChainWithGradient& function);
void add_sparse_device_code(Problem<float>& problem, const ChainWithGradient& function);
void add_sparse_device_code(Problem<double>& problem, const BroydenWithGradient& function);
void add_sparse_device_code(Problem<float>& problem, const BroydenWithGradient& function);
void add_sparse_device_code(Problem<double>& problem, const SurfaceWithGradient& function);
void add_sparse_device_code(Problem<float>& problem, const SurfaceWithGradient& function);
#endif

}  // namespace cunewton::test
