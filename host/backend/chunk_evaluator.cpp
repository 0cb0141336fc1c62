#include "host/backend/chunk_evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "host/backend/predictor_blocks.h"

namespace cunewton {

template <class T>
Problem<T> chunk_problem(const Problem<T>& problem, const SampleBlock& chunk) {
    auto parts = std::make_shared<ProblemParts<T>>(problem.parts());
    parts->ranks = nullptr;
    parts->scale = 1;
    parts->penalty = {};
    std::visit(
        [&](auto& form) {
            if constexpr (requires { form.samples; }) {
                Samples<T>& samples = form.samples;
                if (samples.features) samples.features += chunk.begin * samples.ld;
                if (samples.targets) samples.targets += chunk.begin * samples.target_count;
                if (samples.weights) samples.weights += chunk.begin;
                if (samples.offsets) samples.offsets += chunk.begin * samples.offset_count;
                samples.count = chunk.end - chunk.begin;
            }
        },
        parts->form);
    return Problem<T>(std::move(parts));
}
template Problem<double> chunk_problem(const Problem<double>&, const SampleBlock&);
template Problem<float> chunk_problem(const Problem<float>&, const SampleBlock&);

namespace {
/// Whether vectors of so many bytes are gathered on the machine: all branches in one piece, of no
/// more bytes than MPI counts. By the host they go in pieces.
bool gathers_there(const Ranks& ranks, std::size_t bytes) {
    return ranks.communicator().takes_device_memory() && ranks.how() == RankSums::fixed_order &&
           bytes <= std::numeric_limits<int>::max() / ranks.most_branches();
}
}  // namespace

template <class T>
ChunkEvaluator<T>::ChunkEvaluator(const Problem<T>& problem, Vectors<T>& vectors,
                                  DenseMatrices<T>& matrices, const Make& make,
                                  SetNumber set_number)
    : Evaluator<T>(vectors, matrices, problem.dimension()),
      problem_(problem),
      parts_(problem_.parts()),
      ranks_(*parts_.ranks),
      vectors_(vectors),
      set_number_(std::move(set_number)),
      f_(vectors.number()),
      gathers_there_(gathers_there(ranks_, problem.dimension() * sizeof(T))) {
    for (const SampleBlock& chunk : ranks_.chunks())
        if (chunk.end > chunk.begin)
            chunks_.push_back({chunk.chunk, chunk.begin, make(chunk_problem(problem_, chunk))});
    for (const Ranks::Branch& branch : ranks_.own_branches())
        while (right_.size() < static_cast<std::size_t>(branch.level))
            right_.push_back(vectors_.allocate(parts_.dimension));
    const std::size_t n = parts_.dimension;
    if (gathers_there_) {
        own_ = vectors_.allocate(ranks_.own_branches().size() * n);
        all_ = vectors_.allocate(ranks_.most_branches() * n);
    }
    if (parts_.penalty.l2 == 0) return;
    penalty_ = vectors_.allocate(n);
    penalty_root_ = vectors_.allocate(n);
    std::vector<T> root(n);
    for (std::size_t j = 0; j < n; ++j)
        root[j] = static_cast<T>(std::sqrt(parts_.penalty.at(static_cast<int>(j))));
    vectors_.upload(penalty_root_.get(), root.data(), n);
}

template <class T>
MemoryNeeded ChunkEvaluator<T>::memory(const EvaluationPlan& plan, const DiagonalBlocks& blocks,
                                       const KroneckerLayers& layers) {
    const std::size_t n = static_cast<std::size_t>(plan.n), size = blocks.size;
    // Of one vector, a copy of each kind; of matrices, those of a chunk and their lower triangles.
    const auto matrices = [&](std::size_t entries, std::size_t lower) {
        return (entries + lower) * sizeof(T) + RankSum<T>::memory(plan.ranks, lower);
    };
    std::size_t bytes =
        n * (3 * sizeof(T) + 2 * sizeof(double)) + RankSum<double>::memory(plan.ranks, n + 1);
    if (plan.hessian()) bytes += matrices(n * n, lower_size(n));
    if (plan.products()) bytes += matrices(blocks.entries(), blocks.count * lower_size(size));
    if (plan.kronecker) bytes += matrices(layers.numbers(), layers.lower_numbers());
    // The order that those are drawn in, and what the chunks have of them.
    const bool draws = plan.sampled > 0 || plan.kronecker || blocks.samples > 0;
    if (draws) bytes += 2 * static_cast<std::size_t>(plan.ranks->samples()) * sizeof(long);
    std::size_t there = SampleGrid::levels - 1 + 2;
    if (gathers_there(*plan.ranks, n * sizeof(T)))
        there += plan.ranks->own_branches().size() + plan.ranks->most_branches();
    return {bytes, there * n * sizeof(T)};
}

template <class T>
template <class Compute>
double ChunkEvaluator<T>::sum_branch(const Ranks::Branch& branch, T* to, const Compute& compute) {
    if (branch.level == 0) {
        for (const Chunk& chunk : chunks_)
            if (chunk.number == branch.index && chunk.selected)
                return compute(*chunk.evaluator, to);
        const std::vector<T> nothing(parts_.dimension, T(0));
        vectors_.upload(to, nothing.data(), nothing.size());
        return 0;
    }
    const int level = branch.level - 1;
    T* const right = right_[static_cast<std::size_t>(level)].get();
    const double loss = sum_branch({level, 2 * branch.index}, to, compute);
    const double other = sum_branch({level, 2 * branch.index + 1}, right, compute);
    vectors_.add_scaled(to, to, T(1), right, parts_.dimension);
    return loss + other;
}

template <class T>
template <class Compute>
double ChunkEvaluator<T>::sum_vectors(std::uint64_t point, const T* x, T* to,
                                      const Compute& compute) {
    const std::size_t n = parts_.dimension;
    const double loss =
        gathers_there_ ? total_there(point, to, compute) : total_by_host(point, to, compute);
    // The same arithmetic whichever way the sums have come.
    vectors_.scale(to, static_cast<T>(parts_.scale), to, n);
    if (parts_.penalty.l2 != 0) {
        vectors_.scale_twice(penalty_.get(), penalty_root_.get(), x, n);
        vectors_.add_scaled(to, to, T(1), penalty_.get(), n);
    }
    return loss;
}

template <class T>
template <class Compute>
double ChunkEvaluator<T>::total_by_host(std::uint64_t point, T* to, const Compute& compute) {
    const std::size_t n = parts_.dimension;
    // Branches of all ranks are added as those of one are: in T.
    RankSum<T> sum(ranks_, n);
    RankSum<double> losses(ranks_, 1);
    for (const Ranks::Branch& branch : ranks_.own_branches()) {
        losses.add(branch, {sum_branch(branch, to, compute)});
        sum.add(branch, fetch(to, n));
    }
    std::vector<T> total(n);
    sum.finish(point, total.data());
    double loss = 0;
    losses.finish(point, &loss);
    vectors_.upload(to, total.data(), n);
    return loss;
}

template <class T>
template <class Compute>
double ChunkEvaluator<T>::total_there(std::uint64_t point, T* to, const Compute& compute) {
    const std::size_t n = parts_.dimension;
    RankSum<double> losses(ranks_, 1);
    T* next = own_.get();
    for (const Ranks::Branch& branch : ranks_.own_branches()) {
        losses.add(branch, {sum_branch(branch, next, compute)});
        next += n;
    }
    // Nothing may fail between the meeting and what it is for.
    std::vector<std::size_t> bytes;
    for (const std::vector<Ranks::Branch>& of_rank : ranks_.branches())
        bytes.push_back(of_rank.size() * n * sizeof(T));
    fetch(own_.get(), 1);  // waits for all of them
    double loss = 0;
    losses.finish(point, &loss);
    ranks_.communicator().all_gather(own_.get(), bytes, all_.get());
    join_all();
    vectors_.copy(to, all_.get(), n);
    return loss;
}

template <class T>
void ChunkEvaluator<T>::join_all() {
    std::vector<std::pair<Ranks::Branch, T*>> open;
    T* next = all_.get();
    for (const std::vector<Ranks::Branch>& of_rank : ranks_.branches())
        for (const Ranks::Branch& branch : of_rank) {
            open.emplace_back(branch, next);
            next += parts_.dimension;
            while (open.size() > 1 && open[open.size() - 2].first.joins(open.back().first)) {
                auto& [joined, left] = open[open.size() - 2];
                vectors_.add_scaled(left, left, T(1), open.back().second, parts_.dimension);
                joined = joined.joined();
                open.pop_back();
            }
        }
}

template <class T>
std::vector<T> ChunkEvaluator<T>::fetch(const T* from, std::size_t count) {
    std::vector<T> host(count);
    vectors_.download(host.data(), from, count);
    return host;
}

template <class T>
double ChunkEvaluator<T>::penalized(double loss, const std::vector<T>& x) const {
    double square = 0;
    for (std::size_t j = 0; j < x.size(); ++j)
        square += parts_.penalty.at(static_cast<int>(j)) * (static_cast<double>(x[j]) * x[j]);
    return parts_.scale * loss + 0.5 * square;
}

template <class T>
void ChunkEvaluator<T>::value(const T* x, Scalar f) {
    const std::vector<T> at = fetch(x, parts_.dimension);
    RankSum<double> sum(ranks_, 1);
    for_selected([&](const Chunk& chunk) {
        chunk.evaluator->value(x, f_);
        const double loss = vectors_.read(f_);
        sum.add(chunk.number, &loss);
    });
    double total = 0;
    sum.finish(hash(at.data(), at.size() * sizeof(T)), &total);
    set_number_(f, penalized(total, at));
}

template <class T>
void ChunkEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    const std::vector<T> at = fetch(x, parts_.dimension);
    const double loss = sum_vectors(hash(at.data(), at.size() * sizeof(T)), x, g,
                                    [&](Evaluator<T>& evaluator, T* to) {
                                        evaluator.value_and_gradient(x, to, f_);
                                        return vectors_.read(f_);
                                    });
    set_number_(f, penalized(loss, at));
}

