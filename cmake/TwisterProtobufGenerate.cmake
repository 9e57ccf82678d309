# twister_protobuf_generate(TARGET target PROTOS FILE... [IMPORT_DIRS DIR...] [OUT_DIR DIR])
#
# Adds to a target the C++ of .proto files: for NAME.proto the messages, NAME.pb.h, and the services,
# NAME.twister.hpp, which is there without services as well. Whatever links the target sees those headers, and
# twister::rpc. Warnings do not look into them.
#   TARGET       a library that is compiled, or a program
#   PROTOS       the files, from the current source directory
#   IMPORT_DIRS  where `import` looks, ahead of the current source directory. Files of PROTOS have the names by
#                which they are imported from the first of these that they are in; in none: no folder
#   OUT_DIR      where the C++ goes, under those names; the current binary directory unless told
#
# Needs protoc. When cross-compiling it needs a protoc-gen-twister that runs here, too: TWISTER_PROTOC_PLUGIN names it,
# unless there is one in the PATH.

function(twister_protobuf_generate)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "TARGET;OUT_DIR" "PROTOS;IMPORT_DIRS")
  set(who twister_protobuf_generate)
  if(DEFINED arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${who}: what is \"${arg_UNPARSED_ARGUMENTS}\"?")
  elseif(NOT TARGET "${arg_TARGET}")
    message(FATAL_ERROR "${who}: TARGET has to name a target, and \"${arg_TARGET}\" is none")
  elseif(NOT arg_PROTOS)
    message(FATAL_ERROR "${who}: PROTOS has to name the .proto files")
  endif()
  get_target_property(type ${arg_TARGET} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    message(FATAL_ERROR "${who}: ${arg_TARGET} is an INTERFACE library, and messages have to be compiled")
  endif()
  _twister_protoc_plugin(plugin plugin_target)
  find_package(Protobuf 3.21 MODULE REQUIRED)
  if(NOT TARGET protobuf::protoc)
    message(FATAL_ERROR "${who}: there is no protoc (Debian's package protobuf-compiler)")
  endif()

  set(out ${CMAKE_CURRENT_BINARY_DIR})
  if(DEFINED arg_OUT_DIR)
    cmake_path(ABSOLUTE_PATH arg_OUT_DIR BASE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR} NORMALIZE OUTPUT_VARIABLE out)
  endif()
  file(MAKE_DIRECTORY ${out})
  set(roots)
  foreach(directory IN LISTS arg_IMPORT_DIRS ITEMS ${CMAKE_CURRENT_SOURCE_DIR})
    cmake_path(ABSOLUTE_PATH directory BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    list(APPEND roots ${directory})
  endforeach()

  foreach(proto IN LISTS arg_PROTOS)
    cmake_path(ABSOLUTE_PATH proto BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    get_source_file_property(is_generated ${proto} GENERATED)
    if(NOT is_generated AND NOT EXISTS ${proto})
      message(FATAL_ERROR "${who}: there is no ${proto}")
    endif()
    _twister_import_name(${proto} "${roots}" root name)
    set(imports -I ${root})
    foreach(directory IN LISTS roots)
      if(NOT directory STREQUAL root)
        list(APPEND imports -I ${directory})
      endif()
    endforeach()
    cmake_path(REMOVE_EXTENSION name LAST_ONLY)
    set(stem ${out}/${name})
    # Ninja wants the first of these to be the first in the depfile, where protoc sorts them.
    add_custom_command(
      OUTPUT ${stem}.pb.cc ${stem}.pb.h ${stem}.twister.hpp
      COMMAND protobuf::protoc --cpp_out=${out} --twister_out=${out} --plugin=protoc-gen-twister=${plugin}
        --dependency_out=${stem}.proto.d ${imports} ${proto}
      DEPENDS ${proto} protobuf::protoc ${plugin_target}
      DEPFILE ${stem}.proto.d # of what it imports
      COMMENT "Generating ${name}.pb.h, ${name}.twister.hpp"
      VERBATIM)
    set_source_files_properties(${stem}.pb.cc PROPERTIES COMPILE_OPTIONS -w SKIP_PRECOMPILE_HEADERS ON)
    target_sources(${arg_TARGET} PRIVATE ${stem}.pb.cc ${stem}.pb.h ${stem}.twister.hpp)
  endforeach()

  target_include_directories(${arg_TARGET} SYSTEM PUBLIC $<BUILD_INTERFACE:${out}>)
  target_link_libraries(${arg_TARGET} PUBLIC twister::rpc)
endfunction()

# The plugin that runs on this machine, and what to depend on for it: a target of ours, or the file.
function(_twister_protoc_plugin path target)
  if(TWISTER_PROTOC_PLUGIN OR CMAKE_CROSSCOMPILING OR NOT TARGET twister::protoc-gen-twister)
    # Only in the PATH: what lies where libraries are looked for is made for the other machine.
    find_program(TWISTER_PROTOC_PLUGIN protoc-gen-twister
      NO_PACKAGE_ROOT_PATH NO_CMAKE_PATH NO_CMAKE_ENVIRONMENT_PATH NO_CMAKE_SYSTEM_PATH NO_CMAKE_FIND_ROOT_PATH)
    if(NOT TWISTER_PROTOC_PLUGIN)
      message(FATAL_ERROR "twister_protobuf_generate: no protoc-gen-twister that runs on this machine; "
        "build twister for it, and say where the program is by -DTWISTER_PROTOC_PLUGIN=PATH")
    endif()
    set(${path} ${TWISTER_PROTOC_PLUGIN} PARENT_SCOPE)
    set(${target} ${TWISTER_PROTOC_PLUGIN} PARENT_SCOPE)
    return()
  endif()
  set(${path} $<TARGET_FILE:twister::protoc-gen-twister> PARENT_SCOPE)
  set(${target} twister::protoc-gen-twister PARENT_SCOPE)
endfunction()

# The first of the directories that a file is in, and its path from there; else its own directory, and its name.
function(_twister_import_name proto roots root name)
  foreach(directory IN LISTS roots)
    cmake_path(IS_PREFIX directory ${proto} is_inside)
    if(is_inside)
      cmake_path(RELATIVE_PATH proto BASE_DIRECTORY ${directory})
      set(${root} ${directory} PARENT_SCOPE)
      set(${name} ${proto} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  cmake_path(GET proto PARENT_PATH directory)
  cmake_path(GET proto FILENAME file)
  set(${root} ${directory} PARENT_SCOPE)
  set(${name} ${file} PARENT_SCOPE)
endfunction()
