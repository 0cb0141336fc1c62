#include "host/cpu/block_cholesky.h"

#include <algorithm>

#include "cunewton/math/curvature_scale.h"

namespace cunewton::cpu {

namespace {
// Of small blocks that a thread takes at a time: enough to be worth waking it.
constexpr std::size_t chunk_entries = std::size_t{1} << 15;
}  // namespace

template <class T>
CpuBlockCholesky<T>::CpuBlockCholesky(CpuDenseMatrices<T>& matrices, std::span<const int> sizes)
    : matrices_(matrices), facts_(sizes.size()) {
    Place next{0, 0, 0};
    for (const int n : sizes) {
        next.n = n;
        places_.push_back(next);
        all_.push_back({static_cast<int>(all_.size()), 0});
        next.entry += static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
        next.row += n;
    }
}

template <class T>
std::size_t CpuBlockCholesky<T>::memory(std::span<const int> sizes, int threads) {
    if (sizes.empty()) return 0;
    const int largest = *std::max_element(sizes.begin(), sizes.end());
    // Each thread holds what a small block takes; lists grow by doubling.
    return CpuDenseMatrices<T>::memory(largest, threads) +
           static_cast<std::size_t>(threads) *
               CpuDenseMatrices<T>::memory(std::min(largest, CpuDenseMatrices<T>::lapack_order),
                                           threads) +
           2 * sizes.size() *
               (sizeof(Place) + sizeof(BlockFacts) + sizeof(ShiftedBlock) + sizeof(std::size_t));
}

template <class T>
template <class Body>
void CpuBlockCholesky<T>::for_each(std::span<const ShiftedBlock> which, const Body& body) {
    const auto call = [&](const ShiftedBlock& each) {
        body(places_[each.block], static_cast<T>(each.shift), facts_[each.block]);
    };
    const auto is_small = [&](const ShiftedBlock& each) {
        return places_[each.block].n <= CpuDenseMatrices<T>::lapack_order;
    };
    std::vector<std::size_t> chunks{0};
    std::size_t entries = 0;
    for (std::size_t i = 0; i < which.size(); ++i) {
        const std::size_t n = static_cast<std::size_t>(places_[which[i].block].n);
        if (is_small(which[i])) entries += n * n;
        if (entries < chunk_entries) continue;
        chunks.push_back(i + 1);
        entries = 0;
    }
    if (chunks.back() < which.size()) chunks.push_back(which.size());
    matrices_.pool().for_each(chunks.size() - 1, [&](std::size_t item, int) {
        for (std::size_t i = chunks[item]; i < chunks[item + 1]; ++i)
            if (is_small(which[i])) call(which[i]);
    });
    for (const ShiftedBlock& each : which)
        if (!is_small(each)) call(each);
}

template <class T>
void CpuBlockCholesky<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest,
                                       T* S) {
    for (const Place& at : places_)
        matrices_.raise_scales(A + at.entry, g + at.row, f, parity, largest + at.row, S + at.row,
                               at.n);
}

template <class T>
void CpuBlockCholesky<T>::bounds(const T* A, const T* S) {
    for_each(all_, [&](const Place& at, T, BlockFacts& facts) {
        CpuDenseMatrices<T>::find_bounds(A + at.entry, S + at.row, at.n, facts);
    });
}

template <class T>
void CpuBlockCholesky<T>::factorize(const T* A, std::span<const ShiftedBlock> which, const T* S,
                                    T* L) {
    for_each(which, [&](const Place& at, T shift, BlockFacts& facts) {
        matrices_.factorize(A + at.entry, shift, S ? S + at.row : nullptr, L + at.entry, at.n,
                            facts);
    });
}

template <class T>
void CpuBlockCholesky<T>::solve(const T* L, T* x) {
    for_each(all_, [&](const Place& at, T, BlockFacts&) {
        matrices_.solve(L + at.entry, x + at.row, at.n);
    });
}

template class CpuBlockCholesky<double>;
template class CpuBlockCholesky<float>;

}  // namespace cunewton::cpu
