// Lanes that the processor has; numbers and packs of the base lanes alike, lane by lane.
#pragma once

#include <type_traits>

#include "cunewton/cpu/dispatch.h"

namespace cunewton::test {

/// Whether the processor has these lanes.
template <class Lanes>
bool supported() {
#if CUNEWTON_CHOOSES_LANES
    if (std::is_same_v<Lanes, cpu::Avx512Lanes>)
        return cpu::instruction_set() >= cpu::InstructionSet::avx512;
    if (std::is_same_v<Lanes, cpu::Avx2Lanes>)
        return cpu::instruction_set() >= cpu::InstructionSet::avx2;
#endif
    return true;
}

template <class T>
T lane_of(const T& value, int) {
    return value;
}
template <class T, int V>
T lane_of(const lanes::base::Pack<T, V>& value, int lane) {
    return value.lane(lane);
}
template <class T>
inline constexpr int lanes_of = 1;
template <class T, int V>
inline constexpr int lanes_of<lanes::base::Pack<T, V>> = lanes::base::Pack<T, V>::lanes;

/// `value`, a little different in every lane.
template <class S>
S seeded(double value) {
    S s = static_cast<S>(value);
    if constexpr (lanes_of < S >> 1) {
        for (int l = 0; l < lanes_of<S>; ++l)
            s.set_lane(l, static_cast<real_t<S>>(value * (1 + 0.03125 * l)));
    }
    return s;
}

}  // namespace cunewton::test
