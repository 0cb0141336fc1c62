// A stack of images, one for each delay, of an object whose brightness decays at a rate of its own
// in every place: fits a exp(-k t) + b to each pixel and writes the maps of k as images.
//
//     decay_map [FOLDER]     writes decay_true.pgm, decay_fit.pgm, decay_error.pgm (default: here)
#include <cunewton/fit.h>
#include <cunewton/model/decay.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr int size = 256, delays = 24;

struct Tissue {
    double amplitude, rate;
};

/// A disc with a rim, a gradient and four inclusions; nothing outside.
Tissue tissue_at(double x, double y) {
    const double r = std::hypot(x, y);
    if (r > 0.9) return {0, 1};
    if (r > 0.8) return {400, 0.4};
    const double centers[4][3] = {
        {-0.35, -0.3, 3.0}, {0.4, -0.25, 2.2}, {-0.2, 0.4, 1.6}, {0.35, 0.35, 0.7}};
    for (const auto& [cx, cy, rate] : centers)
        if (std::hypot(x - cx, y - cy) < 0.18) return {900, rate};
    return {700, 1.0 + 0.4 * x};
}

/// 0 is black, `white` and more is white; pixels without a fit are black.
void write_image(const std::string& path, const std::vector<double>& values, double white) {
    std::ofstream file(path, std::ios::binary);
    file << "P5\n" << size << ' ' << size << "\n255\n";
    for (const double v : values)
        file.put(static_cast<char>(static_cast<std::uint8_t>(
            std::isfinite(v) ? std::clamp(v / white, 0.0, 1.0) * 255 : 0)));
    if (!file.flush()) std::fprintf(stderr, "%s was not written\n", path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const std::string folder = argc > 1 ? argv[1] : ".";
    const long pixels = long{size} * size;
    std::vector<float> times(delays), stack;
    std::vector<double> truth(pixels);
    for (int i = 0; i < delays; ++i) times[i] = 0.2f * static_cast<float>(i);
    std::mt19937 random(1);
    for (long p = 0; p < pixels; ++p) {
        const Tissue tissue =
            tissue_at((p % size - size / 2) / (size / 2.0), (p / size - size / 2) / (size / 2.0));
        truth[p] = tissue.amplitude > 0 ? tissue.rate : 0;
        for (const float t : times) {
            const double mean = 20 + tissue.amplitude * std::exp(-tissue.rate * t);
            stack.push_back(static_cast<float>(std::poisson_distribution<int>(mean)(random)));
        }
    }

    const std::vector<float> lower{0.0f, 0.01f, 0.1f}, upper{1e5f, 20.0f, 1e5f};
    cunewton::BatchOptions options;
    options.estimator = cunewton::Estimator::poisson;  // the pixels are counts
    options.standard_errors = true;
    // No start: the model guesses one from each pixel's counts.
    const cunewton::BatchResult<float> fits =
        cunewton::fit_batch(cunewton::make_fit_model(cunewton::ExponentialDecay<1>{}),
                            cunewton::BatchData<float>{.problems = pixels,
                                                       .points = delays,
                                                       .coordinates = times,
                                                       .y = stack,
                                                       .lower = lower,
                                                       .upper = upper},
                            options);

    std::vector<double> rate(pixels), error(pixels);
    double squares = 0;
    long inside = 0;
    for (long p = 0; p < pixels; ++p) {
        const double signal = fits.parameters[3 * p];
        const bool object = signal > 100;
        rate[p] = object ? fits.parameters[3 * p + 1] : 0;
        error[p] = object ? fits.standard_errors[3 * p + 1] : 0;
        if (truth[p] > 0) {
            squares += std::pow(
                (fits.parameters[3 * p + 1] - truth[p]) / fits.standard_errors[3 * p + 1], 2);
            ++inside;
        }
    }
    write_image(folder + "/decay_true.pgm", truth, 3.5);
    write_image(folder + "/decay_fit.pgm", rate, 3.5);
    write_image(folder + "/decay_error.pgm", error, 0.5);

    std::printf("%ld fits on %s (%s) in %.3f s:", fits.completed, fits.backend.c_str(),
                fits.backend_reason.c_str(), fits.seconds);
    for (int s = 0; s <= static_cast<int>(cunewton::Status::not_run); ++s)
        if (const long count = fits.count(static_cast<cunewton::Status>(s)))
            std::printf(" %ld %s", count, to_string(static_cast<cunewton::Status>(s)));
    const double spread = std::sqrt(squares / static_cast<double>(inside));
    std::printf("\nrates inside the object differ from the truth by %.2f standard errors (RMS)\n",
                spread);
    return spread < 1.5 ? 0 : 1;
}
