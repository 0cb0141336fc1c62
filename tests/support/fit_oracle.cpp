#include "tests/support/fit_oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

namespace cunewton::test::fit_oracle {

namespace {

const Real pi = std::acos(Real(-1));

Complex sum_of_decays(const Complex* p, Real x, int terms) {
    Complex m = p[2 * terms];
    for (int k = 0; k < terms; ++k) m += p[2 * k] * std::exp(-p[2 * k + 1] * x);
    return m;
}
Complex polynomial(const Complex* p, Real x, int degree) {
    Complex m = 0;
    for (int k = degree; k >= 0; --k) m = m * x + p[k];
    return m;
}
/// Density of the normal distribution with variances and correlation, without its factor.
Complex gaussian_2d(const Complex& dx, const Complex& dy, const Complex& xx, const Complex& xy,
                    const Complex& yy) {
    return std::exp(-(dx * dx * yy - Real(2) * dx * dy * xy + dy * dy * xx) /
                    (Real(2) * (xx * yy - xy * xy)));
}

const std::map<std::string, Formula>& formulas() {
    static const std::map<std::string, Formula> all{
        {"Gaussian1D",
         [](const Complex* p, const Real* x) {
             return p[0] * std::exp(-(x[0] - p[1]) * (x[0] - p[1]) / (Real(2) * p[2] * p[2])) +
                    p[3];
         }},
        {"Gaussian2D",
         [](const Complex* p, const Real* x) {
             const Complex v = p[3] * p[3];
             return p[0] * gaussian_2d(x[0] - p[1], x[1] - p[2], v, 0, v) + p[4];
         }},
        {"Gaussian2DElliptic",
         [](const Complex* p, const Real* x) {
             return p[0] * gaussian_2d(x[0] - p[1], x[1] - p[2], p[3] * p[3], 0, p[4] * p[4]) +
                    p[5];
         }},
        {"Gaussian2DRotated",
         [](const Complex* p, const Real* x) {
             // The covariance matrix R diag(wu^2, wv^2) R'.
             const Complex c = std::cos(p[5]), s = std::sin(p[5]);
             const Complex u = p[3] * p[3], v = p[4] * p[4];
             return p[0] * gaussian_2d(x[0] - p[1], x[1] - p[2], u * c * c + v * s * s,
                                       (u - v) * s * c, u * s * s + v * c * c) +
                    p[6];
         }},
        {"Lorentzian",
         [](const Complex* p, const Real* x) {
             return p[0] * p[2] * p[2] / ((x[0] - p[1]) * (x[0] - p[1]) + p[2] * p[2]) + p[3];
         }},
        {"PseudoVoigt",
         [](const Complex* p, const Real* x) {
             const Complex d = x[0] - p[1];
             const Complex lorentz = p[2] * p[2] / (d * d + p[2] * p[2]);
             const Complex gauss = std::exp(-std::log(Real(2)) * d * d / (p[2] * p[2]));
             return p[0] * (p[3] * lorentz + (Real(1) - p[3]) * gauss) + p[4];
         }},
        {"ExponentialDecay<1>",
         [](const Complex* p, const Real* x) { return sum_of_decays(p, x[0], 1); }},
        {"ExponentialDecay<2>",
         [](const Complex* p, const Real* x) { return sum_of_decays(p, x[0], 2); }},
        {"ExponentialDecay<3>",
         [](const Complex* p, const Real* x) { return sum_of_decays(p, x[0], 3); }},
        {"LogisticGrowth",
         [](const Complex* p, const Real* x) {
             return p[0] / (Real(1) + std::exp(-p[1] * (x[0] - p[2])));
         }},
        {"MichaelisMenten",
         [](const Complex* p, const Real* x) { return p[0] * x[0] / (p[1] + x[0]); }},
        {"Hill",
         [](const Complex* p, const Real* x) {
             if (x[0] == 0) return Complex(0);
             const Complex power = std::pow(x[0], p[2]);
             return p[0] * power / (std::pow(p[1], p[2]) + power);
         }},
        {"Polynomial<1>", [](const Complex* p, const Real* x) { return polynomial(p, x[0], 1); }},
        {"Polynomial<2>", [](const Complex* p, const Real* x) { return polynomial(p, x[0], 2); }},
        {"Polynomial<3>", [](const Complex* p, const Real* x) { return polynomial(p, x[0], 3); }},
        {"Polynomial<4>", [](const Complex* p, const Real* x) { return polynomial(p, x[0], 4); }},
        {"PowerLaw",
         [](const Complex* p, const Real* x) {
             if (x[0] == 0) return p[2];
             return p[0] * std::exp(p[1] * std::log(x[0])) + p[2];
         }},
        {"Sine", [](const Complex* p,
                    const Real* x) { return p[0] * std::cos(p[1] * x[0] + p[2] - pi / 2) + p[3]; }},
        {"DiffusionTensor",
         [](const Complex* p, const Real* x) {
             const Complex d[3][3] = {{p[1], p[2], p[3]}, {p[2], p[4], p[5]}, {p[3], p[5], p[6]}};
             Complex quadratic = 0;
             for (int i = 0; i < 3; ++i)
                 for (int j = 0; j < 3; ++j) quadratic += x[1 + i] * d[i][j] * x[1 + j];
             return p[0] * std::exp(-x[0] * quadratic);
         }},
    };
    return all;
}

/// rho(u) with rho ~ u^2 near 0, and its derivative.
struct Robust {
    Real rho, slope;
};
Robust robust(Loss loss, Real c, Real u) {
    const Real a = std::abs(u), sign = u < 0 ? -1 : 1;
    switch (loss) {
        case Loss::huber:
            if (a <= c) return {u * u, 2 * u};
            return {2 * c * a - c * c, 2 * c * sign};
        case Loss::cauchy:
            return {c * c * std::log1p(u * u / (c * c)), 2 * u / (1 + u * u / (c * c))};
        case Loss::tukey: {
            if (a > c) return {c * c / 3, 0};
            const Real left = 1 - u * u / (c * c);
            return {c * c / 3 * (1 - left * left * left), 2 * u * left * left};
        }
        default:
            return {u * u, 2 * u};
    }
}

const Real* coordinates_of(const Problem& problem, int point) {
    return problem.x.data() + static_cast<std::size_t>(point) * problem.coordinates;
}

/// Of the symmetric positive definite A = LL' (lower triangle in place); false if it is not.
bool cholesky(int n, Vector& a) {
    for (int j = 0; j < n; ++j) {
        for (int k = 0; k < j; ++k)
            for (int i = j; i < n; ++i) a[i * n + j] -= a[i * n + k] * a[j * n + k];
        if (!(a[j * n + j] > 0)) return false;
        const Real root = std::sqrt(a[j * n + j]);
        for (int i = j; i < n; ++i) a[i * n + j] /= root;
    }
    return true;
}
Vector solve(int n, const Vector& factor, Vector b) {
    for (int i = 0; i < n; ++i) {
        for (int k = 0; k < i; ++k) b[i] -= factor[i * n + k] * b[k];
        b[i] /= factor[i * n + i];
    }
    for (int i = n - 1; i >= 0; --i) {
        for (int k = i + 1; k < n; ++k) b[i] -= factor[k * n + i] * b[k];
        b[i] /= factor[i * n + i];
    }
    return b;
}

}  // namespace

Formula formula(const std::string& model) {
    const auto found = formulas().find(model);
    if (found == formulas().end()) throw std::invalid_argument("no formula of " + model);
    return found->second;
}

Real value(const Problem& problem, const Vector& p, int point) {
    const std::vector<Complex> z(p.begin(), p.end());
    return problem.model(z.data(), coordinates_of(problem, point)).real();
}

Vector row(const Problem& problem, const Vector& p, int point) {
    constexpr Real h = 1e-40L;  // its square is nothing beside 1, and no product underflows
    std::vector<Complex> z(p.begin(), p.end());
    Vector derivatives(p.size());
    for (std::size_t j = 0; j < p.size(); ++j) {
        z[j] = Complex(p[j], h);
        derivatives[j] = problem.model(z.data(), coordinates_of(problem, point)).imag() / h;
        z[j] = p[j];
    }
    return derivatives;
}

Real objective(const Problem& problem, const Vector& p) {
    Real sum = 0;
    for (int i = 0; i < problem.points(); ++i) {
        const Real w = problem.weight(i), y = problem.y[i];
        if (w == 0) continue;
        const Real m = value(problem, p, i);
        if (problem.loss == Loss::poisson) {
            if (!(m > 0)) return std::numeric_limits<Real>::infinity();
            sum += 2 * w * (m - y + (y > 0 ? y * std::log(y / m) : 0));
        } else {
            sum += robust(problem.loss, problem.tuning, std::sqrt(w) * (m - y)).rho;
        }
    }
    return sum;
}

Vector gradient(const Problem& problem, const Vector& p) {
    Vector g(p.size());
    for (int i = 0; i < problem.points(); ++i) {
        const Real w = problem.weight(i), y = problem.y[i];
        if (w == 0) continue;
        const Real m = value(problem, p, i);
        const Real slope =
            problem.loss == Loss::poisson
                ? 2 * w * (1 - y / m)
                : std::sqrt(w) * robust(problem.loss, problem.tuning, std::sqrt(w) * (m - y)).slope;
        const Vector derivatives = row(problem, p, i);
        for (std::size_t j = 0; j < p.size(); ++j) g[j] += slope * derivatives[j];
    }
    return g;
}

Vector information(const Problem& problem, const Vector& p) {
    const std::size_t n = p.size();
    Vector a(n * n);
    for (int i = 0; i < problem.points(); ++i) {
        const Real w = problem.weight(i);
        if (w == 0) continue;
        const Real curvature = problem.loss == Loss::poisson ? w / value(problem, p, i) : w;
        const Vector derivatives = row(problem, p, i);
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t k = 0; k < n; ++k)
                a[j * n + k] += curvature * derivatives[j] * derivatives[k];
    }
    return a;
}

