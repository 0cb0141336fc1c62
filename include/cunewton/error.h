// Exceptions. What can happen to an honest problem is a Status in the result; misuse and failing
// devices throw one of these. Every message reads PROBLEM (WHY) WHAT TO DO.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <stdexcept>
#include <string>

namespace cunewton {

/// The caller's arguments contradict each other or the documentation.
class InvalidArgument : public std::invalid_argument {
  public:
    using std::invalid_argument::invalid_argument;
};

/// The backend that was asked for by name cannot run this problem here.
class BackendUnavailable : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A file cannot be read or written, or does not hold what it should.
class FileError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A backend ran out of memory. The library handles it (smaller tiles or chunks, then the CPU)
/// unless the backend was asked for by name.
class OutOfMemory : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A device call failed for another reason than memory. Handled likewise: the CPU goes on.
class DeviceError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Another of the ranks that share a problem has failed (the message says which, and with what), or
/// ranks do not make the same calls with the same arguments. Where it is thrown the ranks are in
/// step again: all of them have left the call.
class RankError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace cunewton
