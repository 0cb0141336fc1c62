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
    S values[k];
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const S& operator[](int j) const {
        return values[j];
    }
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
