#include "tests/support/fit_cases.h"

#include <cmath>
#include <stdexcept>

#include "tests/support/builtin_fit_models.h"

namespace cunewton::test {

namespace {

/// first, first + step, ...
std::vector<double> grid(double first, double step, int points) {
    std::vector<double> x;
    for (int i = 0; i < points; ++i) x.push_back(first + i * step);
    return x;
}
std::vector<double> square_grid(int side) {
    std::vector<double> x;
    for (int i = 0; i < side * side; ++i) {
        x.push_back(i % side);
        x.push_back(i / side);
    }
    return x;
}
/// Three measurements at b = 0 and two shells of 15 directions, rounded to 12 bits.
std::vector<double> diffusion_scheme() {
    std::vector<double> x(12, 0.0);
    const auto rounded = [](double value) { return std::round(value * 4096) / 4096; };
    for (const double b : {1.0, 2.0})
        for (int i = 0; i < 15; ++i) {
            const double z = (i + 0.5) / 15, angle = 2.399963 * i + b;
            const double radius = std::sqrt(1 - z * z);
            for (const double value : {b, radius * std::cos(angle), radius * std::sin(angle), z})
                x.push_back(rounded(value));
        }
    return x;
}

std::vector<FitCase> make_cases() {
    return {
        {"Gaussian1D", 1, {3, 4, 1.25, 0.5}, {2, 3.5, 1.75, 0.25}, grid(0, 0.25, 32)},
        {"Gaussian2D", 2, {5, 4.25, 3.75, 1.5, 1}, {4, 4.75, 3.25, 2, 0.5}, square_grid(9)},
        {"Gaussian2DElliptic",
         2,
         {5, 4.25, 3.75, 1.25, 2, 1},
         {4, 4.75, 3.25, 1.75, 1.5, 0.5},
         square_grid(9)},
        {"Gaussian2DRotated",
         2,
         {5, 5.25, 4.75, 1.25, 2.5, 0.5, 1},
         {4, 5.5, 4.5, 1.5, 2, 0.25, 0.5},
         square_grid(11)},
        {"Lorentzian", 1, {3, 4, 0.75, 0.5}, {2, 3.75, 1, 0.25}, grid(0, 0.25, 33)},
        {"PseudoVoigt", 1, {3, 5, 1, 0.5, 0.5}, {2.5, 4.75, 1.25, 0.25, 0.25}, grid(0, 0.125, 81)},
        {"ExponentialDecay<1>", 1, {3, 0.75, 0.5}, {2, 1, 0}, grid(0, 0.25, 24)},
        {"ExponentialDecay<2>",
         1,
         {3, 2.5, 2, 0.375, 0.5},
         {2, 2, 1.5, 0.5, 0.25},
         grid(0, 0.125, 64)},
        {"ExponentialDecay<3>",
         1,
         {4, 8, 3, 1.5, 2, 0.25, 0.5},
         {3.5, 7, 2.5, 1.25, 1.5, 0.3125, 0.25},
         grid(0, 0.0625, 160)},
        {"LogisticGrowth", 1, {10, 0.75, 5}, {8, 0.5, 4}, grid(0, 0.5, 24)},
        {"MichaelisMenten", 1, {10, 2.5}, {8, 1.5}, grid(0, 0.5, 20)},
        {"Hill", 1, {10, 3, 2}, {8, 2.5, 1.5}, grid(0, 0.5, 24)},
        {"Polynomial<1>", 1, {1, -2}, {0, 0}, grid(-1, 0.125, 17)},
        {"Polynomial<2>", 1, {1, -2, 0.5}, {0, 0, 0}, grid(-1, 0.125, 17)},
        {"Polynomial<3>", 1, {1, -2, 0.5, 1.5}, {0, 0, 0, 0}, grid(-1, 0.125, 17)},
        {"Polynomial<4>", 1, {1, -2, 0.5, 1.5, -0.75}, {0, 0, 0, 0, 0}, grid(-1, 0.125, 17)},
        {"PowerLaw", 1, {2, 1.5, 0.5}, {1, 1.25, 0}, grid(0, 0.25, 24)},
        {"Sine", 1, {3, 2, 0.5, 1}, {2.5, 1.875, 0.75, 0.5}, grid(0, 0.25, 32)},
        {"DiffusionTensor",
         4,
         {10, 1.5, 0.25, -0.125, 0.75, 0.125, 0.5},
         {8, 1, 0, 0, 1, 0, 1},
         diffusion_scheme()},
    };
}

}  // namespace

FitModel FitCase::model() const {
    return builtin_fit_model(name);
}

const std::vector<FitCase>& fit_cases() {
    static const std::vector<FitCase> cases = make_cases();
    return cases;
}

const FitCase& fit_case(const std::string& name) {
    for (const FitCase& fit : fit_cases())
        if (fit.name == name) return fit;
    throw std::invalid_argument("no case of " + name);
}

}  // namespace cunewton::test