Vector minimise(const std::function<Real(const Vector&)>& f,
                const std::function<Vector(const Vector&)>& gradient, Vector x,
                const std::vector<bool>& fixed, bool& arrived) {
    std::vector<int> free;
    for (std::size_t j = 0; j < x.size(); ++j)
        if (fixed.empty() || !fixed[j]) free.push_back(static_cast<int>(j));
    const int n = static_cast<int>(free.size());
    int last_steps = 0;
    arrived = true;
    for (int iteration = 0; iteration < 500; ++iteration) {
        const Vector g = gradient(x);
        Vector hessian(static_cast<std::size_t>(n) * n), right(n);
        for (int j = 0; j < n; ++j) {
            // Error of the quotient: h^2 of truncation, 1e-19 / h of rounding.
            const Real h = 1e-6L * std::max(std::abs(x[free[j]]), Real(1e-3L));
            Vector up = x, down = x;
            up[free[j]] += h;
            down[free[j]] -= h;
            const Vector above = gradient(up), below = gradient(down);
            for (int i = 0; i < n; ++i)
                hessian[i * n + j] = (above[free[i]] - below[free[i]]) / (2 * h);
            right[j] = -g[free[j]];
        }
        for (int j = 0; j < n; ++j)
            for (int i = 0; i < j; ++i)
                hessian[i * n + j] = hessian[j * n + i] =
                    (hessian[i * n + j] + hessian[j * n + i]) / 2;
        const Real here = f(x);
        bool moved = false;
        for (Real damping = 0; damping < 1e12L; damping = damping == 0 ? 1e-3L : 4 * damping) {
            Vector factor = hessian;
            for (int j = 0; j < n; ++j)
                factor[j * n + j] += damping * std::max(std::abs(hessian[j * n + j]), Real(1e-12L));
            if (!cholesky(n, factor)) continue;
            const Vector step = solve(n, factor, right);
            Real decrement = 0;
            Vector trial = x;
            for (int j = 0; j < n; ++j) {
                decrement += right[j] * step[j];
                trial[free[j]] += step[j];
            }
            // Too little to be seen in f: these steps are Newton's.
            if (damping == 0 && decrement <= 1e-13L * std::abs(here) + 1e-35L) {
                x = trial;
                if (++last_steps == 4) return x;
                moved = true;
                break;
            }
            if (f(trial) < here) {
                x = trial;
                moved = true;
                break;
            }
        }
        if (!moved) break;
    }
    arrived = false;
    return x;
}

