// Which parameters elements are functions of, and where their derivatives add up.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "cunewton/problem.h"
#include "host/data/device_arrays.h"
#include "host/sparse/countable.h"

namespace cunewton::detail {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

/// Throws InvalidArgument for the first element with an index that is wrong.
void check_indices(const ElementIndices& indices, std::size_t kind, std::size_t kinds, long n) {
    const auto who = [&](long e) {
        return "element " + std::to_string(e) +
               (kinds > 1 ? " of kind " + std::to_string(kind) : "");
    };
    const int k = indices.parameters;
    const auto index = [&](int j, long e) {
        return indices.numbers[static_cast<std::size_t>(j * indices.ld + e)];
    };
    const auto is_wrong = [&](long e) {
        for (int j = 0; j < k; ++j) {
            const int own = index(j, e);
            if (own < 0 || own >= n) return true;
            for (int i = 0; i < j; ++i)
                if (index(i, e) == own) return true;
        }
        return false;
    };
    long e = 0;
    while (e < indices.count && !is_wrong(e)) ++e;
    if (e == indices.count) return;
    for (int j = 0; j < k; ++j)
        if (const int own = index(j, e); own < 0 || own >= n)
            reject(who(e) + " has an index out of range (" + std::to_string(own) + " of " +
                   std::to_string(n) + " parameters) pass 0 to n - 1");
    for (int j = 0; j < k; ++j)
        for (int i = 0; i < j; ++i)
            if (index(i, e) == index(j, e))
                reject(who(e) + " has a parameter twice (number " + std::to_string(index(j, e)) +
                       ") an element's parameters are different ones: write it with fewer");
}

/// visit(place, i, j) for each entry (row, column) of each element's packed Hessian, in the order
/// of places; i and j are the parameters.
template <class T, class Visit>
void for_entries(const std::vector<Elements<T>>& kinds, const Visit& visit) {
    std::uint32_t offset = 0;
    for (const Elements<T>& kind : kinds) {
        const ElementIndices& indices = *kind.indices;
        for (int column = 0; column < indices.parameters; ++column)
            for (int row = column; row < indices.parameters; ++row) {
                const int* const i = indices.numbers.data() + row * indices.ld;
                const int* const j = indices.numbers.data() + column * indices.ld;
                for (long e = 0; e < indices.count; ++e)
                    visit(offset + static_cast<std::uint32_t>(e), i[e], j[e]);
                offset += static_cast<std::uint32_t>(indices.ld);
            }
    }
}

/// starts[r + 1] holds how many terms sum r has: makes of it where they begin.
void accumulate(std::vector<std::uint32_t>& starts) {
    for (std::size_t r = 1; r < starts.size(); ++r) starts[r] += starts[r - 1];
}

template <class T>
GatherLists gradient_lists(const std::vector<Elements<T>>& kinds, std::size_t n) {
    GatherLists lists;
    lists.starts.assign(n + 1, 0);
    const auto for_parameters = [&](const auto& visit) {
        std::uint32_t offset = 0;
        for (const Elements<T>& kind : kinds) {
            const ElementIndices& indices = *kind.indices;
            for (int j = 0; j < indices.parameters; ++j) {
                const int* const own = indices.numbers.data() + j * indices.ld;
                for (long e = 0; e < indices.count; ++e)
                    visit(offset + static_cast<std::uint32_t>(e), static_cast<std::size_t>(own[e]));
                offset += static_cast<std::uint32_t>(indices.ld);
            }
        }
    };
    for_parameters([&](std::uint32_t, std::size_t i) { ++lists.starts[i + 1]; });
    accumulate(lists.starts);
    std::vector<std::uint32_t> next(lists.starts.begin(), lists.starts.end() - 1);
    lists.terms.resize(lists.starts.back());
    for_parameters([&](std::uint32_t place, std::size_t i) { lists.terms[next[i]++] = place; });
    return lists;
}

/// The lists of the Hessian and the pattern: entries by columns, in each by rows, and the terms of
/// one entry by places.
template <class T>
void place_hessian(const std::vector<Elements<T>>& kinds, std::size_t n, ElementPlaces& places) {
    // The entries of a column: the row above, the place below.
    std::vector<std::uint32_t> next(n + 1, 0);
    for_entries(kinds, [&](std::uint32_t, int i, int j) {
        ++next[static_cast<std::size_t>(std::min(i, j)) + 1];
    });
    accumulate(next);
    std::vector<std::uint64_t> entries(next.back());
    for_entries(kinds, [&](std::uint32_t place, int i, int j) {
        entries[next[static_cast<std::size_t>(std::min(i, j))]++] =
            static_cast<std::uint64_t>(std::max(i, j)) << 32 | place;
    });
    SparsityPattern& pattern = places.pattern;
    pattern.n = static_cast<int>(n);
    pattern.column_starts.reserve(n + 1);
    pattern.column_starts.push_back(0);
    GatherLists& lists = places.hessian;
    lists.terms.resize(entries.size());
    std::size_t most = n;
    for (std::size_t j = 0, k = 0; j < n; ++j) {  // next[j] is now where column j ends
        const auto begin = entries.begin() + static_cast<std::ptrdiff_t>(k),
                   end = entries.begin() + next[j];
        std::sort(begin, end);
        for (std::uint64_t row = j; k < next[j]; ++k) {
            most += entries[k] >> 32 != row;
            row = entries[k] >> 32;
        }
    }
    require_countable(most);
    pattern.rows.reserve(most);
    lists.starts.reserve(most + 1);
    for (std::size_t j = 0, k = 0; j < n; ++j) {
        std::size_t row = j;
        const auto begin_row = [&] {
            pattern.rows.push_back(static_cast<int>(row));
            lists.starts.push_back(static_cast<std::uint32_t>(k));
        };
        begin_row();
        for (; k < next[j]; ++k) {
            if (entries[k] >> 32 != row) {
                row = entries[k] >> 32;
                begin_row();
            }
            lists.terms[k] = static_cast<std::uint32_t>(entries[k]);
        }
        pattern.column_starts.push_back(pattern.size());
    }
    lists.starts.push_back(static_cast<std::uint32_t>(entries.size()));
}

}  // namespace

