# The component nccl, a library of its own: the CUDA backend itself needs no NCCL.
set(CUNEWTON_WITH_NCCL 0)
if(CUNEWTON_ENABLE_NCCL AND NOT CUNEWTON_ENABLE_NCCL STREQUAL AUTO)
  if(NOT CUNEWTON_WITH_CUDA)
    message(FATAL_ERROR "CUNEWTON_ENABLE_NCCL needs the CUDA backend: add -DCUNEWTON_ENABLE_CUDA=ON")
  endif()
  find_package(NCCL REQUIRED)
elseif(CUNEWTON_ENABLE_NCCL AND CUNEWTON_WITH_CUDA)
  find_package(NCCL QUIET)
endif()
if(CUNEWTON_ENABLE_NCCL AND NCCL_FOUND)
  set(CUNEWTON_WITH_NCCL 1)
else()
  message(STATUS "cunewton: no component nccl (CUNEWTON_ENABLE_NCCL=${CUNEWTON_ENABLE_NCCL})")
  return()
endif()

add_library(cunewton_nccl host/nccl/communicator.cpp)
add_library(cunewton::nccl ALIAS cunewton_nccl)
target_sources(
  cunewton_nccl PUBLIC FILE_SET HEADERS BASE_DIRS include FILES include/cunewton/nccl.h
)
target_include_directories(cunewton_nccl PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(cunewton_nccl PUBLIC cunewton NCCL::NCCL ${cunewton_cudart})
set_target_properties(
  cunewton_nccl
  PROPERTIES EXPORT_NAME nccl
             VERSION ${PROJECT_VERSION}
             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
)
