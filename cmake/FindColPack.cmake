# Looks for ColPack: ColPack_FOUND and the target cunewton_colpack; ColPack_ROOT names a folder. Used by
# the build and, installed, by cunewton-config.cmake.
find_path(ColPack_INCLUDE_DIR ColPack/ColPackHeaders.h)
find_library(ColPack_LIBRARY ColPack)
mark_as_advanced(ColPack_INCLUDE_DIR ColPack_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ColPack REQUIRED_VARS ColPack_LIBRARY ColPack_INCLUDE_DIR)
if(ColPack_FOUND AND NOT TARGET cunewton_colpack)
  add_library(cunewton_colpack UNKNOWN IMPORTED)
  set_target_properties(
    cunewton_colpack PROPERTIES IMPORTED_LOCATION ${ColPack_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                                     ${ColPack_INCLUDE_DIR}
  )
endif()
