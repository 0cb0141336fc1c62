#include "host/cpu/dense_kernels.h"

#include <cstring>
#include <type_traits>
#include <utility>

#include "cunewton/cpu/dispatch.h"

namespace cunewton::cpu {
namespace {

// Tiles fill the registers: MV * NR sums, MV rows of the left factor and one broadcast element.
#define KERNELS_NAMESPACE base
#define KERNELS_BYTES 16
#define KERNELS_TARGET
#define KERNELS_MV 2
#define KERNELS_NR 4
#define KERNELS_OUTPUTS 2
#include "host/cpu/dense_kernels.inc"

#if CUNEWTON_CHOOSES_LANES
#define KERNELS_NAMESPACE avx2
#define KERNELS_BYTES 32
#define KERNELS_TARGET CUNEWTON_TARGET_AVX2
#define KERNELS_MV 3
#define KERNELS_NR 4
#define KERNELS_OUTPUTS 2
#include "host/cpu/dense_kernels.inc"

#define KERNELS_NAMESPACE avx512
#define KERNELS_BYTES 64
#define KERNELS_TARGET CUNEWTON_TARGET_AVX512
#define KERNELS_MV 3
#define KERNELS_NR 8
#define KERNELS_OUTPUTS 4
#include "host/cpu/dense_kernels.inc"
#endif

}  // namespace

template <class T>
const RowKernels<T>& row_kernels() {
#if CUNEWTON_CHOOSES_LANES
    if (instruction_set() == InstructionSet::avx512) return avx512::rows<T>;
    if (instruction_set() == InstructionSet::avx2) return avx2::rows<T>;
#endif
    return base::rows<T>;
}
template const RowKernels<double>& row_kernels();
template const RowKernels<float>& row_kernels();

template <class T>
const ProductKernels<T>& product_kernels() {
#if CUNEWTON_CHOOSES_LANES
    if (instruction_set() == InstructionSet::avx512) return avx512::products<T>;
    if (instruction_set() == InstructionSet::avx2) return avx2::products<T>;
#endif
    return base::products<T>;
}
template const ProductKernels<double>& product_kernels();
template const ProductKernels<float>& product_kernels();

template <class S, class Compute, class Sum>
const TileKernels<S, Compute, Sum>& tile_kernels() {
#if CUNEWTON_CHOOSES_LANES
    if (instruction_set() == InstructionSet::avx512) return avx512::tiles<S, Compute, Sum>;
    if (instruction_set() == InstructionSet::avx2) return avx2::tiles<S, Compute, Sum>;
#endif
    return base::tiles<S, Compute, Sum>;
}
template const TileKernels<double, double, double>& tile_kernels();
template const TileKernels<double, float, double>& tile_kernels();
template const TileKernels<float, float, float>& tile_kernels();

}  // namespace cunewton::cpu
