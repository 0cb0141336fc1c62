// Nothing here may be a template or an inline function of another header: it would be compiled with
// this file's flags and might then be the copy that the rest of the program calls.
#include "bench/peers/native_logistic.h"

#include <math.h>

namespace cunewton::bench {
namespace {

constexpr int block = native_block;

// An array of sums would be stored and loaded again for each feature; these stay in registers, and
// there are eight of them because a multiply-add takes four cycles on each of two units.
typedef double Vector __attribute__((vector_size(64), aligned(8), may_alias));
constexpr int vectors = block * sizeof(double) / sizeof(Vector);

void predict(const NativeSamples& samples, long k, const double* w, double* z) {
    static_assert(vectors == 2);
    const Vector* X = (const Vector*)(samples.X + k * samples.n * block);
    Vector a0 = {}, a1 = {}, b0 = {}, b1 = {}, c0 = {}, c1 = {}, d0 = {}, d1 = {};
    int j = 0;
    for (; j + 4 <= samples.n; j += 4, X += 8) {
        a0 += w[j] * X[0];
        a1 += w[j] * X[1];
        b0 += w[j + 1] * X[2];
        b1 += w[j + 1] * X[3];
        c0 += w[j + 2] * X[4];
        c1 += w[j + 2] * X[5];
        d0 += w[j + 3] * X[6];
        d1 += w[j + 3] * X[7];
    }
    for (; j < samples.n; ++j, X += 2) {
        a0 += w[j] * X[0];
        a1 += w[j] * X[1];
    }
    const Vector* s = (const Vector*)(samples.s + k * block);
    Vector* out = (Vector*)z;
    out[0] = -s[0] * ((a0 + b0) + (c0 + d0));
    out[1] = -s[1] * ((a1 + b1) + (c1 + d1));
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

double native_loss_and_gradient(const NativeSamples& samples, long first, long last,
                                const double* w, double* g) {
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
