// A loss of one's own: an exponential decay a e^{-b t} + c fitted to samples (t, y) by robust,
// smoothed absolute deviations.
#pragma once

#include <cunewton/problem.h>

struct SmoothAbsoluteDecay {
    double width = 0.1;  // below this the deviation is squared

    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace cunewton::math;
        const auto model = x[0] * exp(-x[1] * s[0]) + x[2];
        const auto r = model - s.target();
        return sqrt(r * r + width * width);
    }
};

/// Defined in custom_loss_device.cu.
void attach_gpu(cunewton::Problem<double>& problem);
