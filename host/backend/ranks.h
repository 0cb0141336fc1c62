// Sums over the samples of several ranks, and what keeps those in step.
//
// Ranks meet before each sum, decision and the end of a call: each says what it is about to do, and
// at which point. One that has failed says that instead. So all of them leave a call together,
// however one of them leaves it, and ranks that would do different things say so and do not hang.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/communicator.h"
#include "cunewton/error.h"

namespace cunewton {

/// The chunks that all samples are cut into, whoever holds them; the last ones of few samples are
/// empty.
class SampleGrid {
  public:
    static constexpr int chunks = 32, levels = 6;  ///< of the tree over them, from leaf to root
    /// Samples that are never parted: what evaluators pad the last one of.
    static constexpr int group = 64;

    explicit SampleGrid(long samples) : samples_(samples) {}
    /// First sample of a chunk, 0 <= chunk <= chunks: ends are beginnings of the next.
    long begin(int chunk) const;
    /// Samples of a chunk, at most.
    long most() const;
    /// The chunk that begins at a sample, the first of them; -1: none does.
    int chunk_at(long sample) const;

  private:
    long samples_;
};

/// Samples [begin, end) of this rank's, all of one chunk.
struct SampleBlock {
    long begin, end;
    int chunk;
};

/// A name and a value that ranks must have in common.
struct Common {
    const char* name;
    std::uint64_t value;
};
/// Of bytes; not for what an adversary makes.
std::uint64_t hash(const void* data, std::size_t bytes);
inline std::uint64_t bits(double value) {
    return hash(&value, sizeof(value));
}

/// What a rank does next.
enum class Meeting : std::uint64_t { failed, problem, call, sum, decision, finished };

/// Waits for all ranks; true if any of them says so. Throws RankError on all ranks where one has
/// failed, or where they are not about to do the same with as many numbers at the same point.
bool meet(Communicator& communicator, Meeting meeting, std::size_t numbers, std::uint64_t point,
          bool says = false);
/// Tells all others, in the place of whatever they meet for next.
void tell_failure(Communicator& communicator, const std::string& message);
/// Throws RankError on all ranks unless these are the same; `what` they are of, "problems".
void require_common(Communicator& communicator, Meeting meeting, const char* what,
                    const std::vector<Common>& values);

/// job(), on all ranks: they leave together, with RankError where another one failed. Null: there
/// are no ranks.
template <class Job>
auto in_step(Communicator* communicator, const Job& job) {
    if (!communicator) return job();
    try {
        if constexpr (std::is_void_v<decltype(job())>) {
            job();
            meet(*communicator, Meeting::finished, 0, 0);
        } else {
            auto result = job();
            meet(*communicator, Meeting::finished, 0, 0);
            return result;
        }
    } catch (const RankError&) {
        throw;
    } catch (const std::exception& error) {
        tell_failure(*communicator, error.what());
        throw;
    } catch (...) {
        tell_failure(*communicator, "something that is no std::exception was thrown");
        throw;
    }
}

/// The ranks that share a problem's samples, and this rank's part.
class Ranks {
  public:
    /// All ranks make theirs together. Throws RankError where parts do not fit together.
    Ranks(std::shared_ptr<Communicator> communicator, RankSums how, long own_samples);

    Communicator& communicator() const { return *communicator_; }
    RankSums how() const { return how_; }
    long samples() const { return samples_; }  ///< of all ranks
    long first() const { return first_; }      ///< of this rank's, among those of all ranks
    /// Samples of a chunk, at most.
    long most_of_chunk() const;
    /// This rank's chunks, the empty ones too; one with all samples if ranks reduce.
    const std::vector<SampleBlock>& chunks() const { return chunks_; }
    /// Of samples by their numbers among those of all ranks: what each of chunks() has of them, by
    /// numbers within the chunk, in the order in which they come.
    std::vector<std::vector<long>> selected(std::span<const long> samples) const;
    /// True if any rank says so.
    bool any(bool says) const { return meet(*communicator_, Meeting::decision, 1, 0, says); }

    /// A branch of the tree over all chunks: chunks [index << level, (index + 1) << level).
    struct Branch {
        int level, index;
        /// Whether it and the next make a branch.
        bool joins(const Branch& next) const {
            return level == next.level && index % 2 == 0 && next.index == index + 1;
        }
        Branch joined() const { return {level + 1, index / 2}; }
    };
    /// The complete branches of each rank's chunks.
    const std::vector<std::vector<Branch>>& branches() const { return branches_; }
    std::size_t most_branches() const;
    /// Those of this rank; one that is all of its samples if ranks reduce.
    std::vector<Branch> own_branches() const;

  private:
    std::shared_ptr<Communicator> communicator_;
    RankSums how_;
    long samples_ = 0, first_ = 0;
    std::vector<SampleBlock> chunks_;
    std::vector<std::vector<Branch>> branches_;
};

/// The ranks' communicator; null if there are none.
inline Communicator* communicator_of(const Ranks* ranks) {
    return ranks ? &ranks->communicator() : nullptr;
}

/// Blocks of at most `size` samples, which chunks begin anew.
std::vector<SampleBlock> cut(const std::vector<SampleBlock>& chunks, long size);
/// This rank's chunks cut into blocks of at most `size` samples, which chunks begin anew. Without
/// ranks all samples are a chunk.
std::vector<SampleBlock> sample_blocks(const Ranks* ranks, long samples, long size);
/// Samples of a chunk at most.
long chunk_samples(const Ranks* ranks, long samples);

/// A sum of vectors over the chunks of all ranks.
template <class V>
class RankSum {
  public:
    RankSum(const Ranks& ranks, std::size_t size);
    /// The sum over a chunk of this rank's. Chunks come in their order; those left out are zero.
    void add(int chunk, const V* values);
    /// The sum over the next of this rank's branches, instead.
    void add(const Ranks::Branch& branch, std::vector<V> values);
    /// sum = that over all ranks; `point` is a hash of where it is taken.
    void finish(std::uint64_t point, V* sum);
    /// Bytes that it takes, at most.
    static std::size_t memory(const Ranks* ranks, std::size_t size);

  private:
    struct Part {
        Ranks::Branch branch;
        std::vector<V> values;
    };
    void push(int chunk, const V* values);

    const Ranks* ranks_;
    std::size_t size_;
    std::size_t next_ = 0;  // chunk of this rank
    std::vector<Part> parts_;
    std::vector<std::vector<V>> spare_;
};

/// The lower triangles of matrices of order m that stand one after the other, column by column.
inline std::size_t lower_size(std::size_t m) {
    return m * (m + 1) / 2;
}
template <class V>
void copy_lower(std::size_t m, std::size_t matrices, const V* from, V* packed) {
    for (std::size_t column = 0; column < m * matrices; ++column) {
        const std::size_t j = column % m;
        packed = std::copy_n(from + column * m + j, m - j, packed);
    }
}
template <class V>
void restore_lower(std::size_t m, std::size_t matrices, const V* packed, V* to) {
    for (std::size_t column = 0; column < m * matrices; ++column) {
        const std::size_t j = column % m;
        std::copy_n(packed, m - j, to + column * m + j);
        packed += m - j;
    }
}

/// sum[j] = partial[b * stride + j] over the blocks of all ranks, in the order of blocks within a
/// chunk, 0 <= j < size. Overwrites `partial`.
void sum_blocks(const Ranks& ranks, const std::vector<SampleBlock>& blocks, double* partial,
                std::size_t stride, std::size_t size, std::uint64_t point, double* sum);

}  // namespace cunewton
