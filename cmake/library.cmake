# The library target. New files in these folders are picked up by the next build.
configure_file(cmake/version.h.in include/cunewton/version.h @ONLY)

file(GLOB_RECURSE cunewton_headers CONFIGURE_DEPENDS include/cunewton/*)
# Those of components, see mpi.cmake and nccl.cmake.
list(FILTER cunewton_headers EXCLUDE REGEX "/cunewton/(mpi|nccl)\\.h$")
file(GLOB cunewton_sources CONFIGURE_DEPENDS host/*.cpp host/minimize/*.cpp host/fit/*.cpp
     host/backend/*.cpp host/cpu/*.cpp host/data/*.cpp host/curvature/*.cpp host/sparse/*.cpp host/inference/*.cpp)
file(GLOB cunewton_cuda_sources CONFIGURE_DEPENDS host/cuda/*.cpp kernels/*.cu)

if(CUNEWTON_WITH_CUDA)
  # CMake links the runtime to targets with CUDA sources; files compiled by the host compiler, and
  # users who never enable CUDA, need it named.
  string(TOLOWER "${CMAKE_CUDA_RUNTIME_LIBRARY}" runtime)
  if(runtime STREQUAL shared)
    set(cunewton_cudart CUDA::cudart)
  else()
    set(cunewton_cudart CUDA::cudart_static)
  endif()
endif()

# A file for each type, instruction set and kind of problem: side by side they compile in a tenth of the
# time.
set(compiled_lanes ${cunewton_only_lanes})
if(NOT compiled_lanes)
  set(compiled_lanes BaseLanes Avx2Lanes Avx512Lanes)
endif()
foreach(type IN ITEMS double float)
  foreach(lanes IN LISTS compiled_lanes)
    string(COMPARE EQUAL ${lanes} BaseLanes lanes_are_base)
    foreach(kind IN ITEMS fit objective)
      set(part ${PROJECT_BINARY_DIR}/host/cpu/advance_lanes_${type}_${lanes}_${kind}.cpp)
      configure_file(host/cpu/advance_lanes_part.cpp.in ${part} @ONLY)
      list(APPEND cunewton_sources ${part})
    endforeach()
  endforeach()
endforeach()

# What is common to the library's parts, object libraries whose objects make the library.
function(cunewton_part target)
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(
    ${target}
    PUBLIC include ${PROJECT_BINARY_DIR}/include
    PRIVATE ${PROJECT_SOURCE_DIR}
  )
  target_compile_definitions(${target} PRIVATE CUNEWTON_WITH_CUDA=${CUNEWTON_WITH_CUDA})
  set_property(GLOBAL APPEND PROPERTY cunewton_parts ${target})
endfunction()

if(CUNEWTON_WITH_CUDA)
  list(APPEND cunewton_sources ${cunewton_cuda_sources})
endif()
cunewton_part(cunewton_core ${cunewton_sources})
# Of the files that know these libraries alone: all others compile the same without.
set_source_files_properties(
  host/cpu/sparse_cholesky.cpp
  PROPERTIES COMPILE_DEFINITIONS CUNEWTON_WITH_CHOLMOD=${CUNEWTON_WITH_CHOLMOD}
)
set_source_files_properties(
  host/cuda/sparse_cholesky.cpp
  PROPERTIES COMPILE_DEFINITIONS CUNEWTON_WITH_CUDSS=${CUNEWTON_WITH_CUDSS}
)
set_source_files_properties(
  host/sparse/colouring.cpp
  PROPERTIES COMPILE_DEFINITIONS CUNEWTON_WITH_COLPACK=${CUNEWTON_WITH_COLPACK}
             COMPILE_OPTIONS -w # its headers
)
# Half of the time of most files goes into these. None of ours: an edit would compile everything anew.
target_precompile_headers(
  cunewton_core
  PRIVATE <algorithm> <any> <array> <atomic> <cmath> <concepts> <cstddef> <cstdint> <cstring>
          <functional> <limits> <memory> <mutex> <optional> <span> <string> <thread> <tuple>
          <type_traits> <utility> <variant> <vector>
)

# A part for each built-in loss and model, with a file for either side: they compile side by side, and
# who needs but one of them (examples/digits.cpp) need not wait for the others.
set(list ${PROJECT_SOURCE_DIR}/include/cunewton/builtin.inc)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
file(STRINGS ${list} lines REGEX "^CUNEWTON_BUILTIN\\(")
foreach(line IN LISTS lines)
  string(REGEX MATCH "^CUNEWTON_BUILTIN\\(([A-Za-z]+), (.*), (\".*\")\\)" matched "${line}")
  if(NOT matched)
    message(FATAL_ERROR "builtin.inc: a line is not understood: ${line}")
  endif()
  set(form ${CMAKE_MATCH_1})
  set(functor ${CMAKE_MATCH_2})
  set(header ${CMAKE_MATCH_3})
  string(TOLOWER ${form} kind)
  if(form MATCHES "^(Fit|Objective)$")
    set(code "SmallCodeOf<T, ${functor}, SmallKind::${kind}>")
    set(cpu_header small_code_of.h)
    set(cuda_header small_code_of.cuh)
  else()
    set(code "${form}CodeOf<T, ${functor}>")
    set(cpu_header ${kind}_code_of.h)
    set(cuda_header code_of.cuh)
    if(form STREQUAL Residual)
      set(cuda_header residual_code_of.cuh)
    endif()
  endif()
  list(APPEND builtin_headers "#include ${header}")
  string(MAKE_C_IDENTIFIER ${functor} name)
  set(sources ${PROJECT_BINARY_DIR}/host/builtin/${name}.cpp)
  configure_file(host/builtin.cpp.in ${sources} @ONLY)
  if(CUNEWTON_WITH_CUDA)
    list(APPEND sources ${PROJECT_BINARY_DIR}/kernels/builtin/${name}.cu)
    configure_file(kernels/builtin.cu.in ${PROJECT_BINARY_DIR}/kernels/builtin/${name}.cu @ONLY)
  endif()
  cunewton_part(cunewton_builtin_${name} ${sources})
  target_precompile_headers(cunewton_builtin_${name} REUSE_FROM cunewton_core)
endforeach()
list(REMOVE_DUPLICATES builtin_headers)
list(JOIN builtin_headers "\n" builtin_headers)
configure_file(cmake/builtins.h.in include/cunewton/builtins.h @ONLY)

get_property(parts GLOBAL PROPERTY cunewton_parts)
list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
add_library(cunewton ${objects})
add_library(cunewton::cunewton ALIAS cunewton)
target_sources(
  cunewton
  PUBLIC FILE_SET HEADERS
         BASE_DIRS include ${PROJECT_BINARY_DIR}/include
         FILES ${cunewton_headers} ${PROJECT_BINARY_DIR}/include/cunewton/builtins.h
               ${PROJECT_BINARY_DIR}/include/cunewton/version.h
)
# For a user's CUDA files too, whatever CMAKE_CUDA_STANDARD says. Not as the feature cuda_std_20,
# which is an error where the user has not enabled CUDA, and for which CMake 3.25.1 knows no flag.
set(standard $<TARGET_PROPERTY:CUDA_STANDARD>)
target_compile_options(
  cunewton
  INTERFACE
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<NOT:$<OR:$<STREQUAL:${standard},23>,$<STREQUAL:${standard},26>>>>:-std=c++20>"
)
foreach(target IN ITEMS cunewton ${parts})
  target_compile_features(${target} PUBLIC cxx_std_20)
  # A functor runs in wide SIMD lanes by being inlined into a function that is compiled for them. GCC's
  # IPA-SRA replaces functors by clones of another signature, and those are no longer inlined there:
  # the result is right and ten times as slow.
  target_compile_options(
    ${target} PUBLIC "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-ipa-sra>"
  )
  target_link_libraries(
    ${target} PRIVATE LAPACK::LAPACK BLAS::BLAS Threads::Threads ${cunewton_sparse_libraries}
  )
  if(CUNEWTON_WITH_CUDA)
    target_link_libraries(${target} PRIVATE ${cunewton_cudart} CUDA::cublas CUDA::cusolver)
  endif()
endforeach()
set_target_properties(
  cunewton
  PROPERTIES LINKER_LANGUAGE CXX
             VERSION ${PROJECT_VERSION}
             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
)
