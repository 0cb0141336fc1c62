// (Compiled in the user's file.) What a model's guess() sees of a problem's data. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// k numbers about all points of a problem.
template <class S, int k>
struct PointNumbers {
    S values[k > 0 ? k : 1];
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const S& operator[](int j) const {
        return values[j];
    }
};

/// Numbers about all points by their coordinates alone, and by y too. The Points of a guess make
/// them in one pass: besides sum<k>(f) and largest<k>(f) of make_fit_model() there are
/// sum<of_x, k>(f) and largest<of_x, k>(f), for which f(x, y, of_x, terms) writes of_x numbers of
/// X = Points::place_type and k of S. X, which coordinates are of there, is a plain number where
/// all problems have the same coordinates, so that what depends on them costs little.
template <class X, int of_x_alone, class S, int k>
struct SplitNumbers {
    PointNumbers<X, of_x_alone> of_x;
    PointNumbers<S, k> of_y;
};

/// A model that guesses its parameters from the points of a problem: see make_fit_model().
template <class Model, class Points>
concept HasGuess = requires(const Model& model, const Points& points,
                            typename Points::value_type* p) {
    model.guess(points, p);
};

/// A guess that is no number counts as 1.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S finite_guess(const S& value) {
    using math::select;
    return select(value * S(0.0) == S(0.0), value, S(1.0));
}

}  // namespace cunewton
