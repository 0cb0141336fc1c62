// (Compiled in the user's file.) The two scalars of an exact trust-region step, p(lambda) =
// -(H + lambda D^2)^-1 g with |p|, the length of D p, equal to a radius (More and Sorensen 1983;
// Conn, Gould and Toint 2000, section 7.3). Host and device; S is a number or a Pack of lanes with
// a problem each. Lengths are in the units of D p, shifts in those of D^-1 H D^-1.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// The next lambda by Newton's method on 1/radius = 1/|p(lambda)|, which is nearly linear:
/// lambda + (|p| - radius)/radius |p|^2/w^2 with w = |L^-1 D^2 p|, L L' = H + lambda D^2 positive
/// definite. Never above the root, from either side; below the root it does not fall.
/// excess: |p|/radius - 1. over, under: in the proportion |p|^2 : w^2, so that neither square has
/// to be in range; under > 0.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S secular_step(const S& lambda, const S& excess,
                                                           const S& over, const S& under) {
    return lambda + excess * over / under;
}

/// The tau of the smaller size with |p + tau z| = radius, for |z| = 1: in the hard case, where p is
/// too short for every lambda, the step goes on along an eigenvector z. It is the root of
/// tau^2 + 2 along tau = room, without cancellation; of two of one size the positive one.
/// along: z'D^2 p. room: radius^2 - |p|^2 >= 0, not 0 where `along` is. Squares have to be in
/// range.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S to_sphere(const S& along, const S& room) {
    using namespace math;
    const S root = sqrt(along * along + room);
    return room / (along + select(along < S(0.0), -root, root));
}

}  // namespace cunewton
