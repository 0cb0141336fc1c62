#include "host/minimize/undetermined.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace cunewton::solver {

std::vector<int> undetermined(std::vector<double> H, int n, double accuracy) {
    const auto column_of = [&](int j) { return H.data() + static_cast<std::size_t>(j) * n; };
    // A unit diagonal, so that units do not matter, and both halves.
    std::vector<double> unit(n);
    for (int j = 0; j < n; ++j) {
        const double diagonal = column_of(j)[j];
        unit[j] = diagonal > 0 ? 1 / std::sqrt(diagonal) : 0;
    }
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n; ++i)
            column_of(i)[j] = column_of(j)[i] = column_of(j)[i] * unit[i] * unit[j];

    // Column after column of L in the pivots' order, each in the place of the pivot's own of H;
    // `left` is what remains of the diagonal.
    const double tolerance = 10 * (accuracy + n * 2.3e-16);
    std::vector<int> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::vector<double> left(n);
    for (int j = 0; j < n; ++j) left[j] = column_of(j)[j];
    int rank = 0;
    for (; rank < n; ++rank) {
        int pivot = rank;
        for (int i = rank; i < n; ++i)
            if (left[order[i]] > left[order[pivot]]) pivot = i;
        if (!(left[order[pivot]] > tolerance)) break;
        std::swap(order[rank], order[pivot]);
        const int p = order[rank];
        double* const column = column_of(p);  // by parameter
        const double root = std::sqrt(left[p]);
        for (int k = 0; k < rank; ++k) {
            const double* other = column_of(order[k]);
            const double factor = other[p];
            for (int i = rank; i < n; ++i) column[order[i]] -= other[order[i]] * factor;
        }
        for (int i = rank; i < n; ++i) column[order[i]] /= root;
        column[p] = root;
        for (int i = rank + 1; i < n; ++i) left[order[i]] -= column[order[i]] * column[order[i]];
    }

    // The null space is spanned by e_q - L11^-T l_q, one for each parameter q without a pivot.
    std::vector<bool> found(n, false);
    std::vector<double> w(rank);
    for (int q = rank; q < n; ++q) {
        found[order[q]] = true;
        for (int k = rank; k-- > 0;) {
            const double* column = column_of(order[k]);
            double sum = column[order[q]];
            for (int m = k + 1; m < rank; ++m) sum -= column[order[m]] * w[m];
            w[k] = sum / column[order[k]];
            // Beyond the rounding of an inverse that is only just regular.
            if (std::abs(w[k]) > std::sqrt(tolerance)) found[order[k]] = true;
        }
    }
    std::vector<int> list;
    for (int j = 0; j < n; ++j)
        if (found[j]) list.push_back(j);
    return list;
}

std::size_t undetermined_memory(int n) {
    const std::size_t size = static_cast<std::size_t>(n);
    // H; unit, left and w; order, the list as it grows, and a bit of each parameter.
    return size * (size + 3) * sizeof(double) + size * 4 * sizeof(int) + size;
}

}  // namespace cunewton::solver
