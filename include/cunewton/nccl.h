// Ranks that are GPUs, between which NCCL transfers: the component `nccl` of the package,
// cunewton::nccl.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <nccl.h>

#include <memory>

#include "cunewton/communicator.h"

namespace cunewton {

/// The ranks of an NCCL communicator: threads or processes with a GPU each, on which their problems
/// have to be (options.device). What is in GPU memory goes from GPU to GPU. What is in the host's,
/// in which ranks meet before each sum, takes the way of `host`, which has the same ranks (as
/// mpi_communicator() where they are processes of MPI); null: that of the GPUs too, in pieces of
/// 4 MiB for all ranks together.
///
/// All ranks call it. `ranks` is a blocking communicator (NCCL's default) and stays the caller's,
/// to be destroyed after this one and all problems made with it; nothing else may be done with it
/// during a call on these. Transfers are on a stream of this one's own, and have ended when a call
/// returns. Throws InvalidArgument for a null `ranks` or another number of ranks, or another rank,
/// in `host`.
///
/// What NCCL or the GPU says against a transfer is a DeviceError with its words, there and in all
/// later calls. NCCL does not tell other ranks, whose part of the transfer never ends: they wait
/// until somebody ends their processes, as mpirun does where one ends in an error. All else that
/// fails on a rank is told before a transfer, as with any Communicator.
std::shared_ptr<Communicator> nccl_communicator(ncclComm_t ranks,
                                                std::shared_ptr<Communicator> host = nullptr);

}  // namespace cunewton
