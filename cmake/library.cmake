# The library target. New files in these folders are picked up by the next build.
configure_file(cmake/version.h.in include/cunewton/version.h @ONLY)

file(GLOB_RECURSE cunewton_headers CONFIGURE_DEPENDS include/cunewton/*)
file(GLOB cunewton_sources CONFIGURE_DEPENDS host/*.cpp host/solver/*.cpp host/backend/*.cpp host/cpu/*.cpp)
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

# A file for each type and instruction set: side by side they compile in a fifth of the time.
foreach(type IN ITEMS double float)
  foreach(lanes IN ITEMS BaseLanes Avx2Lanes Avx512Lanes)
    string(COMPARE EQUAL ${lanes} BaseLanes lanes_are_base)
    set(part ${PROJECT_BINARY_DIR}/host/cpu/advance_lanes_${type}_${lanes}.cpp)
    configure_file(host/cpu/advance_lanes_part.cpp.in ${part} @ONLY)
    list(APPEND cunewton_sources ${part})
  endforeach()
endforeach()

# A file for each built-in loss and model on either side, again side by side.
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
  set(sources_of_form cunewton_sources)
  set(code "${form}OpsOf<T, ${functor}>")
  string(TOLOWER ${form} kind)
  set(cpu_header ${kind}_ops.h)
  set(cuda_header device_ops.cuh)
  if(form MATCHES "^(Fit|Objective)$")
    set(sources_of_form cunewton_model_sources)
    set(code "BatchOpsOf<T, ${functor}, cpu::BatchKind::${kind}>")
    set(cpu_header batch_ops.h)
    set(cuda_header batch_ops.cuh)
  endif()
  string(MAKE_C_IDENTIFIER ${functor} name)
  set(generated host/builtin.cpp)
  if(CUNEWTON_WITH_CUDA)
    list(APPEND generated kernels/builtin.cu)
  endif()
  foreach(template IN LISTS generated)
    cmake_path(GET template PARENT_PATH folder)
    cmake_path(GET template EXTENSION extension)
    set(file ${PROJECT_BINARY_DIR}/${folder}/builtin/${name}${extension})
    configure_file(${template}.in ${file} @ONLY)
    list(APPEND ${sources_of_form} ${file})
  endforeach()
endforeach()

# The models are apart: who minimises one loss alone (examples/digits.cpp) need not wait for them.
if(CUNEWTON_WITH_CUDA)
  list(APPEND cunewton_sources ${cunewton_cuda_sources})
endif()
add_library(cunewton_core OBJECT ${cunewton_sources})
add_library(cunewton_models OBJECT ${cunewton_model_sources})
add_library(cunewton $<TARGET_OBJECTS:cunewton_core> $<TARGET_OBJECTS:cunewton_models>)
add_library(cunewton::cunewton ALIAS cunewton)
target_sources(
  cunewton
  PUBLIC FILE_SET HEADERS
         BASE_DIRS include ${PROJECT_BINARY_DIR}/include
         FILES ${cunewton_headers} ${PROJECT_BINARY_DIR}/include/cunewton/version.h
)
foreach(target IN ITEMS cunewton_core cunewton_models)
  target_include_directories(
    ${target}
    PUBLIC include ${PROJECT_BINARY_DIR}/include
    PRIVATE ${PROJECT_SOURCE_DIR}
  )
  target_compile_definitions(${target} PRIVATE CUNEWTON_WITH_CUDA=${CUNEWTON_WITH_CUDA})
endforeach()
# For a user's CUDA files too, whatever CMAKE_CUDA_STANDARD says. Not as the feature cuda_std_20,
# which is an error where the user has not enabled CUDA, and for which CMake 3.25.1 knows no flag.
set(standard $<TARGET_PROPERTY:CUDA_STANDARD>)
target_compile_options(
  cunewton
  INTERFACE
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<NOT:$<OR:$<STREQUAL:${standard},23>,$<STREQUAL:${standard},26>>>>:-std=c++20>"
)
foreach(target IN ITEMS cunewton cunewton_core cunewton_models)
  target_compile_features(${target} PUBLIC cxx_std_20)
  # A functor runs in wide SIMD lanes by being inlined into a function that is compiled for them. GCC's
  # IPA-SRA replaces functors by clones of another signature, and those are no longer inlined there:
  # the result is right and ten times as slow.
  target_compile_options(
    ${target} PUBLIC "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-ipa-sra>"
  )
  target_link_libraries(${target} PRIVATE LAPACK::LAPACK BLAS::BLAS Threads::Threads)
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
