# What the CPU backend is linked with. The CUDA libraries come with the toolkit, in cuda.cmake.
set(known_blas OpenBLAS BLIS Generic)
if(NOT CUNEWTON_BLAS IN_LIST known_blas)
  message(FATAL_ERROR "CUNEWTON_BLAS=${CUNEWTON_BLAS} is unknown: choose one of ${known_blas}")
endif()
include(cunewton-blas)
if(NOT LAPACK_FOUND)
  message(FATAL_ERROR "cunewton: no BLAS with LAPACK found (CUNEWTON_BLAS=${CUNEWTON_BLAS}). Install "
                      "it (Debian: libopenblas-dev) or choose another: -DCUNEWTON_BLAS=Generic")
endif()
message(STATUS "cunewton: LAPACK is ${LAPACK_LIBRARIES}")

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