Vector minimiser(const Problem& problem, const Vector& start, const std::vector<bool>& fixed,
                 bool& arrived) {
    return minimise([&](const Vector& p) { return objective(problem, p); },
                    [&](const Vector& p) { return gradient(problem, p); }, start, fixed, arrived);
}

Vector inverse(int n, const Vector& a) {
    Vector factor = a;
    if (!cholesky(n, factor)) return {};
    Vector result(a.size());
    for (int j = 0; j < n; ++j) {
        Vector unit(n);
        unit[j] = 1;
        const Vector column = solve(n, factor, unit);
        for (int i = 0; i < n; ++i) result[i * n + j] = column[i];
    }
    return result;
}

Vector eigenvalues(int n, Vector a) {
    for (int sweep = 0; sweep < 60; ++sweep)
        for (int p = 0; p < n; ++p)
            for (int q = p + 1; q < n; ++q) {
                if (a[p * n + q] == 0) continue;
                const Real theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
                const Real t =
                    (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
                const Real c = 1 / std::sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < n; ++k) {
                    const Real kp = a[k * n + p], kq = a[k * n + q];
                    a[k * n + p] = c * kp - s * kq;
                    a[k * n + q] = s * kp + c * kq;
                }
                for (int k = 0; k < n; ++k) {
                    const Real pk = a[p * n + k], qk = a[q * n + k];
                    a[p * n + k] = c * pk - s * qk;
                    a[q * n + k] = s * pk + c * qk;
                }
            }
    Vector values(n);
    for (int j = 0; j < n; ++j) values[j] = a[j * n + j];
    std::sort(values.begin(), values.end());
    return values;
}

}  // namespace cunewton::test::fit_oracle
