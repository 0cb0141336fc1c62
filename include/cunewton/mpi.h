// Ranks that are processes of MPI: the component `mpi` of the package, cunewton::mpi.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <mpi.h>

#include <memory>

#include "cunewton/communicator.h"

namespace cunewton {

/// The ranks of an MPI communicator, of which it makes a duplicate. All of its processes call it,
/// after MPI_Init and, if threads of theirs use MPI too, with MPI_THREAD_SERIALIZED at least. To be
/// gone, with all problems made with it, before MPI_Finalize. Where an MPI function fails its
/// message is printed and MPI_Abort ends all processes. cuda_aware: this MPI takes device memory,
/// so that vectors that GPUs have summed need not travel by the host.
std::shared_ptr<Communicator> mpi_communicator(MPI_Comm ranks, bool cuda_aware = false);

}  // namespace cunewton
