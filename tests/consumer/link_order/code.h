#pragma once

#include <cunewton/cunewton.h>

#include <vector>

#include "sizes.h"

// A loss and a model that tell how wide the scalars are with which they are called: the size in
// bytes of the smallest one so far.
struct Loss {
    long* scalar;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const long size = sizeof(cunewton::scalar_t<X>);
        if (size < *scalar) *scalar = size;
        return cunewton::math::square(x[0] * s[0] - s.target());
    }
};
struct Model {
    static constexpr int parameters = 1, coordinates = 1;
    long* scalar;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        const long size = sizeof(cunewton::scalar_t<X>);
        if (size < *scalar) *scalar = size;
        return p[0] * x[0];
    }
};

namespace {
/// Of the code that this file has compiled.
Sizes solve() {
    Sizes sizes;
    const std::vector<double> x{1, 2, 3}, y{2, 4, 6}, start{1};
    cunewton::Options options;
    options.threads = 1;
    options.backend = cunewton::BackendChoice::cpu;
    const auto problem = cunewton::make_sample_sum<double>(
        Loss{&sizes.loss}, {x.data(), 3, 1, 1, y.data(), nullptr}, 1);
    cunewton::minimize(problem, start, options);

    cunewton::BatchOptions batch;
    batch.threads = 1;
    batch.backend = cunewton::BackendChoice::cpu;
    const cunewton::BatchData<double> data{
        .problems = 1, .points = 3, .coordinates = x, .y = y, .start = start};
    cunewton::fit_batch(cunewton::make_fit_model(Model{&sizes.model}), data, batch);
    return sizes;
}
}  // namespace
