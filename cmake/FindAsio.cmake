# Finds standalone Asio (headers only; distributions ship neither a CMake package nor a .pc file).
#
#   Asio::Asio     imported target: include directory, Threads and the definitions below
#   Asio_FOUND, Asio_VERSION, Asio_INCLUDE_DIR
#
# Everything that includes an Asio header must agree on these definitions, hence they are part of the
# target. This file is installed beside the package configuration, for the users of the library.

find_path(Asio_INCLUDE_DIR asio/version.hpp)
mark_as_advanced(Asio_INCLUDE_DIR)

if(Asio_INCLUDE_DIR)
  # "#define ASIO_VERSION 102201 // 1.22.1"
  file(STRINGS ${Asio_INCLUDE_DIR}/asio/version.hpp asio_version_line
    REGEX "^#define ASIO_VERSION [0-9]+")
  if(asio_version_line MATCHES "// ([0-9]+\\.[0-9]+\\.[0-9]+)")
    set(Asio_VERSION ${CMAKE_MATCH_1})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio
  REQUIRED_VARS Asio_INCLUDE_DIR
  VERSION_VAR Asio_VERSION)

if(Asio_FOUND AND NOT TARGET Asio::Asio)
  include(CMakeFindDependencyMacro)
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_dependency(Threads)

  add_library(Asio::Asio INTERFACE IMPORTED)
  target_include_directories(Asio::Asio SYSTEM INTERFACE ${Asio_INCLUDE_DIR})
  target_link_libraries(Asio::Asio INTERFACE Threads::Threads)
  target_compile_definitions(Asio::Asio INTERFACE
    ASIO_STANDALONE
    ASIO_NO_DEPRECATED
    # Asio 1.22 does not see that clang 14 can do coroutines with libstdc++, unless told.
    ASIO_HAS_CO_AWAIT=1)
endif()
