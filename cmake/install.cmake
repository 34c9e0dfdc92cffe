# Installs headers, library, CMake package and pkg-config file; in a Python wheel the same, below the package.
include(CMakePackageConfigHelpers)

# Literal names, the same in a wheel and in a prefix: GNUInstallDirs says lib64 on some systems, where others do not look.
set(convgrad_libdir lib)
set(convgrad_includedir include)
set(convgrad_cmakedir share/cmake/convgrad)
set(convgrad_pkgconfigdir lib/pkgconfig)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/csrc/include/convgrad DESTINATION ${convgrad_includedir} COMPONENT convgrad)
install(
  TARGETS convgrad
  EXPORT convgradTargets
  ARCHIVE DESTINATION ${convgrad_libdir} COMPONENT convgrad
  LIBRARY DESTINATION ${convgrad_libdir} COMPONENT convgrad
  RUNTIME DESTINATION bin COMPONENT convgrad)
install(EXPORT convgradTargets NAMESPACE convgrad:: DESTINATION ${convgrad_cmakedir} COMPONENT convgrad)

# A static library leaves its OpenMP runtime to the program that links it; a shared one brings it along.
get_target_property(convgrad_type convgrad TYPE)
set(convgrad_needs_openmp OFF)
if(convgrad_uses_openmp AND convgrad_type STREQUAL "STATIC_LIBRARY")
  set(convgrad_needs_openmp ON)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/convgradConfig.cmake.in ${PROJECT_BINARY_DIR}/convgradConfig.cmake
                              INSTALL_DESTINATION ${convgrad_cmakedir})
# Before 1.0 a minor version may change the API.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/convgradConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/convgradConfig.cmake ${PROJECT_BINARY_DIR}/convgradConfigVersion.cmake
        DESTINATION ${convgrad_cmakedir} COMPONENT convgrad)

# A static library hands its own dependencies on; a shared one keeps them.
set(convgrad_private_link_flags "")
if(convgrad_uses_openmp)
  string(REPLACE ";" " " convgrad_private_link_flags "${OpenMP_CXX_FLAGS}")
endif()
set(convgrad_public_link_flags "")
if(convgrad_type STREQUAL "STATIC_LIBRARY")
  set(convgrad_public_link_flags "${convgrad_private_link_flags} -lstdc++ -lm")
endif()
file(RELATIVE_PATH convgrad_prefix_from_pc /${convgrad_pkgconfigdir} /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/convgrad.pc.in ${PROJECT_BINARY_DIR}/convgrad.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/convgrad.pc DESTINATION ${convgrad_pkgconfigdir} COMPONENT convgrad)
