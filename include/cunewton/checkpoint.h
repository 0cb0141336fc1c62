// Minimisations that outlive their process: their state is saved to a file now and then.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/minimize.h"

namespace cunewton {

/// What a run is gone on from.
template <class T>
struct Checkpoint {
    std::string of;    ///< what it is the state of, in words that tell other runs apart
    std::vector<T> x;  ///< n parameters
    double f = 0;
    double gradient_norm = 0;
    double first_gradient_norm = 0;  ///< |g(x0)|_2
    double radius = 0;               ///< Result::radius
    int iterations = 0;              ///< since the start of the run, as all that follows
    Counts counts;
    PhaseTimes seconds;
    std::vector<IterationRecord> trace;
};

/// Writes a checkpoint to the last bit. The file is there as a whole or not at all, whenever the
/// process or the machine stops: FILE.tmp is written, brought to the disk and renamed. Throws
/// FileError if it cannot be written.
template <class T>
void save_checkpoint(const std::string& file, const Checkpoint<T>& checkpoint);

/// What save_checkpoint() has written, by a machine with the same order of bytes. Throws FileError
/// if the file cannot be read, is no checkpoint, is damaged (cut short, or other bytes than its
/// checksum says) or has parameters of another type than T.
template <class T>
Checkpoint<T> load_checkpoint(const std::string& file);

/// A number that tells bytes apart, such as those of the data in Checkpoint::of: FNV-1a of 64 bits
/// (Fowler, Noll, Vo), begun from `before` to go on with another piece. No safeguard against
/// intent.
std::uint64_t fingerprint(std::span<const std::byte> bytes,
                          std::uint64_t before = 0xcbf29ce484222325);

/// minimize() in segments of `every` iterations, at the end of each of which the state is saved.
/// Each segment begins anew, at the point that the last one has reached and, for Newton-CG, with
/// its radius: what else a method remembers is lost, be the run interrupted or not (L-BFGS begins
/// with no pairs, BFGS with no matrix, trust_region with a radius of its own). That is why a run
/// that is gone on with after it was killed takes the steps of one that never was, to the last bit,
/// where both run on the same kind of machine and backend, with any number of threads; and why
/// other values of `every` lead to other steps. Each segment takes one more evaluation, for its
/// start.
///
/// Saved is the end of each whole segment, nothing else: a run that is ended within one (by the
/// callback, a limit or its goal) is gone on with from that segment's start. Limits are those of
/// the whole run, and may be others when it is gone on with; relative_gradient_tolerance is of its
/// start. Without a tolerance for the gradient a loss that is next to nothing is judged by what it
/// has fallen by in the segment.
///
/// The result, its trace, and what the callbacks see count from the start of the run; seconds are
/// those of the segments that were saved and of those run here, without the saving. Callbacks are
/// called where the run begins or is gone on with, and after each iteration.
///
/// Where ranks share the problem's samples the first of them alone reads and writes the file, and
/// tells the others what is in it: they need not see its folder. Any number of them may go on with
/// it, to the same bits with RankSums::fixed_order.
///
/// Throws as minimize(); InvalidArgument if no file is named, if `every` is not positive, and if
/// the file is of another run; and as save_checkpoint() and load_checkpoint().
template <class T>
Result<T> minimize_with_checkpoints(const Problem<T>& problem, const std::vector<T>& x0,
                                    const Options& options, const CheckpointOptions& checkpoints,
                                    const std::type_identity_t<IterateCallback<T>>& callback = {});

#define CUNEWTON_DECLARE(T)                                                                       \
    extern template void save_checkpoint(const std::string&, const Checkpoint<T>&);               \
    extern template Checkpoint<T> load_checkpoint(const std::string&);                            \
    extern template Result<T> minimize_with_checkpoints(const Problem<T>&, const std::vector<T>&, \
                                                        const Options&, const CheckpointOptions&, \
                                                        const IterateCallback<T>&);
CUNEWTON_DECLARE(double)
CUNEWTON_DECLARE(float)
#undef CUNEWTON_DECLARE

}  // namespace cunewton
