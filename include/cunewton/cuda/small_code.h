// Interface of small problems on the GPU. No CUDA header is needed to name it;
// cuda/small_code_of.cuh implements it for a functor, in a .cu file of the library or of the user.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>

#include "cunewton/cpu/small_code.h"
#include "cunewton/cuda/code.h"
#include "cunewton/small/solver.h"

namespace cunewton::cuda {

/// A batch in the memory of the current device. Run r is start r % starts of problem r / starts;
/// its results are entry r (n or n (n + 1) / 2 entries from there) of the outputs.
template <class T>
struct DeviceBatch {
    long problems = 0;
    int points = 1;  ///< of each problem; of the one that has most if there are offsets
    int starts = 1;  ///< of each problem; fit_batch_on_device() takes it from its options
    /// Problem i's points begin at point offsets[i] - first_offset of the arrays and end before
    /// offsets[i + 1] - first_offset; problems + 1 entries. Null: all have `points`.
    const long* offsets = nullptr;
    long first_offset = 0;
    const T* coordinates = nullptr;   ///< those of a point are neighbours; null if there are none
    bool shared_coordinates = false;  ///< for all problems, which then all begin with the first
    const T* y = nullptr;             ///< fits: one a point
    const T* weights = nullptr;       ///< one a point, >= 0; null: 1
    const T* start = nullptr;         ///< n a run
    bool shared_start = false;        ///< or n for all runs
    const T* lower = nullptr;         ///< n a problem; may be infinite; null: none
    const T* upper = nullptr;
    bool shared_bounds = false;  ///< or n for all problems

    T* parameters = nullptr;
    T* objective = nullptr;      ///< f for objectives, twice f for fits
    T* gradient_norm = nullptr;  ///< of that, by the parameters that are free
    int* status = nullptr;       ///< a Status
    int* iterations = nullptr;
    int* counted_points = nullptr;  ///< points with a weight; null: not wanted
    // As in BatchResult; null: not wanted.
    std::uint64_t* at_bound = nullptr;
    /// The lower triangle of f's Hessian, packed column by column (math/packed.h), with -infinity
    /// on the diagonal where a parameter is fixed or at a bound; NaN where f is.
    T* hessian = nullptr;
    // What follows is computed from the Hessian, by a kernel of its own: `hessian` must be there,
    // and for covariances and errors of fits `counted_points`, unless the weights are absolute.
    T* covariance = nullptr;                ///< n * n a run
    T* standard_errors = nullptr;           ///< n a run
    T* condition_number = nullptr;          ///< 1 a run
    std::uint64_t* undetermined = nullptr;  ///< 1 a run

    /// One number of workspace for this batch alone until it is solved.
    unsigned long long* queue = nullptr;
};

/// How a batch is solved; the same for all of its chunks.
template <class T>
struct BatchMethod {
    batch::SolverSettings<T> settings;
    Estimator estimator = Estimator::least_squares;
    T tuning = 1;
    BatchDerivatives derivatives = BatchDerivatives::autodiff;  ///< not automatic
    std::uint64_t fixed = 0;  ///< bit j: parameter j keeps its start; settings.bounded is set then
};

/// A model or an objective of small problems on the device.
template <class T>
class SmallCode {
  public:
    virtual ~SmallCode() = default;
    virtual SmallKind kind() const = 0;
    virtual int parameters() const = 0;
    virtual int coordinates() const = 0;
    virtual bool has_analytic() const = 0;
    /// Queues one memory fill and one kernel on the stream and returns. Throws OutOfMemory,
    /// BackendUnavailable or DeviceError if they could not be queued.
    virtual void solve(const DeviceBatch<T>& batch, const BatchMethod<T>& method,
                       Stream stream) const = 0;
};

}  // namespace cunewton::cuda
