# Installation: the headers, the library, a CMake package, a pkg-config file and the licence.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cunewton)

install(
  TARGETS cunewton
  EXPORT cunewton-targets
  FILE_SET HEADERS
)
foreach(component IN ITEMS mpi nccl)
  if(TARGET cunewton_${component})
    install(
      TARGETS cunewton_${component}
      EXPORT cunewton-${component}-targets
      FILE_SET HEADERS
    )
    install(
      EXPORT cunewton-${component}-targets NAMESPACE cunewton:: DESTINATION ${package_dir}
    )
  endif()
endforeach()
install(EXPORT cunewton-targets NAMESPACE cunewton:: DESTINATION ${package_dir})

configure_package_config_file(
  cmake/cunewton-config.cmake.in cunewton-config.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO
)
write_basic_package_version_file(cunewton-config-version.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/cunewton-config.cmake
        ${PROJECT_BINARY_DIR}/cunewton-config-version.cmake
        cmake/cunewton-blas.cmake cmake/FindCHOLMOD.cmake cmake/FindColPack.cmake
        cmake/FindcuDSS.cmake cmake/FindNCCL.cmake
  DESTINATION ${package_dir}
)

# An archive carries no dependencies, so there the plain `pkg-config --libs` names them all; a shared
# library brings its own.
set(pc_libs ${LAPACK_LIBRARIES} ${BLAS_LIBRARIES})
list(REMOVE_DUPLICATES pc_libs)
list(JOIN pc_libs " " pc_libs)
foreach(library IN LISTS cunewton_sparse_libraries)
  get_target_property(location ${library} IMPORTED_LOCATION)
  set(pc_libs "${location} ${pc_libs}")
endforeach()
string(APPEND pc_libs " ${CMAKE_THREAD_LIBS_INIT}")
if(CUNEWTON_WITH_CUDA)
  if(runtime STREQUAL shared)
    set(pc_cudart "-lcudart")
  else()
    set(pc_cudart "-lcudart_static -lpthread -ldl -lrt")
  endif()
  list(GET CUDAToolkit_LIBRARY_DIR 0 pc_cuda_dir)
  string(APPEND pc_libs " -L${pc_cuda_dir} -lcusolver -lcublas ${pc_cudart}")
endif()
if(BUILD_SHARED_LIBS)
  set(pc_libs_private "${pc_libs}")
  set(pc_libs "")
endif()
# Of the compiler that built the library, most likely the user's: see library.cmake.
set(pc_gnu_cflags)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(pc_gnu_cflags -fno-ipa-sra)
endif()
# Relative to the file itself, so that an installed tree can be moved; cmake_path keeps an absolute
# folder, where the user chose one, as it is.
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
cmake_path(APPEND pc_libdir "\${prefix}" ${CMAKE_INSTALL_LIBDIR})
cmake_path(APPEND pc_includedir "\${prefix}" ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/cunewton.pc.in cunewton.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cunewton.pc DESTINATION ${pkgconfig_dir})

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/cunewton)
