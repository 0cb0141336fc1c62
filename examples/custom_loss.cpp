// Fits a decay with outliers, on the GPU if there is one; prints every iteration.
#include <cunewton/cunewton.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "custom_loss.h"

int main() {
    // 200 samples of 3 e^{-0.7 t} + 0.5 with small ripples; every tenth is far off.
    const int count = 200;
    std::vector<double> t(count), y(count);
    for (int i = 0; i < count; ++i) {
        t[i] = 0.05 * i;
        y[i] = 3 * std::exp(-0.7 * t[i]) + 0.5 + 0.02 * std::sin(37.0 * i);
        if (i % 10 == 3) y[i] += 2;
    }
    const cunewton::Samples<double> samples{
        .features = t.data(), .count = count, .dimension = 1, .targets = y.data()};
    auto problem = cunewton::make_sample_sum<double>(SmoothAbsoluteDecay{.width = 0.1}, samples, 3);
#ifdef CUSTOM_LOSS_ON_GPU
    attach_gpu(problem);
#endif

    cunewton::Options options;
    options.method = cunewton::Method::trust_region;
    options.callback = [](const cunewton::IterationRecord& r) {
        std::printf("%3d  f = %.8f  |g| = %.2e  |step| = %.2e\n", r.iteration, r.f, r.gradient_norm,
                    r.step_norm);
        return true;
    };
    const auto result = cunewton::minimize(problem, {1.0, 1.0, 0.0}, options);
    std::printf("%s on %s (%s): %.4f e^{-%.4f t} + %.4f\n", to_string(result.status),
                result.backend.c_str(), result.backend_reason.c_str(), result.x[0], result.x[1],
                result.x[2]);
    return result.converged() ? 0 : 1;
}
