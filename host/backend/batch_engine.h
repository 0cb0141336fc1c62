// What a backend does with a batch: solve chunks of it.
#pragma once

#include <cstdint>
#include <memory>

#include "cunewton/fit.h"
#include "cunewton/small/solver.h"

namespace cunewton {

/// The same for all chunks of a batch. T is the arithmetic.
template <class T>
struct BatchTask {
    SmallKind kind;
    const cpu::SmallCode<T>* cpu;    ///< never null
    const cuda::SmallCode<T>* cuda;  ///< null: no GPU code
    int n;                           ///< parameters
    int coordinates;                 ///< of a point
    int points;                      ///< of the problem that has most
    bool ragged;                     ///< chunks have offsets
    bool weighted;
    bool shared_coordinates;  ///< or the model has none
    bool per_run_start;       ///< start and bounds by run and by problem; otherwise shared
    bool per_problem_start;
    bool per_problem_bounds;
    bool hessians;  ///< wanted
    int starts;     ///< runs of each problem
    Estimator estimator;
    T tuning;
    BatchDerivatives derivatives;  ///< not automatic
    batch::SolverSettings<T> settings;
    const T* coordinates_of_all = nullptr;  ///< if shared
    const T* start_of_all = nullptr;        ///< n, if neither per run nor per problem
    const T* lower_of_all = nullptr;        ///< n each, if bounded and not per problem
    const T* upper_of_all = nullptr;
    const unsigned char* fixed = nullptr;  ///< n, or null: none
    int threads;
    std::size_t memory_budget;

    long run_limit(long problems) const { return problems * starts; }
};

/// Some problems of the batch, one after the other. Run r is start r % starts of problem r /
/// starts. Pointers are to the chunk's first; what the task says is shared or absent is null.
template <class T>
struct BatchChunk {
    long problems = 0;
    const long* offsets = nullptr;  ///< problems + 1; offsets[0] is where the arrays below begin
    const T* coordinates = nullptr;
    const T* y = nullptr;
    const T* weights = nullptr;
    const T* start = nullptr;
    const T* lower = nullptr;
    const T* upper = nullptr;

    // Out, one entry (n, or packed) a run.
    T* parameters = nullptr;
    T* objective = nullptr;  ///< f for objectives, twice f for fits
    T* gradient_norm = nullptr;
    Status* status = nullptr;
    int* iterations = nullptr;
    int* counted_points = nullptr;      ///< points with a weight
    std::uint64_t* at_bound = nullptr;  ///< see BatchResult; null unless settings.bounded
    /// Packed, of f, with batch::not_free on the diagonal where a parameter is fixed or at a bound;
    /// null unless wanted.
    T* hessian = nullptr;
};

/// Solves chunks in the order in which they are begun. A chunk's memory is in use until it is
/// finished. Throws OutOfMemory, from begin() or finish(), if the machine has too little memory.
template <class T>
class BatchEngine {
  public:
    virtual ~BatchEngine() = default;
    virtual const char* name() const = 0;
    /// Problems that one chunk should have, at most `wanted` unless that is 0.
    virtual long chunk_size(long wanted) const = 0;
    /// Chunks that may be begun before the first is finished.
    virtual int slots() const = 0;
    virtual void begin(int slot, const BatchChunk<T>& chunk) = 0;
    virtual void finish(int slot) = 0;
};

}  // namespace cunewton
