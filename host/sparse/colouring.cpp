#include <algorithm>
#include <memory>
#include <string>

#include "cunewton/sparse_hessian.h"

#if CUNEWTON_WITH_COLPACK
#include "ColPack/ColPackHeaders.h"
#endif

namespace cunewton {

namespace {

/// The distance from the diagonal within which all entries are and one row has all, 2b + 1; 0 where
/// there is none.
int full_band(const SparsityPattern& pattern) {
    const std::size_t n = static_cast<std::size_t>(pattern.n);
    int widest = 0, most = 0;
    std::vector<int> count(n, 0);  // of a row's entries
    for (std::size_t j = 0; j < n; ++j)
        for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e) {
            const std::size_t i =
                static_cast<std::size_t>(pattern.rows[static_cast<std::size_t>(e)]);
            widest = std::max(widest, static_cast<int>(i - j));
            ++count[i];
            if (i != j) ++count[j];
        }
    for (const int entries : count) most = std::max(most, entries);
    return most == 2 * widest + 1 ? widest : 0;
}

/// j mod the number of colours. Of a full band it needs no graph: acyclic with b + 1 colours, as
/// many as entries that meet each other have; star with 2b + 1, which is the least for three
/// diagonals and what ColPack finds for five.
Colouring periodic(int n, int colours) {
    Colouring colouring{colours, std::vector<int>(static_cast<std::size_t>(n))};
    for (int j = 0; j < n; ++j) colouring.colour_of[static_cast<std::size_t>(j)] = j % colours;
    return colouring;
}

Colouring coloured_graph(const SparsityPattern& pattern, ColouringKind kind);

}  // namespace

Colouring colour(const SparsityPattern& pattern, ColouringKind kind) {
    const int band = full_band(pattern);
    if (kind == ColouringKind::acyclic && band > 0) return periodic(pattern.n, band + 1);
    if (kind == ColouringKind::star && (band == 1 || band == 2))
        return periodic(pattern.n, 2 * band + 1);
    return coloured_graph(pattern, kind);
}

namespace {

#if CUNEWTON_WITH_COLPACK

Colouring coloured_graph(const SparsityPattern& pattern, ColouringKind kind) {
    const std::size_t n = static_cast<std::size_t>(pattern.n);
    // Rows of both triangles, each behind its length.
    std::vector<long> next(n + 1, 0);
    for (std::size_t j = 0; j < n; ++j) {
        next[j + 1] += pattern.column_starts[j + 1] - pattern.column_starts[j];
        for (long e = pattern.column_starts[j] + 1; e < pattern.column_starts[j + 1]; ++e)
            ++next[static_cast<std::size_t>(pattern.rows[static_cast<std::size_t>(e)]) + 1];
    }
    for (std::size_t j = 0; j < n; ++j) next[j + 1] += next[j] + 1;
    std::vector<unsigned> numbers(static_cast<std::size_t>(next[n]));
    std::vector<unsigned*> rows(n);
    for (std::size_t j = 0; j < n; ++j) {
        rows[j] = numbers.data() + next[j];
        *rows[j] = 0;
    }
    const auto add = [&](std::size_t to, int neighbour) {
        rows[to][++*rows[to]] = static_cast<unsigned>(neighbour);
    };
    for (std::size_t j = 0; j < n; ++j)
        for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e) {
            const int i = pattern.rows[static_cast<std::size_t>(e)];
            add(j, i);
            if (static_cast<std::size_t>(i) != j)
                add(static_cast<std::size_t>(i), static_cast<int>(j));
        }
    ColPack::GraphColoringInterface graph(SRC_WAIT);
    graph.BuildGraphFromRowCompressedFormat(rows.data(), pattern.n);
    Colouring best;
    const auto attempt = [&](const char* order, const char* variant) {
        if (!graph.Coloring(order, variant))
            throw DeviceError(std::string("ColPack failed (") + variant + ") report this as a bug");
        const int colours = graph.GetVertexColorCount();
        if (best.colours == 0 || colours < best.colours) {
            best.colours = colours;
            graph.GetVertexColors(best.colour_of);
        }
    };
    const bool star = kind == ColouringKind::star;
    // Fewer than these few are for graphs without a path of four (star) or any edge, of which the
    // first attempt finds them.
    const int least = star ? 3 : 2;
    for (const char* order : {"NATURAL", "LARGEST_FIRST"})
        for (const char* variant : {star ? "RESTRICTED_STAR" : "ACYCLIC", star ? "STAR" : ""})
            if (*variant && (best.colours == 0 || best.colours > least)) attempt(order, variant);
    return best;
}

#else

Colouring coloured_graph(const SparsityPattern&, ColouringKind) {
    throw BackendUnavailable(
        "a sparse Hessian cannot be compressed (the library was built without ColPack) install it "
        "(Debian: libcolpack-dev) and build again");
}

#endif

}  // namespace

}  // namespace cunewton
