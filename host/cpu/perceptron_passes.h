// What happens to single numbers between the matrix products of a perceptron, in the processor's
// widest lanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cunewton/choices.h"

namespace cunewton::cpu {

/// Units of all layers are padded to whole multiples of this, and samples of a tile too: numbers of
/// every instruction set's lanes.
inline constexpr int perceptron_padding = 16;

/// z becomes activation(z), `count` numbers, a multiple of the padding. Where they are not null the
/// first and the second derivative go to `slope` and `bend`.
template <class T>
void activate(Activation activation, std::size_t count, T* z, T* slope, T* bend);

/// What comes back to a layer's activations becomes what comes back to its inputs: d *= slope; and
/// bend *= d as it was, unless bend is null.
template <class T>
void pass_back(std::size_t count, const T* slope, T* d, T* bend);

/// to = slope * from
template <class T>
void scale_by(std::size_t count, const T* slope, const T* from, T* to);
/// d = slope * d + bend * r; without the second term if bend is null.
template <class T>
void pass_product_back(std::size_t count, const T* slope, const T* bend, const T* r, T* d);

/// to += from, in double
template <class T>
void add_to(std::size_t count, const T* from, double* to);

/// Outputs of some samples: output k of sample i is z[k * ld + i], target j of it targets[j *
/// target_ld + i]. `count` and both distances are multiples of the padding; samples that are
/// padding have weight 0 and valid targets.
template <class T>
struct OutputBlock {
    const T* z;
    int outputs, ld, count;
    const T* targets;
    int target_count, target_ld;
    const T* weights;
};
/// sum_i w_i l(z_i, y_i). Unless they are null, d becomes w_i dl/dz and p the loss's moments, which
/// lie as z does.
template <class T>
double output_loss(PerceptronLoss loss, const OutputBlock<T>& block, T* d, T* p);

/// For `count` samples, sample i at [i * ld]: u = w_i (d2l/dz dz) u, with p from output_loss().
template <class T>
void apply_output_hessian(PerceptronLoss loss, int outputs, int ld, int count, const T* weights,
                          const T* p, T* u);

/// For `count` samples, sample i at [i * ld], a random vector u_i whose u_i u_i' is d2l/dz dz on
/// the average: a root of that, with p from output_loss(), times random signs. 0 where there is no
/// weight. first: number of the first sample.
template <class T>
void draw_root(PerceptronLoss loss, int outputs, int ld, int count, const T* weights, const T* p,
               std::uint64_t seed, long first, T* u);

}  // namespace cunewton::cpu
