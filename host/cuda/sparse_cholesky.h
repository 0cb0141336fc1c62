// Sparse Cholesky factors on the device, by cuDSS.
#pragma once

#include <memory>

#include "host/cuda/vectors.h"
#include "kernels/sparse.h"

namespace cunewton::cuda {

/// Factors of matrices with one pattern, whose upper triangles lie by rows at M, entries >= n.
template <class T>
class SparseCholesky {
  public:
    /// Uses all of it as long as it lives. Throws BackendUnavailable in a build without cuDSS.
    SparseCholesky(const SparseView& at, long entries, const T* M, CudaVectors<T>& vectors);
    ~SparseCholesky();
    /// Whether the build has cuDSS.
    static bool available();
    SparseCholesky(const SparseCholesky&) = delete;
    SparseCholesky& operator=(const SparseCholesky&) = delete;

    /// Of what is at M; the first one analyses the pattern. 0 if that worked, else a number that
    /// cuDSS gives. Waits for the device.
    int factorize();
    /// The factor's diagonal, n numbers, to the device: see launch_pivots().
    void pivots(T* to);
    /// x = M^-1 b; x is other memory than b.
    void solve(const T* b, T* x);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace cunewton::cuda
