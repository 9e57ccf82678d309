# Instrumentation of a whole build. Not part of twister_build_flags: a sanitizer has to see every object
# file, generated code and the embedded libraries included.

set_property(CACHE TWISTER_SANITIZE PROPERTY STRINGS "" "address;undefined" "thread")
option(TWISTER_COVERAGE "Count executed lines (gcov)" OFF)
mark_as_advanced(TWISTER_COVERAGE)

if(TWISTER_SANITIZE)
  foreach(sanitizer IN LISTS TWISTER_SANITIZE)
    if(NOT sanitizer MATCHES "^(address|undefined|thread)$")
      message(FATAL_ERROR "TWISTER_SANITIZE knows address, undefined and thread, not \"${sanitizer}\"")
    endif()
  endforeach()
  if("thread" IN_LIST TWISTER_SANITIZE AND NOT TWISTER_SANITIZE STREQUAL "thread")
    message(FATAL_ERROR "TWISTER_SANITIZE: the thread sanitizer does not combine with others")
  endif()

  list(JOIN TWISTER_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})

  if("undefined" IN_LIST TWISTER_SANITIZE)
    # Without this, undefined behaviour is printed and the test passes.
    add_compile_options(-fno-sanitize-recover=undefined)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      # clang 14 puts the function check's data where coroutines expect their code.
      add_compile_options(-fno-sanitize=function)
      add_link_options(-fno-sanitize=function)
    endif()
  endif()
  if("thread" IN_LIST TWISTER_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ warns that it does not follow atomic_thread_fence, which Asio uses; -Werror would end the build.
    add_compile_options(-Wno-tsan)
  endif()
endif()

if(TWISTER_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
