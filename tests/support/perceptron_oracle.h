#pragma once

#include <vector>

#include "tests/support/oracle.h"

// A second opinion on perceptrons, as oracle.h is on linear predictors: a forward pass written down
// as it is defined, in numbers that carry derivatives along two directions. Shares nothing with the
// library.
namespace cunewton::test {

enum class OracleActivation { relu, tanh, softplus, gelu };

struct OracleNetwork {
    std::vector<int> widths;  ///< inputs, hidden layers, outputs
    OracleActivation activation = OracleActivation::tanh;
    /// Cross-entropy of labels; else 1/2 |z - y|^2, with K numbers a sample in OracleData::y, or
    /// one that is a label if K > 1.
    bool softmax = true;
};

/// Data: X, y, w, mean and l2 as for linear predictors; penalize_intercept says whether l2 goes for
/// biases too. x: layer after layer W (outputs x inputs, row-major), then its biases.
long double oracle_network_value(const OracleNetwork& network, const OracleData& data,
                                 const std::vector<long double>& x);
std::vector<long double> oracle_network_gradient(const OracleNetwork& network,
                                                 const OracleData& data,
                                                 const std::vector<long double>& x);
/// The Hessian times v.
std::vector<long double> oracle_network_product(const OracleNetwork& network,
                                                const OracleData& data,
                                                const std::vector<long double>& x,
                                                const std::vector<long double>& v);
/// n x n, symmetric to the last bit.
std::vector<long double> oracle_network_hessian(const OracleNetwork& network,
                                                const OracleData& data,
                                                const std::vector<long double>& x);
/// sum_i w_i J_i' H_i J_i, n x n, with the Jacobians J_i of the outputs and the second derivatives
/// H_i of the loss by them; and the penalty.
std::vector<long double> oracle_network_gauss_newton(const OracleNetwork& network,
                                                     const OracleData& data,
                                                     const std::vector<long double>& x);

}  // namespace cunewton::test
