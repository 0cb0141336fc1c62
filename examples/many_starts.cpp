// Whether a loss is convex, and what follows: of a convex one many starts have one minimum, of
// another one as many as there are.
#include <cunewton/curvature.h>
#include <cunewton/loss/logistic.h>
#include <cunewton/minimize.h>
#include <cunewton/problem.h>
#include <cunewton/starts.h>

#include <cstdio>
#include <random>
#include <vector>

namespace {

constexpr int features = 3, samples = 200, starts = 16;

/// Minimises from starts that are drawn between bounds and tells what was found.
void try_starts(const char* name, const cunewton::Problem<double>& problem) {
    const std::size_t n = static_cast<std::size_t>(problem.dimension());
    const auto certificate = cunewton::convexity_certificate(problem);
    std::printf("%s: %s (%s)\n", name, certificate.convex ? "convex" : "not known to be convex",
                certificate.reason.c_str());
    const auto check = cunewton::check_convexity(
        problem, cunewton::Region<double>::ball(std::vector<double>(n, 0.0), 3.0));
    std::printf("  %s\n", check.message.c_str());
    const auto found =
        cunewton::minimize_from<double>(problem, {.count = starts,
                                                  .draw = cunewton::StartsBy::sobol,
                                                  .lower = std::vector<double>(n, -4.0),
                                                  .upper = std::vector<double>(n, 4.0)});
    std::printf("  %d starts found %zu %s\n", starts, found.minima.size(),
                found.minima.size() == 1 ? "minimum" : "minima");
    for (const auto& minimum : found.minima)
        std::printf("    %.8f, from %zu of them\n", minimum.f, minimum.starts.size());
}

}  // namespace

int main() {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    std::vector<double> X(samples * features), y(samples);
    for (double& x : X) x = normal(random);
    for (int i = 0; i < samples; ++i) {
        const double* row = X.data() + i * features;
        y[i] = row[0] * row[1] + row[2] + 0.3 * normal(random) > 0 ? 1 : 0;
    }
    const cunewton::Samples<double> data{X.data(), samples, features, 0, y.data(), nullptr};
    try_starts("logistic regression",
               cunewton::make_linear_predictor<double>(cunewton::Logistic{}, data, {.l2 = 1e-3}));
    try_starts("a network of 2 hidden units",
               cunewton::make_perceptron<double>({.widths = {features, 2, 2}}, data,
                                                 {.l2 = 1e-3, .penalize_intercept = true}));
    return 0;
}
