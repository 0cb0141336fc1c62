#include "host/backend/ranks.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace cunewton {

namespace {

// Numbers of a vector that are gathered at a time: they bound what others' branches take.
constexpr std::size_t slice = std::size_t{1} << 15;

/// What a rank says where ranks meet.
struct Word {
    std::uint64_t meeting, numbers, point, says;
};

const char* name_of(Meeting meeting) {
    switch (meeting) {
        case Meeting::failed:
            return "fails";
        case Meeting::problem:
            return "makes a problem";
        case Meeting::call:
            return "begins a call";
        case Meeting::sum:
            return "takes a sum";
        case Meeting::decision:
            return "decides whether to stop";
        case Meeting::finished:
            return "ends a call";
    }
    return "does something else";
}

std::string rank_name(std::size_t rank) {
    return "rank " + std::to_string(rank);
}

template <class U>
std::vector<U> gather_equal(Communicator& communicator, const U* mine, std::size_t count) {
    const std::size_t ranks = static_cast<std::size_t>(communicator.size());
    const std::vector<std::size_t> bytes(ranks, count * sizeof(U));
    std::vector<U> all(ranks * count);
    communicator.all_gather(mine, bytes, all.data());
    return all;
}

/// The messages of those that failed, on all ranks.
[[noreturn]] void throw_failures(Communicator& communicator, const std::vector<Word>& words,
                                 const std::string& mine) {
    std::vector<std::size_t> bytes;
    std::size_t total = 0;
    for (const Word& word : words) {
        const bool failed = static_cast<Meeting>(word.meeting) == Meeting::failed;
        bytes.push_back(failed ? static_cast<std::size_t>(word.numbers) : 0);
        total += bytes.back();
    }
    std::string all(total, ' ');
    communicator.all_gather(mine.data(), bytes, all.data());
    std::string text;
    std::size_t at = 0;
    for (std::size_t r = 0; r < words.size(); ++r) {
        if (static_cast<Meeting>(words[r].meeting) == Meeting::failed)
            text += (text.empty() ? "" : "; ") + rank_name(r) + ": " + all.substr(at, bytes[r]);
        at += bytes[r];
    }
    throw RankError("the call failed on another rank (" + text + ") see to it there");
}

}  // namespace

long SampleGrid::begin(int chunk) const {
    const long groups = (samples_ + group - 1) / group;
    // Without overflow for any number of samples that memory holds.
    return std::min(samples_, groups * chunk / chunks * group);
}

long SampleGrid::most() const {
    const long groups = (samples_ + group - 1) / group;
    return std::min(samples_, (groups + chunks - 1) / chunks * group);
}

int SampleGrid::chunk_at(long sample) const {
    for (int chunk = 0; chunk <= chunks; ++chunk)
        if (begin(chunk) >= sample) return begin(chunk) == sample ? chunk : -1;
    return -1;
}

std::uint64_t hash(const void* data, std::size_t bytes) {
    // Words are mixed by a multiplication and a shift each (Steele, Lea and Flood 2014, "Fast
    // splittable pseudorandom number generators").
    const auto* at = static_cast<const unsigned char*>(data);
    std::uint64_t state = 0x9e3779b97f4a7c15u ^ bytes;
    for (std::size_t done = 0; done < bytes; done += sizeof(state)) {
        std::uint64_t word = 0;
        std::memcpy(&word, at + done, std::min(sizeof(word), bytes - done));
        state = (state ^ word) * 0xbf58476d1ce4e5b9u;
        state ^= state >> 31;
    }
    return state;
}

bool meet(Communicator& communicator, Meeting meeting, std::size_t numbers, std::uint64_t point,
          bool says) {
    const Word mine{static_cast<std::uint64_t>(meeting), numbers, point, says};
    const std::vector<Word> words = gather_equal(communicator, &mine, 1);
    bool any = false;
    for (const Word& word : words) {
        if (static_cast<Meeting>(word.meeting) == Meeting::failed)
            throw_failures(communicator, words, {});
        any = any || word.says != 0;
    }
    for (std::size_t r = 1; r < words.size(); ++r) {
        const Word &first = words[0], &other = words[r];
        const auto disagree = [&](const std::string& how) {
            throw RankError("ranks are not in step (" + how +
                            ") make the same calls on all of them, with the same problem, point "
                            "and options");
        };
        if (other.meeting != first.meeting)
            disagree(rank_name(0) + " " + name_of(static_cast<Meeting>(first.meeting)) + " while " +
                     rank_name(r) + " " + name_of(static_cast<Meeting>(other.meeting)));
        if (other.numbers != first.numbers)
            disagree(rank_name(0) + " has " + std::to_string(first.numbers) + " numbers to " +
                     "share and " + rank_name(r) + " " + std::to_string(other.numbers));
        if (other.point != first.point)
            disagree(rank_name(0) + " and " + rank_name(r) +
                     " are at different points: their starts, or their processors, differ");
    }
    return any;
}

