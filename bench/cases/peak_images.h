// The images of gaussian2d_batch.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "bench/random.h"

namespace cunewton::bench {

constexpr int peak_parameters = 5;
constexpr int usual_image_size = 15;

template <class T>
struct PeakImages {
    int size;  ///< pixels along an edge
    long count;
    std::vector<T> coordinates, counts, start;
    std::vector<T> truth;

    int pixels() const { return size * size; }
};

/// Image i is the same whatever the number of images. Truth: (500, c, c, w, 10), each times a
/// number from [0.9, 1.1), with c = 7 and w = 3 for 15 x 15 pixels, in proportion for others;
/// starts: the truth's entries, each times a number from [0.9, 1.1).
template <class T>
PeakImages<T> make_peak_images(int size, long count) {
    PeakImages<T> images{size, count, {}, {}, {}, {}};
    for (int row = 0; row < size; ++row)
        for (int column = 0; column < size; ++column) {
            images.coordinates.push_back(static_cast<T>(column));
            images.coordinates.push_back(static_cast<T>(row));
        }
    const double center = (size - 1) / 2.0, width = 3.0 * size / usual_image_size;
    const double middle[peak_parameters] = {500, center, center, width, 10};
    images.counts.resize(std::size_t(count) * images.pixels());
    Random random(1000 + static_cast<unsigned>(size));
    T* y = images.counts.data();
    for (long i = 0; i < count; ++i) {
        double p[peak_parameters];
        for (int j = 0; j < peak_parameters; ++j) {
            p[j] = middle[j] * (0.9 + 0.2 * random.uniform());
            images.truth.push_back(static_cast<T>(p[j]));
        }
        for (int j = 0; j < peak_parameters; ++j)
            images.start.push_back(static_cast<T>(p[j] * (0.9 + 0.2 * random.uniform())));
        for (int row = 0; row < size; ++row)
            for (int column = 0; column < size; ++column) {
                const double dx = column - p[1], dy = row - p[2];
                const double mean =
                    p[0] * std::exp(-(dx * dx + dy * dy) / (2 * p[3] * p[3])) + p[4];
                *y++ = static_cast<T>(random.poisson(mean));
            }
    }
    return images;
}

}  // namespace cunewton::bench
