// One problem's loss and derivatives on one machine. Implemented in host/cpu and host/cuda, a class
// for each form of a problem.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cunewton/functor/capabilities.h"
#include "cunewton/functor/kinds.h"
#include "cunewton/options.h"
#include "host/backend/curvature.h"
#include "host/backend/kronecker.h"
#include "host/backend/preconditioner.h"
#include "host/backend/ranks.h"
#include "host/backend/sparse_matrices.h"
#include "host/backend/vectors.h"

namespace cunewton {

/// The derivative options of a session, with every `automatic` resolved.
struct ResolvedDerivatives {
    GradientBy gradient;
    HessianBy hessian;
    HessianPrecision precision;
    double gradient_step;  ///< relative; 0 where nothing is differenced
    double hessian_step;
    std::size_t memory_budget;

    bool hessian_is_exact() const {
        return hessian == HessianBy::analytic || hessian == HessianBy::autodiff;
    }
    /// The entries that a sum over samples makes its gradient of, tile by tile; none where the
    /// loss's own gradient is summed.
    std::optional<Entries> gradient_entries() const;
    /// The same for the Hessian; none where the loss's own is summed, if hessian_is_exact(), or its
    /// own gradient is differenced, column by column.
    std::optional<Entries> hessian_entries() const;
};
template <class T>
ResolvedDerivatives resolve(const DerivativeOptions& options, const Capabilities& capabilities);

/// What a session is opened for.
struct SessionWork {
    std::size_t vectors = 0;        ///< of n numbers, that are allocated besides
    std::size_t matrices = 0;       ///< of n x n
    std::size_t numbers = 0;        ///< others of the machine
    std::vector<int> factorized{};  ///< orders of blocks among these that are factorised together
    int inverted = 0;               ///< order of the largest matrix among these that is inverted
    std::size_t host = 0;           ///< bytes of the host's besides
    /// How Hessians are evaluated, if at all; dense ones are factorised too.
    std::optional<CurvatureKind> curvature{};
    PreconditionBy precondition = PreconditionBy::none;
    int preconditioners = 1;  ///< of that kind, at the same time
    long sampled = 0;         ///< samples that are copied to be selected, at most
    bool kronecker = false;   ///< Kronecker factors are computed
};

/// What an evaluator will do: its class says by it what memory it takes, in a static function
/// memory() beside what allocates.
struct EvaluationPlan {
    int n;
    ResolvedDerivatives derivatives;
    std::optional<CurvatureKind> curvature;  ///< none: gradients alone
    PreconditionBy precondition;             ///< products
    int preconditioners;                     ///< see SessionWork
    int threads;                             ///< of the host
    long sampled;                            ///< see SessionWork
    bool kronecker;                          ///< see SessionWork
    const Ranks* ranks = nullptr;            ///< that share the samples; null: none do

