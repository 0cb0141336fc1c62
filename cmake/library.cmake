# The library target. New files in these folders are picked up by the next build.
configure_file(cmake/version.h.in include/cunewton/version.h @ONLY)

file(GLOB_RECURSE cunewton_headers CONFIGURE_DEPENDS include/cunewton/*)
file(GLOB cunewton_sources CONFIGURE_DEPENDS host/*.cpp host/solver/*.cpp host/backend/*.cpp host/cpu/*.cpp)
file(GLOB cunewton_cuda_sources CONFIGURE_DEPENDS host/cuda/*.cpp kernels/*.cu)

add_library(cunewton ${cunewton_sources})
add_library(cunewton::cunewton ALIAS cunewton)
target_sources(
  cunewton
  PUBLIC FILE_SET HEADERS
         BASE_DIRS include ${PROJECT_BINARY_DIR}/include
         FILES ${cunewton_headers} ${PROJECT_BINARY_DIR}/include/cunewton/version.h
)
target_include_directories(cunewton PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_features(cunewton PUBLIC cxx_std_20)
target_compile_definitions(cunewton PRIVATE CUNEWTON_WITH_CUDA=${CUNEWTON_WITH_CUDA})
target_link_libraries(cunewton PRIVATE LAPACK::LAPACK BLAS::BLAS Threads::Threads)
set_target_properties(
  cunewton
  PROPERTIES VERSION ${PROJECT_VERSION}
             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
)

if(CUNEWTON_WITH_CUDA)
  # CMake links the runtime to targets with CUDA sources; files compiled by the host compiler, and
  # users who never enable CUDA, need it named.
  string(TOLOWER "${CMAKE_CUDA_RUNTIME_LIBRARY}" runtime)
  if(runtime STREQUAL shared)
    set(cunewton_cudart CUDA::cudart)
  else()
    set(cunewton_cudart CUDA::cudart_static)
  endif()
  target_sources(cunewton PRIVATE ${cunewton_cuda_sources})
  target_link_libraries(cunewton PRIVATE ${cunewton_cudart} CUDA::cublas CUDA::cusolver)
endif()
