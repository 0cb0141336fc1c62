// Sums over the samples of ranks on machines whose evaluators know nothing of ranks.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cunewton/execution.h"
#include "cunewton/problem/forms.h"
#include "host/backend/evaluator.h"

namespace cunewton {

/// The problem of a chunk's samples alone: their sum as it is, without a penalty. The problem must
/// have samples.
template <class T>
Problem<T> chunk_problem(const Problem<T>& problem, const SampleBlock& chunk);

/// An evaluator for each chunk of this rank's samples. Vectors that they compute are summed on the
/// machine over the branches that are this rank's, in T. These sums, and matrices as they are,
/// are fetched, summed over all ranks on the host, and brought back; or, if the communicator takes
/// the machine's memory, vectors are gathered and summed there, to the same bits.
template <class T>
class ChunkEvaluator final : public Evaluator<T> {
  public:
    /// Makes the evaluator of a chunk_problem() on the same machine.
    using Make = std::function<std::unique_ptr<Evaluator<T>>(const Problem<T>&)>;
    /// Writes a number of the machine's.
    using SetNumber = std::function<void(Scalar, double)>;

    /// The problem has ranks; vectors and matrices outlive this.
    ChunkEvaluator(const Problem<T>& problem, Vectors<T>& vectors, DenseMatrices<T>& matrices,
                   const Make& make, SetNumber set_number);
    /// What it takes beside the chunks' evaluators, on the host and on the machine.
    static MemoryNeeded memory(const EvaluationPlan& plan, const DiagonalBlocks& blocks,
                               const KroneckerLayers& layers);

    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    void values(const T* points, int count, T* losses) override;
    void value_gradient_and_products(const T* x, T* g, Scalar f) override;
    void prepare_products(const T* x) override;
    void products(const T* V, int columns, T* HV) override;
    DiagonalBlocks diagonal_blocks() const override;
    void compute_diagonal_blocks(T* to) override;
    KroneckerLayers kronecker_layers() const override;
    void compute_kronecker_factors(std::uint64_t seed, long first, T* to) override;
    long samples() const override { return ranks_.samples(); }
    void select(std::span<const long> samples, double share) override;
    void select_all() override;
    std::size_t peak_tile_bytes() const override;

  private:
    /// to = what compute(evaluator, to) leaves there, summed over the chunks of a branch; the
    /// losses that it returns are summed too.
    template <class Compute>
    double sum_branch(const Ranks::Branch& branch, T* to, const Compute& compute);
    /// The same over all ranks, scaled and with the penalty's gradient at x; the loss as it is.
    template <class Compute>
    double sum_vectors(std::uint64_t point, const T* x, T* to, const Compute& compute);
    /// Neither scaled nor with the penalty.
    template <class Compute>
    double total_by_host(std::uint64_t point, T* to, const Compute& compute);
    template <class Compute>
    double total_there(std::uint64_t point, T* to, const Compute& compute);
    /// The rest of the tree, of the branches of all ranks in all_; the sum is its first vector.
    void join_all();
    std::vector<T> fetch(const T* from, std::size_t count);
    /// With the penalty at x, on the host.
    double penalized(double loss, const std::vector<T>& x) const;
    /// Lower triangles of matrices of order m, one after the other, that compute(evaluator)
    /// leaves at `to`; their sums with the penalty.
    template <class Compute>
    void sum_matrices(int m, int matrices, std::uint64_t point, T* to, const Compute& compute);

    struct Chunk {
        int number;
        long first;  ///< sample of this rank's
        std::unique_ptr<Evaluator<T>> evaluator;
        bool selected = true;  ///< some of its samples
    };
    template <class Work>
    void for_selected(const Work& work) const {
        for (const Chunk& chunk : chunks_)
            if (chunk.selected) work(chunk);
    }
    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const Ranks& ranks_;
    Vectors<T>& vectors_;
    const SetNumber set_number_;
    const Number f_;
    std::uint64_t product_point_ = 0;
    std::vector<Chunk> chunks_;
    std::vector<Buffer<T>> right_;  // n numbers for each level of the tree: sums of right branches
    Buffer<T> penalty_root_, penalty_;  // and what it adds
    // Where vectors are gathered on the machine: the branches of this rank and of all.
    const bool gathers_there_;
    Buffer<T> own_, all_;
};

}  // namespace cunewton
