#include "host/backend/registry.h"

#include "host/cpu/backend.h"
#include "host/cpu/batch_engine.h"
#if CUNEWTON_WITH_CUDA
#include "host/cuda/backend.h"
#include "host/cuda/batch_engine.h"
#endif

namespace cunewton {

const std::vector<BackendEntry>& registry() {
    static const std::vector<BackendEntry> entries{
#if CUNEWTON_WITH_CUDA
        {BackendChoice::cuda, "cuda", &cuda::probe_cuda,
         [](const Problem<double>& p) { return p.runs_on_cuda(); },
         [](const Problem<float>& p) { return p.runs_on_cuda(); }, &cuda::open_cuda<double>,
         &cuda::open_cuda<float>,
         [](const BatchParts& p) { return p.cuda_double && p.cuda_float; },
         &cuda::open_batch<double>, &cuda::open_batch<float>},
#endif
        {BackendChoice::cpu, "cpu", &cpu::probe_cpu,
         [](const Problem<double>& p) { return p.runs_on_cpu(); },
         [](const Problem<float>& p) { return p.runs_on_cpu(); }, &cpu::open_cpu<double>,
         &cpu::open_cpu<float>, [](const BatchParts&) { return true; }, &cpu::open_batch<double>,
         &cpu::open_batch<float>},
    };
    return entries;
}

}  // namespace cunewton