template <class T>
void ChunkEvaluator<T>::values(const T* points, int count, T* losses) {
    const std::size_t n = parts_.dimension, size = count;
    RankSum<double> sum(ranks_, size);
    std::vector<double> total(size);
    for_selected([&](const Chunk& chunk) {
        chunk.evaluator->values(points, count, losses);
        std::copy_n(losses, size, total.begin());
        sum.add(chunk.number, total.data());
    });
    sum.finish(hash(points, size * n * sizeof(T)), total.data());
    for (std::size_t p = 0; p < size; ++p)
        losses[p] = static_cast<T>(
            penalized(total[p], std::vector<T>(points + p * n, points + (p + 1) * n)));
}

template <class T>
template <class Compute>
void ChunkEvaluator<T>::sum_matrices(int m, int matrices, std::uint64_t point, T* to,
                                     const Compute& compute) {
    const std::size_t order = m, count = matrices, entries = order * order;
    std::vector<T> lower(count * lower_size(order)), full(count * entries);
    RankSum<T> sum(ranks_, lower.size());
    for_selected([&](const Chunk& chunk) {
        compute(*chunk.evaluator);
        vectors_.download(full.data(), to, full.size());
        copy_lower(order, count, full.data(), lower.data());
        sum.add(chunk.number, lower.data());
    });
    sum.finish(point, lower.data());
    for (T& entry : lower) entry = static_cast<T>(parts_.scale * entry);
    restore_lower(order, count, lower.data(), full.data());
    for (std::size_t k = 0; k < count; ++k)
        for (std::size_t j = 0; j < order; ++j)
            full[k * entries + j * (order + 1)] +=
                static_cast<T>(parts_.penalty.at(static_cast<int>(k * order + j)));
    vectors_.upload(to, full.data(), full.size());
}

