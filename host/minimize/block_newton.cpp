// Newton's method with the blocks along the Hessian's diagonal alone (block Jacobi; Golub and Van
// Loan 2013, section 11.5.3).
#include "host/minimize/block_newton.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cunewton/math/curvature_scale.h"
#include "host/minimize/partial_newton.h"

namespace cunewton::solver {

namespace {

template <class T>
class BlockModel {
  public:
    explicit BlockModel(Minimization<T>& run)
        : run_(run),
          known_(run.options().blocks.empty() && run.evaluator().diagonal_blocks().count > 0),
          blocks_(blocks_of(run.options(), run.n(), run.evaluator().diagonal_blocks().count)),
          parity_(binary_parity(run.f())),
          H_(run.vectors().allocate(entries_of(blocks_))),
          L_(run.vectors().allocate(entries_of(blocks_))),
          cholesky_(run.matrices().blocks(sizes_of(blocks_))),
          S_(run.vector()),
          largest_(run.vector()),
          slope_(run.vectors().number()) {
        if (run.options().blocks.empty() && !known_ && run.n() > largest_block)
            throw InvalidArgument("a block is too large (" + std::to_string(run.n()) +
                                  " parameters in one, at most " + std::to_string(largest_block) +
                                  " unless asked for) pass Options::blocks, for a perceptron "
                                  "perceptron_blocks()");
        run.vectors().upload(largest_.get(), std::vector<T>(run.n(), T(0)).data(), run.n());
        if (known_) return;
        const std::size_t n = static_cast<std::size_t>(run.n());
        units_ = run.vectors().allocate(n * block_columns);
        products_ = run.vectors().allocate(n * block_columns);
    }

    /// A positive semidefinite H is no more than the number of its blocks times them, so its
    /// decrement is no less than theirs divided by that number.
    PartialStep direction() {
        Vectors<T>& vectors = run_.vectors();
        run_.take_products([&] { compute(); });
        cholesky_->raise_scales(H_.get(), run_.g(), run_.f(), parity_, largest_.get(), S_.get());
        cholesky_->bounds(H_.get(), S_.get());
        cholesky_->factorize(H_.get(), S_.get(), L_.get());
        const std::span<const BlockFacts> facts = cholesky_->facts();
        std::vector<ShiftedBlock> indefinite;
        for (int k = 0; k < static_cast<int>(facts.size()); ++k) {
            const BlockFacts& block = facts[k];
            if (!std::isfinite(block.norm)) return {false, false, 0};
            const double accuracy =
                10 * (run_.hessian_accuracy() +
                      blocks_[k].size() * static_cast<double>(std::numeric_limits<T>::epsilon()));
            if (block.info == 0 && block.least_pivot > accuracy) continue;
            // Without any curvature the length is limited afterwards.
            const double first =
                block.norm > 0 ? std::max(accuracy * block.norm, -1.1 * block.least_diagonal) : 1;
            indefinite.push_back({k, first});
        }
        const bool definite = indefinite.empty();
        if (!factorize_shifted(indefinite)) return {false, false, 0};
        vectors.scale(run_.direction(), T(-1), run_.g(), run_.n());
        cholesky_->solve(L_.get(), run_.direction());
        if (!definite && limit_direction(run_) == 0) return {false, false, 0};
        vectors.dot(run_.g(), run_.direction(), run_.n(), slope_);
        const double decrement = -vectors.read(slope_);
        return {std::isfinite(decrement), definite,
                decrement / static_cast<double>(blocks_.size())};
    }

    void pass(State<T>& state) { state(parity_, S_, largest_); }

  private:
    /// Each with the least shift, in the metric of S, of a sequence that begins with its own
    /// (Nocedal and Wright 2006, algorithm 3.3).
    bool factorize_shifted(std::vector<ShiftedBlock> blocks) {
        for (int i = 0; i < 60 && !blocks.empty(); ++i) {
            cholesky_->factorize(H_.get(), blocks, S_.get(), L_.get());
            const std::span<const BlockFacts> facts = cholesky_->facts();
            std::erase_if(blocks,
                          [&](const ShiftedBlock& each) { return facts[each.block].info == 0; });
            for (ShiftedBlock& each : blocks)
                each.shift = std::max(10 * each.shift, 1e-6 * facts[each.block].norm);
        }
        return blocks.empty();
    }
    void compute() {
        if (known_) return run_.evaluator().compute_diagonal_blocks(H_.get());
        // H e_j for one parameter after the other: of each column its block's rows.
        Vectors<T>& vectors = run_.vectors();
        const std::size_t n = static_cast<std::size_t>(run_.n());
        std::size_t at = 0;
        for (const IndexRange& block : blocks_) {
            const std::size_t size = static_cast<std::size_t>(block.size());
            for (int first = block.begin; first < block.end; first += block_columns) {
                const int width = std::min(block_columns, block.end - first);
                std::vector<T> units(n * static_cast<std::size_t>(width), T(0));
                for (int c = 0; c < width; ++c) units[c * n + first + c] = T(1);
                vectors.upload(units_.get(), units.data(), units.size());
                run_.products().apply(units_.get(), width, products_.get());
                for (int c = 0; c < width; ++c)
                    vectors.copy(H_.get() + at + (first - block.begin + c) * size,
                                 products_.get() + c * n + block.begin, size);
            }
            at += size * size;
        }
        run_.count_products(run_.n());
    }

    Minimization<T>& run_;
    const bool known_;  // by the evaluator
    const std::vector<IndexRange> blocks_;
    int parity_;
    const Buffer<T> H_, L_;
    const std::unique_ptr<BlockCholesky<T>> cholesky_;
    const Buffer<T> S_, largest_;
    Buffer<T> units_, products_;
    const Number slope_;
};

}  // namespace

template <class T>
Status block_newton(Minimization<T>& run) {
    BlockModel<T> model(run);
    return partial_newton(run, model);
}
template Status block_newton(Minimization<double>&);
template Status block_newton(Minimization<float>&);

}  // namespace cunewton::solver
