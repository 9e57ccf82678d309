# Debian packages by CPack: `cpack -G DEB` in a build that was configured for /usr (the preset "package").
#   libtwister-dev       headers, libraries to link, CMake and pkg-config files
#   libtwister0.1        the libraries to run with; only where BUILD_SHARED_LIBS is on

set(twister_soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(CPACK_PACKAGE_NAME twister)
set(CPACK_PACKAGE_VENDOR "The twister authors")
# Debian wants an address; .invalid is the domain of those that nobody answers.
set(CPACK_PACKAGE_CONTACT "The twister authors <twister@example.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libtwister-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEV_DESCRIPTION
  "Development files: headers, libraries, CMake and pkg-config files for event
 loops, streams, Protocol classes, servers and codecs.")
set(needs "libasio-dev (>= 1:1.22)")
if(TARGET twister_json)
  list(APPEND needs "nlohmann-json3-dev (>= 3.11)")
endif()
if(TARGET twister_protobuf)
  list(APPEND needs "libprotobuf-dev (>= 3.21)")
endif()
if(TARGET twister_protoc_plugin)
  list(APPEND needs "protobuf-compiler (>= 3.21)")
endif()
if(TARGET twister_zlib)
  list(APPEND needs "zlib1g-dev (>= 1:1.2.11)")
endif()
if(TARGET twister_zstd)
  list(APPEND needs "libzstd-dev (>= 1.4)")
endif()
if(TARGET twister_regex)
  list(APPEND needs "libpcre2-dev (>= 10.36)")
endif()
if(TARGET twister_tls)
  list(APPEND needs "libssl-dev (>= 3.0)")
endif()
if(EDITLINE_FOUND AND TARGET twister_tool)
  list(APPEND needs "libedit2") # of the program twister; the other libraries come with their headers
endif()
list(JOIN needs ", " CPACK_DEBIAN_DEV_PACKAGE_DEPENDS)

set(CPACK_COMPONENTS_ALL dev)
if(BUILD_SHARED_LIBS)
  list(APPEND CPACK_COMPONENTS_ALL runtime)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libtwister${twister_soversion})
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_GENERATE_SHLIBS ON)
  set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "Shared libraries: what programs that were built with twister run with.")
  string(APPEND CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    ", libtwister${twister_soversion} (= ${PROJECT_VERSION})")
endif()

# What every Debian package carries.
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
    DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}
    RENAME copyright COMPONENT ${component})
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/libtwister-dev COMPONENT dev)

include(CPack)
