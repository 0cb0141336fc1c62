// A minimisation under linear equality constraints: methods minimise over the numbers that these
// leave, and know nothing of it.
#pragma once

#include <string>
#include <vector>

#include "cunewton/minimize.h"
#include "host/backend/evaluator.h"
#include "host/minimize/minimization.h"
#include "host/minimize/reduced_evaluator.h"

namespace cunewton::solver {

template <class T>
class Constrained {
  public:
    static bool asked(const Options& options) {
        return !options.constraints.A.empty() || !options.constraints.b.empty();
    }
    /// The run's options, with what `automatic` means for it. Throws InvalidArgument for
    /// constraints that are not valid, contradict each other or do not go with other options.
    Constrained(const Problem<T>& problem, const std::vector<T>& x0, const Options& options);

    /// What it takes beside the run itself, at most.
    static void add_memory(int n, const Options& options, SessionWork& work);

    /// Numbers that are minimised over.
    int dimension() const { return space_.dimension(); }
    /// What methods go by.
    const Options& options() const { return options_; }
    /// "3 linear equations, 2 of them independent"
    std::string description() const;
    std::vector<T> reduced_start() const;
    /// The caller's, which sees parameters. It is called while a reduced session is open.
    IterateCallback<T> callback(const IterateCallback<T>& given);
    /// Makes it one of dimension() parameters.
    void reduce(Session<T>& session);
    /// Where nothing is left to minimise over: the loss at the one point that there is.
    void evaluate(Progress<T>& progress, Result<T>& result);
    /// Parameters that directions of the reduced problem's null space have a part in.
    std::vector<int> undetermined(Minimization<T>& run) const;
    /// Completes the result of a run that has ended at z, while its session is open.
    void finish(const std::vector<T>& z, Result<T>& result);
    std::vector<T> full(const std::vector<T>& z) const;

  private:
    std::vector<T> full_gradient(const std::vector<T>& z);

    const std::vector<T> x0_;
    NullSpace space_;
    Options options_;
    Vectors<T>* vectors_ = nullptr;  ///< of the session
    ReducedEvaluator<T>* evaluator_ = nullptr;
};

}  // namespace cunewton::solver
