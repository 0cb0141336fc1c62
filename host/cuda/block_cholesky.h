// Many factorisations on a device.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "host/cuda/dense_matrices.h"

namespace cunewton::cuda {

/// Blocks of equal size are factorised together by cusolverDn<t>potrfBatched and solved with by
/// cusolverDn<t>potrsBatched; a block whose size no other has, and large ones, of which each keeps
/// the device busy, by cusolverDnXpotrf and Xpotrs, one after the other. Everything else is one
/// launch for all blocks.
template <class T>
class CudaBlockCholesky final : public BlockCholesky<T> {
  public:
    /// matrices: used as long as it lives.
    CudaBlockCholesky(CudaDenseMatrices<T>& matrices, std::span<const int> sizes);
    /// What it takes beside the arguments of its functions. Starts cuSOLVER.
    static MemoryNeeded memory(std::span<const int> sizes);

    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S) override;
    void bounds(const T* A, const T* S) override;
    void factorize(const T* A, const T* S, T* L) override;
    void factorize(const T* A, std::span<const ShiftedBlock> which, const T* S, T* L) override;
    void solve(const T* L, T* x) override;
    std::span<const BlockFacts> facts() override;

  private:
    /// Largest order of blocks that are factorised together: cuSOLVER's batched functions are for
    /// matrices that do not keep the device busy one by one.
    static constexpr int most_together = 512;
    static constexpr int kinds = 4;  // of facts

    /// Blocks in the order of their sizes, here and there; and where each begins there, in the
    /// factor and in the vector of the last solve.
    struct Tasks {
        std::vector<MatrixTask<T>> here;
        DeviceArray<MatrixTask<T>> there;
        DeviceArray<T*> factors, vectors;
        T *factor = nullptr, *vector = nullptr;
        int largest = 0;

        explicit Tasks(std::size_t most) : there(most), factors(most) {}
        MatrixTasks<T> view() const {
            return {there.get(), static_cast<int>(here.size()), largest};
        }
    };
    void upload(Tasks& tasks);
    void point_to_factors(Tasks& tasks, T* L);
    void factorize(const T* A, const T* S, T* L, Tasks& tasks);
    /// together(first, count) for tasks of one size, alone(task) for others.
    template <class Together, class Alone>
    static void for_each_group(const Tasks& tasks, const Together& together, const Alone& alone);
    /// The facts of one kind, one a block: norms, least diagonal entries, infos, least pivots.
    double* facts_there(int kind) const { return facts_there_.get() + kind * facts_.size(); }
    cudaStream_t stream() const { return vectors_.stream(); }

    CudaDenseMatrices<T>& matrices_;
    CudaVectors<T>& vectors_;
    std::size_t rows_ = 0;
    std::vector<MatrixTask<T>> places_;  // by the number of the block
    Tasks all_, some_;
    DeviceArray<int> infos_;
    DeviceArray<double> facts_there_;
    PinnedArray<double> fetched_;
    std::vector<BlockFacts> facts_;
};

}  // namespace cunewton::cuda
