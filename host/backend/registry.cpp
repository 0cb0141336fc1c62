#include "host/backend/registry.h"

#include "host/cpu/backend.h"
#include "host/cpu/batch_engine.h"
#if CUNEWTON_WITH_CUDA
#include "host/cuda/backend.h"
#include "host/cuda/batch_engine.h"
#include "host/cuda/batch_queue.h"
#endif

namespace cunewton {

namespace {

template <class T>
constexpr BackendCode<T> cpu_code{[](const Problem<T>& p) { return p.runs_on_cpu(); },
                                  &cpu::open_cpu<T>, &cpu::open_batch<T>};
#if CUNEWTON_WITH_CUDA
template <class T>
constexpr BackendCode<T> cuda_code{[](const Problem<T>& p) { return p.runs_on_cuda(); },
                                   &cuda::open_cuda<T>, &cuda::open_batch<T>, &cuda::queue_batch<T>,
                                   &cuda::queue_memory<T>};
#endif

}  // namespace

std::vector<BackendEntry>& mutable_registry() {
    static std::vector<BackendEntry> entries {
#if CUNEWTON_WITH_CUDA
        {BackendChoice::cuda,
         "cuda",
         &cuda::probe_cuda,
         [](const BatchParts& p) { return p.cuda_double && p.cuda_float; },
         {cuda_code<double>, cuda_code<float>}},
#endif
            {BackendChoice::cpu,
             "cpu",
             &cpu::probe_cpu,
             [](const BatchParts&) { return true; },
             {cpu_code<double>, cpu_code<float>}},
    };
    return entries;
}

const std::vector<BackendEntry>& registry() {
    return mutable_registry();
}

}  // namespace cunewton
