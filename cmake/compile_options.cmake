# Flags for this project's own targets. They belong to the directory, not to the library target, so
# that none of them reaches a user. -Wpedantic is for C++ only: the code that nvcc hands to the host
# compiler is full of GNU line directives.
add_compile_options(
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>"
)

if(CUNEWTON_SANITIZE)
  if(CUNEWTON_WITH_CUDA)
    message(FATAL_ERROR "CUNEWTON_SANITIZE is for the CPU alone (AddressSanitizer's shadow memory "
                        "collides with CUDA's address space): add -DCUNEWTON_ENABLE_CUDA=OFF")
  endif()
  # Without the checks that mostly find what AddressSanitizer finds too, and took two fifths of the
  # compiler's time for a file of tests.
  set(sanitizers -fsanitize=address,undefined -fno-sanitize=null,object-size,pointer-overflow)
  add_compile_options(${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # GCC sees uninitialised values in the standard library where the sanitizers' code comes between.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_link_options(${sanitizers})
endif()
