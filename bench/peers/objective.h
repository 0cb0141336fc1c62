// What the peers minimise.
#pragma once

namespace cunewton::bench {

/// A function of n numbers with its derivatives, in double.
class Objective {
  public:
    virtual ~Objective() = default;
    virtual int dimension() const = 0;
    virtual double value(const double* x) = 0;
    /// Returns f(x) and writes n numbers to g.
    virtual double value_and_gradient(const double* x, double* g) = 0;
    /// Writes the Hessian, n x n, both triangles.
    virtual void hessian(const double* x, double* H) = 0;
};

}  // namespace cunewton::bench
