// Approximate inverses of a Hessian of which only products are known.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cunewton/choices.h"
#include "host/backend/dense_matrices.h"
#include "host/backend/random.h"
#include "host/backend/sample_order.h"
#include "host/backend/state.h"

namespace cunewton {

template <class T>
class Evaluator;
template <class T>
class Curvature;

/// M^-1 for a symmetric positive definite M that is near the Hessian.
template <class T>
class Preconditioner {
  public:
    virtual ~Preconditioner() = default;
    /// From here on M is that at x, the point of the evaluator's products. Waits. False if there is
    /// none: M is of no use then.
    virtual bool update(const T* x) = 0;
    /// From the next update() on, M is near H + shift I. An M that does not know how stays near H.
    virtual void set_shift(double) {}
    /// z = M^-1 r, n numbers each; queued.
    virtual void apply(const T* r, T* z) = 0;
    /// With the Hessian, by the last update().
    virtual long products() const { return 0; }
    /// Passes over the samples besides, by the last update().
    virtual double passes() const { return 0; }
    /// Whether a direction that has next to no curvature beside others has so beside M as well.
    virtual bool tells_curvatures() const { return false; }
    /// sqrt(x'Mx); waits. Nothing where only M^-1 is known.
    virtual std::optional<double> size(const T*) { return std::nullopt; }
    /// Writes or reads what it is, and what random numbers it goes on with.
    virtual void pass(State<T>& state) = 0;
};

/// Blocks along the diagonal of a Hessian, each of as many parameters, that an evaluator knows.
struct DiagonalBlocks {
    int count = 0;  ///< 0: none are known
    int size = 0;
    /// The loss does not change if a number is added to the same parameter of every block.
    bool shift_invariant = false;
    double l2 = 0;  ///< the penalty, with which that is what the Hessian is on such shifts
    /// That they are computed from, drawn at random: enough to be near those of all. 0: all.
    long samples = 0;
    double cost = 0;  ///< of computing and factorising them, in products with the Hessian

    /// A single block of all samples is the Hessian itself. room: numbers that they may take unless
    /// asked for.
    bool are_wanted(PreconditionBy by, std::size_t room) const {
        return count > 0 &&
               (by == PreconditionBy::blocks || (by == PreconditionBy::automatic &&
                                                 (count > 1 || samples > 0) && entries() <= room));
    }
    std::size_t entries() const {
        return static_cast<std::size_t>(count) * size * static_cast<std::size_t>(size);
    }
    /// Numbers of a machine that a BlockPreconditioner takes.
    std::size_t numbers() const { return entries() + 2 * static_cast<std::size_t>(size); }
    std::vector<int> sizes() const {
        return std::vector<int>(static_cast<std::size_t>(count), size);
    }
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
    BlockPreconditioner(Evaluator<T>& evaluator, Vectors<T>& vectors, DenseMatrices<T>& matrices,
                        std::uint64_t seed);
    bool update(const T* x) override;
    void apply(const T* r, T* z) override;
    bool tells_curvatures() const override {
        return least_pivot_ > std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()));
    }
    void pass(State<T>& state) override {
        // It may have been given up, and is made with what this one was made with.
        state.optional(order_, [] {});
        state(least_pivot_, factors_);
    }

  private:
    /// Of the evaluator's samples as they are selected. False if one is singular.
    bool factorize();

    Evaluator<T>& evaluator_;
    Vectors<T>& vectors_;
    const DiagonalBlocks blocks_;
    const std::unique_ptr<BlockCholesky<T>> cholesky_;
    std::optional<SampleOrder> order_;  ///< where blocks are of some samples
    double least_pivot_ = 0;            ///< of the factors
    Buffer<T> factors_, mean_, rest_;
};

/// The absolute values of the Hessian's diagonal (Jacobi). Where the evaluator does not know it, it
/// is the mean of v o Hv over vectors v of random signs (Bekas, Kokiopoulou and Saad 2007, "An
/// estimator for the diagonal of a matrix", section 2; Hutchinson 1989), or, where that is more,
/// the mean's standard error. None is less than sqrt(epsilon) of the largest.
template <class T>
class DiagonalPreconditioner final : public Preconditioner<T> {
  public:
    /// Products of an estimate.
    static constexpr int samples = 16;
    /// In products.
    static double cost(const Evaluator<T>& evaluator);
    /// Numbers of a machine that it takes.
    static std::size_t numbers(std::size_t n) { return 3 * n; }

    /// Uses all as long as it lives; H at the point of the evaluator's products.
    DiagonalPreconditioner(Evaluator<T>& evaluator, Curvature<T>& H, Vectors<T>& vectors, int n,
                           std::uint64_t seed);
    bool update(const T* x) override;
    void apply(const T* r, T* z) override;
    std::optional<double> size(const T* x) override;
    long products() const override { return evaluator_.knows_diagonal() ? 0 : samples; }
    void pass(State<T>& state) override { state(generator_, root_); }

  private:
    std::vector<T> estimate();

    Evaluator<T>& evaluator_;
    Curvature<T>& H_;
    Vectors<T>& vectors_;
    const std::size_t n_;
    Generator generator_;
    Buffer<T> root_, signs_, Hv_;  // M is root_^2
};

/// M = U diag(d) U' + d_r (I - U U') with the r largest eigenvalues d of a positive semidefinite
/// Hessian, as products with r random vectors W show them: those of the Nystrom approximation (H W)
/// (W' H W)^+ (H W)' (Frangella, Tropp and Udell 2023, "Randomized Nystrom preconditioning",
/// algorithm 2.1 and section 5, without a regularisation of its own).
template <class T>
class NystromPreconditioner final : public Preconditioner<T> {
  public:
    static int rank(int wanted, long n) { return static_cast<int>(std::min<long>(wanted, n)); }
    /// Numbers of a machine and bytes of the host that it takes.
    static std::size_t numbers(std::size_t n, int rank);
    static std::size_t host_memory(std::size_t n, int rank);

    /// Uses all three as long as it lives. accuracy: relative error of products.
    NystromPreconditioner(Curvature<T>& H, Vectors<T>& vectors, DenseMatrices<T>& matrices, int n,
                          int rank, double accuracy, std::uint64_t seed);
    bool update(const T* x) override;
    void apply(const T* r, T* z) override;
    std::optional<double> size(const T* x) override;
    long products() const override { return rank_; }
    void pass(State<T>& state) override { state(generator_, kept_, d_, U_, weights_); }

  private:
    /// Y = Q R with Q in its place; false if Y is not finite.
    bool orthogonalize(T* Y, std::vector<double>& R);
    std::vector<double> small(const Buffer<T>& matrix);

    Curvature<T>& H_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const std::size_t n_;
    const int rank_;
    const double accuracy_;
    Generator generator_;
    int kept_ = 0;           // columns of U
    std::vector<double> d_;  // of them, descending
    Buffer<T> sketch_, U_, small_, weights_, part_, scaled_part_;
};

}  // namespace cunewton
