// The points that satisfy A x = b, and the directions along which they do, by an orthogonal
// factorisation of A (Nocedal and Wright 2006, section 15.3; Gill, Murray and Wright 1981, 5.1.2).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cunewton/options.h"

namespace cunewton::solver {

/// M P = Q R with column pivoting (LAPACK's geqp3), cut off behind its rank k. Q = I - V T V' is
/// never formed.
class PivotedQr {
  public:
    PivotedQr() = default;
    /// M: rows x columns, column-major. Columns are dependent on those before from the first entry
    /// of R's diagonal on that is within `tolerance` of its first one.
    PivotedQr(std::vector<double> M, int rows, int columns, double tolerance);

    int rank() const { return rank_; }
    /// The independent columns of M, `rank` of them, in the order of R.
    std::span<const int> pivots() const {
        return {pivots_.data(), static_cast<std::size_t>(rank_)};
    }
    /// y = Q y, or Q'y
    void apply(bool transposed, std::vector<double>& y) const;
    /// w = R^-1 w, or R^-T w; `rank` numbers.
    void solve(bool transposed, std::vector<double>& w) const;
    /// rows x rank, and rank x rank (upper triangle).
    const std::vector<double>& V() const { return V_; }
    const std::vector<double>& T() const { return T_; }

  private:
    int rows_ = 0, rank_ = 0;
    std::vector<double> V_, T_, R_;
    std::vector<int> pivots_;
};

/// Parameters x = base + C Q (0, z) for the z of dimension() numbers that are left of n. C is
/// diagonal, typical magnitudes of the parameters as far as the equations tell them (Curtis and
/// Reid 1972, "On the automatic scaling of matrices for Gaussian elimination"), rounded to powers
/// of two: neither the rank nor Z = C Q (0, I) depend on the units of parameters and equations.
/// Fixed parameters are equations too; C is 0 there, so that they keep their bits.
class NullSpace {
  public:
    /// fixed, typical: n entries or none. Throws InvalidArgument for sizes that do not fit and
    /// numbers that are not finite.
    NullSpace(const LinearConstraints& constraints, int n, const std::vector<bool>& fixed,
              const std::vector<double>& typical);

    /// Takes the point that is next to x0 in units of the typical magnitudes. epsilon: that x0 is
    /// rounded to. Throws InvalidArgument where equations contradict each other.
    void start_at(const std::vector<double>& x0, double epsilon);

    int n() const { return n_; }
    int dimension() const { return n_ - qr_.rank(); }
    /// Equations of the caller, and how many of these are independent.
    int equations() const { return m_; }
    int independent() const { return qr_.rank() - fixed_count_; }
    /// The start, and its z.
    const std::vector<double>& start() const { return start_; }
    const std::vector<double>& reduced_start() const { return z_; }
    bool moved() const { return moved_; }
    /// base + C Q (0, z)
    std::vector<double> full(std::vector<double> z) const;
    /// Q (0, z): a direction in the metric of C.
    std::vector<double> scaled(std::vector<double> z) const;
    /// l with A'l = g, in least squares where no l does it: how fast the least loss rises with each
    /// b. 0 for equations that follow from others.
    std::vector<double> multipliers(const std::vector<double>& g) const;
    /// (A'l)_j
    double from_equations(int j, const std::vector<double>& l) const;
    /// A_i x
    double left_side(int i, std::span<const double> x) const;
    bool is_fixed(int j) const { return !fixed_.empty() && fixed_[static_cast<std::size_t>(j)]; }

    const PivotedQr& factor() const { return qr_; }
    const std::vector<double>& base() const { return base_; }
    const std::vector<double>& scales() const { return C_; }
    /// Of z, in units of C: about 1 where the parameter is of its typical magnitude.
    std::vector<double> typical() const;

  private:
    double entry(int i, int j) const {
        return A_[static_cast<std::size_t>(i) * static_cast<std::size_t>(n_) +
                  static_cast<std::size_t>(j)];
    }
    void find_scales();
    void require_consistent(const std::vector<double>& x) const;
    /// x moved so that the independent equations hold, by the least step in the metric of `scales`;
    /// `factor` is that of their rows so scaled, times row_scales, which `rows` gives the numbers
    /// of.
    void satisfy(const PivotedQr& factor, std::span<const int> rows,
                 const std::vector<double>& row_scales, const std::vector<double>& scales,
                 std::vector<double>& x) const;

    const std::vector<double> A_, b_;
    const int n_, m_;
    const std::vector<bool> fixed_;
    const std::vector<double> typical_;
    int fixed_count_ = 0;
    std::vector<double> C_, row_scales_, base_, start_, z_;
    PivotedQr qr_;
    bool moved_ = false;
};

}  // namespace cunewton::solver
