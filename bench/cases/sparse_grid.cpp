// A minimal surface over a grid, whose Hessian has seven entries a row.
#include <array>
#include <cmath>

#include "bench/cases/cases.h"
#include "bench/cases/sparse.h"
#include "cunewton/sparse_hessian.h"
#include "tests/sparse/functions.h"
#include "tests/unconstrained/elements.h"

namespace cunewton::bench {
namespace {

/// Second derivatives of the areas of the two triangles of each cell.
class SurfaceEntries {
  public:
    explicit SurfaceEntries(int side) : side_(side) {}
    void operator()(const SparsityPattern& pattern, const double* x, double* to) const {
        std::fill_n(to, pattern.size(), 0.0);
        const test::SurfaceWithGradient function{side_};
        const VectorView<const double> view{x, pattern.n};
        for (int r = -1; r < side_; ++r)
            for (int c = -1; c < side_; ++c) {
                const auto u = [&](int row, int column) {
                    return function.at(view, r + row, c + column);
                };
                // The corner with the right angle, and what differences to it are of.
                add(pattern, {{{r, c}, {r, c + 1}, {r + 1, c}}}, u(0, 1) - u(0, 0),
                    u(1, 0) - u(0, 0), to);
                add(pattern, {{{r + 1, c + 1}, {r + 1, c}, {r, c + 1}}}, u(1, 0) - u(1, 1),
                    u(0, 1) - u(1, 1), to);
            }
    }

  private:
    using Corner = std::pair<int, int>;

    void add(const SparsityPattern& pattern, const std::array<Corner, 3>& corners, double a,
             double b, double* to) const {
        const double width = 1.0 / (side_ + 1), inverse = 1 / (width * width);
        const double q = std::sqrt(1 + inverse * (a * a + b * b)), cube = q * q * q;
        const double aa = 0.5 / q - 0.5 * inverse * a * a / cube,
                     bb = 0.5 / q - 0.5 * inverse * b * b / cube,
                     ab = -0.5 * inverse * a * b / cube;
        // By (a, b) = (u1 - u0, u2 - u0).
        const double H[3][3] = {
            {aa + 2 * ab + bb, -aa - ab, -ab - bb}, {-aa - ab, aa, ab}, {-ab - bb, ab, bb}};
        for (int k = 0; k < 3; ++k)
            for (int l = 0; l < 3; ++l) {
                const int i = index(corners[static_cast<std::size_t>(k)]),
                          j = index(corners[static_cast<std::size_t>(l)]);
                if (i < j || j < 0) continue;
                long e = pattern.column_starts[j];
                while (pattern.rows[e] != i) ++e;
                to[e] += H[k][l];
            }
    }
    /// -1: on the boundary
    int index(const Corner& corner) const {
        const bool inside = corner.first >= 0 && corner.first < side_ && corner.second >= 0 &&
                            corner.second < side_;
        return inside ? corner.first * side_ + corner.second : -1;
    }

    int side_;
};

}  // namespace

void run_sparse_grid(Context& context) {
    if (context.settings.single) {
        context.report.progress("  left out: the peers are of double precision");
        return;
    }
    const std::vector<int> sides =
        context.settings.small ? std::vector<int>{20} : std::vector<int>{100, 500};
    for (const int side : sides) {
        const test::SurfaceWithGradient function{side};
        const int n = side * side;
        const auto problem = with_sparsity(make_objective<double>(function, n),
                                           sparsity_pattern(n, test::surface_entries(side)));
        run_sparse_job({"sparse_grid", fmt::format("surface {} x {}", side, side), problem,
                        std::vector<double>(static_cast<std::size_t>(n), 0.0),
                        plain_objective(function, SurfaceEntries(side), problem), 1e-9, side <= 500,
                        [=] { return test::surface_sum<double>(side); }},
                       context);
    }
}

}  // namespace cunewton::bench
