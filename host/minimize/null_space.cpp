#include "host/minimize/null_space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "cunewton/error.h"
#include "host/backend/lapack.h"

namespace cunewton::solver {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

std::string text(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof(buffer), "%.6g", value);
    return buffer;
}

/// Of rounding in the rows of A x, relative to the sizes of their terms.
double rounding(std::size_t n, double epsilon) {
    return 4 * static_cast<double>(n + 2) * epsilon;
}

}  // namespace

PivotedQr::PivotedQr(std::vector<double> M, int rows, int columns, double tolerance) : rows_(rows) {
    if (columns == 0) return;
    const std::size_t ld = static_cast<std::size_t>(rows);
    std::vector<double> tau(static_cast<std::size_t>(std::min(rows, columns)));
    pivots_ = lapack::pivoted_qr(rows, columns, M.data(), tau.data());
    const double first = std::abs(M[0]);
    while (rank_ < std::min(rows, columns) &&
           std::abs(M[static_cast<std::size_t>(rank_) * (ld + 1)]) > tolerance * first)
        ++rank_;
    if (rank_ == 0) return;
    const std::size_t k = static_cast<std::size_t>(rank_);
    R_.assign(k * k, 0);
    for (std::size_t j = 0; j < k; ++j)
        for (std::size_t i = 0; i <= j; ++i) R_[j * k + i] = M[j * ld + i];
    V_.assign(M.begin(), M.begin() + static_cast<std::ptrdiff_t>(k * ld));
    for (std::size_t j = 0; j < k; ++j) {
        std::fill_n(V_.begin() + static_cast<std::ptrdiff_t>(j * ld), j, 0.0);
        V_[j * ld + j] = 1;
    }
    T_.assign(k * k, 0);
    lapack::block_reflector(rows, rank_, V_.data(), tau.data(), T_.data());
}

void PivotedQr::apply(bool transposed, std::vector<double>& y) const {
    const std::size_t k = static_cast<std::size_t>(rank_), rows = static_cast<std::size_t>(rows_);
    std::vector<double> t(k, 0), s(k, 0);
    for (std::size_t c = 0; c < k; ++c)
        for (std::size_t i = c; i < rows; ++i) t[c] += V_[c * rows + i] * y[i];
    for (std::size_t j = 0; j < k; ++j)
        for (std::size_t i = 0; i <= j; ++i) {
            if (transposed)
                s[j] += T_[j * k + i] * t[i];
            else
                s[i] += T_[j * k + i] * t[j];
        }
    for (std::size_t c = 0; c < k; ++c)
        for (std::size_t i = c; i < rows; ++i) y[i] -= V_[c * rows + i] * s[c];
}

void PivotedQr::solve(bool transposed, std::vector<double>& w) const {
    const std::size_t k = static_cast<std::size_t>(rank_);
    for (std::size_t step = 0; step < k; ++step) {
        const std::size_t i = transposed ? step : k - 1 - step;
        double sum = w[i];
        if (transposed)
            for (std::size_t l = 0; l < i; ++l) sum -= R_[i * k + l] * w[l];
        else
            for (std::size_t l = i + 1; l < k; ++l) sum -= R_[l * k + i] * w[l];
        w[i] = sum / R_[i * (k + 1)];
    }
}

