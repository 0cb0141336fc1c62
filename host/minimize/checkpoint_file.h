// The file that a run's states are saved to.
#pragma once

#include <string>
#include <string_view>

#include "cunewton/checkpoint.h"
#include "host/backend/ranks.h"
#include "host/backend/state.h"

namespace cunewton {

/// Writes or reads a record, by the names of all its members: one that is left out does not
/// compile.
template <class T>
void pass_counts(State<T>& state, Counts& counts) {
    auto& [evaluations, gradients, hessians, factorizations, products, sampled] = counts;
    state(evaluations, gradients, hessians, factorizations, products, sampled);
}
template <class T>
void pass_record(State<T>& state, IterationRecord& record) {
    auto& [iteration, f, gradient_norm, step_norm, step_length, shift, seconds, counts] = record;
    state(iteration, f, gradient_norm, step_norm, step_length, shift, seconds);
    pass_counts(state, counts);
}

template <class T>
class CheckpointFile {
  public:
    /// of: the run, in words. ranks: that share its samples, of which the first alone reads and
    /// writes; null: there are none. Throws InvalidArgument for options that are wrong, and
    /// FileError where nothing can be written.
    CheckpointFile(const CheckpointOptions& options, std::string of, Communicator* ranks);

    /// A state that was found: what of it is for everybody, and what is for the method.
    struct Found {
        Checkpoint<T> at;
        std::string state;
    };
    /// What is to be resumed, on all ranks; its state is empty if there is nothing. Throws
    /// FileError as load_checkpoint(), and InvalidArgument where it is of another run.
    Found find() const;
    /// Replaces what is there, as a whole: FILE.tmp is written, brought to the disk and renamed.
    /// Throws FileError, with what was there in its place still.
    void save(Checkpoint<T> at, std::string_view state) const;
    const std::string& name() const { return options_.file; }
    int every() const { return options_.every; }

  private:
    bool is_first() const { return !ranks_ || ranks_->rank() == 0; }

    const CheckpointOptions options_;
    const std::string of_;
    Communicator* const ranks_;
};

/// What steps depend on, in words. samples: that the loss is a sum over.
template <class T>
std::string describe_run(long n, long samples, const Options& options);

}  // namespace cunewton
