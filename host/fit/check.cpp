#include "host/fit/check.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cunewton/error.h"
#include "host/draw.h"
#include "host/fit/options.h"
#include "host/fit/results.h"

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

/// "7 numbers", or "7 rows of 5 numbers".
template <class V>
std::string size_of(const Array<V>& array) {
    const std::string columns = std::to_string(array.columns) + " numbers";
    return array.rows > 1 ? std::to_string(array.rows) + " rows of " + columns : columns;
}
template <class V>
std::string sizes(const Array<V>& found, std::initializer_list<long> wanted) {
    std::string text = size_of(found) + ", not ";
    bool first = true;
    for (const long size : wanted) {
        text += (first ? "" : " or ") + std::to_string(size);
        first = false;
    }
    return text;
}

/// Advice for an array whose rows have a number of each problem, as images do.
template <class V>
const char* if_turned(const Array<V>& array, long problems) {
    return array.rows > 1 && array.columns == problems
               ? "; if a row has a number of each problem, as an image has: transposed()"
               : "";
}

/// `rows` rows of `columns` numbers, as they are or one after the other; nothing if the array has
/// another shape. An array of one row that fits both is that of all rows, not of each.
template <class V>
std::optional<Rows<V>> rows_of(const Array<V>& array, long rows, long columns) {
    if (rows * columns == 0 && array.empty()) return Rows<V>{};
    if (array.rows == 1 && array.columns == rows * columns)
        return Rows<V>{array.data, columns * array.column_stride, array.column_stride};
    if (array.rows == rows && array.columns == columns)
        return Rows<V>{array.data, array.row_stride, array.column_stride};
    return {};
}
template <class V>
std::optional<Rows<V>> one_row_of(const Array<V>& array, long columns) {
    if (array.rows != 1 || array.columns != columns) return {};
    return Rows<V>{array.data, 0, array.column_stride};
}

template <class T>
void check_offsets(const long* offsets, const BatchData<T>& data) {
    if (offsets[0] != 0)
        reject("offsets begin with " + std::to_string(offsets[0]) +
               " (and not with 0) count the points from the first");
    for (long i = 0; i < data.problems; ++i) {
        const long count = offsets[i + 1] - offsets[i];
        if (count < 0 || count > data.points)
            reject("problem " + std::to_string(i) + " has " + std::to_string(count) +
                   " points (by its offsets; at most " + std::to_string(data.points) +
                   " are announced) correct offsets or points");
    }
}

/// Whether the coordinates are one set for all problems, where their size fits that and one set for
/// each: then there is one problem with points, which has its own, or a user to be asked.
template <class T>
bool ambiguous_coordinates_are_shared(const BatchData<T>& data, const long* offsets) {
    long with_points = offsets ? 0 : data.problems;
    for (long i = 0; i < data.problems && offsets; ++i) with_points += offsets[i + 1] > offsets[i];
    if (with_points > 1 && !data.coordinates.empty())
        reject("coordinates may be shared or each problem's own (" + size_of(data.coordinates) +
               " fit both) set points to the largest number of points of a problem");
    return with_points != 1 || data.coordinates.empty();
}

template <class T>
void check_shared_coordinates(const Rows<const T>& row, long count, int per_point) {
    for (long k = 0; k < count; ++k)
        if (!std::isfinite(row(0, k)))
            reject("a coordinate is not finite (number " + std::to_string(k % per_point) +
                   " of point " + std::to_string(k / per_point) + " is " +
                   std::to_string(row(0, k)) + ") all problems share it: correct it");
}

template <class T>
void check_bounds(const BatchData<T>& data, const BatchView<T>& view, int n) {
    // Bounds of each problem are its status; those on a GPU are not looked at.
    const auto shared = [](const Array<const T>& bounds, const Rows<const T>& row) {
        return bounds.on_host() && row.row == 0;
    };
    const auto check_numbers = [&](const Array<const T>& bounds, const Rows<const T>& row,
                                   const char* name, const char* none) {
        if (!row || !shared(bounds, row)) return;
        for (int j = 0; j < n; ++j)
            if (std::isnan(row(0, j)))
                reject(std::string(name) + " bound is not a number (number " + std::to_string(j) +
                       " is nan) pass " + none + " where there is none");
    };
    check_numbers(data.lower, view.lower, "a lower", "-infinity");
    check_numbers(data.upper, view.upper, "an upper", "infinity");
    if (!view.lower || !view.upper || !shared(data.lower, view.lower) ||
        !shared(data.upper, view.upper))
        return;
    for (int j = 0; j < n; ++j)
        if (!(view.lower(0, j) <= view.upper(0, j)))
            reject("the bounds of parameter " + std::to_string(j) + " are crossed (" +
                   std::to_string(view.lower(0, j)) + " > " + std::to_string(view.upper(0, j)) +
                   ") pass lower <= upper");
}

