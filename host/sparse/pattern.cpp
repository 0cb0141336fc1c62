#include <algorithm>
#include <limits>
#include <numeric>

#include "cunewton/sparse_hessian.h"
#include "host/sparse/countable.h"

namespace cunewton {

SparsityPattern sparsity_pattern(int n, const std::vector<std::pair<int, int>>& entries) {
    if (n < 1)
        throw InvalidArgument("a pattern is of no matrix (n is " + std::to_string(n) +
                              ") pass a positive number of parameters");
    for (std::size_t k = 0; k < entries.size(); ++k) {
        const auto& entry = entries[k];
        if (entry.first < 0 || entry.first >= n || entry.second < 0 || entry.second >= n)
            throw InvalidArgument("an entry is not in the matrix (number " + std::to_string(k) +
                                  " is in row " + std::to_string(entry.first) + " and column " +
                                  std::to_string(entry.second) + " of " + std::to_string(n) +
                                  ") pass rows and columns from 0 to n - 1");
    }
    // By columns, counted first: sorted within each, which are short.
    SparsityPattern pattern;
    pattern.n = n;
    const std::size_t size = static_cast<std::size_t>(n);
    std::vector<long> next(size + 1, 0);
    for (const auto& entry : entries)
        ++next[static_cast<std::size_t>(std::min(entry.first, entry.second)) + 1];
    for (std::size_t j = 0; j < size; ++j) next[j + 1] += next[j] + 1;
    std::vector<int> rows(static_cast<std::size_t>(next[size]));
    for (int j = 0; j < n; ++j)
        rows[static_cast<std::size_t>(next[static_cast<std::size_t>(j)]++)] = j;
    for (const auto& entry : entries) {
        const auto [low, high] = std::minmax(entry.first, entry.second);
        rows[static_cast<std::size_t>(next[static_cast<std::size_t>(low)]++)] = high;
    }
    pattern.column_starts.reserve(size + 1);
    pattern.column_starts.push_back(0);
    auto end = rows.begin();
    for (std::size_t j = 0; j < size; ++j) {
        const auto begin = rows.begin() + (j == 0 ? 0 : next[j - 1]), to = rows.begin() + next[j];
        std::sort(begin, to);
        end = std::copy(begin, std::unique(begin, to), end);
        pattern.column_starts.push_back(end - rows.begin());
    }
    rows.erase(end, rows.end());
    require_countable(rows.size());
    rows.shrink_to_fit();
    pattern.rows = std::move(rows);
    return pattern;
}

namespace {

[[noreturn]] void reject(const std::string& why) {
    throw InvalidArgument("the sparsity pattern is invalid (" + why +
                          ") make it by sparsity_pattern()");
}

void check(const SparsityPattern& pattern, int n) {
    if (pattern.n != n)
        reject("it is of " + std::to_string(pattern.n) + " parameters, the problem has " +
               std::to_string(n));
    const auto& starts = pattern.column_starts;
    const std::size_t size = static_cast<std::size_t>(n);
    if (starts.size() != size + 1 || starts.front() != 0 || starts.back() != pattern.size())
        reject("column_starts are not n + 1 numbers from 0 to the number of rows");
    if (pattern.size() > std::numeric_limits<int>::max()) reject("2^31 entries or more");
    for (std::size_t j = 0; j < size; ++j) {
        const std::string column = "column " + std::to_string(j);
        if (starts[j] >= starts[j + 1] || starts[j + 1] > pattern.size() ||
            pattern.rows[static_cast<std::size_t>(starts[j])] != static_cast<int>(j))
            reject(column + " does not begin with its diagonal");
        for (long e = starts[j] + 1; e < starts[j + 1]; ++e) {
            const int row = pattern.rows[static_cast<std::size_t>(e)];
            if (row >= n || row <= pattern.rows[static_cast<std::size_t>(e) - 1])
                reject(column + " is not ascending within n");
        }
    }
}

}  // namespace

template <class T>
Problem<T> with_sparsity(const Problem<T>& problem, SparsityPattern pattern) {
    const auto& form = problem.parts().form;
    if (std::holds_alternative<LinearPredictor<T>>(form) ||
        std::holds_alternative<PerceptronSum<T>>(form))
        throw InvalidArgument(
            "a sparsity pattern is not for this problem (the Hessians of linear predictors and "
            "perceptrons are dense) pass the problem as it is");
    if (std::holds_alternative<ElementSum<T>>(form))
        throw InvalidArgument(
            "a sum of elements has its own sparsity pattern (it is where the elements say) pass "
            "the "
            "problem as it is");
    check(pattern, problem.dimension());
    auto parts = std::make_shared<ProblemParts<T>>(problem.parts());
    parts->sparsity = std::make_shared<const SparsityPattern>(std::move(pattern));
    return Problem<T>(std::move(parts));
}
template Problem<double> with_sparsity(const Problem<double>&, SparsityPattern);
template Problem<float> with_sparsity(const Problem<float>&, SparsityPattern);

}  // namespace cunewton
