// What penalties on the curvature do to a small perceptron on few images of handwritten digits:
//
//     gzip -dc bench/data/digits.csv.gz | curvature_penalty
//
// Each line of the input is an image, 64 pixels from 0 to 16, and the digit that it shows. The
// first 300 are trained on, every fifth of them with a wrong label; the others are held out.
#include <cunewton/curvature.h>
#include <cunewton/minimize.h>
#include <cunewton/problem.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Kind = cunewton::CurvaturePenaltyKind;

constexpr int pixels = 64;
constexpr long trained_on = 300;
constexpr double l2 = 1e-4;

struct Images {
    std::vector<double> pixel, digit;  // pixel: `pixels` an image, 0 to 1
    long count() const { return static_cast<long>(digit.size()); }
    cunewton::Samples<double> view(long first, long last) const {
        return {.features = pixel.data() + first * pixels,
                .count = last - first,
                .dimension = pixels,
                .targets = digit.data() + first};
    }
};

/// What the input holds; stops at a line that is not an image.
Images read_images(std::istream& input) {
    Images images;
    for (std::string line; std::getline(input, line);) {
        std::replace(line.begin(), line.end(), ',', ' ');
        std::istringstream numbers(line);
        std::vector<double> row;
        for (double number; numbers >> number;) row.push_back(number);
        if (row.size() != pixels + 1) break;
        images.digit.push_back(row.back());
        for (int j = 0; j < pixels; ++j) images.pixel.push_back(row[j] / 16);
    }
    return images;
}

struct Trial {
    std::string name;
    double l2;
    cunewton::CurvaturePenalty penalty{};
};

void run_trial(const Images& images, const Trial& trial) {
    const cunewton::Perceptron network{
        {pixels, 16, 10}, cunewton::Activation::tanh, cunewton::PerceptronLoss::squared_error};
    const auto train = images.view(0, trained_on),
               held_out = images.view(trained_on, images.count());
    const auto problem = cunewton::make_perceptron<double>(network, train, {.l2 = trial.l2});
    const auto penalised = with_curvature_penalty(problem, trial.penalty);
    cunewton::Options options;
    options.method = cunewton::Method::lbfgs;
    options.max_iterations = 1000;
    const auto result = minimize(penalised, cunewton::random_start<double>(network, 1), options);
    // What follows is of the loss without penalties.
    const auto bare = cunewton::make_perceptron<double>(network, train);
    const double here = evaluate(bare, result.x),
                 there = evaluate(cunewton::make_perceptron<double>(network, held_out), result.x);
    const double trace = estimate_trace(bare, result.x).trace,
                 largest = extreme_eigenvalues(bare, result.x).largest.values[0];
    std::printf("%-32s %9.3g %9.3g %8.1f%% %9.3g %9.3g  %s, %d, %.1f s\n", trial.name.c_str(), here,
                there, 100 * accuracy(network, result.x, held_out), trace, largest,
                to_string(result.status), result.iterations, result.seconds.total);
    std::fflush(stdout);
}

/// A trial for each strength; of sharpness for each radius.
void run_trials(const Images& images, const std::string& name, Kind kind,
                std::initializer_list<double> strengths) {
    for (const double strength : strengths) {
        Trial trial{name, l2, {.kind = kind, .strength = strength}};
        if (kind == Kind::sharpness) {
            trial.penalty.strength = 1;
            trial.penalty.radius = strength;
        }
        char text[32];
        std::snprintf(text, sizeof(text), ", %g", strength);
        trial.name += text;
        run_trial(images, trial);
    }
}

int run() {
    Images images = read_images(std::cin);
    if (images.count() <= trained_on) {
        std::fprintf(stderr,
                     "error: %ld images are too few (no line is held out) pass more than %ld\n",
                     images.count(), trained_on);
        return 1;
    }
    for (long i = 0; i < trained_on; i += 5) {
        double& digit = images.digit[static_cast<std::size_t>(i)];
        digit = static_cast<double>((static_cast<long>(digit) + 1 + i / 5 % 9) % 10);
    }
    std::printf("%-32s %9s %9s %9s %9s %9s  %s\n", "penalty", "training", "held out", "accuracy",
                "trace", "largest", "end, iterations, time");
    run_trial(images, {"none", l2});
    run_trial(images, {"l2, 0.001", 1e-3});
    run_trial(images, {"l2, 0.01", 1e-2});
    run_trials(images, "trace", Kind::trace, {1e-4, 1e-3, 1e-2});
    run_trials(images, "squared norm", Kind::squared_frobenius_norm, {1e-4, 1e-3, 1e-2});
    run_trials(images, "largest eigenvalue", Kind::largest_eigenvalue, {1e-3, 1e-2, 1e-1});
    run_trials(images, "sharpness, radius", Kind::sharpness, {0.02, 0.05, 0.2});
    return 0;
}

}  // namespace

int main() {
    try {
        return run();
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
        return 1;
    }
}