template <class T>
void ChunkEvaluator<T>::hessian(const T* x, T* H) {
    const std::vector<T> at = fetch(x, parts_.dimension);
    sum_matrices(parts_.dimension, 1, hash(at.data(), at.size() * sizeof(T)), H,
                 [&](Evaluator<T>& evaluator) { evaluator.hessian(x, H); });
}

template <class T>
void ChunkEvaluator<T>::prepare_products(const T* x) {
    const std::vector<T> at = fetch(x, parts_.dimension);
    product_point_ = hash(at.data(), at.size() * sizeof(T));
    for_selected([&](const Chunk& chunk) { chunk.evaluator->prepare_products(x); });
}

template <class T>
void ChunkEvaluator<T>::value_gradient_and_products(const T* x, T* g, Scalar f) {
    const std::vector<T> at = fetch(x, parts_.dimension);
    product_point_ = hash(at.data(), at.size() * sizeof(T));
    const double loss = sum_vectors(product_point_, x, g, [&](Evaluator<T>& evaluator, T* to) {
        evaluator.value_gradient_and_products(x, to, f_);
        return vectors_.read(f_);
    });
    set_number_(f, penalized(loss, at));
}

template <class T>
void ChunkEvaluator<T>::products(const T* V, int columns, T* HV) {
    const std::size_t n = parts_.dimension;
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        const T* const v = V + c * n;
        T* const Hv = HV + c * n;
        // The penalty is quadratic: a gradient of its own, at v.
        sum_vectors(product_point_, v, Hv, [&](Evaluator<T>& evaluator, T* to) {
            evaluator.products(v, 1, to);
            return 0.0;
        });
    }
}

