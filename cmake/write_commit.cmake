# Run at each build (cmake -DOUTPUT=... -DSOURCE=... -P): writes the commit that is being built, and
# leaves the file alone if it says so already. At configuration the answer would soon be out of date.
execute_process(
  COMMAND git -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty
  OUTPUT_VARIABLE commit
  OUTPUT_STRIP_TRAILING_WHITESPACE
  ERROR_QUIET
)
if(NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define CUNEWTON_COMMIT \"${commit}\"\n")
