#include "tests/unconstrained/elements.h"

#include <array>
#include <memory>
#include <utility>

namespace cunewton::test {

namespace {

template <class T, class Element>
Elements<T> elements_of(const Element& element, const std::vector<int>& indices,
                        const Samples<T>& data = {}) {
    Elements<T> elements = make_elements<T>(element, indices, data);
    add_device_code(elements, element);
    return elements;
}

/// Rows of `width` numbers, which live as long as the problem.
template <class T>
Samples<T> kept_samples(std::vector<T> numbers, int width) {
    const auto kept = std::make_shared<const std::vector<T>>(std::move(numbers));
    const long rows = static_cast<long>(kept->size()) / width;
    return Samples<T>::of(Array<const T>(kept->data(), rows, width).kept_by(kept));
}

}  // namespace

template <class T>
Problem<T> chain_sum(int n, const ProblemOptions& options) {
    std::vector<int> indices;
    indices.reserve(2 * static_cast<std::size_t>(n));
    for (int i = 0; i + 1 < n; ++i) indices.insert(indices.end(), {i, i + 1});
    return make_element_sum<T>({elements_of<T>(RosenbrockLink{}, indices)}, n, options);
}

template <class T>
Problem<T> broyden_sum(int n, const ProblemOptions& options) {
    std::vector<int> inner;
    inner.reserve(3 * static_cast<std::size_t>(n));
    for (int i = 1; i + 1 < n; ++i) inner.insert(inner.end(), {i - 1, i, i + 1});
    return make_element_sum<T>(
        {elements_of<T>(BroydenFirst{}, {0, 1}), elements_of<T>(BroydenInner{}, inner),
         elements_of<T>(BroydenLast{}, {n - 2, n - 1})},
        n, options);
}

template <class T>
Problem<T> surface_sum(int side, const ProblemOptions& options) {
    const double h = 1.0 / (side + 1);
    std::vector<int> indices[4];  // by the number of free corners
    std::vector<T> slopes[3];
    // Corners by row and column, from -1 to side; those on the boundary are fixed.
    using Corner = std::array<int, 2>;
    const auto add = [&](const Corner& corner, const Corner& a, const Corner& b) {
        const Corner corners[] = {corner, a, b};
        std::vector<int> free;
        // Of both slopes: a constant, and what is taken of the free corners.
        std::vector<double> of_a{0}, of_b{0};
        for (int c = 0; c < 3; ++c) {
            const auto [row, column] = corners[c];
            const double to_a = c == 0   ? -1 / h
                                : c == 1 ? 1 / h
                                         : 0,
                         to_b = c == 0   ? -1 / h
                                : c == 2 ? 1 / h
                                         : 0;
            if (row >= 0 && row < side && column >= 0 && column < side) {
                free.push_back(row * side + column);
                of_a.push_back(to_a);
                of_b.push_back(to_b);
            } else {
                const double s = h * (column + 1), t = h * (row + 1), height = s * s - t * t;
                of_a[0] += to_a * height;
                of_b[0] += to_b * height;
            }
        }
        if (free.empty()) {  // a constant: of any parameter, from which it takes nothing
            free.push_back(0);
            of_a.push_back(0);
            of_b.push_back(0);
        }
        std::vector<int>& to = indices[free.size()];
        to.insert(to.end(), free.begin(), free.end());
        if (free.size() == 3) return;
        for (const std::vector<double>& slope : {of_a, of_b})
            for (const double part : slope) slopes[free.size()].push_back(static_cast<T>(part));
    };
    for (int r = -1; r < side; ++r)
        for (int c = -1; c < side; ++c) {
            add({r, c}, {r, c + 1}, {r + 1, c});
            add({r + 1, c + 1}, {r + 1, c}, {r, c + 1});
        }
    return make_element_sum<T>(
        {elements_of<T>(SurfaceTriangle{h}, indices[3]),
         elements_of<T>(SurfaceEdge<2>{h}, indices[2], kept_samples(slopes[2], 6)),
         elements_of<T>(SurfaceEdge<1>{h}, indices[1], kept_samples(slopes[1], 4))},
        static_cast<long>(side) * side, options);
}

#define CUNEWTON_INSTANTIATE(T)                                  \
    template Problem<T> chain_sum(int, const ProblemOptions&);   \
    template Problem<T> broyden_sum(int, const ProblemOptions&); \
    template Problem<T> surface_sum(int, const ProblemOptions&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::test
