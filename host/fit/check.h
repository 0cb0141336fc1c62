// What a batch's arrays mean: their sizes and shapes, checked.
#pragma once

#include <optional>
#include <vector>

#include "cunewton/fit.h"
#include "host/backend/batch_engine.h"
#include "host/data/device_arrays.h"

namespace cunewton {

/// A batch whose arrays have been checked.
template <class T>
struct CheckedBatch {
    /// The caller's arrays, wherever they are; offsets are the host's, but where nobody read them.
    BatchView<T> view;
    int n = 0, coordinates = 0;
    bool bounded = false;
    std::vector<long> offsets;  ///< a copy of those on a GPU
    std::vector<T> drawn;       ///< the view's

    CheckedBatch() = default;
    CheckedBatch(CheckedBatch&&) noexcept = default;
    CheckedBatch& operator=(CheckedBatch&&) noexcept = default;

    /// Where the points of problem `first` begin in arrays of points, as BatchView::part() takes
    /// it.
    long first_point(long first) const { return view.offsets ? view.offsets[first] : first; }
    /// Points of so many problems from there.
    long points_of(long first, long count) const {
        return view.offsets ? view.offsets[first + count] - view.offsets[first]
                            : count * view.points;
    }
};

/// Throws InvalidArgument, which names the array, for data that are not where they are said to be.
template <class T>
void check_places(const BatchData<T>& data, ArrayPlaces& places);
template <class T>
void check_places(const BatchArrays<T>& results, ArrayPlaces& places);

/// Throws InvalidArgument for sizes that fit nothing and numbers that cannot be meant; numbers on a
/// GPU are not looked at. `shared_coordinates`, if given, says what their size may leave open.
/// Offsets on a GPU are fetched if `read_offsets`, else not looked at.
template <class T>
CheckedBatch<T> check_batch(const BatchModel& model, const BatchData<T>& data,
                            const BatchOptions& options, std::optional<bool> shared_coordinates,
                            bool read_offsets);

/// Where the results go, checked likewise.
template <class T>
BatchResults<T> check_results(const BatchModel& model, const BatchArrays<T>& results,
                              long problems);

}  // namespace cunewton
