// General least-squares solvers on one problem at a time.
#pragma once

#include <string>
#include <vector>

namespace cunewton::bench {

/// Residuals m(p; x_i) - y_i.
class CurveFit {
  public:
    virtual ~CurveFit() = default;
    virtual int parameters() const = 0;
    virtual int points() const = 0;
    /// Also the derivatives, row by row, unless `jacobian` is null.
    virtual void evaluate(const double* p, double* r, double* jacobian) const = 0;
};

struct CurveFitResult {
    std::vector<double> p;
    int iterations = 0;
    std::string status;  ///< in the peer's own words
};

struct CurveFitPeer {
    const char* name;
    CurveFitResult (*fit)(const CurveFit&, const std::vector<double>& start);
};

/// Those that this build has.
const std::vector<CurveFitPeer>& curve_fit_peers();

/// With their defaults, and with tolerances at the rounding error.
CurveFitResult fit_with_ceres(const CurveFit&, const std::vector<double>& start);
CurveFitResult fit_with_ceres_tightly(const CurveFit&, const std::vector<double>& start);
CurveFitResult fit_with_gsl(const CurveFit&, const std::vector<double>& start);
CurveFitResult fit_with_gsl_tightly(const CurveFit&, const std::vector<double>& start);

}  // namespace cunewton::bench
