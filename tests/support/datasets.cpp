#include "tests/support/datasets.h"

#include <cmath>
#include <cstddef>
#include <stdexcept>

namespace cunewton::test {
namespace {

std::uint64_t rotate_left(std::uint64_t v, int k) {
    return (v << k) | (v >> (64 - k));
}

std::size_t at(int i) {
    return static_cast<std::size_t>(i);
}

// X is on a grid of 2^-20 within +-6, coefficients on one of 2^-10 within +-8: a product takes 36
// bits, so double adds thousands of them without rounding.
double on_grid(double v, double steps_per_unit) {
    return std::floor(v * steps_per_unit + 0.5) / steps_per_unit;
}

Dataset make_samples(int samples, int features, int classes, double scale, Random& random,
                     const DatasetOptions& options) {
    if (samples < 0 || features < 0 || classes < 1) {
        throw std::invalid_argument(
            "dataset: negative size (samples, features >= 0; classes >= 1)");
    }
    Dataset set;
    set.samples = samples;
    set.features = features;
    set.classes = classes;
    // The predictor's standard deviation is `scale`, whatever the number of features.
    const double spread = scale / std::sqrt(features > 0 ? double(features) : 1.0);
    for (int k = 0; k < classes; ++k) {
        for (int j = 0; j < features; ++j) {
            set.truth.push_back(on_grid(spread * random.near_normal(), 1024.0));
        }
        if (options.intercept)
            set.truth.push_back(on_grid(0.5 * scale * random.near_normal(), 1024.0));
    }
    set.X.resize(at(samples) * at(features));
    for (double& value : set.X) value = random.near_normal();
    if (options.weights) {
        for (int i = 0; i < samples; ++i) {
            set.w.push_back(0.25 + static_cast<double>(random.bits() % 32) / 16.0);
        }
    }
    return set;
}

double predictor(const Dataset& set, const DatasetOptions& options, int i, int k) {
    const int length = set.features + (options.intercept ? 1 : 0);
    const double* block = set.truth.data() + at(k) * at(length);
    double z = options.intercept ? block[set.features] : 0.0;
    for (int j = 0; j < set.features; ++j) {
        z += set.X[at(i) * at(set.features) + at(j)] * block[j];
    }
    return z;
}

double draw_noise(const DatasetOptions& options, Random& random) {
    return on_grid(options.noise * random.near_normal(), 1048576.0);
}

}  // namespace

Random::Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
        seed += 0x9e3779b97f4a7c15u;
        std::uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        word = z ^ (z >> 31);
    }
}

std::uint64_t Random::bits() {
    const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate_left(state_[3], 45);
    return result;
}

double Random::uniform() {
    return static_cast<double>(bits() >> 11) * 0x1.0p-53;
}

double Random::near_normal() {
    std::int64_t sum = 0;
    for (int i = 0; i < 12; ++i) sum += static_cast<std::int64_t>(bits() >> 44);
    // Each term is one of 0 .. 2^20-1, their mean 2^19 - 1/2.
    return static_cast<double>(sum - (std::int64_t{6} << 20) + 6) * 0x1.0p-20;
}

Dataset make_regression(int samples, int features, std::uint64_t seed,
                        const DatasetOptions& options) {
    Random random(seed);
    Dataset set = make_samples(samples, features, 1, 1.5, random, options);
    for (int i = 0; i < samples; ++i) {
        set.y.push_back(predictor(set, options, i, 0) + draw_noise(options, random));
    }
    return set;
}

Dataset make_binary(int samples, int features, std::uint64_t seed, const DatasetOptions& options) {
    Random random(seed);
    Dataset set = make_samples(samples, features, 1, 1.0, random, options);
    for (int i = 0; i < samples; ++i) {
        const double z = predictor(set, options, i, 0) + draw_noise(options, random);
        set.y.push_back(z > 0.0 ? 1.0 : 0.0);
    }
    return set;
}

Dataset make_multiclass(int samples, int features, int classes, std::uint64_t seed,
                        const DatasetOptions& options) {
    Random random(seed);
    Dataset set = make_samples(samples, features, classes, 1.0, random, options);
    for (int i = 0; i < samples; ++i) {
        int best = 0;
        double best_z = 0.0;
        for (int k = 0; k < classes; ++k) {
            const double z = predictor(set, options, i, k) + draw_noise(options, random);
            if (k == 0 || z > best_z) {
                best = k;
                best_z = z;
            }
        }
        set.y.push_back(best);
    }
    return set;
}

Dataset make_counts(int samples, int features, std::uint64_t seed, const DatasetOptions& options) {
    Random random(seed);
    Dataset set = make_samples(samples, features, 1, 0.5, random, options);
    for (int i = 0; i < samples; ++i) {
        const double z = predictor(set, options, i, 0);
        double mu = z > -16.0 ? 1.0 + z / 16.0 : 0.0;
        for (int squaring = 0; squaring < 4; ++squaring) mu *= mu;
        const double probability = (mu < 32.0 ? mu : 32.0) / 64.0;
        int count = 0;
        for (int draw = 0; draw < 64; ++draw) count += random.uniform() < probability ? 1 : 0;
        set.y.push_back(count);
    }
    return set;
}

}  // namespace cunewton::test
