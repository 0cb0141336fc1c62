#include "host/data/host_memory.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "cunewton/error.h"
#if CUNEWTON_WITH_CUDA
#include "host/cuda/device_memory.h"
#endif

namespace cunewton {

namespace {

/// Whether the host can read the byte there. CUDA is not asked: that would create a context on the
/// device for problems that are never meant for it. The kernel reads the signal set before it
/// rejects the operation, which is none, and reports an address that it cannot read. (Aligned, the
/// set does not cross into another page.)
bool readable(const void* address) {
    constexpr int no_operation = -1;
    constexpr std::uintptr_t set_bytes = 8;
    const int error = errno;
    const long status =
        syscall(SYS_rt_sigprocmask, no_operation,
                reinterpret_cast<std::uintptr_t>(address) & ~(set_bytes - 1), nullptr, set_bytes);
    const bool fault = status == -1 && errno == EFAULT;
    errno = error;
    return !fault;
}

}  // namespace

void require_host_memory(const void* array, const char* name) {
    if (!array || readable(array)) return;
    const char* why = "no memory of this process";
#if CUNEWTON_WITH_CUDA
    if (cuda::is_device_memory(array)) why = "a device pointer";
#endif
    throw InvalidArgument(
        std::string(name) + " cannot be read by the host (" + why +
        ") pass host, page-locked or managed memory; to batches, arrays on a GPU are "
        "passed by Array::on_device");
}

}  // namespace cunewton
