# twister_add_test_binary(NAME SOURCE... [LIBRARIES TARGET...] [LABELS LABEL] [TIMEOUT SECONDS])
#
# A GoogleTest program whose every TEST becomes a ctest of its own, found when ctest runs rather than when
# the program is linked (a program that hangs on start would otherwise hang the build). What sanitizers do
# with a finding is in CMakePresets.json.
#   LIBRARIES  what it tests, besides gtest_main, gmock and our warnings
#   LABELS     one more label than the name of the folder, which every test has (ctest -L codecs)
#   TIMEOUT    of one test, 60 s unless told: a test that waits that long has hung

include(GoogleTest)

function(twister_add_test_binary name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;LABELS" "LIBRARIES")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()

  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE
    ${arg_LIBRARIES} twister_build_flags GTest::gtest_main GTest::gmock)
  # Half of a test's compile time is this header.
  target_precompile_headers(${name} PRIVATE <gtest/gtest.h>)

  gtest_discover_tests(${name}
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES # of lists, gtest_discover_tests passes on the first element only
      TIMEOUT ${arg_TIMEOUT}
      LABELS "${arg_LABELS}")
endfunction()

# twister_find_python_with(MODULE VARIABLE)
#
# An interpreter that has a module: the one that the build found, else the system's, which packages of the
# distribution install for. The build's where neither has it: then the test says that it is skipped.
function(twister_find_python_with module variable)
  find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
  foreach(python ${Python3_EXECUTABLE} /usr/bin/python3)
    execute_process(COMMAND ${python} -c "import ${module}" RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
    if(missing EQUAL 0)
      set(${variable} ${python} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${variable} ${Python3_EXECUTABLE} PARENT_SCOPE)
endfunction()

# The checks of the source tree itself: scripts, with a test of each that it can fail.
function(twister_add_source_checks)
  find_package(Python3 3.8 REQUIRED COMPONENTS Interpreter)
  set(check ${PROJECT_SOURCE_DIR}/cmake/check_layering)
  add_test(NAME source.layering COMMAND ${Python3_EXECUTABLE} ${check} ${PROJECT_SOURCE_DIR})
  add_test(NAME source.layering_check_can_fail COMMAND ${Python3_EXECUTABLE} ${check} --self-test)
  set_tests_properties(source.layering source.layering_check_can_fail PROPERTIES
    LABELS source
    TIMEOUT 60)
endfunction()
