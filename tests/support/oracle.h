#pragma once

#include <vector>

// A second opinion on values and derivatives: naive loops over textbook formulas, in long double.
// Nothing of the library is included here, on purpose. Both backends share the library's
// mathematics, so comparing them with each other cannot find a wrong formula; comparing them with
// this can. Do not make it fast, and do not make it share.
namespace cunewton::test {

/// Samples for the linear-predictor models. With K outputs the parameter vector theta stacks one
/// block an output: block k is [beta_1 .. beta_d] and, with `intercept`, one more entry, the bias.
/// Its length is oracle_dimension(): K * (d + intercept).
struct OracleData {
    int samples = 0;             ///< N
    int features = 0;            ///< d
    std::vector<long double> X;  ///< N x d, row-major: X[i * d + j]
    std::vector<long double> y;  ///< N targets; for softmax the class index, 0 .. K-1
    std::vector<long double> w;  ///< N sample weights, >= 0; empty means all 1
    bool intercept = true;
    bool mean = false;   ///< true: weighted sum / sum of weights. false: weighted sum
    long double l2 = 0;  ///< adds (l2/2) * sum of squared penalised coefficients, after the mean
    bool penalize_intercept = false;
};

enum class OracleLoss {
    squared,   ///< (z - y)^2, without a factor 1/2
    logistic,  ///< log(1 + e^z) - y z, y in {0, 1}
    softmax,   ///< log(sum_k e^{z_k}) - z_y, K classes, all K blocks kept (no reference class)
    poisson,   ///< e^z - y z, the constant log(y!) left out
    huber      ///< r = z - y: r^2/2 if |r| <= delta, else delta (|r| - delta/2). Huber 1964
};

struct OracleModel {
    OracleLoss loss = OracleLoss::squared;
    int classes = 1;        ///< K; used by softmax only, every other loss has one output
    long double delta = 1;  ///< used by huber only, > 0
};

/// Number of parameters of `model` on `data`.
int oracle_dimension(const OracleModel& model, const OracleData& data);

/// The three of them throw std::invalid_argument if a length does not fit. `theta` has
/// oracle_dimension() entries; the Hessian is dense, full, symmetric, column-major n x n (the
/// order does not matter, it is symmetric to the last bit). At |r| = delta the Huber Hessian takes
/// the quadratic side.
long double oracle_value(const OracleModel& model, const OracleData& data,
                         const std::vector<long double>& theta);
std::vector<long double> oracle_gradient(const OracleModel& model, const OracleData& data,
                                         const std::vector<long double>& theta);
std::vector<long double> oracle_hessian(const OracleModel& model, const OracleData& data,
                                        const std::vector<long double>& theta);

/// f = 1/2 x'Ax - b'x. A is n x n, column-major; it need not be symmetric, its symmetric part is
/// what counts: gradient (A + A')x/2 - b, Hessian (A + A')/2. Both lengths follow from x.
long double oracle_quadratic_value(const std::vector<long double>& A,
                                   const std::vector<long double>& b,
                                   const std::vector<long double>& x);
std::vector<long double> oracle_quadratic_gradient(const std::vector<long double>& A,
                                                   const std::vector<long double>& b,
                                                   const std::vector<long double>& x);
std::vector<long double> oracle_quadratic_hessian(const std::vector<long double>& A,
                                                  const std::vector<long double>& b,
                                                  const std::vector<long double>& x);

/// Extended Rosenbrock, sum over k = 1 .. n/2 of 100 (x_{2k} - x_{2k-1}^2)^2 + (1 - x_{2k-1})^2.
/// More, Garbow, Hillstrom 1981, problem 21. x has an even number of entries.
long double oracle_rosenbrock_value(const std::vector<long double>& x);
std::vector<long double> oracle_rosenbrock_gradient(const std::vector<long double>& x);
std::vector<long double> oracle_rosenbrock_hessian(const std::vector<long double>& x);

}  // namespace cunewton::test