std::shared_ptr<const ElementIndices> element_indices(const Array<const int>& rows,
                                                      int parameters) {
    if (!rows.on_host())
        reject(
            "indices of elements are on a GPU (where the Hessian has its entries is found out on "
            "the host) copy them to the host");
    ArrayPlaces(-1).add(rows, "indices of elements");
    const long k = parameters;
    const bool in_one_row = rows.rows == 1 && rows.columns % k == 0;
    if (!rows.empty() && rows.columns != k && !in_one_row)
        reject("indices of elements have the wrong shape (" + std::to_string(rows.rows) + " x " +
               std::to_string(rows.columns) + " for elements of " + std::to_string(k) +
               " parameters) pass a row of them for each element, or all in one row");
    ElementIndices indices;
    indices.parameters = parameters;
    indices.count = rows.size() / k;
    constexpr long padding = ElementIndices::padding;
    indices.ld = (indices.count + padding - 1) / padding * padding;
    indices.numbers.resize(static_cast<std::size_t>(indices.ld * k));
    for (long j = 0; j < k; ++j) {
        int* const own = indices.numbers.data() + j * indices.ld;
        for (long e = 0; e < indices.count; ++e)
            own[e] = in_one_row ? rows(0, e * k + j) : rows(e, j);
        if (indices.count > 0)
            std::fill(own + indices.count, own + indices.ld, own[indices.count - 1]);
    }
    return std::make_shared<const ElementIndices>(std::move(indices));
}

template <class T>
Problem<T> make_element_sum(std::vector<Elements<T>> kinds, long n, const ProblemOptions& options) {
    const std::size_t parameters = static_cast<std::size_t>(checked_dimension(n));
    long elements = 0;
    double numbers = 0;
    for (std::size_t a = 0; a < kinds.size(); ++a) {
        const ElementIndices& indices = *kinds[a].indices;
        check_indices(indices, a, kinds.size(), n);
        elements += indices.count;
        const double k = indices.parameters;
        numbers += static_cast<double>(indices.ld) * k * (k + 1) / 2;
        Samples<T>& data = kinds[a].data;
        const bool without = data.count == 0 && !data.features && !data.targets && !data.weights;
        if (without) data.count = indices.count;
        if (data.count != indices.count)
            reject("data of elements have the wrong size (" + std::to_string(data.count) +
                   " samples for " + std::to_string(indices.count) +
                   " elements) pass one for each");
    }
    if (elements == 0)
        reject("the sum has no elements (no indices were given) pass k of them for each element");
    if (constexpr double most = std::numeric_limits<std::uint32_t>::max(); numbers > most)
        reject("there are too many elements (their Hessians have " +
               std::to_string(static_cast<std::uint64_t>(numbers)) + " entries) at most " +
               std::to_string(std::numeric_limits<std::uint32_t>::max()) +
               " can be counted: write several elements as one");
    auto places = std::make_shared<ElementPlaces>();
    places->gradient = gradient_lists(kinds, parameters);
    place_hessian(kinds, parameters, *places);
    return make_problem<T>(ElementSum<T>{std::move(kinds), std::move(places)}, n, options);
}
template Problem<double> make_element_sum(std::vector<Elements<double>>, long,
                                          const ProblemOptions&);
template Problem<float> make_element_sum(std::vector<Elements<float>>, long, const ProblemOptions&);

}  // namespace cunewton::detail
