// The samples that evaluators of the CPU sum over.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "host/backend/ranks.h"
#include "host/data/sample_data.h"

namespace cunewton::cpu {

/// This rank's samples on the host, all or some, by the chunks that sums are taken over; without
/// ranks there is one. Chunks begin at whole groups, so that each may be padded.
template <class T>
class ChunkedSamples {
  public:
    /// ranks: outlive it; null: there are none.
    ChunkedSamples(const Samples<T>& samples, const Ranks* ranks) : data_(samples), ranks_(ranks) {
        select_all();
    }
    const Samples<T>& view() const { return data_.view(); }
    /// Those of all ranks, whichever are selected.
    long all() const { return ranks_ ? ranks_->samples() : own_; }
    /// This rank's, whichever are selected.
    long own() const { return own_; }
    const std::vector<SampleBlock>& chunks() const { return chunks_; }
    /// What a rank does not have any of is left out.
    std::vector<SampleBlock> blocks(long size) const { return cut(chunks_, size); }
    /// The number of a block's first sample, by which no two samples of all ranks are alike: their
    /// numbers if all are selected; those of a chunk that are take the numbers of its first.
    long number_of(const SampleBlock& block) const {
        const auto chunk = std::ranges::find(chunks_, block.chunk, &SampleBlock::chunk);
        return numbers_[static_cast<std::size_t>(chunk - chunks_.begin())] + block.begin -
               chunk->begin;
    }

    /// As those of an Evaluator.
    void select(std::span<const long> samples, double share) {
        chunks_.clear();
        numbers_.clear();
        if (!ranks_) {
            data_.select(samples, share);
            chunks_ = {{0, static_cast<long>(samples.size()), 0}};
            numbers_ = {0};
            return;
        }
        const std::vector<std::vector<long>> selected = ranks_->selected(samples);
        rows_.clear();
        for (std::size_t c = 0; c < selected.size(); ++c) {
            if (selected[c].empty()) continue;
            rows_.resize(
                (rows_.size() + SampleGrid::group - 1) / SampleGrid::group * SampleGrid::group, -1);
            const SampleBlock& all = ranks_->chunks()[c];
            const long begin = static_cast<long>(rows_.size());
            for (const long sample : selected[c]) rows_.push_back(all.begin + sample);
            chunks_.push_back({begin, static_cast<long>(rows_.size()), all.chunk});
            numbers_.push_back(ranks_->first() + all.begin);
        }
        data_.select(rows_, share);
    }
    void select_all() {
        data_.select_all();
        own_ = data_.view().count;
        chunks_ = ranks_ ? ranks_->chunks() : std::vector<SampleBlock>{{0, own_, 0}};
        numbers_.clear();
        for (const SampleBlock& chunk : chunks_)
            numbers_.push_back((ranks_ ? ranks_->first() : 0) + chunk.begin);
    }

    /// Bytes that this takes.
    static std::size_t memory(const Samples<T>& samples) { return HostSamples<T>::memory(samples); }
    /// Bytes of what select() copies of so many samples, at most.
    static std::size_t selection_memory(const Samples<T>& samples, const Ranks* ranks,
                                        long selected) {
        if (!ranks || selected == 0) return HostSamples<T>::selection_memory(samples, selected);
        const long gaps = SampleGrid::chunks * (SampleGrid::group - 1);
        const long rows = std::min(selected + gaps, samples.count);
        // Lists that grow hold twice what they have, and three times while they do.
        return HostSamples<T>::selection_memory(samples, rows) +
               5 * static_cast<std::size_t>(rows) * sizeof(long);
    }

  private:
    HostSamples<T> data_;
    const Ranks* const ranks_;
    long own_ = 0;
    std::vector<SampleBlock> chunks_;
    std::vector<long> numbers_;  // of the chunks' first samples
    std::vector<long> rows_;     // of a selection, with the gaps before chunks
};

}  // namespace cunewton::cpu