/// Throws InvalidArgument if there is no range to draw starts from.
template <class T>
void check_range(const BatchData<T>& data, const BatchView<T>& view, int n) {
    if (!view.lower || !view.upper)
        reject(
            "starts cannot be drawn (there are no bounds to draw them between) pass lower and "
            "upper bounds of all parameters, or the starts");
    const auto check = [&](const Array<const T>& bounds, const Rows<const T>& row,
                           const char* name) {
        for (int j = 0; bounds.on_host() && row.row == 0 && j < n; ++j)
            if (!std::isfinite(row(0, j)))
                reject("starts cannot be drawn (the " + std::string(name) + " bound of parameter " +
                       std::to_string(j) + " is " + std::to_string(row(0, j)) +
                       ") pass finite bounds, or the starts");
    };
    check(data.lower, view.lower, "lower");
    check(data.upper, view.upper, "upper");
}

/// Whether the model guesses in the arithmetic of the call.
template <class T>
bool has_guess(const BatchModel& model, const BatchOptions& options) {
    const auto in = [&]<class C>(C) {
        const auto& code = model.parts().in<C>().cpu;
        return code && code->has_guess();
    };
    if (solves_in_single<T>(options.precision)) return in(float());
    return in(double());
}

}  // namespace

template <class T>
void check_places(const BatchData<T>& data, ArrayPlaces& places) {
    places.add(data.offsets, "offsets");
    places.add(data.coordinates, "coordinates");
    places.add(data.y, "y");
    places.add(data.weights, "weights");
    places.add(data.start, "start");
    places.add(data.lower, "lower");
    places.add(data.upper, "upper");
}

template <class T>
void check_places(const BatchArrays<T>& results, ArrayPlaces& places) {
    for_each_result(
        0, [&](const char* name, long, const auto& array) { places.add(array, name); }, results);
}

