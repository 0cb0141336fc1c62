#pragma once

#include "cunewton/fit.h"

// Fit models whose functions are at an edge of their domain, or rare. function_models.cpp holds
// their CPU code and, in a build with CUDA, a .cu file the GPU's.
namespace cunewton::test {

/// a exp(-(t / tau)^beta) + c with p = (a, tau, beta, c), the data from t = 0 on.
struct StretchedExponential {
    static constexpr int parameters = 4, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [a, tau, beta, c] = p;
        return a * exp(-pow(x[0] / tau, beta)) + c;
    }
};

/// A peak integrated over pixels from x - 1/2 to x + 1/2: a (erf((x + 1/2 - c) / w) -
/// erf((x - 1/2 - c) / w)) / 2 + b with p = (a, c, w, b).
struct PixelPeak {
    static constexpr int parameters = 4, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [a, c, w, b] = p;
        return 0.5 * a * (erf((x[0] + 0.5 - c) / w) - erf((x[0] - 0.5 - c) / w)) + b;
    }
};

#define CUNEWTON_TEST_FUNCTION_MODELS(model) model(StretchedExponential) model(PixelPeak)

#define CUNEWTON_TEST_DECLARE(Functor) FitModel function_model(const Functor& functor);
CUNEWTON_TEST_FUNCTION_MODELS(CUNEWTON_TEST_DECLARE)
#undef CUNEWTON_TEST_DECLARE

#if CUNEWTON_WITH_CUDA
#define CUNEWTON_TEST_DECLARE(Functor) \
    void add_device_code(FitModel& model, const Functor& functor);
CUNEWTON_TEST_FUNCTION_MODELS(CUNEWTON_TEST_DECLARE)
#undef CUNEWTON_TEST_DECLARE
#endif

}  // namespace cunewton::test