void tell_failure(Communicator& communicator, const std::string& message) {
    const Word mine{static_cast<std::uint64_t>(Meeting::failed), message.size(), 0, 0};
    try {
        throw_failures(communicator, gather_equal(communicator, &mine, 1), message);
    } catch (const std::exception&) {
        // The caller throws what it has, also where others cannot be told.
    }
}

void require_common(Communicator& communicator, Meeting meeting, const char* what,
                    const std::vector<Common>& values) {
    meet(communicator, meeting, values.size(), 0);
    std::vector<std::uint64_t> mine;
    for (const Common& common : values) mine.push_back(common.value);
    const std::vector<std::uint64_t> all = gather_equal(communicator, mine.data(), mine.size());
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i] != all[i % mine.size()])
            throw RankError(std::string("ranks have different ") + what + " (" +
                            rank_name(i / mine.size()) + " has another " +
                            values[i % mine.size()].name +
                            " than rank 0) pass the same on all ranks");
}

Ranks::Ranks(std::shared_ptr<Communicator> communicator, RankSums how, long own_samples)
    : communicator_(std::move(communicator)), how_(how) {
    const std::vector<long> counts = gather_equal(*communicator_, &own_samples, 1);
    std::vector<long> begins{0};
    for (const long count : counts) begins.push_back(begins.back() + count);
    samples_ = begins.back();
    const std::size_t own = static_cast<std::size_t>(communicator_->rank());
    first_ = begins[own];
    if (how_ == RankSums::all_reduce) {
        chunks_.push_back({0, own_samples, 0});
        return;
    }
    const SampleGrid grid(samples_);
    std::vector<int> firsts;
    for (std::size_t r = 0; r < begins.size(); ++r) {
        const bool last = r + 1 == begins.size();
        firsts.push_back(last ? SampleGrid::chunks : grid.chunk_at(begins[r]));
        if (firsts.back() < 0)
            throw RankError("samples are parted within a chunk (" + rank_name(r) +
                            " begins at sample " + std::to_string(begins[r]) + " of " +
                            std::to_string(samples_) +
                            ") give each rank its rank_part(), or choose RankSums::all_reduce");
    }
    for (std::size_t r = 0; r + 1 < firsts.size(); ++r) {
        std::vector<Branch>& branches = branches_.emplace_back();
        for (int chunk = firsts[r]; chunk < firsts[r + 1]; ++chunk) {
            branches.push_back({0, chunk});
            while (branches.size() > 1 && branches[branches.size() - 2].joins(branches.back())) {
                branches.pop_back();
                branches.back() = branches.back().joined();
            }
        }
    }
    for (int chunk = firsts[own]; chunk < firsts[own + 1]; ++chunk)
        chunks_.push_back({grid.begin(chunk) - first_, grid.begin(chunk + 1) - first_, chunk});
}

std::vector<std::vector<long>> Ranks::selected(std::span<const long> samples) const {
    std::vector<std::vector<long>> of_chunks(chunks_.size());
    for (const long sample : samples) {
        const long own = sample - first_;
        if (own < 0 || own >= chunks_.back().end) continue;
        // The chunk that ends behind it: empty ones do not.
        const auto chunk = std::ranges::upper_bound(chunks_, own, {}, &SampleBlock::end);
        of_chunks[static_cast<std::size_t>(chunk - chunks_.begin())].push_back(own - chunk->begin);
    }
    return of_chunks;
}

long Ranks::most_of_chunk() const {
    return how_ == RankSums::fixed_order ? SampleGrid(samples_).most() : chunks_.front().end;
}

std::size_t Ranks::most_branches() const {
    std::size_t all = 0;
    for (const std::vector<Branch>& branches : branches_) all += branches.size();
    return all;
}

std::vector<Ranks::Branch> Ranks::own_branches() const {
    if (how_ == RankSums::all_reduce) return {{0, 0}};
    return branches_[static_cast<std::size_t>(communicator_->rank())];
}

std::vector<SampleBlock> cut(const std::vector<SampleBlock>& chunks, long size) {
    std::vector<SampleBlock> blocks;
    for (const SampleBlock& chunk : chunks)
        for (long begin = chunk.begin; begin < chunk.end; begin += size)
            blocks.push_back({begin, std::min(chunk.end, begin + size), chunk.chunk});
    return blocks;
}

std::vector<SampleBlock> sample_blocks(const Ranks* ranks, long samples, long size) {
    return ranks ? cut(ranks->chunks(), size) : cut({{0, samples, 0}}, size);
}

long chunk_samples(const Ranks* ranks, long samples) {
    return ranks ? ranks->most_of_chunk() : samples;
}

template <class V>
RankSum<V>::RankSum(const Ranks& ranks, std::size_t size) : ranks_(&ranks), size_(size) {}

template <class V>
std::size_t RankSum<V>::memory(const Ranks* ranks, std::size_t size) {
    if (!ranks) return 0;
    const std::size_t part = std::min(size, slice);
    if (ranks->how() == RankSums::all_reduce)
        return size * sizeof(V) +
               part * sizeof(double) * (1 + static_cast<std::size_t>(ranks->communicator().size()));
    // Branches of this rank while they grow, and slices of all.
    return (static_cast<std::size_t>(SampleGrid::levels + 1) * size +
            (ranks->most_branches() + 2 * SampleGrid::levels) * part) *
           sizeof(V);
}

