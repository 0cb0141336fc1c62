#include "host/minimize/undetermined.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace cunewton::solver {

std::vector<int> undetermined(std::vector<double> H, int n, double accuracy) {
    const auto at = [&](int i, int j) -> double& {
        return H[static_cast<std::size_t>(std::min(i, j)) * n + std::max(i, j)];
    };
    // A unit diagonal, so that units do not matter.
    std::vector<double> unit(n);
    for (int j = 0; j < n; ++j) unit[j] = at(j, j) > 0 ? 1 / std::sqrt(at(j, j)) : 0;
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n; ++i) at(i, j) = at(i, j) * unit[i] * unit[j];

    // Column after column of L in the pivots' order; `left` is what remains of the diagonal.
    const double tolerance = 10 * (accuracy + n * 2.3e-16);
    std::vector<int> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::vector<double> left(n), L;
    for (int j = 0; j < n; ++j) left[j] = at(j, j);
    int rank = 0;
    for (; rank < n; ++rank) {
        int pivot = rank;
        for (int i = rank; i < n; ++i)
            if (left[order[i]] > left[order[pivot]]) pivot = i;
        if (!(left[order[pivot]] > tolerance)) break;
        std::swap(order[rank], order[pivot]);
        L.resize(static_cast<std::size_t>(rank + 1) * n);
        double* column = L.data() + static_cast<std::size_t>(rank) * n;  // by parameter
        const int p = order[rank];
        const double root = std::sqrt(left[p]);
        for (int i = rank; i < n; ++i) column[order[i]] = at(order[i], p);
        for (int k = 0; k < rank; ++k) {
            const double* other = L.data() + static_cast<std::size_t>(k) * n;
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
            double sum = L[static_cast<std::size_t>(k) * n + order[q]];
            for (int m = k + 1; m < rank; ++m)
                sum -= L[static_cast<std::size_t>(k) * n + order[m]] * w[m];
            w[k] = sum / L[static_cast<std::size_t>(k) * n + order[k]];
            // Beyond the rounding of an inverse that is only just regular.
            if (std::abs(w[k]) > std::sqrt(tolerance)) found[order[k]] = true;
        }
    }
    std::vector<int> list;
    for (int j = 0; j < n; ++j)
        if (found[j]) list.push_back(j);
    return list;
}

}  // namespace cunewton::solver
