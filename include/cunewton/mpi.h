// Ranks that are processes of MPI: the component `mpi` of the package, cunewton::mpi.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <mpi.h>

#include <memory>

#include "cunewton/communicator.h"

namespace cunewton {

/// Which memory MPI is given. What GPUs have summed need not travel by the host with one that is
/// CUDA-aware.
enum class MpiMemory {
    automatic,  ///< device memory too, if this MPI says that it takes that; else the host's alone
    host,
    device,  ///< device memory too, whatever it says
};

/// The ranks of an MPI communicator, of which it makes a duplicate. All of its processes call it,
/// after MPI_Init and, if threads of theirs use MPI too, with MPI_THREAD_SERIALIZED at least. To be
/// gone, with all problems made with it, before MPI_Finalize. Where an MPI function fails its
/// message is printed and MPI_Abort ends all processes. Device memory is given to MPI where all
/// ranks choose so. `automatic` asks Open MPI by MPIX_Query_cuda_support() and MPICH, from 4.0 on,
/// by MPIX_GPU_query_support(); of others it takes none.
std::shared_ptr<Communicator> mpi_communicator(MPI_Comm ranks,
                                               MpiMemory memory = MpiMemory::automatic);

}  // namespace cunewton
