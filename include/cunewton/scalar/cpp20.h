// (Compiled in the user's file.) Included first by every header: says in one line that the compiler
// is not told to use C++20.
#pragma once

// GCC 10 has what is needed, under the number 201709.
#if __cplusplus <= 201703L
#error "cunewton needs C++20: compile with -std=c++20 (CMake: link to cunewton::cunewton)"
#include "cunewton needs C++20"  // compilers go on after an #error, but not without a file
#endif