    bool hessian() const { return curvature == CurvatureKind::dense; }
    bool products() const { return curvature == CurvatureKind::product; }
};

/// Points are n numbers on the machine. Work is queued, as by Vectors; values() waits.
template <class T>
class Evaluator {
  public:
    virtual ~Evaluator();
    /// f = f(x)
    virtual void value(const T* x, Scalar f) = 0;
    /// f = f(x), g = gradient
    virtual void value_and_gradient(const T* x, T* g, Scalar f) = 0;
    /// H = Hessian at x, column-major n x n, lower triangle.
    virtual void hessian(const T* x, T* H) = 0;
    /// Whether sparse_hessian() writes the Hessian's entries of the problem's sparsity pattern.
    virtual bool knows_sparse_hessian() const { return false; }
    /// They, in the pattern's order, at x, with the penalty.
    virtual void sparse_hessian(const T* x, T* entries);
    /// B = H h_c for all colours c by central differences of the gradient along the seeds of a
    /// compression (see there), by default two gradients a colour: column c is (g(x + h_c) -
    /// g(x - h_c)) / 2. `matrices` knows the colours.
    virtual void gradient_differences(const T* x, const T* h, const Compression& how,
                                      SparseMatrices<T>& matrices, T* B);
    /// Steps of differences along parameters are at most these from here on; 0: the parameter is
    /// not moved, and derivatives by it mean nothing. By default there are no such differences.
    virtual void limit_steps(const std::vector<T>& most);
    /// h = the steps, n numbers, that gradient_differences() may be given instead of these.
    virtual void shorten_steps(T* h);
    /// losses (host) = f at `count` points, column-major n x count (host).
    virtual void values(const T* points, int count, T* losses) = 0;
    /// HV = H V for `columns` vectors of n numbers at the point that the last prepare_products()
    /// was given, which keeps it. By default central differences of the gradient along each
    /// vector.
    virtual void prepare_products(const T* x);
    virtual void products(const T* V, int columns, T* HV);
    /// The diagonal blocks that compute_diagonal_blocks() writes: column-major, one after the
    /// other, lower triangles, with the penalty, at the point of the last prepare_products().
    virtual DiagonalBlocks diagonal_blocks() const { return {}; }
    virtual void compute_diagonal_blocks(T* to);
    /// Whether compute_diagonal() writes the Hessian's diagonal, n numbers, with the penalty, at
    /// the point of the last prepare_products(), for about what a product costs.
    virtual bool knows_diagonal() const { return false; }
    virtual void compute_diagonal(T* to);
    /// Of a perceptron: the sums over samples of w_i (dl_i / dx_j)^2, n numbers, without scale and
    /// penalty.
    virtual void sum_squared_gradients(const T* x, T* to);
    /// The layers of a perceptron; none of other problems.
    virtual KroneckerLayers kronecker_layers() const { return {}; }
    /// Of layer after layer at the point of products(): the mean of a a' over samples, a its inputs
    /// (inputs x inputs), and the sum of w g g' with the sum's factor, g from the Gauss-Newton
    /// matrix of the outputs, propagated back to its outputs (outputs x outputs): by a random root
    /// of it for each sample, right on the average, which the seed and a number of the sample's
    /// determine. `first`: the number of the first. Column-major, lower triangles,
    /// KroneckerLayers::numbers().
    virtual void compute_kronecker_factors(std::uint64_t seed, long first, T* to);
    /// The second derivatives as an object, which uses this evaluator as long as it lives; one that
    /// gives products at a time.
    virtual std::unique_ptr<Curvature<T>> curvature(CurvatureKind kind);
    /// Samples that the loss is a sum over, those of all ranks; 0 if it is none.
    virtual long samples() const { return 0; }
    /// From here on the sum is over these samples alone, each with `share` times its weight. They
    /// are different ones of samples(), at least one, the same on all ranks. What products() are
    /// taken at is forgotten.
    virtual void select(std::span<const long> samples, double share);
    /// Over all again.
    virtual void select_all();
    /// value_and_gradient(), and from here on products() are those at x.
    virtual void value_gradient_and_products(const T* x, T* g, Scalar f);
    /// Largest number of bytes that perturbed points and partial results have taken so far.
    virtual std::size_t peak_tile_bytes() const = 0;

    /// Bytes of products by differences of gradients, with the point that they are taken at.
    static std::size_t products_memory(int n) {
        return 3 * static_cast<std::size_t>(n) * sizeof(T);
    }

  protected:
    /// Both must outlive it. n: parameters.
    Evaluator(Vectors<T>& vectors, DenseMatrices<T>& matrices, int n);
    /// The point that products() are taken at, where prepare_products() is not overridden.
    const T* product_point() const { return product_point_.get(); }

  private:
    struct GradientDifferences;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const int n_;
    Buffer<T> product_point_;
    std::unique_ptr<GradientDifferences> differences_;
};

/// Has the sum be over these samples, with weights that make it right on the average where they are
/// drawn at random. All of them need not be copied for it.
template <class T>
void select(Evaluator<T>& evaluator, std::span<const long> samples) {
    const long all = evaluator.samples(), count = static_cast<long>(samples.size());
    if (count < all)
        evaluator.select(samples, static_cast<double>(all) / static_cast<double>(count));
    else
        evaluator.select_all();
}

/// work() with products at x of these samples alone; then products are those of all at x again.
template <class T, class Work>
auto with_products_of(Evaluator<T>& evaluator, std::span<const long> samples, const T* x,
                      const Work& work) {
    select(evaluator, samples);
    evaluator.prepare_products(x);
    const auto result = work();
    evaluator.select_all();
    evaluator.prepare_products(x);
    return result;
}

/// A problem on a machine.
template <class T>
struct Session {
    std::unique_ptr<Vectors<T>> vectors;
    std::unique_ptr<DenseMatrices<T>> matrices;  // uses *vectors
    std::unique_ptr<Evaluator<T>> evaluator;     // uses both: destroyed first
    ResolvedDerivatives derivatives;             ///< what the evaluator was made for
};

}  // namespace cunewton
