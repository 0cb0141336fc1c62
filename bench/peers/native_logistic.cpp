// Nothing here may be a template or an inline function of another header: it would be compiled with
// this file's flags and might then be the copy that the rest of the program calls.
#include "bench/peers/native_logistic.h"

#include <math.h>

namespace cunewton::bench {
namespace {

constexpr int block = native_block;

void predict(const NativeSamples& samples, long k, const double* w, double* z) {
    double sum[block] = {};
    const double* X = samples.X + k * samples.n * block;
    for (int j = 0; j < samples.n; ++j)
        for (int b = 0; b < block; ++b) sum[b] += w[j] * X[j * block + b];
    for (int b = 0; b < block; ++b) z[b] = -samples.s[k * block + b] * sum[b];
}

double losses(const NativeSamples& samples, long k, const double* z) {
    double sum = 0;
    for (int b = 0; b < block; ++b) {
        const double positive = z[b] > 0 ? z[b] : 0;
        sum += samples.weight[k * block + b] * (positive + log1p(exp(-fabs(z[b]))));
    }
    return sum;
}

}  // namespace

double native_loss(const NativeSamples& samples, long first, long last, const double* w) {
    double z[block], sum = 0;
    for (long k = first; k < last; ++k) {
        predict(samples, k, w, z);
        sum += losses(samples, k, z);
    }
    return sum;
}

double native_loss_and_gradient(const NativeSamples& samples, long first, long last, const double* w,
                                double* g) {
    double z[block], r[block], sum = 0;
    for (long k = first; k < last; ++k) {
        predict(samples, k, w, z);
        sum += losses(samples, k, z);
        for (int b = 0; b < block; ++b)
            r[b] = -samples.weight[k * block + b] * samples.s[k * block + b] / (1 + exp(-z[b]));
        const double* X = samples.X + k * samples.n * block;
        for (int j = 0; j < samples.n; ++j) {
            double gj = 0;
            for (int b = 0; b < block; ++b) gj += r[b] * X[j * block + b];
            g[j] += gj;
        }
    }
    return sum;
}

}  // namespace cunewton::bench
