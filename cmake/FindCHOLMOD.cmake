# Looks for CHOLMOD of SuiteSparse: CHOLMOD_FOUND and the target cunewton_cholmod; CHOLMOD_ROOT names a
# folder. Used by the build and, installed, by cunewton-config.cmake.
find_path(CHOLMOD_INCLUDE_DIR cholmod.h PATH_SUFFIXES suitesparse)
find_library(CHOLMOD_LIBRARY cholmod)
mark_as_advanced(CHOLMOD_INCLUDE_DIR CHOLMOD_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CHOLMOD REQUIRED_VARS CHOLMOD_LIBRARY CHOLMOD_INCLUDE_DIR)
if(CHOLMOD_FOUND AND NOT TARGET cunewton_cholmod)
  add_library(cunewton_cholmod UNKNOWN IMPORTED)
  set_target_properties(
    cunewton_cholmod PROPERTIES IMPORTED_LOCATION ${CHOLMOD_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                                     ${CHOLMOD_INCLUDE_DIR}
  )
endif()