template <class T>
CheckedBatch<T> check_batch(const BatchModel& model, const BatchData<T>& data,
                            const BatchOptions& options, std::optional<bool> shared_coordinates,
                            bool read_offsets) {
    CheckedBatch<T> batch;
    BatchView<T>& view = batch.view;
    const int n = batch.n = model.parameters(), c = batch.coordinates = model.coordinates();
    const long problems = data.problems;
    const bool ragged = !data.offsets.empty();
    if (problems < 0)
        reject("the number of problems is negative (" + std::to_string(problems) +
               ") pass 0 or more");
    check_batch_points(data.points, c);
    if (options.starts < 1)
        reject("starts is too small (" + std::to_string(options.starts) + ") pass at least 1");
    view.problems = problems;
    view.points = data.points;
    view.starts = options.starts;

    // Offsets that nobody reads leave open how many points there are.
    long all_points = problems * data.points;  // -1: not known
    const long* readable = nullptr;
    if (ragged) {
        const Array<const long>& offsets = data.offsets;
        if (offsets.size() != problems + 1)
            reject("offsets have the wrong size (" + sizes(offsets, {problems + 1}) +
                   ") pass one more than there are problems");
        if (!offsets.on_host() && read_offsets) {
            batch.offsets.resize(static_cast<std::size_t>(offsets.size()));
            fetch(batch.offsets.data(), offsets.data, offsets.row_stride, offsets.column_stride,
                  offsets.rows, offsets.columns, options.stream);
        } else if (!offsets.contiguous()) {
            if (!offsets.on_host())
                reject("offsets on a GPU lie apart (their stride is " +
                       std::to_string(offsets.column_stride) + ") pass neighbours");
            for (long i = 0; i < offsets.rows; ++i)
                for (long j = 0; j < offsets.columns; ++j) batch.offsets.push_back(offsets(i, j));
        }
        view.offsets = batch.offsets.empty() ? offsets.data : batch.offsets.data();
        if (offsets.on_host() || read_offsets) readable = view.offsets;
        if (readable) check_offsets(readable, data);
        all_points = readable ? readable[problems] : -1;
    }

    // Of the points of each problem, `width` numbers a point.
    const auto of_points = [&](const Array<const T>& array,
                               long width) -> std::optional<Rows<const T>> {
        if (!ragged) return rows_of(array, problems, width * data.points);
        // There are numbers of each problem's own, if none at all.
        static constexpr T nothing{};
        if (array.empty() && all_points == 0) return Rows<const T>{&nothing, width, 1};
        if (array.rows != 1 || array.columns % width != 0) return {};
        if (all_points < 0) all_points = array.columns / width;
        if (array.columns != all_points * width) return {};
        return Rows<const T>{array.data, width * array.column_stride, array.column_stride};
    };
    if (model.kind() == SmallKind::fit) {
        const auto rows = of_points(data.y, 1);
        if (!rows)
            reject("y has the wrong size (" + sizes(data.y, {all_points}) +
                   ") pass one number for each point" + if_turned(data.y, problems));
        view.y = *rows;
    } else if (!data.y.empty()) {
        reject("y is not empty (" + size_of(data.y) + ") an objective's data are its coordinates");
    }
    if (!data.weights.empty()) {
        const auto rows = of_points(data.weights, 1);
        if (!rows)
            reject("weights have the wrong size (" + sizes(data.weights, {all_points}) +
                   ") pass one for each point, or none" + if_turned(data.weights, problems));
        view.weights = *rows;
    }
    const long shared = long{data.points} * c;
    const auto common = one_row_of(data.coordinates, shared);
    std::optional<Rows<const T>> own;
    if (c > 0 && !(common && all_points < 0)) own = of_points(data.coordinates, c);
    if (c == 0) {
        if (!data.coordinates.empty())
            reject("coordinates have the wrong size (" + sizes(data.coordinates, {0}) +
                   ") the model has none");
    } else if (!common && !own) {
        reject("coordinates have the wrong size (" +
               sizes(data.coordinates, {shared, all_points * c}) +
               ") pass the model's coordinates of each point, once or for each problem");
    } else {
        const bool are_shared = shared_coordinates ? *shared_coordinates
                                : common && own ? ambiguous_coordinates_are_shared(data, readable)
                                                : common.has_value();
        view.coordinates = are_shared ? *common : *own;
        if (are_shared && data.coordinates.on_host())
            check_shared_coordinates(view.coordinates, shared, c);
    }

    const long runs = view.runs();
    const bool draws = options.draw != StartsBy::given;
    const bool guesses = !draws && data.start.empty() && runs > 0 && has_guess<T>(model, options);
    if ((draws || guesses) && std::ranges::find(options.fixed, true) != options.fixed.end())
        reject(
            "parameters are fixed that have no start (BatchData::start is empty) pass a start, or "
            "fix them by bounds that are equal");
    if (guesses && options.starts > 1)
        reject("a model has one guess (and " + std::to_string(options.starts) +
               " starts are asked for) pass starts, or draw them by BatchOptions::draw");
    const auto start = rows_of(data.start, runs, n);
    if (draws) {
        if (!data.start.empty())
            reject(
                "starts are given and to be drawn (BatchData::start and BatchOptions::draw are "
                "set) leave one of them out");
        const std::vector<double> places =
            draw_points(options.draw, options.starts, n, options.seed);
        batch.drawn.assign(places.begin(), places.end());
        view.drawn = {batch.drawn.data(), 0, 1};
    } else if (guesses) {
        // No rows: they are computed where the data are read.
    } else if (start) {
        view.start = *start;
    } else {
        const auto same = one_row_of(data.start, n);
        if (options.starts > 1)
            reject("start has the wrong size (" + sizes(data.start, {runs * n}) +
                   ") pass one for each start of each problem");
        if (!same)
            reject("start has the wrong size (" + sizes(data.start, {n, runs * n}) +
                   ") pass one for all problems or one for each" +
                   (data.start.empty() ? ", draw them by BatchOptions::draw, or give the model a "
                                         "guess(): see make_fit_model()"
                                       : ""));
        view.start = *same;
    }
    if (view.start.row == 0 && data.start.on_host())
        for (int j = 0; j < n && view.start; ++j)
            if (!std::isfinite(view.start(0, j)))
                reject("the start is not finite (number " + std::to_string(j) + " is " +
                       std::to_string(view.start(0, j)) + ") start from finite numbers");
    const auto bound = [&](const Array<const T>& bounds, const char* name) -> Rows<const T> {
        if (bounds.empty()) return {};
        if (const auto rows = rows_of(bounds, problems, n)) return *rows;
        if (const auto same = one_row_of(bounds, n)) return *same;
        reject(std::string(name) + " has the wrong size (" + sizes(bounds, {n, problems * n}) +
               ") pass bounds for all problems, for each problem, or none");
    };
    view.lower = bound(data.lower, "lower");
    view.upper = bound(data.upper, "upper");
    check_bounds(data, view, n);
    if (draws) check_range(data, view, n);
    check_batch_options(options, n);
    check_arithmetic<T>(model, options.precision);
    const bool any_fixed = std::ranges::find(options.fixed, true) != options.fixed.end();
    batch.bounded = view.lower || view.upper || any_fixed;
    return batch;
}

template <class T>
BatchResults<T> check_results(const BatchModel& model, const BatchArrays<T>& results,
                              long problems) {
    BatchResults<T> r;
    const auto check = [&](const char* name, long width, auto& rows, const auto& array) {
        if (array.empty()) return;
        const auto found = rows_of(array, problems, width);
        if (!found)
            reject(std::string(name) + " has the wrong size (" + sizes(array, {problems * width}) +
                   ") pass " + std::to_string(width) + " for each problem, or none" +
                   if_turned(array, problems));
        rows = *found;
    };
    for_each_result(model.parameters(), check, r, results);
    if (model.kind() == SmallKind::objective && (r.degrees_of_freedom || r.reduced_chi_square))
        reject(
            "degrees of freedom of an objective are asked for (only fits have any) leave "
            "degrees_of_freedom and reduced_chi_square empty");
    return r;
}

#define CUNEWTON_INSTANTIATE(T)                                                           \
    template void check_places(const BatchData<T>&, ArrayPlaces&);                        \
    template void check_places(const BatchArrays<T>&, ArrayPlaces&);                      \
    template CheckedBatch<T> check_batch(const BatchModel&, const BatchData<T>&,          \
                                         const BatchOptions&, std::optional<bool>, bool); \
    template BatchResults<T> check_results(const BatchModel&, const BatchArrays<T>&, long);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
