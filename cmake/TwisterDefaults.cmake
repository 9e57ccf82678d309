# Defaults of our own builds. A project that embeds twister keeps its own settings: everything here that
# reaches beyond our targets is guarded by PROJECT_IS_TOP_LEVEL.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

get_property(is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT is_multi_config AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# -O2 rather than -O3: the kernel takes most of a server's time, -O3 buys nothing but code size.
# -g1 keeps line numbers in back traces at a tenth of the size of full debug information.
# NDEBUG is left undefined: a check that should not run in a release is not written with assert().
if(CMAKE_CXX_FLAGS_RELEASE STREQUAL "-O3 -DNDEBUG") # CMake's own default: nobody asked for it
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM)
    # Precompiled headers defeat ccache unless it is told that their timestamps do not matter. Builds of
    # one tree share what they have alike: its sources have absolute names, the directory of the build,
    # which debug information names too, makes no difference.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      # Otherwise clang stores the header's time in the compiled one, and no two are alike.
      add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
    else()
      add_compile_options(-fpch-preprocess)
    endif()
  endif()
endif()
