#pragma once

#include <complex>
#include <functional>
#include <string>
#include <vector>

// A second opinion on fits: textbook formulas of the built-in models and of the estimators, in long
// double, derivatives by complex steps, and a minimiser of its own. Nothing of the library is
// included here, on purpose. Do not make it fast, and do not make it share.
namespace cunewton::test::fit_oracle {

using Real = long double;
using Complex = std::complex<Real>;
using Vector = std::vector<Real>;

/// m(p; x), analytic in p.
using Formula = Complex (*)(const Complex* p, const Real* x);
/// Of a built-in model, by the name of its type: "ExponentialDecay<2>".
Formula formula(const std::string& model);

enum class Loss { least_squares, poisson, huber, cauchy, tukey };

struct Problem {
    Formula model = nullptr;
    int parameters = 0, coordinates = 0;
    Vector x, y;  ///< a point's coordinates are neighbours
    Vector w;     ///< empty: all 1
    Loss loss = Loss::least_squares;
    Real tuning = 1;

    int points() const { return static_cast<int>(y.size()); }
    Real weight(int point) const { return w.empty() ? 1 : w[point]; }
};

Real value(const Problem& problem, const Vector& p, int point);
/// The model's derivatives by its parameters, exact but for roundings.
Vector row(const Problem& problem, const Vector& p, int point);

/// With r = m - y, u = sqrt(w) r: the sum of u^2; the deviance 2 w (m - y + y log(y/m)); or a
/// robust loss of u that is u^2 near 0.
Real objective(const Problem& problem, const Vector& p);
Vector gradient(const Problem& problem, const Vector& p);
/// J'WJ (least squares), J' diag(w/m) J (Poisson): n x n. Their inverses are covariances.
Vector information(const Problem& problem, const Vector& p);

/// A minimiser near `start` by Newton's method with differences of the gradient, damped. Parameters
/// that are `fixed` keep their start. `arrived` tells whether it converged.
Vector minimise(const std::function<Real(const Vector&)>& f,
                const std::function<Vector(const Vector&)>& gradient, Vector start,
                const std::vector<bool>& fixed, bool& arrived);
Vector minimiser(const Problem& problem, const Vector& start, const std::vector<bool>& fixed,
                 bool& arrived);

/// Of symmetric matrices, n x n. An inverse that does not exist is empty.
Vector inverse(int n, const Vector& a);
Vector eigenvalues(int n, Vector a);  ///< ascending, by Jacobi's rotations

}  // namespace cunewton::test::fit_oracle
