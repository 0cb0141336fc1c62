#include "tests/support/oracle.h"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace cunewton::test {
namespace {

using Real = long double;
using Vector = std::vector<Real>;

std::size_t at(int i) {
    return static_cast<std::size_t>(i);
}
std::size_t at(int row, int column, int rows) {
    return at(row) + at(column) * at(rows);
}

void require_length(const Vector& v, std::size_t expected, const char* what) {
    if (v.size() != expected) {
        throw std::invalid_argument(std::string("oracle: ") + what + " has " +
                                    std::to_string(v.size()) + " entries (" +
                                    std::to_string(expected) + " needed)");
    }
}

int outputs(const OracleModel& model) {
    return model.loss == OracleLoss::softmax ? model.classes : 1;
}

int block_length(const OracleData& data) {
    return data.features + (data.intercept ? 1 : 0);
}

void check(const OracleModel& model, const OracleData& data, const Vector& theta) {
    require_length(data.X, at(data.samples) * at(data.features), "X");
    require_length(data.y, at(data.samples), "y");
    if (!data.w.empty()) require_length(data.w, at(data.samples), "w");
    require_length(theta, at(oracle_dimension(model, data)), "theta");
    if (model.loss == OracleLoss::softmax) {
        for (const Real y : data.y) {
            if (!(y >= 0 && y < model.classes && y == std::floor(y))) {
                throw std::invalid_argument("oracle: a class index is not one of 0 .. classes-1");
            }
        }
    }
}

Real weight(const OracleData& data, int i) {
    return data.w.empty() ? Real(1) : data.w[at(i)];
}

// What the weighted sum is divided by.
Real divisor(const OracleData& data) {
    if (!data.mean) return 1;
    Real sum = 0;
    for (int i = 0; i < data.samples; ++i) sum += weight(data, i);
    return sum;
}

// Entry a of sample i extended by the 1 that multiplies the intercept.
Real extended(const OracleData& data, int i, int a) {
    return a < data.features ? data.X[at(i) * at(data.features) + at(a)] : Real(1);
}

Vector predictors(const OracleModel& model, const OracleData& data, const Vector& theta, int i) {
    const int length = block_length(data);
    Vector z(at(outputs(model)), 0);
    for (int k = 0; k < outputs(model); ++k) {
        for (int a = 0; a < length; ++a)
            z[at(k)] += theta[at(k * length + a)] * extended(data, i, a);
    }
    return z;
}

bool penalised(const OracleData& data, int a) {
    return a < data.features || data.penalize_intercept;
}

Real sigmoid(Real z) {
    if (z >= 0) return 1 / (1 + std::exp(-z));
    return std::exp(z) / (1 + std::exp(z));
}

Real largest(const Vector& z) {
    Real top = z[0];
    for (const Real value : z) top = value > top ? value : top;
    return top;
}

Vector softmax_probabilities(const Vector& z) {
    const Real top = largest(z);
    Vector p;
    Real sum = 0;
    for (const Real value : z) {
        p.push_back(std::exp(value - top));
        sum += p.back();
    }
    for (Real& value : p) value /= sum;
    return p;
}

// l(z, y)
Real loss(const OracleModel& model, const Vector& z, Real y) {
    switch (model.loss) {
        case OracleLoss::squared:
            return (z[0] - y) * (z[0] - y);
        case OracleLoss::logistic:
            // log(1 + e^z) = max(z, 0) + log(1 + e^-|z|) neither overflows nor loses the small
            // tail.
            return (z[0] > 0 ? z[0] : 0) + std::log1p(std::exp(-std::fabs(z[0]))) - y * z[0];
        case OracleLoss::softmax: {
            const Real top = largest(z);
            Real sum = 0;
            for (const Real value : z) sum += std::exp(value - top);
            return (top - z[at(static_cast<int>(y))]) + std::log(sum);
        }
        case OracleLoss::poisson:
            return std::exp(z[0]) - y * z[0];
        case OracleLoss::huber: {
            const Real r = z[0] - y;
            if (std::fabs(r) <= model.delta) return r * r / 2;
            return model.delta * (std::fabs(r) - model.delta / 2);
        }
    }
    throw std::invalid_argument("oracle: unknown loss");
}

// dl/dz_k
Vector slope(const OracleModel& model, const Vector& z, Real y) {
    switch (model.loss) {
        case OracleLoss::squared:
            return {2 * (z[0] - y)};
        case OracleLoss::logistic:
            return {sigmoid(z[0]) - y};
        case OracleLoss::softmax: {
            Vector p = softmax_probabilities(z);
            p[at(static_cast<int>(y))] -= 1;
            return p;
        }
        case OracleLoss::poisson:
            return {std::exp(z[0]) - y};
        case OracleLoss::huber: {
            const Real r = z[0] - y;
            if (std::fabs(r) <= model.delta) return {r};
            return {r > 0 ? model.delta : -model.delta};
        }
    }
    throw std::invalid_argument("oracle: unknown loss");
}

// d2l/dz_k dz_l, K x K
Vector curvature(const OracleModel& model, const Vector& z, Real y) {
    switch (model.loss) {
        case OracleLoss::squared:
            return {2};
        case OracleLoss::logistic:
            return {sigmoid(z[0]) * sigmoid(-z[0])};
        case OracleLoss::softmax: {
            const int classes = model.classes;
            const Vector p = softmax_probabilities(z);
            Vector c(at(classes) * at(classes), 0);
            for (int k = 0; k < classes; ++k) {
                for (int l = 0; l < classes; ++l) c[at(k, l, classes)] = -p[at(k)] * p[at(l)];
                // p_k (1 - p_k) with 1 - p_k summed from the other classes: no cancellation at p_k
                // = 1.
                Real rest = 0;
                for (int l = 0; l < classes; ++l) rest += l == k ? 0 : p[at(l)];
                c[at(k, k, classes)] = p[at(k)] * rest;
            }
            return c;
        }
        case OracleLoss::poisson:
            return {std::exp(z[0])};
        case OracleLoss::huber:
            return {std::fabs(z[0] - y) <= model.delta ? Real(1) : Real(0)};
    }
    throw std::invalid_argument("oracle: unknown loss");
}

int quadratic_dimension(const Vector& A, const Vector& b, const Vector& x) {
    require_length(A, x.size() * x.size(), "A");
    require_length(b, x.size(), "b");
    return static_cast<int>(x.size());
}

int rosenbrock_dimension(const Vector& x) {
    if (x.size() % 2 != 0)
        throw std::invalid_argument("oracle: Rosenbrock needs an even dimension");
    return static_cast<int>(x.size());
}

}  // namespace

