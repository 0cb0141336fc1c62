// (Compiled in the user's file.) The functor that a problem or a model keeps, so that all its code,
// for the CPU and for the GPU, is that of one value.
#pragma once

#include <any>
#include <concepts>
#include <cstring>
#include <type_traits>
#include <typeinfo>

#include "cunewton/error.h"

namespace cunewton::detail {

/// Throws InvalidArgument with the names of both types.
[[noreturn]] void reject_functor(const std::type_info& kept, const std::type_info& given);

/// The functor that is kept. Throws InvalidArgument if it is of another type.
template <class Functor>
const Functor& functor_as(const std::any& kept) {
    const Functor* functor = std::any_cast<Functor>(&kept);
    if (!functor) reject_functor(kept.type(), typeid(Functor));
    return *functor;
}

/// Throws InvalidArgument if it can be told that the functors differ: by their ==, or by their
/// bytes where those are their value (which padding and floating-point members are not).
template <class Functor>
void require_same_functor(const Functor& kept, const Functor& given) {
    bool same = true;
    if constexpr (std::equality_comparable<Functor>) {
        same = kept == given;
    } else if constexpr (std::has_unique_object_representations_v<Functor>) {
        same = std::memcmp(&kept, &given, sizeof(Functor)) == 0;
    }
    if (!same)
        throw InvalidArgument(
            "device code of another functor (its members differ from those of the one that the "
            "problem or model was made from) leave the functor out: attach_device_code<Type>(...)");
}

}  // namespace cunewton::detail
