// GPU code of the losses that the cases define themselves.
#pragma once

#include "cunewton/problem.h"

namespace cunewton::bench {

/// Gives a problem of SignedLogistic its GPU code; nothing in a build without CUDA.
#if CUNEWTON_WITH_CUDA
void attach_signed_logistic(Problem<double>& problem);
void attach_signed_logistic(Problem<float>& problem);
#else
template <class T>
void attach_signed_logistic(Problem<T>&) {}
#endif

}  // namespace cunewton::bench
