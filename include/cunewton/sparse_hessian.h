// Problems whose Hessian is sparse. With a pattern Method::newton and Method::trust_region hold the
// pattern's entries and a sparse factor in the place of n x n numbers. Where the loss has a
// gradient, or a black box has products, a Hessian takes few of them: parameters are coloured so
// that those of a colour share one. A functor without gradient() is differentiated entry by entry,
// which takes an evaluation for each and is for small n: give it one, or write the loss as a sum of
// small elements, make_element_sum().
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/differentiate.h"
#include "cunewton/sparse.h"

namespace cunewton {

/// The pattern of an n x n matrix with entries at these (row, column), 0 .. n-1, in any order and
/// of either triangle; several of a place are one. The diagonal is added. Throws InvalidArgument
/// for an n that is not positive, an entry that is not there, named by its number in the list, and
/// for 2^31 entries or more.
SparsityPattern sparsity_pattern(int n, const std::vector<std::pair<int, int>>& entries);

/// The same problem, whose Hessian has no entries but those of the pattern at any x. Methods that
/// factorise Hessians take only these for it; nothing else changes. An entry that is missing from
/// the pattern makes others wrong: check_sparsity() finds it. HessianBy::value_differences is
/// second differences, entry by entry, on the CPU; on a GPU it is differences of gradients, which
/// may be differences themselves. Throws InvalidArgument unless the pattern is one of the problem's
/// n and as SparsityPattern says, and for linear predictors and perceptrons, whose Hessians are
/// dense, and sums of elements, which have patterns of their own.
template <class T>
Problem<T> with_sparsity(const Problem<T>& problem, SparsityPattern pattern);

/// How parameters share a product with the Hessian.
enum class ColouringKind {
    star,     ///< every entry is one of a product's (direct recovery)
    acyclic,  ///< fewer colours: entries are had from those before them (substitution), whose
              ///< errors add up along paths of the pattern's graph
};

/// Parameters of a colour share a product.
struct Colouring {
    int colours = 0;
    std::vector<int> colour_of{};  ///< of each parameter, from 0
};

/// A colouring of the pattern's graph by ColPack (Gebremedhin, Nguyen, Patwary and Pothen 2013,
/// "ColPack: Software for graph coloring and related problems in scientific computing"), the one
/// with the fewest colours of several; bands of three and five diagonals (acyclic: all full bands)
/// are coloured in turn. Throws BackendUnavailable in a build without ColPack.
Colouring colour(const SparsityPattern& pattern, ColouringKind kind = ColouringKind::star);

/// A symmetric sparse matrix: values[k] is the entry of the pattern's k-th row index.
template <class T>
struct SparseMatrix {
    SparsityPattern pattern;
    std::vector<T> values;
};

/// The Hessian at x of a problem with a pattern. One more product tells whether the pattern lacks
/// an entry, as check_sparsity() does. Throws as hessian(), and InvalidArgument where the problem
/// has no pattern or one that lacks an entry, which it names.
template <class T>
SparseMatrix<T> sparse_hessian(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options = {},
                               ColouringKind kind = ColouringKind::star);

/// What check_sparsity() finds.
struct SparsityCheck {
    bool complete = true;       ///< no entry was found that the pattern lacks
    int row = -1, column = -1;  ///< one that it lacks
    double value = 0;           ///< of the Hessian there
    long products = 0;          ///< that were taken
    std::string message;
};

/// Whether the Hessian at x has an entry that the problem's pattern lacks: its product with a
/// vector of random numbers is held against that of sparse_hessian(), and where they differ single
/// columns show the entry. Not found is what is zero at x, or small beside its column (a
/// thousandth, or the error of differences), or beside what the rounding of the loss leaves in
/// differences of it (about eps^(1/3) |f| without a gradient), and entries that cancel in the
/// product. minimize() does the same at its first Hessian, but for sums of elements, whose pattern
/// is where they say, and throws InvalidArgument.
template <class T>
SparsityCheck check_sparsity(const Problem<T>& problem, const std::vector<T>& x,
                             const EvaluationOptions& options = {});

/// A pattern from products with all n unit vectors at x and at points near by, up to a tenth of its
/// size away (`points` in all, which the seed determines): for functions that sparsity_of() cannot
/// read. Entries that are zero at all of them, or within the error of differences beside their
/// column or beside the rounding of the loss, are missed: what is made of it should be checked by
/// check_sparsity() elsewhere. n x points products, each of two gradients where there is nothing
/// better. Throws InvalidArgument where a product is not finite.
template <class T>
SparsityPattern probe_sparsity(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options = {}, int points = 2,
                               std::uint64_t seed = 1);

}  // namespace cunewton