int oracle_dimension(const OracleModel& model, const OracleData& data) {
    return outputs(model) * block_length(data);
}

Real oracle_value(const OracleModel& model, const OracleData& data, const Vector& theta) {
    check(model, data, theta);
    const int length = block_length(data);
    Real sum = 0;
    for (int i = 0; i < data.samples; ++i) {
        sum += weight(data, i) * loss(model, predictors(model, data, theta, i), data.y[at(i)]);
    }
    Real f = sum / divisor(data);
    for (int k = 0; k < outputs(model); ++k) {
        for (int a = 0; a < length; ++a) {
            const Real coefficient = theta[at(k * length + a)];
            if (penalised(data, a)) f += data.l2 / 2 * coefficient * coefficient;
        }
    }
    return f;
}

Vector oracle_gradient(const OracleModel& model, const OracleData& data, const Vector& theta) {
    check(model, data, theta);
    const int length = block_length(data);
    const Real total = divisor(data);
    Vector gradient(theta.size(), 0);
    for (int i = 0; i < data.samples; ++i) {
        const Vector s = slope(model, predictors(model, data, theta, i), data.y[at(i)]);
        for (int k = 0; k < outputs(model); ++k) {
            for (int a = 0; a < length; ++a) {
                gradient[at(k * length + a)] +=
                    weight(data, i) / total * s[at(k)] * extended(data, i, a);
            }
        }
    }
    for (int k = 0; k < outputs(model); ++k) {
        for (int a = 0; a < length; ++a) {
            const std::size_t p = at(k * length + a);
            if (penalised(data, a)) gradient[p] += data.l2 * theta[p];
        }
    }
    return gradient;
}

