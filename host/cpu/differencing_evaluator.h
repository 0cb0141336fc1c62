// What the evaluators that difference over whole parameters share: steps and the memory budget.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "cunewton/math/stencil.h"
#include "cunewton/problem/forms.h"
#include "host/cpu/vectors.h"

namespace cunewton::cpu {

/// The problem on this machine: what the constructors of all evaluators are handed. All of it
/// outlives them but `problem`, of which they keep a copy.
template <class T>
struct Setting {
    const Problem<T>& problem;
    ResolvedDerivatives derivatives;
    const std::vector<double>& typical;  ///< magnitudes of the parameters; empty means 1 everywhere
    CpuVectors<T>& vectors;
    DenseMatrices<T>& matrices;
};

template <class T>
class DifferencingEvaluator : public Evaluator<T> {
  public:
    explicit DifferencingEvaluator(const Setting<T>& at)
        : Evaluator<T>(at.vectors, at.matrices, at.problem.dimension()),
          problem_(at.problem),
          parts_(problem_.parts()),
          derivatives_(at.derivatives),
          vectors_(at.vectors),
          steps_(parts_.dimension),
          typical_(at.typical) {
        if (typical_.empty()) typical_.assign(parts_.dimension, 1.0);
    }
    /// Bytes of what all keep.
    static std::size_t memory(int n) {
        return static_cast<std::size_t>(n) * (sizeof(T) + sizeof(double));
    }
    std::size_t peak_tile_bytes() const override { return peak_; }
    void limit_steps(const std::vector<T>& most) override { most_ = most; }

  protected:
    /// Difference steps of every parameter at x.
    void set_steps(const T* x, double relative) {
        for (int j = 0; j < parts_.dimension; ++j) {
            steps_[j] =
                difference_step<T>(x[j], static_cast<T>(typical_[j]), static_cast<T>(relative));
            if (!most_.empty()) steps_[j] = std::min(steps_[j], most_[j]);
        }
    }
    /// Records what a tile takes; throws InvalidArgument if that is more than the budget.
    void account(std::size_t bytes) {
        if (bytes > derivatives_.memory_budget)
            throw InvalidArgument("memory budget of " + std::to_string(derivatives_.memory_budget) +
                                  " bytes is too small (one tile of this problem takes " +
                                  std::to_string(bytes) +
                                  ") raise DerivativeOptions::memory_budget");
        note_peak(bytes);
    }
    /// Records what is taken whatever the budget.
    void note_peak(std::size_t bytes) { peak_ = std::max(peak_, bytes); }

    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const ResolvedDerivatives derivatives_;
    CpuVectors<T>& vectors_;
    std::vector<T> steps_;

  private:
    std::vector<double> typical_;
    std::vector<T> most_;  // limits of steps_, or empty
    std::size_t peak_ = 0;
};

}  // namespace cunewton::cpu
