# Looks for cuDSS: cuDSS_FOUND and the target cunewton_cudss; cuDSS_ROOT names its folder, as that of
# Python's package nvidia-cudss-cu13 (site-packages/nvidia/cu13). Used by the build and, installed, by
# cunewton-config.cmake.
find_path(cuDSS_INCLUDE_DIR cudss.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
# The later name: that of Python's packages.
find_library(cuDSS_LIBRARY NAMES cudss libcudss.so.1 HINTS ${CUDAToolkit_LIBRARY_DIR})
mark_as_advanced(cuDSS_INCLUDE_DIR cuDSS_LIBRARY)
set(cuDSS_VERSION)
if(cuDSS_INCLUDE_DIR)
  file(STRINGS ${cuDSS_INCLUDE_DIR}/cudss.h lines REGEX "#define CUDSS_VERSION_(MAJOR|MINOR|PATCH)")
  foreach(part MAJOR MINOR PATCH)
    if("${lines}" MATCHES "CUDSS_VERSION_${part} +([0-9]+)")
      list(APPEND cuDSS_VERSION ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(JOIN cuDSS_VERSION . cuDSS_VERSION)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  cuDSS
  REQUIRED_VARS cuDSS_LIBRARY cuDSS_INCLUDE_DIR
  VERSION_VAR cuDSS_VERSION
)
if(cuDSS_FOUND AND NOT TARGET cunewton_cudss)
  add_library(cunewton_cudss UNKNOWN IMPORTED)
  # It wants cuBLAS, which it finds by itself.
  set_target_properties(
    cunewton_cudss
    PROPERTIES IMPORTED_LOCATION ${cuDSS_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${cuDSS_INCLUDE_DIR}
               INTERFACE_LINK_OPTIONS LINKER:--allow-shlib-undefined
  )
endif()