NullSpace::NullSpace(const LinearConstraints& constraints, int n, const std::vector<bool>& fixed,
                     const std::vector<double>& typical)
    : A_(constraints.A),
      b_(constraints.b),
      n_(n),
      m_(static_cast<int>(constraints.b.size())),
      fixed_(fixed),
      typical_(typical) {
    const std::size_t size = static_cast<std::size_t>(n), m = b_.size();
    if (A_.size() != m * size)
        reject("constraints.A has the wrong size (" + std::to_string(A_.size()) + " for " +
               std::to_string(m) + " equations of " + std::to_string(n) +
               " parameters) pass a row of n numbers for each number of constraints.b");
    if (!fixed_.empty() && fixed_.size() != size)
        reject("fixed has the wrong size (" + std::to_string(fixed_.size()) + " for " +
               std::to_string(n) + " parameters) pass one for each parameter, or none");
    for (std::size_t e = 0; e < A_.size(); ++e)
        if (!std::isfinite(A_[e]))
            reject("constraints.A is not finite (entry " + std::to_string(e % size) +
                   " of equation " + std::to_string(e / size) + " is " + text(A_[e]) +
                   ") pass finite numbers");
    for (std::size_t i = 0; i < m; ++i)
        if (!std::isfinite(b_[i]))
            reject("constraints.b is not finite (number " + std::to_string(i) + " is " +
                   text(b_[i]) + ") pass finite numbers");
    fixed_count_ = static_cast<int>(std::count(fixed_.begin(), fixed_.end(), true));
    const std::size_t columns = m + static_cast<std::size_t>(fixed_count_);
    if (columns > static_cast<std::size_t>(std::numeric_limits<int>::max()) / size)
        reject("the constraints are too large (" + std::to_string(columns) + " equations of " +
               std::to_string(n) +
               " parameters have more numbers than LAPACK counts) express parameters that they "
               "determine by the others in the loss itself");
    find_scales();
    // A row of the equations a column, of unit length; then the fixed parameters.
    std::vector<double> M(columns * size, 0);
    row_scales_.assign(columns, 1);
    for (std::size_t i = 0; i < m; ++i) {
        double* const column = M.data() + i * size;
        for (std::size_t j = 0; j < size; ++j) column[j] = A_[i * size + j] * C_[j];
        double largest = 0, square = 0;
        for (std::size_t j = 0; j < size; ++j) largest = std::max(largest, std::abs(column[j]));
        if (largest == 0) continue;
        for (std::size_t j = 0; j < size; ++j)
            square += (column[j] / largest) * (column[j] / largest);
        row_scales_[i] = 1 / (largest * std::sqrt(square));
        for (std::size_t j = 0; j < size; ++j) column[j] *= row_scales_[i];
    }
    std::size_t next = m;
    for (std::size_t j = 0; j < size; ++j)
        if (!fixed_.empty() && fixed_[j]) M[next++ * size + j] = 1;
    qr_ = PivotedQr(std::move(M), n, static_cast<int>(columns),
                    10 * static_cast<double>(std::max(size, columns)) * eps);
}

/// Logarithms r_i, c_j with the least sum of (log|a_ij| + r_i + c_j)^2, by alternating projections.
/// Entries that are next to nothing in their row, which may be rounding, do not count.
void NullSpace::find_scales() {
    const std::size_t n = static_cast<std::size_t>(n_), m = b_.size();
    std::vector<double> logs(m * n, std::numeric_limits<double>::quiet_NaN()), rows(m, 0),
        columns(n, 0);
    std::vector<int> entries(n, 0);
    for (std::size_t i = 0; i < m; ++i) {
        const auto size_of = [&](std::size_t j) {
            return is_fixed(static_cast<int>(j))
                       ? 0
                       : std::abs(A_[i * n + j]) * (typical_.empty() ? 1 : typical_[j]);
        };
        double largest = 0;
        for (std::size_t j = 0; j < n; ++j) largest = std::max(largest, size_of(j));
        for (std::size_t j = 0; j < n; ++j)
            if (const double a = size_of(j); a > std::sqrt(eps) * largest) {
                logs[i * n + j] = std::log2(a);
                ++entries[j];
            }
    }
    constexpr int sweeps = 20;
    for (int sweep = 0; sweep < sweeps; ++sweep) {
        for (std::size_t i = 0; i < m; ++i) {
            double sum = 0;
            int count = 0;
            for (std::size_t j = 0; j < n; ++j)
                if (!std::isnan(logs[i * n + j])) {
                    sum += logs[i * n + j] + columns[j];
                    ++count;
                }
            if (count > 0) rows[i] = -sum / count;
        }
        std::vector<double> sums(n, 0);
        for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < n; ++j)
                if (!std::isnan(logs[i * n + j])) sums[j] += logs[i * n + j] + rows[i];
        double change = 0;
        for (std::size_t j = 0; j < n; ++j)
            if (entries[j] > 0) {
                change = std::max(change, std::abs(-sums[j] / entries[j] - columns[j]));
                columns[j] = -sums[j] / entries[j];
            }
        if (change < 0.01) break;
    }
    // Their mean is as good as any other.
    double mean = 0;
    int count = 0;
    for (std::size_t j = 0; j < n; ++j)
        if (entries[j] > 0) {
            mean += columns[j];
            ++count;
        }
    C_.resize(n);
    for (std::size_t j = 0; j < n; ++j) {
        const double typical = typical_.empty() ? 1 : typical_[j],
                     log = entries[j] > 0 ? columns[j] - mean / count : 0;
        C_[j] = is_fixed(static_cast<int>(j)) ? 0 : std::exp2(std::round(log + std::log2(typical)));
    }
}

