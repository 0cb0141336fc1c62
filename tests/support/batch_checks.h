#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/fit.h"
#include "tests/support/backends.h"
#include "tests/support/fit_cases.h"
#include "tests/support/tolerances.h"

// How results of batches of fits are judged against tests/support/fit_oracle.h.
namespace cunewton::test {

inline BatchOptions batch_options() {
    BatchOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

template <class T>
std::vector<T> parameters_of(const BatchResult<T>& result, long i) {
    const auto first = result.parameters.begin() + i * result.dimension;
    return {first, first + result.dimension};
}
template <class T>
fit_oracle::Vector wide_parameters_of(const BatchResult<T>& result, long i) {
    const std::vector<T> p = parameters_of(result, i);
    return {p.begin(), p.end()};
}

/// What holds for every result that was not cancelled.
template <class T>
void expect_coherent(const BatchResult<T>& r, const BatchOptions& options, long problems, int n,
                     bool fit);

/// The same to the last bit: for vectors of plain numbers, NaN equal to NaN.
template <class V>
bool same_bits(const V& a, const V& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(a[i] == b[i]) && !(a[i] != a[i] && b[i] != b[i])) return false;
    return true;
}
template <class T>
void expect_same(const BatchResult<T>& a, const BatchResult<T>& b);

/// BatchOptions::tolerance of an arithmetic, in standard errors.
inline double default_tolerance(double epsilon) {
    return std::pow(epsilon, 0.56);
}

/// The errors of a fit around the oracle's minimiser, from first principles. In the metric of the
/// information matrix H (in which a standard error has the length s) a perturbation e of the
/// residuals moves the minimiser by |e|, whatever H's condition:
///   rounding of model and data   k eps |sqrt(w) y|
///   rounding of the derivatives  k eps kappa |r|, kappa the condition of H scaled to a unit
///   diagonal
/// and the fit stops within tolerance * s, in the metric that its own Hessian defines.
struct FitTolerance {
    fit_oracle::Vector standard_errors;  ///< with s^2 = objective / dof; 0 if fixed
    fit_oracle::Vector unit_errors;      ///< sqrt of the diagonal of H^-1
    double distance = 0;                 ///< allowed, in the metric of H
};

FitTolerance fit_tolerance(const fit_oracle::Problem& problem, const fit_oracle::Vector& p,
                           const std::vector<bool>& fixed, double epsilon, double tolerance);

/// The result's parameters of problem i against exact ones.
template <class T>
void expect_parameters(const BatchResult<T>& result, long i, const fit_oracle::Vector& exact,
                       const FitTolerance& tolerance);

struct FitCheck {
    fit_oracle::Loss loss = fit_oracle::Loss::least_squares;
    double tuning = 1;
    std::vector<bool> fixed{};
    double arithmetic = 0;  ///< epsilon; 0: the data's
    double slack = 1;       ///< of what the metric of another Hessian makes of the distance
};

/// Every problem converged, to the oracle's minimiser found from the true parameters.
template <class T>
void expect_oracle_fits(const BatchResult<T>& result, const FitData<T>& data,
                        const FitCheck& check = {});

}  // namespace cunewton::test
