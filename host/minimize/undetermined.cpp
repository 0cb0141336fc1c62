#include "host/minimize/undetermined.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace cunewton::solver {

namespace {

/// A vector of the null space, in units of 1 / unit, in which H has a unit diagonal: 1 at parameter
/// `last` and -w[k] at order[k], 0 elsewhere. Parts up to `least` are rounding of an inverse that
/// is only just regular.
struct NullVector {
    const std::vector<int>& order;
    const std::vector<double>& w;
    const int last;
    const std::vector<double>& unit;
    const double least;
};

/// Adds the parameters that the direction has a part in.
void mark_parts(const std::vector<double>& direction, double least, std::vector<bool>& found) {
    found.resize(direction.size(), false);
    double largest = 0;
    for (const double d : direction) largest = std::max(largest, std::abs(d));
    for (std::size_t j = 0; j < direction.size(); ++j)
        if (std::abs(direction[j]) > least * largest) found[j] = true;
}

/// visit(v) for vectors that span the null space.
template <class Visit>
void visit_null_space(std::vector<double> H, int n, double accuracy, const Visit& visit) {
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
    std::vector<double> w(rank);
    for (int q = rank; q < n; ++q) {
        for (int k = rank; k-- > 0;) {
            const double* column = column_of(order[k]);
            double sum = column[order[q]];
            for (int m = k + 1; m < rank; ++m) sum -= column[order[m]] * w[m];
            w[k] = sum / column[order[k]];
        }
        visit(NullVector{order, w, order[q], unit, std::sqrt(tolerance)});
    }
}

std::vector<int> marked(const std::vector<bool>& found) {
    std::vector<int> list;
    for (std::size_t j = 0; j < found.size(); ++j)
        if (found[j]) list.push_back(static_cast<int>(j));
    return list;
}

}  // namespace

std::vector<int> undetermined(std::vector<double> H, int n, double accuracy) {
    std::vector<bool> found(n, false);
    visit_null_space(std::move(H), n, accuracy, [&](const NullVector& v) {
        found[v.last] = true;
        for (std::size_t k = 0; k < v.w.size(); ++k)
            if (std::abs(v.w[k]) > v.least) found[v.order[k]] = true;
    });
    return marked(found);
}

std::vector<int> undetermined(std::vector<double> H, int n, double accuracy,
                              const std::function<std::vector<double>(std::vector<double>)>& map) {
    std::vector<bool> found;
    visit_null_space(std::move(H), n, accuracy, [&](const NullVector& v) {
        std::vector<double> direction(n, 0);
        direction[v.last] = v.unit[v.last] > 0 ? v.unit[v.last] : 1;
        for (std::size_t k = 0; k < v.w.size(); ++k)
            direction[v.order[k]] = -v.unit[v.order[k]] * v.w[k];
        mark_parts(map(std::move(direction)), v.least, found);
    });
    return marked(found);
}

std::vector<int> undetermined(const std::vector<double>& direction, double least) {
    std::vector<bool> found;
    mark_parts(direction, least, found);
    return marked(found);
}

std::size_t undetermined_memory(int n) {
    const std::size_t size = static_cast<std::size_t>(n);
    // H; unit, left and w; order, the list as it grows, and a bit of each parameter.
    return size * (size + 3) * sizeof(double) + size * 4 * sizeof(int) + size;
}

}  // namespace cunewton::solver
