// Approximate inverses of a Hessian of which only products are known.
#pragma once

#include "cunewton/choices.h"
#include "host/backend/dense_matrices.h"

namespace cunewton {

template <class T>
class Evaluator;

/// M^-1 for a symmetric positive definite M that is near the Hessian.
template <class T>
class Preconditioner {
  public:
    virtual ~Preconditioner() = default;
    /// From here on M is that at the point of the evaluator's products. Waits. False if there is
    /// none: M is of no use then.
    virtual bool update() = 0;
    /// z = M^-1 r, n numbers each; queued.
    virtual void apply(const T* r, T* z) = 0;
};

/// Blocks along the diagonal of a Hessian, each of as many parameters, that an evaluator knows.
struct DiagonalBlocks {
    int count = 0;  ///< 0: none are known
    int size = 0;
    /// The loss does not change if a number is added to the same parameter of every block.
    bool shift_invariant = false;
    double l2 = 0;    ///< the penalty, with which that is what the Hessian is on such shifts
    double cost = 0;  ///< of computing and factorising them, in products with the Hessian

    /// A single block is the Hessian itself. room: numbers that they may take unless asked for.
    bool are_wanted(PreconditionBy by, std::size_t room) const {
        return count > 0 && (by == PreconditionBy::blocks ||
                             (by == PreconditionBy::automatic && count > 1 && entries() <= room));
    }
    std::size_t entries() const {
        return static_cast<std::size_t>(count) * size * static_cast<std::size_t>(size);
    }
    /// Numbers of a machine that a BlockPreconditioner takes.
    std::size_t numbers() const { return entries() + 3 * static_cast<std::size_t>(size); }
};

/// The inverses of the Hessian's diagonal blocks, by Cholesky factors (block Jacobi; Golub and Van
/// Loan 2013, section 11.5.3). Where the loss does not see common shifts of the blocks, which the
/// blocks know nothing of, those and their complement are kept apart, as they are by the Hessian,
/// which on the shifts is the penalty. (A shift that is not penalised is treated as if it were: the
/// Hessian, and not M, has to say that it is flat.)
template <class T>
class BlockPreconditioner final : public Preconditioner<T> {
  public:
    /// Uses all three as long as it lives; the evaluator has diagonal blocks.
    BlockPreconditioner(Evaluator<T>& evaluator, Vectors<T>& vectors, DenseMatrices<T>& matrices);
    bool update() override;
    void apply(const T* r, T* z) override;

  private:
    /// mean = that of the blocks of z, which is taken off each.
    void take_off_mean(T* z, T* mean);

    Evaluator<T>& evaluator_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const DiagonalBlocks blocks_;
    Buffer<T> factors_, ones_, mean_, rest_;
};

}  // namespace cunewton
