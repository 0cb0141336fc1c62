# add_gtest_suites(TARGET LABEL label BACKEND backend)
#
# Registers every test suite of a GoogleTest executable as one CTest test, label/target/suite, run with
# CUNEWTON_TEST_BACKEND=backend. A suite a process, where gtest_discover_tests has a test a process:
# starting a process costs more than most tests do, above all with the CUDA libraries in it. The
# suites are listed when ctest runs, so a build never starts device code.
function(add_gtest_suites target)
  if(NOT TARGET ${target})
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;BACKEND" "")
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}-${arg_LABEL}.cmake)
  file(
    GENERATE
    OUTPUT ${script}
    CONTENT "set(executable [[$<TARGET_FILE:${target}>]])
set(prefix [[${arg_LABEL}/${target}/]])
set(label [[${arg_LABEL}]])
set(backend [[${arg_BACKEND}]])
include([[${PROJECT_SOURCE_DIR}/cmake/list_gtest_suites.cmake]])
"
  )
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
endfunction()
