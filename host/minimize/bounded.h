// Minimisation within bounds: what all methods share that solve a quadratic model.
#pragma once

#include <memory>
#include <optional>

#include "host/minimize/methods.h"

namespace cunewton::solver {

/// A quadratic model of the loss, g'd + d'Bd/2: how a method sees second derivatives.
template <class T>
class QuadraticModel {
  public:
    virtual ~QuadraticModel() = default;
    /// From here on B is that at the iterate. False if it is not finite.
    virtual bool update() = 0;
    /// Bv = B v; queued.
    virtual void apply(const T* v, T* Bv) = 0;
    /// The factor of DenseMatrices::restrict_to() of B + shift S^2 for solve(), the outcome in
    /// numbers().factor_info and least_pivot. False if there are products alone.
    virtual bool factorize(const T*, double) { return false; }
    virtual void solve(T*) {}
    /// The step direction() has led to the gradient trial_g() and will be taken.
    virtual void learn() {}
    /// Writes or reads what it has learnt, for checkpoints.
    virtual void pass(State<T>&) {}
    /// Whether B is the Hessian, by which a minimum can be told from a saddle.
    virtual bool is_hessian() const { return true; }
    /// Relative error of the model's minimiser that is good enough, where the projected gradient
    /// has fallen to this part of the first one.
    virtual double accuracy(double part) const = 0;
};

/// The model of the run's method; null: it does not solve one.
template <class T>
std::unique_ptr<QuadraticModel<T>> quadratic_model(Minimization<T>& run);

/// By products with the Hessian.
template <class T>
std::unique_ptr<QuadraticModel<T>> product_model(Minimization<T>& run);

/// Trust regions whose subproblem is a quadratic within a box (Conn, Gould and Toint 1988), the
/// bounds and the region of the infinity norm in the metric of S: its Cauchy point identifies the
/// face that the minimiser on that face is searched from (More and Toraldo 1991; Lin and More
/// 1999), again until the model's minimum is found. No evaluation of the loss is spent in it.
template <class T>
Status minimize_bounded(Minimization<T>& run, QuadraticModel<T>& model);

/// What the second derivatives are among the free parameters.
enum class FaceCurvature { positive, semidefinite, negative, not_finite };

/// What a model says where the test for a minimum is met.
template <class T>
class BoundedEnd {
  public:
    BoundedEnd(Minimization<T>& run, QuadraticModel<T>& model);
    /// The run's status, or nothing where the loss fell on along negative curvature. trial: the
    /// step at hand, direction(), which is taken where that is better; or null.
    std::optional<Status> settle(double decrement, const Trial* trial);

  protected:
    /// to = S^-2 from
    void precondition(T* to, const T* from);
    /// p += the minimiser on the face of p'Bp/2 - residual_'p, by conjugate gradients; p null: it
    /// is not wanted. Of curvatures that are not positive along_ is the direction.
    FaceCurvature descend(const T* free, double tolerance, int most, T* p);

    Minimization<T>& run_;
    Vectors<T>& vectors_;
    QuadraticModel<T>& model_;
    const int n_;
    const Buffer<T> free_, residual_, scaled_, along_, B_along_;
    const Number bend_, over_, length_;

  private:
    FaceCurvature examine();
    /// Looks for a lower loss along along_, both ways.
    std::optional<Trial> leave();
};

/// Examines a point that another method takes for a minimum within bounds, or where it is stuck, by
/// products with the Hessian where they are exact: the run's status, or nothing where it has moved
/// to a lower point.
template <class T>
std::optional<Status> confirm_bounded(Minimization<T>& run);

/// Whether the options have any.
inline bool has_bounds(const Options& options) {
    return !options.lower.empty() || !options.upper.empty() || !options.fixed.empty();
}
/// Of n numbers each that a bounded run holds at most: the run's, the driver's, those of learnt
/// matrices, of steps out of saddles, and of differences within the box.
inline constexpr std::size_t bounded_vectors = 4 + 5 + 9 + 2 + 1 + 14;

/// Throws InvalidArgument where the method has no form for bounds.
void check_bounded_method(Method method);

}  // namespace cunewton::solver
