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
# The same for a user's CUDA files, whatever CMAKE_CUDA_STANDARD says. Not as the feature cuda_std_20,
# which is an error where the user has not enabled CUDA, and for which CMake 3.25.1 knows no flag.
set(standard $<TARGET_PROPERTY:CUDA_STANDARD>)
target_compile_options(
  cunewton
  INTERFACE
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<NOT:$<OR:$<STREQUAL:${standard},23>,$<STREQUAL:${standard},26>>>>:-std=c++20>"
)
# A functor runs in wide SIMD lanes by being inlined into a function that is compiled for them. GCC's
# IPA-SRA replaces functors by clones of another signature, and those are no longer inlined there: the
# result is right and ten times as slow.
target_compile_options(
  cunewton PUBLIC "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-ipa-sra>"
)
# A file for each type and instruction set: side by side they compile in a fifth of the time.
foreach(type IN ITEMS double float)
  foreach(lanes IN ITEMS BaseLanes Avx2Lanes Avx512Lanes)
    string(COMPARE EQUAL ${lanes} BaseLanes lanes_are_base)
    set(part ${PROJECT_BINARY_DIR}/host/cpu/advance_lanes_${type}_${lanes}.cpp)
    configure_file(host/cpu/advance_lanes_part.cpp.in ${part} @ONLY)
    target_sources(cunewton PRIVATE ${part})
  endforeach()
endforeach()
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
  # A file for each built-in model, so that they compile side by side.
  set(models include/cunewton/model/builtin_models.inc)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${models})
  file(STRINGS ${models} lines REGEX "^CUNEWTON_BUILTIN_")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^CUNEWTON_BUILTIN_([A-Z]+)\\((.*)\\)" matched "${line}")
    set(kind objective)
    if(CMAKE_MATCH_1 STREQUAL MODEL)
      set(kind fit)
    endif()
    set(model ${CMAKE_MATCH_2})
    string(MAKE_C_IDENTIFIER ${model} name)
    configure_file(kernels/builtin_model.cu.in kernels/${name}.cu @ONLY)
    target_sources(cunewton PRIVATE ${PROJECT_BINARY_DIR}/kernels/${name}.cu)
  endforeach()
  target_link_libraries(cunewton PRIVATE ${cunewton_cudart} CUDA::cublas CUDA::cusolver)
endif()
