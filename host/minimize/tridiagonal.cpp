#include "host/minimize/tridiagonal.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace cunewton::solver {

namespace {

/// T + shift I = L D L' (Golub and Van Loan 2013, section 4.3.6).
class Factor {
  public:
    /// Whether it is positive definite.
    bool factorize(const std::vector<double>& diagonal, const std::vector<double>& beside,
                   double shift) {
        const std::size_t n = diagonal.size();
        d_.resize(n);
        l_.resize(n);
        for (std::size_t i = 0; i < n; ++i) {
            const double above = i > 0 ? beside[i - 1] * l_[i - 1] : 0;
            d_[i] = diagonal[i] + shift - above;
            if (!(d_[i] > 0)) return false;
            if (i + 1 < n) l_[i] = beside[i] / d_[i];
        }
        return true;
    }
    void solve(std::vector<double>& x) const {
        const std::size_t n = d_.size();
        for (std::size_t i = 1; i < n; ++i) x[i] -= l_[i - 1] * x[i - 1];
        for (std::size_t i = 0; i < n; ++i) x[i] /= d_[i];
        for (std::size_t i = n - 1; i-- > 0;) x[i] -= l_[i] * x[i + 1];
    }

  private:
    std::vector<double> d_, l_;
};

double norm(const std::vector<double>& x) {
    double square = 0;
    for (const double value : x) square += value * value;
    return std::sqrt(square);
}

}  // namespace

/// Newton's method for 1 / |h(shift)| = 1 / radius (More and Sorensen 1983), between bounds.
TridiagonalStep solve_tridiagonal(const std::vector<double>& diagonal,
                                  const std::vector<double>& beside, double b, double radius) {
    const std::size_t n = diagonal.size();
    double high = 0;  // Gershgorin's bound of -T, and what makes h as short as the radius
    for (std::size_t i = 0; i < n; ++i) {
        const double row =
            (i > 0 ? std::abs(beside[i - 1]) : 0) + (i + 1 < n ? std::abs(beside[i]) : 0);
        high = std::max(high, row - diagonal[i]);
    }
    high += b / radius;
    Factor factor;
    double low = 0, shift = 0;
    std::vector<double> h;
    for (int i = 0; i < 200; ++i) {
        double next = 0;  // none
        if (factor.factorize(diagonal, beside, shift)) {
            h.assign(n, 0.0);
            h[0] = b;
            factor.solve(h);
            const double size = norm(h);
            if (shift == 0 && size <= radius) break;
            if (std::abs(size - radius) <= 1e-12 * radius) break;
            (size > radius ? low : high) = shift;
            std::vector<double> bent = h;
            factor.solve(bent);
            double bend = 0;
            for (std::size_t j = 0; j < n; ++j) bend += h[j] * bent[j];
            next = shift + (size / radius - 1) * (size * size / bend);
        } else {
            low = shift;
        }
        if (high - low <= 4 * std::numeric_limits<double>::epsilon() * high && !h.empty()) break;
        shift = next > low && next < high ? next : low + (high - low) / 2;
    }
    TridiagonalStep step;
    if (h.empty()) return step;
    step.size = norm(h);
    if (step.size > radius) {
        for (double& value : h) value *= radius / step.size;
        step.size = radius;
    }
    step.slope = b * h[0];
    double bend = 0;
    for (std::size_t i = 0; i < n; ++i) {
        bend += diagonal[i] * h[i] * h[i];
        if (i + 1 < n) bend += 2 * beside[i] * h[i] * h[i + 1];
    }
    step.decrease = step.slope - bend / 2;
    step.h = std::move(h);
    return step;
}

}  // namespace cunewton::solver
