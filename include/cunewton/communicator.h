// Problems whose samples are spread over processes: what those tell each other.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>
#include <span>

namespace cunewton {

/// One of the ranks that share a problem's samples: processes on one machine or on several (mpi.h),
/// or threads, each with a Communicator of its own. Calls on problems with a communicator are made
/// by all of its ranks, in the same order, each by one thread at a time.
class Communicator {
  public:
    /// What this rank has given to others so far: that a sum travels to several is not counted.
    struct Traffic {
        long exchanges = 0;
        long bytes = 0;
    };

    virtual ~Communicator() = default;
    virtual int rank() const = 0;  ///< 0 <= rank() < size()
    virtual int size() const = 0;
    /// Whether all_gather() takes memory of this rank's GPU too, `mine` and `all` alike.
    virtual bool takes_device_memory() const { return false; }
    /// The number of the only GPU whose memory it takes; -1: any.
    virtual int device() const { return -1; }

    /// Gives this rank's bytes to all: `all` gets those of rank 0, of rank 1 and so on. bytes: the
    /// number of each rank's, which every rank knows. Of a GPU's memory, work on `mine` and `all`
    /// is complete before the call, and `all` is when it returns.
    void all_gather(const void* mine, std::span<const std::size_t> bytes, void* all);
    /// Adds up each of the numbers over all ranks, which get the same bits.
    void all_reduce(double* numbers, std::size_t count);
    const Traffic& traffic() const { return traffic_; }

  protected:
    virtual void gather(const void* mine, std::span<const std::size_t> bytes, void* all) = 0;
    /// By default the numbers are gathered and added in the order of ranks.
    virtual void reduce(double* numbers, std::size_t count);

  private:
    Traffic traffic_;
};

/// How the sums of ranks become one.
enum class RankSums {
    /// The same bits for any number of ranks: all samples are cut into 32 chunks (whole groups of
    /// 64 samples, at places that depend on their number alone), whose sums are added pair by pair,
    /// in a tree that is the same whoever computes a part of it. A rank gives away the sums of the
    /// complete branches that are its own: one where ranks are 2, 4, 8, 16 or 32 and have their
    /// rank_part(), else a few (at most 8).
    fixed_order,
    /// One sum a rank by Communicator::all_reduce(), of any samples: less to send where ranks are
    /// many, and bits that depend on how many they are.
    all_reduce,
};

/// Samples [begin, begin + count).
struct RankPart {
    long begin = 0;
    long count = 0;
};
/// The part of all samples that this rank should hold: as much as the others, and bounded as
/// RankSums::fixed_order needs it. Throws InvalidArgument where some rank would get none: there are
/// at most 32 ranks, and no more than there are groups of 64 samples.
RankPart rank_part(long samples, const Communicator& communicator);

}  // namespace cunewton
