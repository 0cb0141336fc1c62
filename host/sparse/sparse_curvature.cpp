#include "host/sparse/sparse_curvature.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "cunewton/math/stencil.h"
#include "host/backend/random.h"
#include "host/sparse/compression.h"

namespace cunewton {

namespace {

/// Rows in which products are compared one by one, at most.
constexpr int most_rows = 8;

}  // namespace

template <class T>
double accuracy_of_differences(const ResolvedDerivatives& by) {
    const double eps = std::numeric_limits<T>::epsilon();
    return by.gradient_step > 0 ? std::cbrt(eps) : std::pow(eps, 2.0 / 3);
}
template double accuracy_of_differences<double>(const ResolvedDerivatives&);
template double accuracy_of_differences<float>(const ResolvedDerivatives&);

template <class T>
std::vector<double> noise_of_products(Evaluator<T>& evaluator, Vectors<T>& vectors,
                                      const ResolvedDerivatives& by,
                                      const std::vector<double>& typical, const T* x, int n) {
    const std::size_t size = static_cast<std::size_t>(n);
    std::vector<double> noise(size, 0.0);
    if (by.hessian_is_exact()) return noise;
    const double eps = std::numeric_limits<T>::epsilon();
    const Buffer<T> g = vectors.allocate(size);
    const Number f = vectors.number();
    evaluator.value_and_gradient(x, g.get(), f);
    const double value = std::abs(vectors.read(f));
    std::vector<T> at(size);
    vectors.download(at.data(), by.gradient_step > 0 ? x : g.get(), size);
    for (std::size_t j = 0; j < size; ++j) {
        const double a = std::abs(static_cast<double>(at[j]));
        const double step = by.gradient_step * std::max(a, typical.empty() ? 1 : typical[j]);
        // Products take central differences along a vector of norm 1, where x is at least 1.
        noise[j] = eps * (step > 0 ? value / step : a) / static_cast<double>(central_step<T>());
    }
    return noise;
}
template std::vector<double> noise_of_products(Evaluator<double>&, Vectors<double>&,
                                               const ResolvedDerivatives&,
                                               const std::vector<double>&, const double*, int);
template std::vector<double> noise_of_products(Evaluator<float>&, Vectors<float>&,
                                               const ResolvedDerivatives&,
                                               const std::vector<double>&, const float*, int);

std::string describe(const MissingEntry& missing) {
    char value[32];
    std::snprintf(value, sizeof(value), "%.6g", missing.value);
    return "entry (" + std::to_string(missing.row) + ", " + std::to_string(missing.column) +
           ") of the Hessian is " + value;
}

template <class T>
SparseCurvature<T>::SparseCurvature(Session<T>& session, const SparsityPattern& pattern,
                                    const DerivativeOptions& options, ColouringKind kind)
    : evaluator_(*session.evaluator),
      vectors_(*session.vectors),
      pattern_(pattern),
      kind_(kind),
      by_(session.derivatives),
      magnitudes_(options.typical_x),
      by_products_(by_.hessian_is_exact()),
      accuracy_(by_products_ ? static_cast<double>(std::numeric_limits<T>::epsilon())
                             : accuracy_of_differences<T>(by_)),
      relative_step_(options.relative_step > 0 ? static_cast<T>(options.relative_step)
                                               : central_step<T>()),
      n_(static_cast<std::size_t>(pattern.n)),
      sparse_(session.matrices->sparse(pattern)),
      A_(vectors_.allocate(pattern.rows.size())) {
    if (evaluator_.knows_sparse_hessian()) return;
    how_ = compression_of(pattern_, colour(pattern_, kind_), kind_);
    sparse_->compress(how_);
    const std::size_t colours = static_cast<std::size_t>(how_.colours);
    B_ = vectors_.allocate(n_ * colours);
    if (by_products_) {
        seeds_ = vectors_.allocate(n_ * colours);
        for (std::size_t c = 0; c < colours; ++c)
            sparse_->shift(nullptr, nullptr, static_cast<int>(c), T(1), seeds_.get() + c * n_);
    } else {
        steps_ = vectors_.allocate(n_);
        if (!magnitudes_.empty()) {
            typical_ = vectors_.allocate(n_);
            vectors_.upload(typical_.get(),
                            std::vector<T>(magnitudes_.begin(), magnitudes_.end()).data(), n_);
        }
    }
}

template <class T>
void SparseCurvature<T>::update(const T* x) {
    if (evaluator_.knows_sparse_hessian()) {
        evaluator_.sparse_hessian(x, A_.get());
    } else if (by_products_) {
        evaluator_.prepare_products(x);
        evaluator_.products(seeds_.get(), how_.colours, B_.get());
        sparse_->recover(B_.get(), nullptr, A_.get());
    } else {
        sparse_->difference_steps(x, typical_.get(), relative_step_, steps_.get());
        evaluator_.shorten_steps(steps_.get());
        evaluator_.gradient_differences(x, steps_.get(), how_, *sparse_, B_.get());
        sparse_->recover(B_.get(), steps_.get(), A_.get());
    }
}

template <class T>
std::optional<MissingEntry> SparseCurvature<T>::find_missing(const T* x, long& taken) {
    // Between 1/2 and 3/2, of either sign: entries that are multiples of each other, as often, do
    // not cancel in a row.
    std::vector<T> along(n_), exact(n_), found(n_), entries(A_.size());
    Generator random(1);
    double square = 0;
    for (T& a : along) {
        const double number = 2 * random.uniform() - 1;
        a = static_cast<T>(number < 0 ? number - 0.5 : number + 0.5);
        square += static_cast<double>(a) * a;
    }
    const Buffer<T> v = vectors_.allocate(n_), Hv = vectors_.allocate(n_);
    vectors_.upload(v.get(), along.data(), n_);
    evaluator_.prepare_products(x);
    evaluator_.products(v.get(), 1, Hv.get());
    ++taken;
    vectors_.download(exact.data(), Hv.get(), n_);
    apply(v.get(), 1, Hv.get());
    vectors_.download(found.data(), Hv.get(), n_);
    vectors_.download(entries.data(), A_.get(), entries.size());
    std::vector<double> size(n_, 0.0);  // of each row
    for (int j = 0; j < pattern_.n; ++j)
        for (long e = pattern_.column_starts[j]; e < pattern_.column_starts[j + 1]; ++e) {
            const double a = std::abs(static_cast<double>(entries[e]));
            const int i = pattern_.rows[e];
            size[j] += a * std::abs(along[i]);
            if (i != j) size[i] += a * std::abs(along[j]);
        }
    // Differences count beside their rows; where these are zero anything does.
    const double least = std::max(1e-4, 32 * accuracy_);
    std::vector<std::pair<double, int>> rows;
    for (std::size_t j = 0; j < n_; ++j) {
        const double off = std::abs(static_cast<double>(exact[j]) - found[j]);
        if (off > least * size[j])
            rows.push_back({-off / std::max(size[j], off), static_cast<int>(j)});
    }
    if (rows.empty()) return std::nullopt;
    std::vector<double> noise =
        noise_of_products(evaluator_, vectors_, by_, magnitudes_, x, pattern_.n);
    for (double& of : noise) of *= 8;
    std::erase_if(rows, [&](const std::pair<double, int>& row) {
        const int j = row.second;
        return std::abs(static_cast<double>(exact[j]) - found[j]) <= std::sqrt(square) * noise[j];
    });
    const auto last = rows.begin() + std::min<long>(most_rows, static_cast<long>(rows.size()));
    std::partial_sort(rows.begin(), last, rows.end());
    std::fill(along.begin(), along.end(), T(0));
    for (auto candidate = rows.begin(); candidate != last; ++candidate) {
        const int j = candidate->second;
        along[j] = T(1);
        vectors_.upload(v.get(), along.data(), n_);
        along[j] = T(0);
        evaluator_.products(v.get(), 1, Hv.get());
        ++taken;
        vectors_.download(exact.data(), Hv.get(), n_);
        double largest = 0;
        for (const T h : exact) largest = std::max(largest, std::abs(static_cast<double>(h)));
        MissingEntry worst{0, j, 0};
        for (int i = 0; i < pattern_.n; ++i) {
            const double h = static_cast<double>(exact[i]);
            if (!(std::abs(h) > std::max(std::abs(worst.value), noise[i]))) continue;
            const int low = std::min(i, j), high = std::max(i, j);
            const auto begin = pattern_.rows.begin() + pattern_.column_starts[low],
                       end = pattern_.rows.begin() + pattern_.column_starts[low + 1];
            if (!std::binary_search(begin, end, high)) worst = {i, j, h};
        }
        if (std::abs(worst.value) > std::max(1e-3, 32 * accuracy_) * largest) return worst;
    }
    return std::nullopt;
}

template <class T>
void SparseCurvature<T>::require_complete(const T* x, long& taken) {
    if (const auto missing = find_missing(x, taken))
        throw InvalidArgument("the sparsity pattern lacks an entry (" + describe(*missing) +
                              ") add it to the pattern");
}

template <class T>
void SparseCurvature<T>::apply(const T* V, int columns, T* HV) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c)
        sparse_->symv(A_.get(), V + c * n_, HV + c * n_);
}
template <class T>
void SparseCurvature<T>::raise_scales(const T* g, double f, int parity, T* largest, T* S) {
    sparse_->raise_scales(A_.get(), g, f, parity, largest, S);
}
template <class T>
void SparseCurvature<T>::bounds(const T* S, Scalar norm, Scalar least_diagonal) {
    sparse_->bounds(A_.get(), S, norm, least_diagonal);
}
template <class T>
void SparseCurvature<T>::factorize(T shift, const T* S, Scalar info, Scalar least_pivot) {
    sparse_->factorize(A_.get(), shift, S, info, least_pivot);
}
template <class T>
void SparseCurvature<T>::solve(T* x) {
    sparse_->solve(x);
}
template <class T>
void SparseCurvature<T>::solve_lower(T* x) {
    sparse_->solve_lower(x);
}

template class SparseCurvature<double>;
template class SparseCurvature<float>;

}  // namespace cunewton
