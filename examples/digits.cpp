// Softmax regression on images of handwritten digits by Newton's method, as scripts/demo runs it:
//
//     gzip -dc bench/data/digits.csv.gz | digits
//
// Each line of the input is an image, 64 pixels from 0 to 16, and the digit that it shows.
#include <cunewton/loss/softmax.h>
#include <cunewton/minimize.h>
#include <cunewton/problem.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int width = 8, pixels = width * width, classes = 10;
constexpr double l2 = 1e-4;

struct Images {
    std::vector<double> pixel, digit;  // pixel: `pixels` an image, 0 to 1
    long count() const { return static_cast<long>(digit.size()); }
    const double* image(long i) const { return pixel.data() + i * pixels; }
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

/// The class with the largest predictor: W has pixels + 1 numbers a class, the last its intercept.
int predict(const std::vector<double>& W, const double* image) {
    int best = 0;
    double best_z = 0;
    for (int k = 0; k < classes; ++k) {
        const double* w = W.data() + k * (pixels + 1);
        double z = w[pixels];
        for (int j = 0; j < pixels; ++j) z += w[j] * image[j];
        if (k == 0 || z > best_z) {
            best = k;
            best_z = z;
        }
    }
    return best;
}

void print_answers(const Images& images, const std::vector<double>& W) {
    long right = 0;
    for (long i = 0; i < images.count(); ++i)
        right += predict(W, images.image(i)) == static_cast<int>(images.digit[i]);
    std::printf("training accuracy %.2f%% (%ld of %ld)\n", 100.0 * right / images.count(), right,
                images.count());
    const std::string shades = " .:-=+*#%@";
    const long shown = std::min<long>(images.count(), 3);
    for (int r = 0; r < width; ++r) {
        for (long i = 0; i < shown; ++i) {
            std::printf("    ");
            for (int c = 0; c < width; ++c) {
                const double value = std::clamp(images.image(i)[r * width + c], 0.0, 1.0);
                const char shade = shades[static_cast<std::size_t>(value * 9)];
                std::printf("%c%c", shade, shade);
            }
        }
        std::printf("\n");
    }
    for (long i = 0; i < shown; ++i) std::printf("    predicted %-6d", predict(W, images.image(i)));
    std::printf("\n");
}

int run() {
    const Images images = read_images(std::cin);
    const cunewton::Samples<double> samples{.features = images.pixel.data(),
                                            .count = images.count(),
                                            .dimension = pixels,
                                            .targets = images.digit.data()};
    const auto problem = cunewton::make_linear_predictor<double>(
        cunewton::Softmax{classes}, samples,
        {.l2 = l2, .intercept = true, .penalize_intercept = true});
    std::printf("%ld images, %d parameters, penalty %g/2 |w|^2\n", images.count(),
                problem.dimension(), l2);
    std::printf("%4s %16s %10s %10s %9s\n", "iter", "loss", "|g|", "|step|", "seconds");
    cunewton::Options options;
    options.gradient_tolerance = 1e-8;
    options.callback = [](const cunewton::IterationRecord& record) {
        std::printf("%4d %16.10f %10.2e %10.2e %9.4f\n", record.iteration, record.f,
                    record.gradient_norm, record.step_norm, record.seconds);
        return true;
    };
    const auto result =
        cunewton::minimize(problem, std::vector<double>(problem.dimension(), 0.0), options);
    std::printf("%s on %s (%s): %s\n", to_string(result.status), result.backend.c_str(),
                result.backend_reason.c_str(), result.message.c_str());
    print_answers(images, result.x);
    return result.converged() ? 0 : 1;
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
