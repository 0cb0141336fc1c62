#include "host/cuda/block_cholesky.h"

#include <algorithm>
#include <string>

namespace cunewton::cuda {

namespace {
template <class T>
struct Functions;
template <>
struct Functions<double> {
    static constexpr auto potrf = &cusolverDnDpotrfBatched;
    static constexpr auto potrs = &cusolverDnDpotrsBatched;
};
template <>
struct Functions<float> {
    static constexpr auto potrf = &cusolverDnSpotrfBatched;
    static constexpr auto potrs = &cusolverDnSpotrsBatched;
};
}  // namespace

template <class T>
CudaBlockCholesky<T>::CudaBlockCholesky(CudaDenseMatrices<T>& matrices, std::span<const int> sizes)
    : matrices_(matrices),
      vectors_(matrices.vectors()),
      all_(sizes.size()),
      some_(sizes.size()),
      infos_(sizes.size()),
      facts_there_(kinds * sizes.size()),
      fetched_(kinds * sizes.size()),
      facts_(sizes.size()) {
    MatrixTask<T> next{};
    for (const int n : sizes) {
        next.n = n;
        places_.push_back(next);
        next.entry += static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
        next.row += n;
        ++next.place;
    }
    rows_ = static_cast<std::size_t>(next.row);
    all_.here = places_;
    all_.vectors = DeviceArray<T*>(sizes.size());
    // What has not been found yet is not a number.
    check(
        cudaMemsetAsync(facts_there_.get(), 0xff, kinds * sizes.size() * sizeof(double), stream()),
        "a memory fill failed");
    upload(all_);
}

template <class T>
MemoryNeeded CudaBlockCholesky<T>::memory(std::span<const int> sizes) {
    if (sizes.empty()) return {};
    MemoryNeeded needed =
        CudaDenseMatrices<T>::memory(*std::max_element(sizes.begin(), sizes.end()));
    // Lists of the host grow by doubling.
    needed.device += sizes.size() * (2 * sizeof(MatrixTask<T>) + 3 * sizeof(T*) + sizeof(int) +
                                     kinds * sizeof(double));
    needed.host += 2 * sizes.size() *
                   (3 * sizeof(MatrixTask<T>) + sizeof(BlockFacts) + kinds * sizeof(double));
    return needed;
}

template <class T>
void CudaBlockCholesky<T>::upload(Tasks& tasks) {
    std::stable_sort(tasks.here.begin(), tasks.here.end(),
                     [](const MatrixTask<T>& a, const MatrixTask<T>& b) { return a.n < b.n; });
    tasks.largest = tasks.here.back().n;
    tasks.factor = nullptr;
    check(cudaMemcpyAsync(tasks.there.get(), tasks.here.data(),
                          tasks.here.size() * sizeof(MatrixTask<T>), cudaMemcpyHostToDevice,
                          stream()),
          "a copy to the device failed");
    vectors_.synchronize();
}

template <class T>
void CudaBlockCholesky<T>::point_to_factors(Tasks& tasks, T* L) {
    if (tasks.factor == L) return;
    launch_addresses(tasks.factors.get(), L, false, tasks.view(), stream());
    tasks.factor = L;
}

template <class T>
template <class Together, class Alone>
void CudaBlockCholesky<T>::for_each_group(const Tasks& tasks, const Together& together,
                                          const Alone& alone) {
    const std::vector<MatrixTask<T>>& list = tasks.here;
    for (std::size_t first = 0; first < list.size();) {
        std::size_t end = first + 1;
        while (end < list.size() && list[end].n == list[first].n) ++end;
        if (end - first > 1 && list[first].n <= most_together)
            together(first, static_cast<int>(end - first));
        else
            for (std::size_t i = first; i < end; ++i) alone(i);
        first = end;
    }
}

template <class T>
void CudaBlockCholesky<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest,
                                        T* S) {
    launch_raise_scales(A, g, f, parity, largest, S, all_.view(), stream());
}

template <class T>
void CudaBlockCholesky<T>::bounds(const T* A, const T* S) {
    launch_matrix_bounds(A, S, vectors_.sums(rows_), facts_there(0), facts_there(1), all_.view(),
                         stream());
}

template <class T>
void CudaBlockCholesky<T>::factorize(const T* A, const T* S, T* L) {
    factorize(A, S, L, all_);
}

template <class T>
void CudaBlockCholesky<T>::factorize(const T* A, std::span<const ShiftedBlock> which, const T* S,
                                     T* L) {
    some_.here.clear();
    for (const ShiftedBlock& each : which) {
        some_.here.push_back(places_[each.block]);
        some_.here.back().shift = static_cast<T>(each.shift);
    }
    upload(some_);
    factorize(A, S, L, some_);
}

template <class T>
void CudaBlockCholesky<T>::factorize(const T* A, const T* S, T* L, Tasks& tasks) {
    double* const diagonal = vectors_.sums(rows_);
    launch_shifted_copy(L, A, S, diagonal, tasks.view(), stream());
    for_each_group(
        tasks,
        [&](std::size_t first, int count) {
            point_to_factors(tasks, L);
            const int n = tasks.here[first].n;
            check(Functions<T>::potrf(matrices_.solver(), CUBLAS_FILL_MODE_LOWER, n,
                                      tasks.factors.get() + first, n, infos_.get() + first, count),
                  "factorisations failed");
        },
        [&](std::size_t i) {
            matrices_.factorize(L + tasks.here[i].entry, tasks.here[i].n, infos_.get() + i);
        });
    launch_factor_info(infos_.get(), diagonal, S, L, facts_there(2), facts_there(3), tasks.view(),
                       stream());
}

template <class T>
void CudaBlockCholesky<T>::solve(const T* L, T* x) {
    for_each_group(
        all_,
        [&](std::size_t first, int count) {
            // cuSOLVER's argument is not const.
            point_to_factors(all_, const_cast<T*>(L));
            if (all_.vector != x) {
                launch_addresses(all_.vectors.get(), x, true, all_.view(), stream());
                all_.vector = x;
            }
            const int n = all_.here[first].n;
            check(Functions<T>::potrs(matrices_.solver(), CUBLAS_FILL_MODE_LOWER, n, 1,
                                      all_.factors.get() + first, n, all_.vectors.get() + first, n,
                                      vectors_.solve_info(), count),
                  "solves failed");
        },
        [&](std::size_t i) {
            const MatrixTask<T>& task = all_.here[i];
            matrices_.solve(L + task.entry, x + task.row, task.n);
        });
}

template <class T>
std::span<const BlockFacts> CudaBlockCholesky<T>::facts() {
    const std::size_t count = facts_.size();
    check(cudaMemcpyAsync(fetched_.get(), facts_there_.get(), kinds * count * sizeof(double),
                          cudaMemcpyDeviceToHost, stream()),
          "a copy from the device failed");
    vectors_.synchronize();
    const double* const found = fetched_.get();
    for (std::size_t k = 0; k < count; ++k) {
        facts_[k] = {found[k], found[count + k], found[2 * count + k], found[3 * count + k]};
        if (facts_[k].info < 0)
            throw DeviceError("a factorisation failed (cuSOLVER refused argument " +
                              std::to_string(static_cast<int>(-facts_[k].info)) +
                              ") report this as a bug, with the sizes of the blocks");
    }
    return facts_;
}

template class CudaBlockCholesky<double>;
template class CudaBlockCholesky<float>;

}  // namespace cunewton::cuda
