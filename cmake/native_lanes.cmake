# CUNEWTON_NATIVE_LANES: functors are compiled for the vector instructions of this machine alone, and not
# for all among which the processor chooses when it runs. Half of the time to compile; what comes of it
# is for this machine.
if(CUNEWTON_NATIVE_LANES)
  include(CheckCXXSourceRuns)
  set(CMAKE_REQUIRED_INCLUDES ${PROJECT_SOURCE_DIR}/include)
  set(CMAKE_REQUIRED_FLAGS -std=c++20)
  foreach(lanes IN ITEMS Avx512 Avx2 Base)
    string(TOLOWER ${lanes} set)
    check_cxx_source_runs(
      "#include <cunewton/cpu/dispatch.h>
       int main() { return cunewton::cpu::instruction_set() != cunewton::cpu::InstructionSet::${set}; }"
      CUNEWTON_HAS_${lanes}
    )
    if(CUNEWTON_HAS_${lanes})
      set(CUNEWTON_ONLY_LANES ${lanes}Lanes)
      break()
    endif()
  endforeach()
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT CUNEWTON_ONLY_LANES)
    message(FATAL_ERROR "CUNEWTON_NATIVE_LANES: this machine's vector instructions could not be found out")
  endif()
  add_compile_definitions(CUNEWTON_ONLY_LANES=${CUNEWTON_ONLY_LANES})
  message(STATUS "cunewton: CPU code for ${CUNEWTON_ONLY_LANES} alone")
endif()
