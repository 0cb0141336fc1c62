// Runs of minimize() that outlive their process: with Options::checkpoint their state is saved to a
// file now and then, from which the same call resumes them.
//
// A state is all that the method has come to know: a run that was killed goes on from it to the
// bits, the counts and the trace of one that never was, on the same kind of machine and backend,
// with any number of threads, and one with checkpoints takes the steps of one without. On another
// backend it goes on as well, to other last bits.
//
// A file is there as a whole or not at all, whenever process or machine stops: FILE.tmp is written,
// brought to the disk and renamed. A path that cannot be written is found out before the first
// evaluation; where a state cannot be saved later, as on a full disk, minimize() throws FileError
// and the last one stays. It throws FileError for a file that is none or is damaged, and
// InvalidArgument for one of another run.
//
// A resumed run begins at its file's state, whatever x0 is, and parameters that are fixed keep
// their values there; callbacks are called there once more. Limits are those of the whole run and
// may be others than before; seconds are without the saving. What came after the last state is done
// again: a run that had ended comes to the same end, or gets beyond it where a limit is greater
// now. A caller's own preconditioner is updated again where it was last.
//
// Saved are some ten vectors of n numbers, the pairs of L-BFGS, the numbers of a preconditioner,
// the n x n of BFGS, and 8 bytes a sample of methods that draw samples; the host holds that twice
// meanwhile. Hessian and factor are made again when a run is resumed, which counts as nothing.
// Where ranks share the samples the first of them alone reads and writes, and tells the others: any
// number of them may go on, to the same bits with RankSums::fixed_order.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cunewton/options.h"

namespace cunewton {

/// What a checkpoint says of its run, without what its method needs besides to go on.
template <class T>
struct Checkpoint {
    std::string of;     ///< what it is the state of, in words that tell other runs apart
    std::vector<T> x0;  ///< the run's start as it was given, n parameters
    std::vector<T> x;   ///< the iterate
    double f = 0;
    double first_f = 0;  ///< f(x0)
    double gradient_norm = 0;
    double first_gradient_norm = 0;  ///< |g(x0)|_2
    double radius = 0;               ///< Result::radius
    int iterations = 0;              ///< since the start of the run, as all that follows
    Counts counts;
    PhaseTimes seconds;
    std::vector<IterationRecord> trace;
};

/// Writes a checkpoint to the last bit, as a whole or not at all. No run is resumed from it, for
/// there is no method's state in it; x is where another may start. Throws FileError if it cannot be
/// written.
template <class T>
void save_checkpoint(const std::string& file, const Checkpoint<T>& checkpoint);
extern template void save_checkpoint(const std::string&, const Checkpoint<double>&);
extern template void save_checkpoint(const std::string&, const Checkpoint<float>&);

/// What that or minimize() has saved, by Options::checkpoint, on a machine with the same order
/// of bytes. Throws FileError if the file cannot be read, is no checkpoint, is of another version
/// of the library, is damaged (cut short, or other bytes than its checksum says) or has parameters
/// of another type than T.
template <class T>
Checkpoint<T> load_checkpoint(const std::string& file);
extern template Checkpoint<double> load_checkpoint(const std::string&);
extern template Checkpoint<float> load_checkpoint(const std::string&);

/// A number that tells bytes apart, such as those of the data in CheckpointOptions::of: FNV-1a of
/// 64 bits (Fowler, Noll, Vo), begun from `before` to go on with another piece. No safeguard
/// against intent.
std::uint64_t fingerprint(std::span<const std::byte> bytes,
                          std::uint64_t before = 0xcbf29ce484222325);

}  // namespace cunewton
