// A parameter's step by Adam. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"

namespace cunewton {

struct AdamStep {
    double momentum, decay;  ///< what is kept of the means of gradients and of their squares
    double rate;             ///< divided by the sum of the first mean's weights
    double root_scale;       ///< 1 / the root of the sum of the second mean's
    double least_root;
};

/// Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void adam_step(T& x, T& mean, T& square, T g,
                                                           const AdamStep& step) {
    const T momentum = static_cast<T>(step.momentum), decay = static_cast<T>(step.decay);
    mean = momentum * mean + (T(1) - momentum) * g;
    square = decay * square + (T(1) - decay) * (g * g);
    x -= static_cast<T>(step.rate) * mean /
         (static_cast<T>(step.root_scale) * math::sqrt(square) + static_cast<T>(step.least_root));
}

}  // namespace cunewton
