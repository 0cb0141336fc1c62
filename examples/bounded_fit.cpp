// A fit with bounds: two peaks whose heights are not negative and whose widths lie within what the
// instrument can show, over a background that is known. As curve_fit(bounds=...) of SciPy, or min,
// max and vary of lmfit.
#include <cunewton/cunewton.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

namespace {

/// Half the squared residual of one point of background + sum height e^{-((t - centre) / width)^2}.
struct TwoPeaks {
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        using namespace cunewton::math;
        using T = cunewton::scalar_t<X>;
        T r = x[6] - T(s.target());
        for (int k = 0; k < 2; ++k) {
            const T u = (T(s[0]) - x[3 * k + 1]) / x[3 * k + 2];
            r += x[3 * k] * exp(T(-u * u));
        }
        return T(0.5) * r * r;
    }
};

}  // namespace

int main() {
    // The second peak is narrower than it can be.
    std::vector<double> t, y;
    for (int i = 0; i < 400; ++i) {
        t.push_back(0.025 * i);
        const double u = (t.back() - 4) / 0.8, v = (t.back() - 7) / 0.25;
        y.push_back(1 + 3 * std::exp(-u * u) + std::exp(-v * v) + 0.05 * std::sin(37.0 * i));
    }
    const cunewton::Samples<double> points{.features = t.data(),
                                           .count = static_cast<long>(t.size()),
                                           .dimension = 1,
                                           .targets = y.data()};
    const auto problem = cunewton::make_sample_sum<double>(TwoPeaks{}, points, 7);

    struct Parameter {
        const char* name;
        double start, lower, upper;
        bool fixed = false;
    };
    const double inf = std::numeric_limits<double>::infinity();
    const Parameter parameters[] = {
        {"height 1", 2, 0, inf},
        {"centre 1", 3.5, 3, 5},
        {"width 1", 1, 0.3, 2},
        {"height 2", 1, 0, inf},
        {"centre 2", 7, 6, 8},
        {"width 2", 1, 0.3, 2},
        {"background", 1, -inf, inf, true},
    };
    cunewton::Options options;
    std::vector<double> start;
    for (const Parameter& p : parameters) {
        start.push_back(p.start);
        options.lower.push_back(p.lower);
        options.upper.push_back(p.upper);
        options.fixed.push_back(p.fixed);
    }
    const auto result = cunewton::minimize(problem, start, options);
    std::printf("%s after %d iterations: %s\n", to_string(result.status), result.iterations,
                result.message.c_str());
    for (std::size_t j = 0; j < start.size(); ++j)
        std::printf("%-10s %9.5f  %-5s  %+.2e\n", parameters[j].name, result.x[j],
                    to_string(result.at_bound[j]), result.multipliers[j]);
    return result.converged() ? 0 : 1;
}
