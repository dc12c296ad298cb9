# What an application needs: the C and C++ headers, the runtime library, the
# compiler that it may ask, and how CMake and pkg-config find them.
#
#   cmake --install build --prefix DIR --component attn
#   find_package(attn) ... target_link_libraries(app PRIVATE attn::attn_runtime)
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attn)
install(TARGETS attn_runtime EXPORT attn COMPONENT attn
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS attn-compile COMPONENT attn
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/attn-c include/attn-cpp COMPONENT attn
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT attn NAMESPACE attn:: COMPONENT attn FILE attn-config.cmake
  DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/attn-config-version.cmake
  COMPATIBILITY SameMinorVersion)
configure_file(tools/cmake/attn.pc.in ${PROJECT_BINARY_DIR}/attn.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/attn-config-version.cmake COMPONENT attn
  DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/attn.pc COMPONENT attn
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
