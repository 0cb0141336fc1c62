# The component mpi, a library of its own: cunewton itself needs no MPI.
set(CUNEWTON_WITH_MPI 0)
if(CUNEWTON_ENABLE_MPI)
  set(MPI_CXX_SKIP_MPICXX ON) # bindings that MPI has given up
  if(CUNEWTON_ENABLE_MPI STREQUAL AUTO)
    find_package(MPI QUIET COMPONENTS CXX)
  else()
    find_package(MPI REQUIRED COMPONENTS CXX)
  endif()
  if(MPI_CXX_FOUND)
    set(CUNEWTON_WITH_MPI 1)
  endif()
endif()
if(NOT CUNEWTON_WITH_MPI)
  message(STATUS "cunewton: no component mpi (CUNEWTON_ENABLE_MPI=${CUNEWTON_ENABLE_MPI})")
  return()
endif()

add_library(cunewton_mpi host/mpi/communicator.cpp)
add_library(cunewton::mpi ALIAS cunewton_mpi)
target_sources(
  cunewton_mpi PUBLIC FILE_SET HEADERS BASE_DIRS include FILES include/cunewton/mpi.h
)
target_link_libraries(cunewton_mpi PUBLIC cunewton MPI::MPI_CXX)
set_target_properties(
  cunewton_mpi
  PROPERTIES EXPORT_NAME mpi
             VERSION ${PROJECT_VERSION}
             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
)