template <class T>
DiagonalBlocks ChunkEvaluator<T>::diagonal_blocks() const {
    const DiagonalBlocks of_chunk = chunks_.front().evaluator->diagonal_blocks();
    return of_chunk.count > 0 ? predictor_blocks(parts_, of_chunk.shift_invariant) : of_chunk;
}

template <class T>
void ChunkEvaluator<T>::compute_diagonal_blocks(T* to) {
    const DiagonalBlocks blocks = diagonal_blocks();
    sum_matrices(blocks.size, blocks.count, product_point_, to,
                 [&](Evaluator<T>& evaluator) { evaluator.compute_diagonal_blocks(to); });
}

template <class T>
KroneckerLayers ChunkEvaluator<T>::kronecker_layers() const {
    KroneckerLayers layers = chunks_.front().evaluator->kronecker_layers();
    if (!layers.layers.empty()) layers.l2 = parts_.penalty.l2;
    return layers;
}

template <class T>
void ChunkEvaluator<T>::compute_kronecker_factors(std::uint64_t seed, long first, T* to) {
    const KroneckerLayers layers = kronecker_layers();
    std::vector<T> full(layers.numbers()), lower(layers.lower_numbers());
    RankSum<T> sum(ranks_, lower.size());
    for_selected([&](const Chunk& chunk) {
        chunk.evaluator->compute_kronecker_factors(seed, first + ranks_.first() + chunk.first, to);
        vectors_.download(full.data(), to, full.size());
        layers.copy_lower(full.data(), lower.data());
        sum.add(chunk.number, lower.data());
    });
    sum.finish(product_point_, lower.data());
    std::fill(full.begin(), full.end(), T(0));
    layers.restore_lower(lower.data(), full.data());
    // Those of inputs are means as they are.
    const std::vector<KroneckerLayers::Place> places = layers.places();
    for (std::size_t l = 0; l < places.size(); ++l) {
        T* const G = full.data() + places[l].G;
        const std::size_t entries = KroneckerLayers::square(layers.layers[l].outputs);
        for (std::size_t e = 0; e < entries; ++e) G[e] = static_cast<T>(parts_.scale * G[e]);
    }
    vectors_.upload(to, full.data(), full.size());
}

template <class T>
void ChunkEvaluator<T>::select(std::span<const long> samples, double share) {
    const std::vector<std::vector<long>> selected = ranks_.selected(samples);
    for (std::size_t c = 0, next = 0; c < selected.size(); ++c) {
        const SampleBlock& block = ranks_.chunks()[c];
        if (block.end == block.begin) continue;  // has no evaluator
        Chunk& chunk = chunks_[next++];
        chunk.selected = !selected[c].empty();
        if (chunk.selected) chunk.evaluator->select(selected[c], share);
    }
}

template <class T>
void ChunkEvaluator<T>::select_all() {
    for (Chunk& chunk : chunks_) {
        chunk.evaluator->select_all();
        chunk.selected = true;
    }
}

template <class T>
std::size_t ChunkEvaluator<T>::peak_tile_bytes() const {
    std::size_t bytes = 0;
    for (const Chunk& chunk : chunks_) bytes += chunk.evaluator->peak_tile_bytes();
    return bytes;
}

template class ChunkEvaluator<double>;
template class ChunkEvaluator<float>;

}  // namespace cunewton
