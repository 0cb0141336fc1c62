#include "host/sparse/compression.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace cunewton {

namespace {

[[noreturn]] void reject(const char* what, int i, int j) {
    throw InvalidArgument(std::string("the colouring is no ") + what + " one (entry " +
                          std::to_string(i) + ", " + std::to_string(j) +
                          " is not had from it) use that of colour()");
}

/// Both triangles: the neighbours of parameter i are columns[k], and its entries' places in the
/// pattern entries[k], for k from starts[i] to starts[i + 1].
struct Rows {
    std::vector<long> starts;
    std::vector<int> columns, entries;

    explicit Rows(const SparsityPattern& pattern) : starts(pattern.n + 1L, 0) {
        const auto for_each = [&](const auto& visit) {
            for (int j = 0; j < pattern.n; ++j)
                for (long e = pattern.column_starts[j] + 1; e < pattern.column_starts[j + 1]; ++e)
                    visit(pattern.rows[e], j, static_cast<int>(e));
        };
        for_each([&](int i, int j, int) {
            ++starts[i + 1];
            ++starts[j + 1];
        });
        std::partial_sum(starts.begin(), starts.end(), starts.begin());
        columns.resize(static_cast<std::size_t>(starts.back()));
        entries.resize(columns.size());
        std::vector<long> next(starts.begin(), starts.end() - 1);
        for_each([&](int i, int j, int e) {
            for (const auto& [from, to] : {std::pair(i, j), std::pair(j, i)}) {
                columns[next[from]] = to;
                entries[next[from]++] = e;
            }
        });
    }
};

/// The diagonal is had from each parameter's own row where no neighbour has its colour.
void recover_diagonal(const SparsityPattern& pattern, Compression& how) {
    const long n = pattern.n;
    for (int j = 0; j < pattern.n; ++j) {
        const long diagonal = pattern.column_starts[j];
        how.place[diagonal] = how.colour_of[j] * n + j;
        how.column[diagonal] = j;
        for (long e = diagonal + 1; e < pattern.column_starts[j + 1]; ++e)
            if (how.colour_of[pattern.rows[e]] == how.colour_of[j])
                reject("distance-1", pattern.rows[e], j);
    }
}

void recover_directly(const SparsityPattern& pattern, Compression& how) {
    const Rows rows(pattern);
    const long n = pattern.n;
    // The neighbours of a parameter by their colours: how many have one, of the last row looked at.
    std::vector<int> seen(static_cast<std::size_t>(how.colours), -1),
        count(static_cast<std::size_t>(how.colours));
    std::fill(how.place.begin(), how.place.end(), -1);
    recover_diagonal(pattern, how);
    for (int i = 0; i < pattern.n; ++i) {
        for (long k = rows.starts[i]; k < rows.starts[i + 1]; ++k) {
            const int c = how.colour_of[rows.columns[k]];
            count[c] = seen[c] == i ? count[c] + 1 : 1;
            seen[c] = i;
        }
        for (long k = rows.starts[i]; k < rows.starts[i + 1]; ++k) {
            const int j = rows.columns[k], e = rows.entries[k];
            if (count[how.colour_of[j]] != 1 || how.place[e] >= 0) continue;
            how.place[e] = how.colour_of[j] * n + i;
            how.column[e] = j;
        }
    }
    for (int j = 0; j < pattern.n; ++j)
        for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e)
            if (how.place[e] < 0) reject("star", pattern.rows[e], j);
}

