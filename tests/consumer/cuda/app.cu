// Everything of a user's in one file that nvcc compiles: an objective of its own, minimised, and a
// model of its own, fitted.
#include <cunewton/cunewton.h>
#include <cunewton/cuda/attach.cuh>

#include <cmath>
#include <iostream>
#include <vector>

/// (x_0 - 3)^2 + (x_1 - x_0^2)^2, minimum 0 at (3, 9).
struct Valley {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = cunewton::scalar_t<X>;
        const T a = x[0] - 3.0, b = x[1] - x[0] * x[0];
        return a * a + b * b;
    }
};

/// a (1 - exp(-k t))
struct Recovery {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace cunewton::math;
        const auto& [a, k] = p;
        return a * (1.0 - exp(-k * x[0]));
    }
};

int main() {
    auto problem = cunewton::make_objective<double>(Valley{}, 2);
    cunewton::cuda::attach_device_code(problem, Valley{});
    const auto result = cunewton::minimize(problem, std::vector<double>{1, 1});
    std::cout << to_string(result.status) << " at " << result.x[0] << ", " << result.x[1] << " on "
              << result.backend << " (" << result.backend_reason << ")\n";

    std::vector<double> t(10), y(10);
    const std::vector<double> start{1, 1};
    for (int i = 0; i < 10; ++i) {
        t[i] = 0.5 * i;
        y[i] = 2.0 * (1.0 - std::exp(-0.7 * t[i]));
    }
    auto model = cunewton::make_fit_model(Recovery{});
    cunewton::cuda::attach_device_code(model, Recovery{});
    const auto fits = cunewton::fit_batch(
        model, cunewton::BatchData<double>{
                   .problems = 1, .points = 10, .coordinates = t, .y = y, .start = start});
    std::cout << to_string(fits.status[0]) << " at " << fits.parameters[0] << ", "
              << fits.parameters[1] << " on " << fits.backend << '\n';

    const auto near = [](double a, double b) { return std::abs(a - b) < 1e-6; };
    const bool right = result.converged() && near(result.x[0], 3) && near(result.x[1], 9) &&
                       fits.status[0] == cunewton::Status::converged &&
                       near(fits.parameters[0], 2) && near(fits.parameters[1], 0.7);
    return right ? 0 : 1;
}
