#include <algorithm>
#include <memory>
#include <string>

#include "cunewton/sparse_hessian.h"

#if CUNEWTON_WITH_COLPACK
#include "ColPack/ColPackHeaders.h"
#endif

namespace cunewton {

#if CUNEWTON_WITH_COLPACK

Colouring colour(const SparsityPattern& pattern, ColouringKind kind) {
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
    for (const char* order : {"NATURAL", "LARGEST_FIRST"})
        for (const char* variant : {star ? "RESTRICTED_STAR" : "ACYCLIC", star ? "STAR" : ""})
            if (*variant) attempt(order, variant);
    return best;
}

#else

Colouring colour(const SparsityPattern&, ColouringKind) {
    throw BackendUnavailable(
        "a sparse Hessian cannot be compressed (the library was built without ColPack) install it "
        "(Debian: libcolpack-dev) and build again");
}

#endif

}  // namespace cunewton
