# Included by ctest: see add_gtest_suites.cmake. In: executable, prefix, label, backend.
# GoogleTest exits with 0 when every test of a suite was skipped; say so instead of "Passed". With a
# failure among them the output ends otherwise.
set(all_skipped
    "  PASSED  . 0 tests\\.\n.  SKIPPED . [0-9]+ tests?, listed below:\n(.  SKIPPED . [^\n]*\n)+$")

set(ENV{CUNEWTON_TEST_BACKEND} ${backend})
execute_process(
  COMMAND ${executable} --gtest_list_tests
  OUTPUT_VARIABLE listing
  ERROR_QUIET
  RESULT_VARIABLE result
)
# Test names are indented; a comment follows the suites of typed tests.
string(REGEX MATCHALL "(^|\n)[A-Za-z_][^ \n]*\\.[ \n]" suites "${listing}\n")
list(TRANSFORM suites STRIP)
if(NOT result EQUAL 0 OR NOT suites)
  # A test that fails and shows why. The exit status is not enough: it is 0 where no test is linked in.
  add_test("${prefix}list" ${executable} --gtest_list_tests)
  set_tests_properties(
    "${prefix}list" PROPERTIES LABELS ${label} PASS_REGULAR_EXPRESSION "a list of tests, not this"
  )
  return()
endif()

foreach(suite IN LISTS suites)
  string(REGEX REPLACE "\\.$" "" name "${suite}")
  add_test("${prefix}${name}" ${executable} "--gtest_filter=${suite}*" --gtest_color=no)
  # Suites run side by side: OpenBLAS's threads would wait for each other most of the time.
  set_tests_properties(
    "${prefix}${name}"
    PROPERTIES LABELS ${label}
               ENVIRONMENT "CUNEWTON_TEST_BACKEND=${backend};OPENBLAS_NUM_THREADS=1"
               SKIP_REGULAR_EXPRESSION "${all_skipped}"
               TIMEOUT 900
  )
endforeach()