/// The entries between two colours are the edges of trees, which lose their leaves level by level:
/// the edge of a leaf i is what is left in its row (Coleman and Cai 1986, "The cyclic coloring
/// problem and estimation of sparse Hessian matrices"; Gebremedhin, Tarafdar, Pothen and Walther
/// 2009).
void recover_by_substitution(const SparsityPattern& pattern, Compression& how) {
    const Rows rows(pattern);
    const long n = pattern.n, size = pattern.size();
    recover_diagonal(pattern, how);
    // A node is a parameter with one of the colours of its neighbours: those of that colour.
    std::vector<long> edges(rows.columns.size());  // rows' entries, sorted by colour within a row
    std::iota(edges.begin(), edges.end(), 0L);
    std::vector<long> node_starts, node_of(rows.columns.size()), left;
    for (int i = 0; i < pattern.n; ++i) {
        const auto begin = edges.begin() + rows.starts[i], end = edges.begin() + rows.starts[i + 1];
        std::stable_sort(begin, end, [&](long a, long b) {
            return how.colour_of[rows.columns[a]] < how.colour_of[rows.columns[b]];
        });
        for (auto k = begin; k != end; ++k) {
            const bool first = k == begin || how.colour_of[rows.columns[*k]] !=
                                                 how.colour_of[rows.columns[*(k - 1)]];
            if (first) {
                node_starts.push_back(k - edges.begin());
                left.push_back(0);
            }
            node_of[*k] = static_cast<long>(left.size()) - 1;
            ++left.back();
        }
    }
    node_starts.push_back(static_cast<long>(edges.size()));
    // The two nodes of each entry: in its row and in its column.
    std::vector<long> nodes(2 * static_cast<std::size_t>(size), -1);
    std::vector<int> row_of(left.size());
    for (int i = 0; i < pattern.n; ++i)
        for (long k = rows.starts[i]; k < rows.starts[i + 1]; ++k) {
            const std::size_t e = 2 * static_cast<std::size_t>(rows.entries[k]);
            nodes[e + (nodes[e] >= 0)] = node_of[k];
            row_of[node_of[k]] = i;
        }
    how.order.reserve(static_cast<std::size_t>(size));
    how.known_starts.assign(1, 0);
    std::vector<char> done(static_cast<std::size_t>(size), 0);
    std::vector<long> leaf_of(static_cast<std::size_t>(size), -1);
    for (int j = 0; j < pattern.n; ++j) {
        how.order.push_back(static_cast<int>(pattern.column_starts[j]));
        done[pattern.column_starts[j]] = 1;
    }
    how.level_starts = {0};
    std::vector<long> leaves, next;
    for (std::size_t node = 0; node < left.size(); ++node)
        if (left[node] == 1) leaves.push_back(static_cast<long>(node));
    bool first = true;
    while (!leaves.empty()) {
        // The first level has the diagonal too.
        if (!first) how.level_starts.push_back(static_cast<long>(how.order.size()));
        first = false;
        next.clear();
        std::vector<int> found;
        for (const long leaf : leaves) {
            if (left[leaf] != 1) continue;  // its edge was the other end's
            for (long k = node_starts[leaf]; k < node_starts[leaf + 1]; ++k) {
                const int e = rows.entries[edges[k]], j = rows.columns[edges[k]];
                if (done[e]) continue;
                how.place[e] = how.colour_of[j] * n + row_of[leaf];
                how.column[e] = j;
                leaf_of[e] = leaf;
                found.push_back(e);
                done[e] = 1;
                left[leaf] = 0;
                const std::size_t pair = 2 * static_cast<std::size_t>(e);
                const long other = nodes[pair] == leaf ? nodes[pair + 1] : nodes[pair];
                if (left[other] > 0 && --left[other] == 1) next.push_back(other);
                break;
            }
        }
        how.order.insert(how.order.end(), found.begin(), found.end());
        leaves.swap(next);
    }
    how.level_starts.push_back(static_cast<long>(how.order.size()));
    for (int j = 0; j < pattern.n; ++j)
        for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e)
            if (!done[e]) reject("acyclic", pattern.rows[e], j);
    for (long e = 0; e < size; ++e) {
        if (leaf_of[e] >= 0)
            for (long k = node_starts[leaf_of[e]]; k < node_starts[leaf_of[e] + 1]; ++k)
                if (rows.entries[edges[k]] != e) {
                    how.known.push_back(rows.entries[edges[k]]);
                    how.known_column.push_back(rows.columns[edges[k]]);
                }
        how.known_starts.push_back(static_cast<long>(how.known.size()));
    }
}

}  // namespace

Compression compression_of(const SparsityPattern& pattern, const Colouring& colouring,
                           ColouringKind kind) {
    Compression how;
    how.colours = colouring.colours;
    how.colour_of = colouring.colour_of;
    how.place.resize(pattern.rows.size());
    how.column.resize(pattern.rows.size());
    if (kind == ColouringKind::star)
        recover_directly(pattern, how);
    else
        recover_by_substitution(pattern, how);
    return how;
}

}  // namespace cunewton