double NullSpace::left_side(int i, std::span<const double> x) const {
    double sum = 0;
    for (int j = 0; j < n_; ++j) sum += entry(i, j) * x[static_cast<std::size_t>(j)];
    return sum;
}

double NullSpace::from_equations(int j, const std::vector<double>& l) const {
    double sum = 0;
    for (int i = 0; i < m_; ++i) sum += entry(i, j) * l[static_cast<std::size_t>(i)];
    return sum;
}

void NullSpace::satisfy(const PivotedQr& factor, std::span<const int> rows,
                        const std::vector<double>& row_scales, const std::vector<double>& scales,
                        std::vector<double>& x) const {
    std::vector<double> w(static_cast<std::size_t>(factor.rank()), 0);
    const std::span<const int> pivots = factor.pivots();
    for (std::size_t p = 0; p < w.size(); ++p) {
        const std::size_t column = static_cast<std::size_t>(pivots[p]);
        const int i = rows[column];
        if (i < m_)  // fixed parameters are where they should be
            w[p] = row_scales[column] * (b_[static_cast<std::size_t>(i)] - left_side(i, x));
    }
    factor.solve(true, w);
    w.resize(static_cast<std::size_t>(n_), 0);
    factor.apply(false, w);
    for (std::size_t j = 0; j < x.size(); ++j) x[j] += scales[j] * w[j];
}

void NullSpace::require_consistent(const std::vector<double>& x) const {
    const std::size_t n = static_cast<std::size_t>(n_);
    int worst = -1;
    double worst_share = 1e3 * static_cast<double>(std::max(n, b_.size())) * eps,
           worst_residual = 0;
    const std::span<const int> independent = qr_.pivots();
    for (int i = 0; i < m_; ++i) {
        if (std::ranges::find(independent, i) != independent.end()) continue;
        double size = std::abs(b_[static_cast<std::size_t>(i)]);
        for (std::size_t j = 0; j < n; ++j) size += std::abs(entry(i, static_cast<int>(j)) * x[j]);
        const double residual = left_side(i, x) - b_[static_cast<std::size_t>(i)];
        if (size > 0 && std::abs(residual) / size > worst_share) {
            worst = i;
            worst_share = std::abs(residual) / size;
            worst_residual = residual;
        }
    }
    if (worst < 0) return;
    bool free = false, any = false;
    for (int j = 0; j < n_; ++j) {
        any = any || entry(worst, j) != 0;
        free = free || (entry(worst, j) != 0 && !is_fixed(j));
    }
    const std::string equation = "equation " + std::to_string(worst) + " of the constraints ";
    const std::string b = text(b_[static_cast<std::size_t>(worst)]);
    if (!any)
        reject(equation + "cannot hold (all of its coefficients are 0, its right-hand side is " +
               b + ") correct it or drop it");
    if (!free)
        reject(equation + "cannot hold (its parameters are all fixed, and A x - b is " +
               text(worst_residual) + " there) correct it, drop it or free a parameter");
    reject(equation + "contradicts others (where these hold, A x - b is " + text(worst_residual) +
           " for it, whose right-hand side is " + b + ") correct one of them or drop it");
}

