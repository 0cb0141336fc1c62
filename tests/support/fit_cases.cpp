#include "tests/support/fit_cases.h"

#include <algorithm>
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

template <class T>
FitData<T>::FitData(const FitCase& of, const FitDataOptions& options)
    : fit(of), problems(options.problems) {
    Random random(options.seed);
    const int n = fit.parameters(), points = fit.points();
    coordinates.assign(fit.x.begin(), fit.x.end());
    start.assign(fit.start.begin(), fit.start.end());
    fit_oracle::Problem oracle;
    oracle.model = fit.formula();
    oracle.coordinates = fit.coordinates;
    oracle.x.assign(fit.x.begin(), fit.x.end());
    oracle.y.resize(points);
    for (long i = 0; i < problems; ++i) {
        fit_oracle::Vector p(n);
        for (int j = 0; j < n; ++j)
            p[j] = fit.truth[j] * (1 + options.spread * (2 * random.uniform() - 1));
        truths.push_back(p);
        for (int k = 0; k < points; ++k) {
            double value = static_cast<double>(fit_oracle::value(oracle, p, k)) * options.scale;
            const double z = random.near_normal();
            if (options.counts)
                value = std::max(0.0, std::round(value + std::sqrt(std::max(value, 0.0)) * z));
            else
                value += options.noise * z;
            if (options.outlier_every > 0 && k % options.outlier_every == 3)
                value += 30 * options.noise;
            y.push_back(static_cast<T>(value));
            if (options.weights)
                weights.push_back(static_cast<T>(k % 11 == 5 ? 0 : (1 + k * 7 % 32) / 16.0));
        }
    }
}

template <class T>
fit_oracle::Problem FitData<T>::oracle(long i, fit_oracle::Loss loss, double tuning) const {
    const std::size_t points = static_cast<std::size_t>(fit.points()), first = points * i;
    fit_oracle::Problem problem;
    problem.model = fit.formula();
    problem.parameters = fit.parameters();
    problem.coordinates = fit.coordinates;
    problem.x.assign(coordinates.begin(), coordinates.end());
    problem.y.assign(y.begin() + first, y.begin() + first + points);
    if (!weights.empty())
        problem.w.assign(weights.begin() + first, weights.begin() + first + points);
    problem.loss = loss;
    problem.tuning = tuning;
    return problem;
}

template <class T>
FitData<T> make_counts_data() {
    FitData<T> data(fit_case("Gaussian2D"),
                    {.problems = 5, .scale = 4, .counts = true, .seed = 21});
    for (fit_oracle::Vector& truth : data.truths) {
        truth[0] *= 4;
        truth[4] *= 4;
    }
    data.start[0] *= 4;
    data.start[4] *= 4;
    return data;
}

template <class T>
RaggedData<T>::RaggedData(const FitCase& fit, bool weighted)
    : full(fit, {.problems = 40, .noise = 0.0625, .weights = weighted}) {
    const int points = fit.points();
    for (long i = 0; i < full.problems; ++i) {
        const int count = points - static_cast<int>(i * 5 % (points / 2));
        counts.push_back(count);
        offsets.push_back(offsets.back() + count);
        const auto append = [&](std::vector<T>& to, const std::vector<T>& from, long first,
                                long numbers) {
            to.insert(to.end(), from.begin() + first, from.begin() + first + numbers);
        };
        append(y, full.y, i * points, count);
        if (weighted) append(weights, full.weights, i * points, count);
        append(own, full.coordinates, 0, static_cast<long>(count) * fit.coordinates);
    }
}

template <class T>
BatchData<T> RaggedData<T>::data(bool shared) const {
    BatchData<T> d = full.data();
    d.offsets = offsets;
    d.y = y;
    d.weights = weights;
    if (!shared) d.coordinates = own;
    return d;
}

template <class T>
fit_oracle::Problem RaggedData<T>::oracle(long i) const {
    fit_oracle::Problem p = full.oracle(i);
    p.y.resize(counts[i]);
    if (!p.w.empty()) p.w.resize(counts[i]);
    return p;
}

#define CUNEWTON_INSTANTIATE(T)    \
    template struct FitData<T>;    \
    template struct RaggedData<T>; \
    template FitData<T> make_counts_data();
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::test
