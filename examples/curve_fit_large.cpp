// One curve of a million points, as scipy.optimize.curve_fit has it: a model, x, y and a start.
//
//     curve_fit_large [POINTS]
#include <cunewton/minimize.h>
#include <cunewton/model/gaussian.h>
#include <cunewton/problem.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

int main(int argc, char** argv) {
    const long points = argc > 1 ? std::atol(argv[1]) : 1'000'000;
    if (points < 5) {
        std::fprintf(stderr, "POINTS: at least 5\n");
        return 1;
    }
    // A peak of height 2 at 1 on a background of 0.5, with noise, and one point in a thousand
    // wrong.
    std::vector<double> x(points), y(points);
    std::mt19937_64 random(1);
    std::normal_distribution<double> noise(0, 0.1);
    const std::vector<double> truth{2, 1, 1.5, 0.5};
    for (long i = 0; i < points; ++i) {
        x[i] = -10 + 20.0 * static_cast<double>(i) / static_cast<double>(points);
        y[i] = cunewton::Gaussian1D{}(cunewton::Parameters<double, 4>{truth.data()}, &x[i]) +
               noise(random) + (i % 1000 == 0 ? 5 : 0);
    }

    const auto samples =
        cunewton::Samples<double>::of(cunewton::Array<const double>(x.data(), points, 1),
                                      cunewton::Array<const double>(y.data(), points, 1));
    cunewton::ProblemOptions robust;
    robust.estimator = cunewton::Estimator::soft_l1;
    robust.tuning = 0.2;  // residuals beyond it count less
    const auto problem = cunewton::make_curve_fit<double>(cunewton::Gaussian1D{}, samples, robust);

    cunewton::Options options;
    options.method = cunewton::Method::levenberg_marquardt;
    const auto fit = cunewton::minimize(problem, {1, 0, 2, 0}, options);
    std::printf("%s on %s after %d iterations\n", cunewton::to_string(fit.status),
                fit.backend.c_str(), fit.iterations);
    std::printf("height %.4f, centre %.4f, width %.4f, background %.4f\n", fit.x[0], fit.x[1],
                fit.x[2], fit.x[3]);
    return fit.converged() ? 0 : 1;
}
