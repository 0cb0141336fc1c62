// Prints what every file has made of the same loss and the same model.
#include <cunewton/error.h>

#include <iostream>

#include "sizes.h"

namespace {
bool is(const char* file, const Sizes& sizes, long vector) {
    std::cout << file << ": " << sizes.loss << " and " << sizes.model << " bytes, expected "
              << 2 * vector << " and " << vector << '\n';
    return sizes.loss == 2 * vector && sizes.model == vector;
}
long widest_vector() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return 64;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 32;
#endif
    return 16;
}
}  // namespace

int main() {
    bool right = is("chosen.cpp", chosen(), widest_vector());
    right &= is("baseline.cpp", baseline(), 16);
    if (widest_vector() > 16) {
        right &= is("only_avx2.cpp", only_avx2(), 32);
    } else {
        try {
            only_avx2();
            right = false;
        } catch (const cunewton::BackendUnavailable& problem) {
            std::cout << "only_avx2.cpp: " << problem.what() << '\n';
        }
    }
#if WITH_CUDA
    right &= is("portable.cu", portable(), sizeof(double));
#endif
    return right ? 0 : 1;
}
