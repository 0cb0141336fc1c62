// What penalties on the curvature do to a small perceptron on few images of handwritten digits:
//
//     gzip -dc bench/data/digits.csv.gz | curvature_penalty
//
// Each line of the input is an image, 64 pixels from 0 to 16, and the digit that it shows. The
// first 300 are trained on, the others are held out.
#include <cunewton/learning_rates.h>
#include <cunewton/minimize.h>
#include <cunewton/problem.h>

#include <algorithm>
#include <cstdio>
#include <exception>
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
    const cunewton::Perceptron network{{pixels, 16, 10}};
    const cunewton::ProblemOptions weights_alone{.l2 = trial.l2};
    const auto train = images.view(0, trained_on),
               held_out = images.view(trained_on, images.count());
    const auto problem = cunewton::make_perceptron<double>(network, train, weights_alone);
    const auto penalised = with_curvature_penalty(problem, trial.penalty);
    cunewton::Options options;
    options.method = cunewton::Method::lbfgs;
    options.max_iterations = 300;
    const auto result = minimize(penalised, cunewton::random_start<double>(network, 1), options);
    // Both without penalties; the trace by probes that the training has not seen.
    const auto loss_on = [&](const cunewton::Samples<double>& samples) {
        return evaluate(cunewton::make_perceptron<double>(network, samples), result.x);
    };
    const auto bare = cunewton::make_perceptron<double>(network, train);
    const cunewton::CurvaturePenalty other_probes{
        .kind = Kind::trace, .strength = 1, .probes = 200, .seed = 99};
    const double trace =
        evaluate(with_curvature_penalty(bare, other_probes), result.x) - evaluate(bare, result.x);
    const auto rates = learning_rates(bare, result.x);
    std::printf("%-34s %9.4f %9.4f %9.1f%% %9.1f %9.2f %8.1f\n", trial.name.c_str(), loss_on(train),
                loss_on(held_out), 100 * accuracy(network, result.x, held_out), trace,
                rates.largest.value, result.seconds.total);
    std::fflush(stdout);
}

int run() {
    const Images images = read_images(std::cin);
    if (images.count() <= trained_on) {
        std::fprintf(stderr,
                     "error: %ld images are too few (no line is held out) pass more than %ld\n",
                     images.count(), trained_on);
        return 1;
    }
    std::printf("%-34s %9s %9s %10s %9s %9s %8s\n", "penalty", "training", "held out", "accuracy",
                "trace", "largest", "seconds");
    run_trial(images, {"none", l2});
    for (const double strength : {1e-3, 1e-2})
        run_trial(images, {"l2 " + std::to_string(strength).substr(0, 5), strength});
    for (const double strength : {1e-4, 1e-3, 1e-2})
        run_trial(images, {"trace, " + std::to_string(strength).substr(0, 6),
                           l2,
                           {.kind = Kind::trace, .strength = strength}});
    for (const double strength : {1e-4, 1e-3, 1e-2})
        run_trial(images, {"squared Frobenius norm, " + std::to_string(strength).substr(0, 6),
                           l2,
                           {.kind = Kind::squared_frobenius_norm, .strength = strength}});
    for (const double strength : {1e-3, 1e-2, 1e-1})
        run_trial(images, {"largest eigenvalue, " + std::to_string(strength).substr(0, 5),
                           l2,
                           {.kind = Kind::largest_eigenvalue, .strength = strength}});
    for (const double radius : {0.05, 0.2, 0.5})
        run_trial(images, {"sharpness, radius " + std::to_string(radius).substr(0, 4),
                           l2,
                           {.kind = Kind::sharpness, .strength = 1, .radius = radius}});
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
