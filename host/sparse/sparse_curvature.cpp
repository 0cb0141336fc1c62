#include "host/sparse/sparse_curvature.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "cunewton/math/random_sign.h"
#include "cunewton/math/stencil.h"
#include "host/sparse/compression.h"

namespace cunewton {

namespace {

/// Relative error of a Hessian's entries, by how they are obtained.
template <class T>
double accuracy_of(const ResolvedDerivatives& by) {
    const double eps = std::numeric_limits<T>::epsilon();
    if (by.hessian_is_exact()) return eps;
    return by.gradient_step > 0 ? std::cbrt(eps) : std::pow(eps, 2.0 / 3);
}

/// Rows in which products are compared one by one, at most.
constexpr int most_rows = 8;

}  // namespace

std::string describe(const MissingEntry& missing) {
    char value[32];
    std::snprintf(value, sizeof(value), "%.6g", missing.value);
    return "entry (" + std::to_string(missing.row) + ", " + std::to_string(missing.column) +
           ") of the Hessian is " + value;
}

template <class T>
SparseCurvature<T>::SparseCurvature(Session<T>& session, const SparsityPattern& pattern,
                                    const std::vector<double>& typical, ColouringKind kind)
    : evaluator_(*session.evaluator),
      vectors_(*session.vectors),
      pattern_(pattern),
      kind_(kind),
      by_products_(session.derivatives.hessian_is_exact()),
      accuracy_(accuracy_of<T>(session.derivatives)),
      relative_step_(static_cast<T>(session.derivatives.hessian == HessianBy::gradient_differences
                                        ? session.derivatives.hessian_step
                                        : static_cast<double>(central_step<T>()))),
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
        if (!typical.empty()) {
            typical_ = vectors_.allocate(n_);
            vectors_.upload(typical_.get(), std::vector<T>(typical.begin(), typical.end()).data(),
                            n_);
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
        evaluator_.gradient_differences(x, steps_.get(), how_, *sparse_, B_.get());
        sparse_->recover(B_.get(), steps_.get(), A_.get());
    }
}

template <class T>
std::optional<MissingEntry> SparseCurvature<T>::find_missing(const T* x, long& taken) {
    std::vector<T> signs(n_), exact(n_), found(n_), entries(A_.size());
    for (std::size_t j = 0; j < n_; ++j) signs[j] = static_cast<T>(random_sign(1, j));
    const Buffer<T> v = vectors_.allocate(n_), Hv = vectors_.allocate(n_);
    vectors_.upload(v.get(), signs.data(), n_);
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
            size[j] += a;
            if (pattern_.rows[e] != j) size[pattern_.rows[e]] += a;
        }
    // Differences count beside their rows; where these are zero anything does.
    const double least = std::max(1e-4, 32 * accuracy_);
    std::vector<std::pair<double, int>> rows;
    for (std::size_t j = 0; j < n_; ++j) {
        const double off = std::abs(static_cast<double>(exact[j]) - found[j]);
        if (off > least * size[j])
            rows.push_back({-off / std::max(size[j], off), static_cast<int>(j)});
    }
    const auto last = rows.begin() + std::min<long>(most_rows, static_cast<long>(rows.size()));
    std::partial_sort(rows.begin(), last, rows.end());
    std::fill(signs.begin(), signs.end(), T(0));
    for (auto candidate = rows.begin(); candidate != last; ++candidate) {
        const int j = candidate->second;
        signs[j] = T(1);
        vectors_.upload(v.get(), signs.data(), n_);
        signs[j] = T(0);
        evaluator_.products(v.get(), 1, Hv.get());
        ++taken;
        vectors_.download(exact.data(), Hv.get(), n_);
        double largest = 0;
        for (const T h : exact) largest = std::max(largest, std::abs(static_cast<double>(h)));
        MissingEntry worst{0, j, 0};
        for (int i = 0; i < pattern_.n; ++i) {
            const double h = static_cast<double>(exact[i]);
            if (!(std::abs(h) > std::abs(worst.value))) continue;
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
