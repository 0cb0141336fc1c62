#include "bench/blas.h"

#include <dlfcn.h>

namespace cunewton::bench {
namespace {

// Looked up by name, since which BLAS it is shows only at run time.
template <class Function>
Function* find(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

std::string text_of(const char* name) {
    auto* function = find<const char*()>(name);
    const char* text = function ? function() : nullptr;
    return text ? text : "";
}

}  // namespace

BlasDescription describe_blas() {
    BlasDescription blas;
    Dl_info info;
    if (dladdr(reinterpret_cast<void*>(&dsyrk_), &info) && info.dli_fname)
        blas.library = info.dli_fname;
    // In an executable the address may be that of its own jump table.
    if (void* found = dlsym(RTLD_DEFAULT, "dsyrk_");
        found && dladdr(found, &info) && info.dli_fname)
        blas.library = info.dli_fname;
    blas.config = text_of("openblas_get_config");
    blas.kernel = text_of("openblas_get_corename");
    if (blas.config.empty()) {
        if (const std::string version = text_of("bli_info_get_version_str"); !version.empty())
            blas.config = "BLIS " + version;
        auto* query = find<int()>("bli_arch_query_id");
        auto* name = find<const char*(int)>("bli_arch_string");
        if (query && name) blas.kernel = name(query());
    }
    return blas;
}

void set_blas_threads(int threads) {
    if (auto* set = find<void(int)>("openblas_set_num_threads")) set(threads);
    // BLIS takes its own integer type, 64 bits wide; the upper half of a register may be anything
    // if it is declared as int.
    if (auto* set = find<void(long)>("bli_thread_set_num_threads")) set(threads);
}

}  // namespace cunewton::bench
