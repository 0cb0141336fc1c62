// Shares of six assets: the least variance of the return for an expected return that is given. The
// shares add up to 1; of the last asset 10 % are held whatever comes.
#include <cunewton/constraints.h>
#include <cunewton/differentiate.h>
#include <cunewton/loss/quadratic.h>
#include <cunewton/minimize.h>
#include <cunewton/report.h>

#include <cstdio>
#include <exception>
#include <vector>

namespace {

constexpr int assets = 6;

/// Yearly, in percent: deviations of the returns, all of which are correlated by 0.3.
const double deviation[assets] = {6, 9, 12, 16, 21, 18};
const double expected[assets] = {2.5, 3.5, 4.5, 6, 7.5, 5};

void run() {
    std::vector<double> covariance, none(assets, 0.0);
    for (int i = 0; i < assets; ++i)
        for (int j = 0; j < assets; ++j)
            covariance.push_back((i == j ? 1 : 0.3) * deviation[i] * deviation[j]);
    const auto variance = cunewton::make_quadratic(covariance.data(), none.data(), assets);

    cunewton::Options options;
    // A row of coefficients for each equation.
    options.constraints.A.assign(assets, 1.0);
    options.constraints.A.insert(options.constraints.A.end(), expected, expected + assets);
    options.constraints.b = {1, 5};
    options.fixed.assign(assets, false);
    options.fixed.back() = true;
    std::vector<double> start(assets, 0.0);
    start.back() = 0.1;

    const auto result = minimize(variance, start, options);
    std::fputs(full_report(result, options).c_str(), stdout);
    for (int j = 0; j < assets; ++j)
        std::printf("asset %d: %6.2f %%\n", j, 100 * result.x[static_cast<std::size_t>(j)]);
    // The multiplier of the second equation: what a percent more of expected return costs.
    const auto multipliers = cunewton::equation_multipliers(
        options.constraints, gradient(variance, result.x), options.fixed);
    std::printf("half the variance is %.4f, and rises by %.4f with each percent of return\n",
                result.f, multipliers[1]);
}

}  // namespace

int main() {
    try {
        run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
}
