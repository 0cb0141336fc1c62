#include "tests/unconstrained/elements.h"

#include <array>
#include <cmath>
#include <memory>
#include <numbers>

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
Problem<T> chained_rosenbrock_sum(long n) {
    std::vector<int> indices;
    indices.reserve(2 * static_cast<std::size_t>(n));
    for (int i = 0; i + 1 < n; ++i) indices.insert(indices.end(), {i, i + 1});
    return make_element_sum<T>({elements_of<T>(RosenbrockLink{}, indices)}, n);
}

template <class T>
Problem<T> broyden_tridiagonal_sum(long n) {
    std::vector<int> inner;
    inner.reserve(3 * static_cast<std::size_t>(n));
    const int last = static_cast<int>(n) - 1;
    for (int i = 1; i < last; ++i) inner.insert(inner.end(), {i - 1, i, i + 1});
    return make_element_sum<T>(
        {elements_of<T>(BroydenFirst{}, {0, 1}), elements_of<T>(BroydenInner{}, inner),
         elements_of<T>(BroydenLast{}, {last - 1, last})},
        n);
}

double edge_height(double s, double t) {
    return std::sin(2 * std::numbers::pi * s) * (1 - t) + t * t * (0.5 - s);
}

template <class T>
Problem<T> minimal_surface_sum(int side) {
    const double h = 1.0 / (side + 1);
    // Points of the grid, 0 .. side + 1 in each direction; those on an edge are fixed.
    const auto is_free = [&](const std::array<int, 2>& point) {
        return point[0] > 0 && point[0] <= side && point[1] > 0 && point[1] <= side;
    };
    std::vector<int> indices[5];  // by the number of free corners
    std::vector<T> heights[5];
    for (int row = 0; row <= side; ++row)
        for (int column = 0; column <= side; ++column) {
            std::array<std::array<int, 2>, 4> corners{
                {{column, row}, {column + 1, row}, {column + 1, row + 1}, {column, row + 1}}};
            const long count = std::ranges::count_if(corners, is_free);
            // Free ones first, and neighbours of each other if they are two.
            while (!is_free(corners[0]) || (count == 2 && !is_free(corners[1])))
                std::ranges::rotate(corners, corners.begin() + 1);
            for (const auto& [s, t] : corners)
                if (is_free({s, t}))
                    indices[count].push_back((t - 1) * side + s - 1);
                else
                    heights[count].push_back(static_cast<T>(edge_height(s * h, t * h)));
        }
    return make_element_sum<T>(
        {elements_of<T>(SurfaceCell{h}, indices[4]),
         elements_of<T>(SurfaceEdge{h}, indices[2], kept_samples(heights[2], 2)),
         elements_of<T>(SurfaceCorner{h}, indices[1], kept_samples(heights[1], 3))},
        static_cast<long>(side) * side);
}

#define CUNEWTON_INSTANTIATE(T)                           \
    template Problem<T> chained_rosenbrock_sum<T>(long);  \
    template Problem<T> broyden_tridiagonal_sum<T>(long); \
    template Problem<T> minimal_surface_sum<T>(int);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::test
