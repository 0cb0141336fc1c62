#include "host/batch_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cunewton/math/packed.h"
#include "cunewton/math/small_solver.h"
#include "host/cpu/lapack.h"

namespace cunewton {

template <class C, class T>
void batch_statistics(const C* hessian, int n, double scale, double epsilon, T* covariance,
                      T* standard_errors, T* condition_number) {
    std::vector<int> free;
    for (int j = 0; j < n; ++j)
        if (hessian[packed_index(j, j, n)] != batch::not_free<C>) free.push_back(j);
    const int m = static_cast<int>(free.size());
    const auto entry = [&](int i, int j) {
        return static_cast<double>(
            hessian[packed_index(std::max(free[i], free[j]), std::min(free[i], free[j]), n)]);
    };

    if (condition_number) {
        std::vector<double> a(static_cast<std::size_t>(m) * m), values(m);
        bool finite = true;  // LAPACK makes numbers of what is none
        for (int j = 0; j < m; ++j)
            for (int i = 0; i < m; ++i) {
                a[j * m + i] = entry(i, j);
                finite = finite && std::isfinite(a[j * m + i]);
            }
        const bool found = m > 0 && finite && lapack::eigenvalues(m, a.data(), values.data()) == 0;
        double least = std::numeric_limits<double>::infinity(), largest = 0;
        for (const double v : values) {
            least = std::min(least, std::abs(v));
            largest = std::max(largest, std::abs(v));
        }
        *condition_number = static_cast<T>(found ? largest / least
                                                 : std::numeric_limits<double>::quiet_NaN());
    }
    if (!covariance && !standard_errors) return;

    // Scaled to a unit diagonal, so that the parameters' units do not matter.
    std::vector<double> a(static_cast<std::size_t>(m) * m), unit(m);
    bool regular = true;
    for (int j = 0; j < m; ++j) {
        const double diagonal = entry(j, j);
        regular = regular && diagonal > 0;
        unit[j] = 1 / std::sqrt(diagonal);
    }
    for (int j = 0; j < m; ++j)
        for (int i = j; i < m; ++i) a[j * m + i] = entry(i, j) * unit[i] * unit[j];
    regular = regular && (m == 0 || lapack::potrf(m, a.data(), m) == 0);
    for (int j = 0; regular && j < m; ++j) regular = a[j * m + j] * a[j * m + j] > m * epsilon;
    regular = regular && (m == 0 || lapack::potri(m, a.data(), m) == 0);

    const double nan = std::numeric_limits<double>::quiet_NaN();
    if (covariance) std::fill_n(covariance, n * n, static_cast<T>(regular ? 0 : nan));
    if (standard_errors) std::fill_n(standard_errors, n, static_cast<T>(regular ? 0 : nan));
    if (!regular) return;
    for (int j = 0; j < m; ++j)
        for (int i = j; i < m; ++i) {
            const double value = scale * a[j * m + i] * unit[i] * unit[j];
            if (covariance) {
                covariance[free[i] * n + free[j]] = static_cast<T>(value);
                covariance[free[j] * n + free[i]] = static_cast<T>(value);
            }
            if (standard_errors && i == j) standard_errors[free[j]] = static_cast<T>(std::sqrt(value));
        }
}
template void batch_statistics(const double*, int, double, double, double*, double*, double*);
template void batch_statistics(const double*, int, double, double, float*, float*, float*);
template void batch_statistics(const float*, int, double, double, double*, double*, double*);
template void batch_statistics(const float*, int, double, double, float*, float*, float*);

}  // namespace cunewton