void NullSpace::start_at(const std::vector<double>& x0, double epsilon) {
    const std::size_t n = static_cast<std::size_t>(n_);
    std::vector<int> rows(row_scales_.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int>(i);
    // Of no start: whether equations contradict each other does not depend on it.
    std::vector<double> x(n, 0);
    for (std::size_t j = 0; j < n; ++j)
        if (is_fixed(static_cast<int>(j))) x[j] = x0[j];
    for (int refine = 0; refine < 2; ++refine) satisfy(qr_, rows, row_scales_, C_, x);
    require_consistent(x);

    bool holds = true;
    for (int i = 0; i < m_; ++i) {
        double size = std::abs(b_[static_cast<std::size_t>(i)]);
        for (std::size_t j = 0; j < n; ++j) size += std::abs(entry(i, static_cast<int>(j)) * x0[j]);
        holds = holds && std::abs(left_side(i, x0) - b_[static_cast<std::size_t>(i)]) <=
                             rounding(n, epsilon) * size;
    }
    start_ = x0;
    moved_ = !holds;
    if (moved_) {
        std::vector<double> scales(n), nearest, lengths;
        std::vector<int> independent;
        for (std::size_t j = 0; j < n; ++j)
            scales[j] = is_fixed(static_cast<int>(j)) ? 0 : typical_.empty() ? 1 : typical_[j];
        for (const int i : qr_.pivots()) {
            if (i >= m_) continue;
            double square = 0;
            for (int j = 0; j < n_; ++j)
                square = std::hypot(square, entry(i, j) * scales[static_cast<std::size_t>(j)]);
            for (int j = 0; j < n_; ++j)
                nearest.push_back(entry(i, j) * scales[static_cast<std::size_t>(j)] / square);
            lengths.push_back(1 / square);
            independent.push_back(i);
        }
        const PivotedQr factor(std::move(nearest), n_, static_cast<int>(independent.size()), 0);
        satisfy(factor, independent, lengths, scales, start_);
        // What rounding has left where units differ much.
        satisfy(qr_, rows, row_scales_, C_, start_);
    }
    std::vector<double> y(n, 0);
    for (std::size_t j = 0; j < n; ++j)
        if (C_[j] > 0) y[j] = start_[j] / C_[j];
    qr_.apply(true, y);
    z_.assign(y.begin() + qr_.rank(), y.end());
    std::fill(y.begin() + qr_.rank(), y.end(), 0);
    qr_.apply(false, y);
    base_.resize(n);
    for (std::size_t j = 0; j < n; ++j)
        base_[j] = is_fixed(static_cast<int>(j)) ? x0[j] : C_[j] * y[j];
}

std::vector<double> NullSpace::scaled(std::vector<double> z) const {
    z.insert(z.begin(), static_cast<std::size_t>(qr_.rank()), 0.0);
    qr_.apply(false, z);
    return z;
}

std::vector<double> NullSpace::full(std::vector<double> z) const {
    std::vector<double> x = scaled(std::move(z));
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = base_[j] + C_[j] * x[j];
    return x;
}

std::vector<double> NullSpace::typical() const {
    std::vector<double> list;
    for (std::size_t j = static_cast<std::size_t>(qr_.rank()); j < C_.size(); ++j)
        list.push_back(C_[j] > 0 ? (typical_.empty() ? 1 : typical_[j]) / C_[j] : 1);
    return list;
}

std::vector<double> NullSpace::multipliers(const std::vector<double>& g) const {
    std::vector<double> w(g.size());
    for (std::size_t j = 0; j < g.size(); ++j) w[j] = C_[j] * g[j];
    qr_.apply(true, w);
    w.resize(static_cast<std::size_t>(qr_.rank()));
    qr_.solve(false, w);
    std::vector<double> multipliers(b_.size(), 0);
    const std::span<const int> pivots = qr_.pivots();
    for (std::size_t p = 0; p < w.size(); ++p)
        if (pivots[p] < m_) {
            const std::size_t i = static_cast<std::size_t>(pivots[p]);
            multipliers[i] = row_scales_[i] * w[p];
        }
    return multipliers;
}

}  // namespace cunewton::solver
