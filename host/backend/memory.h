// Whether a machine has the memory for what is about to be allocated, asked before it is touched: a
// system that promises more than it has ends processes instead of refusing.
#pragma once

#include <cstddef>
#include <string>

namespace cunewton {

/// Amounts below this are not worth the question.
inline constexpr std::size_t worth_asking = std::size_t{64} << 20;

/// What this process can still allocate and use on the host, at most; SIZE_MAX where the system
/// does not tell. Memory available and swap space, and the limit of the process's control group.
std::size_t free_host_bytes();

/// "320.0 GB"
std::string readable_bytes(double bytes);

/// Throws OutOfMemory, with both numbers and the advice, if more is wanted than is free. `what`
/// does not fit on `where`.
void require_room(double wanted, std::size_t free, const std::string& what,
                  const std::string& where, const std::string& advice);

}  // namespace cunewton