template <class V>
void RankSum<V>::push(int chunk, const V* values) {
    if (!parts_.empty() && parts_.back().branch.joins({0, chunk})) {
        // A right leaf is not copied. Zeros are added too: -0 becomes 0 whoever adds them.
        Part& left = parts_.back();
        for (std::size_t j = 0; j < size_; ++j) left.values[j] += values ? values[j] : V(0);
        left.branch = left.branch.joined();
    } else {
        Part leaf{{0, chunk}, {}};
        if (!spare_.empty()) {
            leaf.values = std::move(spare_.back());
            spare_.pop_back();
        }
        if (values)
            leaf.values.assign(values, values + size_);
        else
            leaf.values.assign(size_, V(0));
        parts_.push_back(std::move(leaf));
    }
    while (parts_.size() > 1 && parts_[parts_.size() - 2].branch.joins(parts_.back().branch)) {
        Part& left = parts_[parts_.size() - 2];
        Part& right = parts_.back();
        for (std::size_t j = 0; j < size_; ++j) left.values[j] += right.values[j];
        left.branch = left.branch.joined();
        spare_.push_back(std::move(right.values));
        parts_.pop_back();
    }
}

template <class V>
void RankSum<V>::add(int chunk, const V* values) {
    const std::vector<SampleBlock>& chunks = ranks_->chunks();
    while (chunks[next_].chunk != chunk) push(chunks[next_++].chunk, nullptr);
    push(chunks[next_++].chunk, values);
}

template <class V>
void RankSum<V>::add(const Ranks::Branch& branch, std::vector<V> values) {
    parts_.push_back({branch, std::move(values)});
    next_ = ranks_->chunks().size();
}

template <class V>
void RankSum<V>::finish(std::uint64_t point, V* sum) {
    const std::vector<SampleBlock>& chunks = ranks_->chunks();
    while (next_ < chunks.size()) push(chunks[next_++].chunk, nullptr);
    // Nothing may fail between the meeting and what it is for, so memory is taken before.
    const bool reduces = ranks_->how() == RankSums::all_reduce;
    const std::size_t most = std::min(slice, size_);
    std::vector<double> part(reduces ? most : 0);
    std::vector<V> all(reduces ? 0 : ranks_->most_branches() * most),
        mine(reduces ? 0 : parts_.size() * most);
    std::vector<std::size_t> bytes(ranks_->branches().size());
    std::vector<std::pair<Ranks::Branch, V*>> open;
    open.reserve(ranks_->most_branches());
    meet(ranks_->communicator(), Meeting::sum, size_, point);
    for (std::size_t begin = 0; begin < size_; begin += slice) {
        const std::size_t count = std::min(slice, size_ - begin);
        if (reduces) {
            const V* const own = parts_.front().values.data() + begin;
            std::copy_n(own, count, part.data());
            ranks_->communicator().all_reduce(part.data(), count);
            for (std::size_t j = 0; j < count; ++j) sum[begin + j] = static_cast<V>(part[j]);
            continue;
        }
        for (std::size_t p = 0; p < parts_.size(); ++p)
            std::copy_n(parts_[p].values.data() + begin, count, mine.data() + p * count);
        for (std::size_t r = 0; r < bytes.size(); ++r)
            bytes[r] = ranks_->branches()[r].size() * count * sizeof(V);
        ranks_->communicator().all_gather(mine.data(), bytes, all.data());
        // The rest of the tree, by all ranks alike.
        open.clear();
        V* next = all.data();
        for (const std::vector<Ranks::Branch>& of_rank : ranks_->branches())
            for (const Ranks::Branch& branch : of_rank) {
                open.emplace_back(branch, next);
                next += count;
                while (open.size() > 1 && open[open.size() - 2].first.joins(open.back().first)) {
                    auto& [joined, left] = open[open.size() - 2];
                    const V* const right = open.back().second;
                    for (std::size_t j = 0; j < count; ++j) left[j] += right[j];
                    joined = joined.joined();
                    open.pop_back();
                }
            }
        std::copy_n(open.front().second, count, sum + begin);
    }
}

void sum_blocks(const Ranks& ranks, const std::vector<SampleBlock>& blocks, double* partial,
                std::size_t stride, std::size_t size, std::uint64_t point, double* sum) {
    RankSum<double> total(ranks, size);
    for (std::size_t b = 0; b < blocks.size();) {
        double* const first = partial + b * stride;
        const int chunk = blocks[b].chunk;
        for (++b; b < blocks.size() && blocks[b].chunk == chunk; ++b)
            for (std::size_t j = 0; j < size; ++j) first[j] += partial[b * stride + j];
        total.add(chunk, first);
    }
    total.finish(point, sum);
}

template class RankSum<double>;
template class RankSum<float>;

}  // namespace cunewton
