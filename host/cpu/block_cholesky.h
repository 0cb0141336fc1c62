// Many factorisations in the host's memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "host/cpu/dense_matrices.h"

namespace cunewton::cpu {

/// Small blocks are dealt out to threads, some at a time; larger ones follow each other, and all
/// threads work on each. Bits do not depend on the number of threads.
template <class T>
class CpuBlockCholesky final : public BlockCholesky<T> {
  public:
    /// matrices: used as long as it lives.
    CpuBlockCholesky(CpuDenseMatrices<T>& matrices, std::span<const int> sizes);
    /// Bytes that it takes beside the arguments of its functions.
    static std::size_t memory(std::span<const int> sizes, int threads);

    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S) override;
    void bounds(const T* A, const T* S) override;
    void factorize(const T* A, const T* S, T* L) override { factorize(A, all_, S, L); }
    void factorize(const T* A, std::span<const ShiftedBlock> which, const T* S, T* L) override;
    void solve(const T* L, T* x) override;
    std::span<const BlockFacts> facts() override { return facts_; }

  private:
    struct Place {
        std::size_t entry;  // of the first in A and L
        int row, n;
    };
    /// body(place, shift, facts) for each of the list.
    template <class Body>
    void for_each(std::span<const ShiftedBlock> which, const Body& body);

    CpuDenseMatrices<T>& matrices_;
    std::vector<Place> places_;
    std::vector<BlockFacts> facts_;
    std::vector<ShiftedBlock> all_;  // without a shift
};

}  // namespace cunewton::cpu
