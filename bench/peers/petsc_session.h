// PETSc's start and its error codes.
#pragma once

#include <petsctao.h>

#include <stdexcept>
#include <string>

namespace cunewton::bench {

inline void check(PetscErrorCode code, const char* what) {
    if (code)
        throw std::runtime_error(std::string(what) + " failed (PETSc error " +
                                 std::to_string(code) + ")");
}
#define CUNEWTON_PETSC(call) ::cunewton::bench::check(call, #call)

/// Starts PETSc, and MPI with this process alone, until the end of the program.
inline void start_petsc() {
    struct Session {
        Session() {
            PetscOptionsSetValue(nullptr, "-no_signal_handler", nullptr);
            CUNEWTON_PETSC(PetscInitializeNoArguments());
            CUNEWTON_PETSC(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr));
        }
        ~Session() { PetscFinalize(); }
    };
    static const Session session;
}

}  // namespace cunewton::bench
