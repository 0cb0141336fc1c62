# Looks for the BLAS and LAPACK named by CUNEWTON_BLAS: LAPACK_FOUND, LAPACK::LAPACK, BLAS::BLAS.
# Used by the build and, installed, by cunewton-config.cmake.
set(cunewton_callers_vendor "${BLA_VENDOR}")
if(CUNEWTON_BLAS STREQUAL BLIS)
  # CMake knows BLIS only together with libFLAME. Naming the two libraries beforehand makes its
  # generic search take BLIS with the reference LAPACK, which distributions keep in a subfolder.
  find_library(BLAS_blas_LIBRARY blis)
  find_library(
    LAPACK_lapack_LIBRARY lapack
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} /usr/lib64 /usr/lib
    PATH_SUFFIXES lapack
    NO_DEFAULT_PATH
  )
  set(BLA_VENDOR Generic)
else()
  set(BLA_VENDOR ${CUNEWTON_BLAS})
endif()
find_package(BLAS QUIET)
find_package(LAPACK QUIET)
set(BLA_VENDOR "${cunewton_callers_vendor}")