Vector oracle_hessian(const OracleModel& model, const OracleData& data, const Vector& theta) {
    check(model, data, theta);
    const int length = block_length(data);
    const int classes = outputs(model);
    const int n = oracle_dimension(model, data);
    const Real total = divisor(data);
    Vector hessian(at(n) * at(n), 0);
    for (int i = 0; i < data.samples; ++i) {
        const Vector c = curvature(model, predictors(model, data, theta, i), data.y[at(i)]);
        for (int k = 0; k < classes; ++k) {
            for (int l = 0; l < classes; ++l) {
                for (int a = 0; a < length; ++a) {
                    for (int b = 0; b < length; ++b) {
                        const Real product = extended(data, i, a) * extended(data, i, b);
                        hessian[at(k * length + a, l * length + b, n)] +=
                            weight(data, i) / total * c[at(k, l, classes)] * product;
                    }
                }
            }
        }
    }
    for (int k = 0; k < classes; ++k) {
        for (int a = 0; a < length; ++a) {
            if (penalised(data, a)) hessian[at(k * length + a, k * length + a, n)] += data.l2;
        }
    }
    return hessian;
}

Real oracle_quadratic_value(const Vector& A, const Vector& b, const Vector& x) {
    const int n = quadratic_dimension(A, b, x);
    Real f = 0;
    for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) f += x[at(i)] * A[at(i, j, n)] * x[at(j)] / 2;
        f -= b[at(i)] * x[at(i)];
    }
    return f;
}

Vector oracle_quadratic_gradient(const Vector& A, const Vector& b, const Vector& x) {
    const int n = quadratic_dimension(A, b, x);
    Vector gradient(x.size(), 0);
    for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) {
            gradient[at(i)] += (A[at(i, j, n)] + A[at(j, i, n)]) / 2 * x[at(j)];
        }
        gradient[at(i)] -= b[at(i)];
    }
    return gradient;
}

Vector oracle_quadratic_hessian(const Vector& A, const Vector& b, const Vector& x) {
    const int n = quadratic_dimension(A, b, x);
    Vector hessian(A.size(), 0);
    for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) hessian[at(i, j, n)] = (A[at(i, j, n)] + A[at(j, i, n)]) / 2;
    }
    return hessian;
}

Real oracle_rosenbrock_value(const Vector& x) {
    const int n = rosenbrock_dimension(x);
    Real f = 0;
    for (int i = 0; i < n; i += 2) {
        const Real u = x[at(i)];
        const Real v = x[at(i + 1)];
        f += 100 * (v - u * u) * (v - u * u) + (1 - u) * (1 - u);
    }
    return f;
}

Vector oracle_rosenbrock_gradient(const Vector& x) {
    const int n = rosenbrock_dimension(x);
    Vector gradient(x.size(), 0);
    for (int i = 0; i < n; i += 2) {
        const Real u = x[at(i)];
        const Real v = x[at(i + 1)];
        gradient[at(i)] = -400 * u * (v - u * u) - 2 * (1 - u);
        gradient[at(i + 1)] = 200 * (v - u * u);
    }
    return gradient;
}

Vector oracle_rosenbrock_hessian(const Vector& x) {
    const int n = rosenbrock_dimension(x);
    Vector hessian(x.size() * x.size(), 0);
    for (int i = 0; i < n; i += 2) {
        const Real u = x[at(i)];
        const Real v = x[at(i + 1)];
        hessian[at(i, i, n)] = 1200 * u * u - 400 * v + 2;
        hessian[at(i, i + 1, n)] = -400 * u;
        hessian[at(i + 1, i, n)] = -400 * u;
        hessian[at(i + 1, i + 1, n)] = 200;
    }
    return hessian;
}

}  // namespace cunewton::test
