// Launchers of what happens to single numbers between the matrix products of a perceptron.
// Conventions as in vector.h. Numbers of a layer lie unit by unit: that of unit k for sample i at
// [k * ld + i], so that neighbouring threads have neighbouring samples.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cunewton/choices.h"
#include "cunewton/cuda/code.h"

namespace cunewton::cuda {

/// `units` numbers for each of `count` samples.
struct LayerSize {
    long count;
    int units;
};

/// z becomes activation(z + bias). Where they are not null the first and the second derivative go
/// to `slope` and `bend`. All have the distance ld.
template <class T>
void launch_activate(Activation activation, LayerSize size, std::ptrdiff_t ld, const T* bias, T* z,
                     T* slope, T* bend, Stream stream);
/// What comes back to a layer's activations becomes what comes back to its inputs: d *= slope; and
/// bend *= d as it was, unless bend is null.
template <class T>
void launch_pass_back(LayerSize size, std::ptrdiff_t ld, const T* slope, T* d, T* bend,
                      Stream stream);

/// Samples for one partial sum of output_loss.
inline constexpr int loss_block = 256;
/// Partial sums of w_i l(z_i + bias, y_i), ceil(count / loss_block). Target j of sample i is
/// targets[i * target_count + j]. Unless they are null, d
/// becomes w_i dl/dz and p the loss's moments (math/perceptron.h), at distance d_ld.
template <class T>
void launch_output_loss(PerceptronLoss loss, LayerSize size, const T* z, std::ptrdiff_t z_ld,
                        const T* bias, const T* targets, int target_count, const T* weights,
                        double* partial, T* d, T* p, std::ptrdiff_t d_ld, Stream stream);

/// A random vector u_i a sample whose u_i u_i' is d2l/dz dz on the average: a root of that, with p
/// from launch_output_loss(), times random signs. 0 where there is no weight. first: number of the
/// first sample.
template <class T>
void launch_draw_root(PerceptronLoss loss, LayerSize size, const T* p, std::ptrdiff_t p_ld,
                      const T* weights, std::uint64_t seed, long first, T* u, std::ptrdiff_t u_ld,
                      Stream stream);

// Of products with a vector: r are derivatives along it, with a distance of their own.

/// rz += bias; ra = slope * rz.
template <class T>
void launch_activate_product(LayerSize size, const T* slope, std::ptrdiff_t ld, const T* bias,
                             T* rz, T* ra, std::ptrdiff_t r_ld, Stream stream);
/// u = w_i (d2l/dz dz) (u + bias), with p from launch_output_loss().
template <class T>
void launch_output_hessian(PerceptronLoss loss, LayerSize size, const T* p, std::ptrdiff_t p_ld,
                           const T* bias, const T* weights, T* u, std::ptrdiff_t u_ld,
                           Stream stream);
/// rd = slope * rd + bend * rz; without the second term if bend is null.
template <class T>
void launch_pass_product_back(LayerSize size, const T* slope, const T* bend, std::ptrdiff_t ld,
                              const T* rz, T* rd, std::ptrdiff_t r_ld, Stream stream);

/// to = from^2, divided by the samples' weights if `over_weights`. 0 of samples without weight,
/// whatever they are.
template <class T>
void launch_squares(LayerSize size, const T* from, std::ptrdiff_t ld, const T* weights,
                    bool over_weights, T* to, std::ptrdiff_t to_ld, Stream stream);
/// to[k] = the sum of unit k over all samples, added in double.
template <class T>
void launch_unit_sums(LayerSize size, const T* d, std::ptrdiff_t ld, T* to, Stream stream);
/// to = from, or += if `add`, in double.
template <class T>
void launch_add_to(double* to, const T* from, long count, bool add, Stream stream);

}  // namespace cunewton::cuda
