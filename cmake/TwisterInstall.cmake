# What `cmake --install` puts where, so that other projects find it: headers, libraries, a CMake package with
# a component for each target, a .pc file for each, the manual page. Only in builds of our own: see
# TWISTER_INSTALL.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(twister_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/twister)

# twister_install_component(NAME TARGET DESCRIPTION [REQUIRES PC...] [CFLAGS FLAG...])
# REQUIRES and CFLAGS are for the .pc file; CMake knows them from the target.
function(twister_install_component name target description)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "REQUIRES;CFLAGS")

  set_target_properties(${target} PROPERTIES
    VERSION ${PROJECT_VERSION}
    # Before 1.0 a minor release may break what was promised.
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  # An export of its own, so that who asks for one component needs nothing of the others.
  install(TARGETS ${target} EXPORT twister-${name}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
  install(EXPORT twister-${name}
    NAMESPACE twister:: FILE twister-${name}.cmake DESTINATION ${twister_cmake_dir} COMPONENT dev)

  get_target_property(type ${target} TYPE)
  set(pc_libs)
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    set(pc_libs "-L\${libdir} -l${target}")
  endif()
  set(pc_name ${name})
  set(pc_description ${description})
  list(JOIN arg_REQUIRES ", " pc_requires)
  list(JOIN arg_CFLAGS " " pc_cflags)
  # From where the file lies: the tree may be moved after it was installed.
  file(RELATIVE_PATH pc_prefix
    ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/package/twister.pc.in
    ${PROJECT_BINARY_DIR}/package/twister-${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/twister-${name}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endfunction()

twister_install_component(codecs twister_codecs "framings: bytes to messages and back")
set(twister_header_dirs codecs framework protocols)
if(TARGET twister_json)
  twister_install_component(json twister_json "JSON messages"
    REQUIRES twister-codecs "nlohmann_json >= 3.11")
endif()
if(TARGET twister_protobuf)
  twister_install_component(protobuf twister_protobuf "protobuf messages"
    REQUIRES twister-codecs "protobuf >= 3.21")
endif()
if(TARGET twister_zlib)
  twister_install_component(zlib twister_zlib "messages compressed by zlib"
    REQUIRES twister-codecs "zlib >= 1.2.11")
endif()
if(TARGET twister_zstd)
  twister_install_component(zstd twister_zstd "messages compressed by Zstandard"
    REQUIRES twister-codecs "libzstd >= 1.4")
endif()
twister_install_component(framework twister_framework "event loops, streams, Protocols and servers"
  REQUIRES twister-codecs
  CFLAGS -pthread -DASIO_STANDALONE -DASIO_NO_DEPRECATED -DASIO_HAS_CO_AWAIT=1)
if(TARGET twister_regex)
  twister_install_component(regex twister_regex "regular expressions for streams"
    REQUIRES twister-framework "libpcre2-8 >= 10.36")
endif()
if(TARGET twister_tls)
  twister_install_component(tls twister_tls "TLS for servers and clients"
    REQUIRES twister-framework "openssl >= 3.0")
endif()
twister_install_component(protocols twister_protocols "ready-made Protocol classes"
  REQUIRES twister-framework)
if(TARGET twister_rpc)
  twister_install_component(rpc twister_rpc "remote procedure calls"
    REQUIRES twister-protocols twister-json twister-protobuf)
endif()
if(TARGET twister_protoc_plugin)
  install(TARGETS twister_protoc_plugin EXPORT twister-protoc-plugin
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT dev)
  install(EXPORT twister-protoc-plugin
    NAMESPACE twister:: FILE twister-protoc-plugin.cmake DESTINATION ${twister_cmake_dir} COMPONENT dev)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/TwisterProtobufGenerate.cmake
    DESTINATION ${twister_cmake_dir} COMPONENT dev)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/man/protoc-gen-twister.1
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT dev)
endif()

foreach(directory IN LISTS twister_header_dirs)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${directory}/include/
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev FILES_MATCHING PATTERN "*.hpp")
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/package/twister-config.cmake.in
  ${PROJECT_BINARY_DIR}/package/twister-config.cmake
  INSTALL_DESTINATION ${twister_cmake_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/twister-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
    ${PROJECT_BINARY_DIR}/package/twister-config.cmake
    ${PROJECT_BINARY_DIR}/package/twister-config-version.cmake
    ${PROJECT_SOURCE_DIR}/cmake/FindAsio.cmake
  DESTINATION ${twister_cmake_dir} COMPONENT dev)
if(TARGET twister_tool)
  # Where its libraries are, should they be shared: the tree may be moved.
  set_target_properties(twister_tool PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS twister_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT dev)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/man/twister.1
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT dev)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/twister.7
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT dev)

include(TwisterDebian)
