# SPDX-License-Identifier: Apache-2.0
# What is installed, and how others find it.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/claviger)

install(TARGETS claviger EXPORT claviger-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/claviger DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")
install(EXPORT claviger-targets NAMESPACE claviger::
  DESTINATION ${package_dir})

configure_package_config_file(cmake/claviger-config.cmake.in
  ${PROJECT_BINARY_DIR}/claviger-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/claviger-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/claviger-config.cmake
  ${PROJECT_BINARY_DIR}/claviger-config-version.cmake
  DESTINATION ${package_dir})

configure_file(cmake/claviger.pc.in ${PROJECT_BINARY_DIR}/claviger.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/claviger.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES README.md LICENSE CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(PROJECT_IS_TOP_LEVEL)
  configure_file(cmake/uninstall.cmake.in
    ${PROJECT_BINARY_DIR}/uninstall.cmake @ONLY)
  add_custom_target(uninstall
    COMMAND ${CMAKE_COMMAND} -P ${PROJECT_BINARY_DIR}/uninstall.cmake)
endif()
