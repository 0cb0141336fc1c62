// The Hessian of a problem with a sparsity pattern: its entries and a sparse factor.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cunewton/sparse_hessian.h"
#include "host/backend/evaluator.h"

namespace cunewton {

/// An entry of a Hessian that its pattern has not.
struct MissingEntry {
    int row, column;
    double value;
};

/// "entry (3, 1) is 2.5": what InvalidArgument says of it.
std::string describe(const MissingEntry& missing);

/// Relative error of products with the Hessian, and of entries, by differences of gradients.
template <class T>
double accuracy_of_differences(const ResolvedDerivatives& by);

/// What the rounding of gradients leaves in the components of a product with a vector of norm 1 by
/// differences at x: a gradient's own is eps |g_j|, that of differences of losses eps |f| over
/// their step. Zeros where products are exact. typical: as DerivativeOptions says.
template <class T>
std::vector<double> noise_of_products(Evaluator<T>& evaluator, Vectors<T>& vectors,
                                      const ResolvedDerivatives& by,
                                      const std::vector<double>& typical, const T* x, int n);

/// Entries by the evaluator where it knows them, else from products or differences of gradients
/// along the seeds of a colouring, which is made here.
template <class T>
class SparseCurvature final : public Factorable<T> {
  public:
    /// Uses session and pattern as long as it lives, for which the session was opened with these
    /// options.
    SparseCurvature(Session<T>& session, const SparsityPattern& pattern,
                    const DerivativeOptions& options, ColouringKind kind = ColouringKind::star);
    void update(const T* x) override;
    void apply(const T* V, int columns, T* HV) override;
    /// Of no problem with a pattern.
    void determine_common_shifts(int) override {}
    void raise_scales(const T* g, double f, int parity, T* largest, T* S) override;
    void bounds(const T* S, Scalar norm, Scalar least_diagonal) override;
    void factorize(T shift, const T* S, Scalar info, Scalar least_pivot) override;
    void solve(T* x) override;
    void solve_lower(T* x) override;

    /// Looks for entries that the pattern lacks, at x, for which update() was called: a product
    /// with random numbers by the evaluator is held against one by the entries, and of the rows
    /// where they differ most a product each shows which. Entries below a thousandth of their
    /// column's largest, or within the error of differences or the noise of gradients, pass. Adds
    /// the products to `taken`.
    std::optional<MissingEntry> find_missing(const T* x, long& taken);
    /// Throws InvalidArgument if there is one.
    void require_complete(const T* x, long& taken);

    /// In the pattern's order.
    const Buffer<T>& entries() const { return A_; }

  private:
    Evaluator<T>& evaluator_;
    Vectors<T>& vectors_;
    const SparsityPattern& pattern_;
    const ColouringKind kind_;
    const ResolvedDerivatives by_;
    const std::vector<double> magnitudes_;  // DerivativeOptions::typical_x
    const bool by_products_;
    const double accuracy_;  // of entries and products
    const T relative_step_;
    const std::size_t n_;
    std::unique_ptr<SparseMatrices<T>> sparse_;
    Compression how_;
    Buffer<T> A_, B_;
    Buffer<T> seeds_;            // of products
    Buffer<T> steps_, typical_;  // of differences
};

}  // namespace cunewton
