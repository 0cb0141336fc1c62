// Other libraries' minimisers of functions with a sparse Hessian.
#pragma once

#include <string>
#include <vector>

#include "cunewton/sparse.h"

namespace cunewton::bench {

/// A function of many parameters with a gradient and, for who asks for it, a Hessian of its own.
class SparseObjective {
  public:
    virtual ~SparseObjective() = default;
    virtual const SparsityPattern& pattern() const = 0;
    virtual double value(const double* x) const = 0;
    /// Returns f(x) and writes n numbers to g.
    virtual double value_and_gradient(const double* x, double* g) const = 0;
    /// Writes the pattern's entries.
    virtual void hessian(const double* x, double* entries) const = 0;
};

struct SparsePeerResult {
    std::vector<double> x;
    int iterations = 0;
    std::string status;  ///< in the peer's own words
};

struct SparsePeer {
    const char* name;
    SparsePeerResult (*minimize)(const SparseObjective&, const std::vector<double>& x0,
                                 double gradient_tolerance);
};

/// Those that this build has.
const std::vector<SparsePeer>& sparse_peers();

// The list's entries; they exist where their library was found.
/// Newton's method with a line search: the Hessian from gradients by a colouring of its own, an
/// LDL' factorisation of its own.
SparsePeerResult minimize_petsc_colouring(const SparseObjective&, const std::vector<double>&,
                                          double gradient_tolerance);
/// The Hessian's own entries, factorised by MUMPS.
SparsePeerResult minimize_ipopt(const SparseObjective&, const std::vector<double>&,
                                double gradient_tolerance);

}  // namespace cunewton::bench
