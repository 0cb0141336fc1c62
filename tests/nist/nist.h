#pragma once

#include <string>
#include <vector>

#include "cunewton/fit.h"

namespace cunewton::test {

/// One of the NIST Statistical Reference Datasets for nonlinear regression.
struct NistProblem {
    std::string name, difficulty;
    int points = 0;
    std::vector<double> x, y;  ///< y: the response, so the logarithm in Nelson
    std::vector<std::vector<double>> starts;
    std::vector<double> certified, standard_deviations;  ///< of the parameters
    double residual_sum = 0;
    int degrees_of_freedom = 0;
};

/// All 27, read from bench/data.
const std::vector<NistProblem>& nist_problems();

/// With its GPU code in a build with CUDA.
FitModel nist_model(const std::string& problem);
/// Adds that; defined in a build with CUDA.
void add_nist_device_code(FitModel& model, const std::string& problem);

/// The least number of digits that two lists of numbers have in common, at most 11; 0 if any differ
/// by their own size.
double common_digits(const std::vector<double>& certified, const double* computed);

/// That of a problem's parameters and the certified ones. In MGH17 the two exponentials may have
/// changed places, as NIST's first start leaves open which is which.
double certified_digits(const NistProblem& problem, const double* parameters);

}  // namespace cunewton::test
