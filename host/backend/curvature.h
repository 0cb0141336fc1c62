// The Hessian of a problem at a point, as an object: what second-order methods know of it. A kind
// of Hessian is a class that implements one of these two interfaces; evaluators make them.
#pragma once

#include <memory>

#include "host/backend/dense_matrices.h"
#include "host/backend/vectors.h"

namespace cunewton {

template <class T>
class Evaluator;
template <class T>
class Factorable;
template <class T>
class DenseCurvature;

enum class CurvatureKind {
    dense,    ///< all entries, and a Cholesky factor
    product,  ///< products with vectors alone; no n x n numbers anywhere
};

/// H at the point of the last update(). Work is queued, as by Vectors.
template <class T>
class Curvature {
  public:
    virtual ~Curvature() = default;
    /// From here on H is that at x, n numbers, which are not needed any longer.
    virtual void update(const T* x) = 0;
    /// HV = H V for `columns` vectors of n numbers, one after the other. HV is other memory than V.
    virtual void apply(const T* V, int columns, T* HV) = 0;
    /// Itself, if it can be factorised; or null.
    virtual Factorable<T>* factorable() { return nullptr; }
};

/// What Newton's method and the exact trust region need. S is a diagonal, n entries.
template <class T>
class Factorable : public Curvature<T> {
  public:
    Factorable<T>* factorable() final { return this; }
    // As in DenseMatrices, of H.
    virtual void determine_common_shifts(int outputs) = 0;
    virtual void raise_scales(const T* g, double f, int parity, T* largest, T* S) = 0;
    virtual void bounds(const T* S, Scalar norm, Scalar least_diagonal) = 0;
    virtual void factorize(T shift, const T* S, Scalar info, Scalar least_pivot) = 0;
    /// The same of DenseMatrices::restrict_to() of H. False where that is not known how to do.
    virtual bool factorize_restricted(const T*, T, const T*, Scalar, Scalar) { return false; }
    /// x = (L L')^-1 x and x = L^-1 x, for the last factor; of a sparse matrix see SparseMatrices.
    virtual void solve(T* x) = 0;
    virtual void solve_lower(T* x) = 0;
    /// Itself, if it holds all entries; or null.
    virtual DenseCurvature<T>* dense() { return nullptr; }
};

/// All n x n entries, by Evaluator::hessian().
template <class T>
class DenseCurvature final : public Factorable<T> {
  public:
    /// Uses all three as long as it lives.
    DenseCurvature(Evaluator<T>& evaluator, Vectors<T>& vectors, DenseMatrices<T>& matrices, int n);
    void update(const T* x) override;
    void apply(const T* V, int columns, T* HV) override;
    void determine_common_shifts(int outputs) override;
    void raise_scales(const T* g, double f, int parity, T* largest, T* S) override;
    void bounds(const T* S, Scalar norm, Scalar least_diagonal) override;
    void factorize(T shift, const T* S, Scalar info, Scalar least_pivot) override;
    bool factorize_restricted(const T* free, T shift, const T* S, Scalar info,
                              Scalar least_pivot) override;
    void solve(T* x) override;
    void solve_lower(T* x) override;
    DenseCurvature* dense() override { return this; }

    /// Column-major, lower triangle; the factor is empty before the first factorize().
    const Buffer<T>& matrix() const { return H_; }
    const Buffer<T>& factor() const { return L_; }

  private:
    Evaluator<T>& evaluator_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const int n_;
    Buffer<T> H_, L_;
};

/// Products by Evaluator::products().
template <class T>
class ProductCurvature final : public Curvature<T> {
  public:
    explicit ProductCurvature(Evaluator<T>& evaluator) : evaluator_(evaluator) {}
    void update(const T* x) override;
    void apply(const T* V, int columns, T* HV) override;

  private:
    Evaluator<T>& evaluator_;
};

}  // namespace cunewton
