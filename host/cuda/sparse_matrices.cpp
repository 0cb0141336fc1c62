#include "host/cuda/sparse_matrices.h"

#include <numeric>
#include <vector>

namespace cunewton::cuda {

namespace {

/// A copy on the device, complete when this returns. By the stream that uses it: what is copied
/// from pageable memory by another may still be on its way.
template <class V>
DeviceArray<V> copied(const std::vector<V>& from, cudaStream_t stream) {
    DeviceArray<V> to(from.size());
    if (from.empty()) return to;
    constexpr const char* failed = "a copy to the device failed";
    check(cudaMemcpyAsync(to.get(), from.data(), from.size() * sizeof(V), cudaMemcpyHostToDevice,
                          stream),
          failed);
    check(cudaStreamSynchronize(stream), failed);
    return to;
}

}  // namespace

template <class T>
CudaSparseMatrices<T>::CudaSparseMatrices(const SparsityPattern& pattern, CudaVectors<T>& vectors)
    : vectors_(vectors),
      n_(pattern.n),
      entries_(pattern.size()),
      starts_(copied(std::vector<int>(pattern.column_starts.begin(), pattern.column_starts.end()),
                     vectors.stream())),
      columns_(copied(pattern.rows, vectors_.stream())) {
    const std::size_t n = static_cast<std::size_t>(n_);
    std::vector<int> starts(n + 1, 0);
    for (const int row : pattern.rows) ++starts[static_cast<std::size_t>(row) + 1];
    for (std::size_t j = 0; j < n; ++j) --starts[j + 1];  // without the diagonal
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    std::vector<int> next(starts.begin(), starts.end() - 1),
        entries(static_cast<std::size_t>(starts.back())), columns(entries.size());
    for (int j = 0; j < n_; ++j)
        for (long e = pattern.column_starts[static_cast<std::size_t>(j)] + 1;
             e < pattern.column_starts[static_cast<std::size_t>(j) + 1]; ++e) {
            const std::size_t row =
                static_cast<std::size_t>(pattern.rows[static_cast<std::size_t>(e)]);
            const std::size_t place = static_cast<std::size_t>(next[row]++);
            entries[place] = static_cast<int>(e);
            columns[place] = j;
        }
    below_starts_ = copied(starts, vectors_.stream());
    below_ = copied(entries, vectors_.stream());
    below_columns_ = copied(columns, vectors_.stream());
}

template <class T>
void CudaSparseMatrices<T>::symv(const T* A, const T* x, T* y) {
    launch_sparse_symv(view(), A, x, y, vectors_.stream());
}
template <class T>
void CudaSparseMatrices<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest,
                                         T* S) {
    launch_sparse_raise_scales(view(), A, g, f, parity, largest, S, vectors_.stream());
}
template <class T>
void CudaSparseMatrices<T>::bounds(const T* A, const T* S, Scalar norm, Scalar least_diagonal) {
    launch_sparse_bounds(view(), A, S, vectors_.sums(static_cast<std::size_t>(n_)),
                         vectors_.place(norm), vectors_.place(least_diagonal), vectors_.stream());
}

template <class T>
void CudaSparseMatrices<T>::factorize(const T* A, T shift, const T* S, Scalar info,
                                      Scalar least_pivot) {
    const std::size_t n = static_cast<std::size_t>(n_);
    if (!cholesky_) {
        for (DeviceArray<T>* array : {&scale_, &pivots_, &right_side_, &solution_})
            *array = DeviceArray<T>(n);
        scaled_ = DeviceArray<T>(static_cast<std::size_t>(entries_));
        cholesky_ = std::make_unique<SparseCholesky<T>>(view(), entries_, scaled_.get(), vectors_);
    }
    launch_equilibrate(view(), A, shift, S, scale_.get(), scaled_.get(), vectors_.stream());
    const int found = cholesky_->factorize();
    // Where it failed there may be no pivots.
    if (found == 0)
        cholesky_->pivots(pivots_.get());
    else
        launch_fill(pivots_.get(), T(0), n_, vectors_.stream());
    launch_pivots(n_, pivots_.get(), found, vectors_.place(info), vectors_.place(least_pivot),
                  vectors_.stream());
}

template <class T>
void CudaSparseMatrices<T>::solve(const T* x, T* to) {
    launch_multiply_entries(right_side_.get(), scale_.get(), x, n_, vectors_.stream());
    cholesky_->solve(right_side_.get(), solution_.get());
    launch_multiply_entries(to, scale_.get(), solution_.get(), n_, vectors_.stream());
}
template <class T>
void CudaSparseMatrices<T>::solve(T* x) {
    solve(x, x);
}
template <class T>
void CudaSparseMatrices<T>::solve_lower(T* x) {
    const Number square = vectors_.number(), length = vectors_.number();
    T* const z = pivots_.get();
    solve(x, z);
    vectors_.dot(x, z, n_, square);
    vectors_.norms({{z, length}}, n_);
    launch_lengthen(x, z, vectors_.place(square), vectors_.place(length), n_, vectors_.stream());
}

template <class T>
void CudaSparseMatrices<T>::compress(const Compression& how) {
    direct_ = how.direct();
    colours_ = copied(how.colour_of, vectors_.stream());
    column_ = copied(how.column, vectors_.stream());
    place_ = copied(how.place, vectors_.stream());
    order_ = copied(how.order, vectors_.stream());
    known_ = copied(how.known, vectors_.stream());
    known_column_ = copied(how.known_column, vectors_.stream());
    known_starts_ = copied(how.known_starts, vectors_.stream());
    level_starts_ = how.level_starts;
}
template <class T>
void CudaSparseMatrices<T>::difference_steps(const T* x, const T* typical, T relative, T* h) {
    launch_difference_steps(x, typical, relative, h, n_, vectors_.stream());
}
template <class T>
void CudaSparseMatrices<T>::shift(const T* x, const T* h, int colour, T sign, T* to) {
    launch_seeded(x, h, colours_.get(), colour, sign, to, n_, vectors_.stream());
}
template <class T>
void CudaSparseMatrices<T>::recover(const T* B, const T* h, T* A) {
    const RecoveryView<T> how{place_.get(), column_.get(),       known_starts_.get(),
                              known_.get(), known_column_.get(), h};
    if (direct_) return launch_recover<T>(how, nullptr, entries_, B, A, vectors_.stream());
    for (std::size_t level = 0; level + 1 < level_starts_.size(); ++level) {
        const long first = level_starts_[level], count = level_starts_[level + 1] - first;
        if (count > 0) launch_recover(how, order_.get() + first, count, B, A, vectors_.stream());
    }
}

template class CudaSparseMatrices<double>;
template class CudaSparseMatrices<float>;

}  // namespace cunewton::cuda
