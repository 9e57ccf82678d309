# twister_build_flags: what our own sources are compiled with, and nobody else's. A component links it as
#   target_link_libraries(NAME PRIVATE $<BUILD_INTERFACE:twister_build_flags>)
# so that it reaches neither the users of the component nor the installed package.
add_library(twister_build_flags INTERFACE)

target_compile_options(twister_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual)

# Nobody replaces one of our functions by preloading another: so position-independent code need not call
# through a table what it could inline. clang takes that for granted.
target_compile_options(twister_build_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)

# A newer compiler's new warning must not break the build of a project that embeds us.
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(twister_build_flags INTERFACE -Werror)
endif()
