#include "host/backend/registry.h"

#include "host/cpu/batch_engine.h"
#include "host/cpu/vectors.h"
#if CUNEWTON_WITH_CUDA
#include "host/cuda/batch_engine.h"
#include "host/cuda/batch_queue.h"
#include "host/cuda/vectors.h"
#endif

namespace cunewton {

namespace {

template <class T>
constexpr BackendCode<T> cpu_code{[](const Problem<T>& p) { return p.runs_on_cpu(); },
                                  [](const Problem<T>& p) { return p.capabilities_on_cpu(); },
                                  &cpu::open_cpu<T>, &cpu::session_memory<T>, &cpu::open_batch<T>};
#if CUNEWTON_WITH_CUDA
template <class T>
constexpr BackendCode<T> cuda_code{[](const Problem<T>& p) { return p.runs_on_cuda(); },
                                   [](const Problem<T>& p) { return p.capabilities_on_cuda(); },
                                   &cuda::open_cuda<T>,
                                   &cuda::session_memory<T>,
                                   &cuda::open_batch<T>,
                                   &cuda::queue_batch<T>,
                                   &cuda::queue_memory<T>};
#endif

/// A line for each, best first.
std::vector<BackendEntry> entries_of_this_build() {
    std::vector<BackendEntry> entries;
#if CUNEWTON_WITH_CUDA
    const auto has_cuda = [](const BatchParts& p) { return p.on_cuda(); };
    entries.push_back({"cuda", &cuda::probe_cuda, has_cuda, {cuda_code<double>, cuda_code<float>}});
#endif
    const auto has_cpu = [](const BatchParts&) { return true; };
    entries.push_back({"cpu", &cpu::probe_cpu, has_cpu, {cpu_code<double>, cpu_code<float>}});
    return entries;
}

}  // namespace

std::vector<BackendEntry>& mutable_registry() {
    static std::vector<BackendEntry> entries = entries_of_this_build();
    return entries;
}

const std::vector<std::string>& names_left_out() {
#if CUNEWTON_WITH_CUDA
    static const std::vector<std::string> names;
#else
    static const std::vector<std::string> names{"cuda"};
#endif
    return names;
}

const std::vector<BackendEntry>& registry() {
    return mutable_registry();
}

}  // namespace cunewton
