// Random signs, each found from its number alone. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"

namespace cunewton {

/// -1 or 1 for number `index` of the sequence that `seed` names: the first bit of splitmix64
/// (Steele, Lea and Flood 2014).
CUNEWTON_HOST_DEVICE inline int random_sign(unsigned long long seed, unsigned long long index) {
    unsigned long long z = seed * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((z ^ (z >> 31)) >> 63) != 0 ? 1 : -1;
}

}  // namespace cunewton
