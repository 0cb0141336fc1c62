// What the evaluators that difference over whole parameters share: steps and the memory budget.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "cunewton/math/stencil.h"
#include "host/cpu/backend.h"

namespace cunewton::cpu {

template <class T>
class DifferencingEvaluator : public Evaluator<T> {
  public:
    /// typical: magnitudes of the parameters; empty means 1 everywhere.
    DifferencingEvaluator(const Problem<T>& problem, const ResolvedDerivatives& derivatives,
                          std::vector<double> typical, CpuBackend<T>& backend)
        : problem_(problem),
          parts_(problem_.parts()),
          derivatives_(derivatives),
          backend_(backend),
          steps_(parts_.dimension),
          typical_(std::move(typical)) {
        if (typical_.empty()) typical_.assign(parts_.dimension, 1.0);
    }
    std::size_t peak_tile_bytes() const override { return peak_; }

  protected:
    /// Difference steps of every parameter at x.
    void set_steps(const T* x, double relative) {
        for (int j = 0; j < parts_.dimension; ++j)
            steps_[j] =
                difference_step<T>(x[j], static_cast<T>(typical_[j]), static_cast<T>(relative));
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
    CpuBackend<T>& backend_;
    std::vector<T> steps_;

  private:
    std::vector<double> typical_;
    std::size_t peak_ = 0;
};

}  // namespace cunewton::cpu
