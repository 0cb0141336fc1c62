// A batch as its solvers see it: where the numbers of its problems and of its results lie, and how
// it is solved. Host and device; plain structs that kernels take as they are.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"
#include "cunewton/small/solver.h"

namespace cunewton::batch {

/// Number j of row i is data[i * row + j * column].
template <class T>
struct Rows {
    T* data = nullptr;       ///< null: there are none
    std::ptrdiff_t row = 0;  ///< 0: the same row for all
    std::ptrdiff_t column = 1;

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE explicit operator bool() const {
        return data != nullptr;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T& operator()(long i, long j = 0) const {
        return data[i * row + j * column];
    }
    CUNEWTON_HOST_DEVICE Rows from(long first) const {
        return {data ? data + first * row : nullptr, row, column};
    }
};

/// Where a problem's points lie: number k of its row in an array of points is
/// array.data[begin * array.row + k * array.column].
struct PointRange {
    long begin;
    int count;
};

/// The problems of a batch, or of a part of it. Run r is start r % starts of problem r / starts.
template <class T>
struct BatchView {
    long problems = 0;
    int points = 1;  ///< of each problem; of the one that has most if there are offsets
    int starts = 1;  ///< of each problem
    /// Problem i has the points offsets[i] - first_offset to offsets[i + 1] - first_offset of the
    /// arrays of points; problems + 1 entries. Null: all problems have `points`.
    const long* offsets = nullptr;
    long first_offset = 0;
    // Arrays of points: a row for each problem or, with offsets, for each point. The coordinates of
    // a point are successive columns.
    Rows<const T> coordinates;  ///< row 0: for all problems, which all begin with the first
    Rows<const T> y;            ///< null for objectives
    Rows<const T> weights;      ///< null: all 1
    Rows<const T> start;        ///< n columns, a row for each run; null: drawn, or guessed
    /// Starts that are drawn: starts * n numbers in [0, 1], the same for all problems, which are
    /// the places between a problem's bounds. Null: they are not drawn.
    Rows<const T> drawn;
    Rows<const T> lower;  ///< n columns, a row for each problem; null: none
    Rows<const T> upper;

    CUNEWTON_HOST_DEVICE long runs() const { return problems * starts; }
    /// Whether the model guesses the starts.
    CUNEWTON_HOST_DEVICE bool guesses() const { return !start && !drawn; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PointRange points_of(long problem) const {
        if (!offsets) return {problem, points};
        const long first = offsets[problem];
        const long count = offsets[problem + 1] - first;
        // Nobody has checked offsets that were on a device already. No points: invalid data.
        const bool fits = count >= 0 && count <= points;
        return {first - first_offset, fits ? static_cast<int>(count) : 0};
    }
    /// Problems first, first + 1, ... With offsets, their arrays of points begin with point
    /// `first_point`: offsets[first] where the host can read that, or first_offset still.
    BatchView part(long first, long count, long first_point) const {
        BatchView view = *this;
        const long skipped = offsets ? first_point - first_offset : first;
        view.problems = count;
        if (offsets) {
            view.offsets += first;
            view.first_offset = first_point;
        }
        view.coordinates = coordinates.from(skipped);
        view.y = y.from(skipped);
        view.weights = weights.from(skipped);
        view.start = start.from(first * starts);
        view.lower = lower.from(first);
        view.upper = upper.from(first);
        return view;
    }
};

/// Results of all runs, n, n (n + 1) / 2 or 1 a run, one after the other; null: not wanted.
template <class T>
struct RunResults {
    T* parameters = nullptr;
    T* objective = nullptr;      ///< f for objectives, twice f for fits
    T* gradient_norm = nullptr;  ///< of that, by the parameters that are free
    Status* status = nullptr;
    int* iterations = nullptr;
    int* counted_points = nullptr;      ///< points with a weight
    std::uint64_t* at_bound = nullptr;  ///< see BatchResult
    /// The lower triangle of f's Hessian, packed column by column (math/packed.h), with not_free
    /// on the diagonal where a parameter is fixed or at a bound; NaN where f is.
    T* hessian = nullptr;
};

/// Results of the problems, a row for each: see BatchArrays. Null: not wanted.
template <class T>
struct BatchResults {
    Rows<T> parameters;
    Rows<T> objective;
    Rows<T> gradient_norm;
    Rows<Status> status;
    Rows<int> iterations;
    Rows<int> best_start;
    Rows<int> degrees_of_freedom;
    Rows<T> reduced_chi_square;
    Rows<std::uint64_t> at_bound;
    Rows<T> covariance;
    Rows<T> standard_errors;
    Rows<T> condition_number;
    Rows<std::uint64_t> undetermined;

    /// Whether a Hessian is needed.
    CUNEWTON_HOST_DEVICE bool statistics() const {
        return covariance || standard_errors || condition_number || undetermined;
    }
    BatchResults from(long first) const {
        return {parameters.from(first),         objective.from(first),
                gradient_norm.from(first),      status.from(first),
                iterations.from(first),         best_start.from(first),
                degrees_of_freedom.from(first), reduced_chi_square.from(first),
                at_bound.from(first),           covariance.from(first),
                standard_errors.from(first),    condition_number.from(first),
                undetermined.from(first)};
    }
};

/// How a batch is solved; the same for all of its problems.
template <class T>
struct BatchMethod {
    SolverSettings<T> settings;
    Estimator estimator = Estimator::least_squares;
    T tuning = 1;
    BatchDerivatives derivatives = BatchDerivatives::autodiff;  ///< not automatic
    std::uint64_t fixed = 0;  ///< bit j: parameter j keeps its start; settings.bounded is set then
    /// Covariances are multiplied by the reduced chi square.
    bool scaled = false;
};

}  // namespace cunewton::batch
