// The samples of a problem, wherever the caller has them.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "cunewton/problem/forms.h"

namespace cunewton {

/// Checks them, puts in the distance between them if it is left open and the number of their
/// device, and returns the sum of their weights. Throws InvalidArgument.
template <class T>
double checked_weight(Samples<T>& samples);

/// The samples that a problem is made from, also where another one is around it; null: none.
template <class T>
const Samples<T>* samples_in(const ProblemParts<T>& parts) {
    return std::visit(
        [](const auto& form) -> const Samples<T>* {
            if constexpr (requires { form.samples; })
                return &form.samples;
            else if constexpr (requires { form.inner; })
                return samples_in(*form.inner);
            else
                return nullptr;
        },
        parts.form);
}
/// The samples that the loss is a sum over; null if it is no sum over several.
template <class T>
const Samples<T>* samples_of(const Problem<T>& problem) {
    const Samples<T>* const samples = samples_in(problem.parts());
    return samples && samples->count > 1 ? samples : nullptr;
}

/// The GPU that a call on the problem is for: the one that is asked for, or that of its data, or
/// -1. Throws InvalidArgument if they differ.
template <class T>
int device_for(const Problem<T>& problem, int asked);

/// The samples as a backend of the host reads them: on the host, row by row. They are the caller's
/// where those are so already.
template <class T>
class HostSamples {
  public:
    /// targets_only: without their features.
    explicit HostSamples(const Samples<T>& samples, bool targets_only = false);
    HostSamples(const HostSamples&) = delete;
    /// Bytes that this takes with all features.
    static std::size_t memory(const Samples<T>& samples);
    /// Bytes of what select() copies.
    static std::size_t selection_memory(const Samples<T>& samples, long selected) {
        return static_cast<std::size_t>(selected) *
               (static_cast<std::size_t>(samples.dimension) + 1 +
                static_cast<std::size_t>(samples.targets ? samples.target_count : 0) +
                static_cast<std::size_t>(samples.offsets ? samples.offset_count : 0)) *
               sizeof(T);
    }
    const Samples<T>& view() const { return view_; }
    /// From here on view() has these samples alone, each with `share` times its weight; where the
    /// number is negative there is a gap, which weighs nothing. They are copied.
    void select(std::span<const long> samples, double share);
    void select_all() { view_ = all_; }

  private:
    std::vector<T> features_, targets_, weights_, offsets_;
    std::vector<T> selected_features_, selected_targets_, selected_weights_, selected_offsets_;
    Samples<T> all_, view_;
};

}  // namespace cunewton
