# CUNEWTON_NATIVE_LANES: functors are compiled for the vector instructions of this machine alone, and not
# for all among which the processor chooses when it runs. Half of the time to compile; what comes of it
# is for this machine. Leaves their name in cunewton_only_lanes, and nothing there if it is not asked for.
set(cunewton_only_lanes)
if(CUNEWTON_NATIVE_LANES)
  if(CMAKE_CROSSCOMPILING)
    message(FATAL_ERROR "CUNEWTON_NATIVE_LANES: programs for another machine cannot be run here")
  endif()
  include(CheckCXXSourceRuns)
  set(CMAKE_REQUIRED_INCLUDES ${PROJECT_SOURCE_DIR}/include)
  set(CMAKE_REQUIRED_FLAGS -std=c++20)
  foreach(lanes IN ITEMS Avx512 Avx2 Base)
    string(TOLOWER ${lanes} set)
    unset(CUNEWTON_HAS_${lanes} CACHE) # the folder may have been another machine's
    check_cxx_source_runs(
      "#include <cunewton/cpu/dispatch.h>
       int main() { return cunewton::cpu::instruction_set() != cunewton::cpu::InstructionSet::${set}; }"
      CUNEWTON_HAS_${lanes}
    )
    if(CUNEWTON_HAS_${lanes})
      set(cunewton_only_lanes ${lanes}Lanes)
      break()
    endif()
  endforeach()
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT cunewton_only_lanes)
    message(FATAL_ERROR "CUNEWTON_NATIVE_LANES: this machine's vector instructions could not be found out")
  endif()
  if(cunewton_only_lanes STREQUAL BaseLanes)
    add_compile_definitions(CUNEWTON_BASELINE_LANES)
  else()
    add_compile_definitions(CUNEWTON_ONLY_LANES=${cunewton_only_lanes})
  endif()
  message(STATUS "cunewton: CPU code for ${cunewton_only_lanes} alone")
  install(CODE "message(WARNING \"cunewton is installed for this machine's processor alone: CUNEWTON_NATIVE_LANES\")")
endif()
