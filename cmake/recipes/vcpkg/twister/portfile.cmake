# Builds the checkout that this port lies in.
get_filename_component(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../../../.. ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS features
  FEATURES
    json TWISTER_WITH_JSON
    protobuf TWISTER_WITH_PROTOBUF
    rpc TWISTER_WITH_RPC
    tls TWISTER_WITH_TLS
    regex TWISTER_WITH_REGEX
    zlib TWISTER_WITH_ZLIB
    zstd TWISTER_WITH_ZSTD)

vcpkg_cmake_configure(
  SOURCE_PATH ${SOURCE_PATH}
  OPTIONS
    ${features}
    -DTWISTER_BUILD_TESTS=OFF
    -DTWISTER_BUILD_SAMPLES=OFF
    -DTWISTER_BUILD_TOOL=OFF
    -DTWISTER_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/twister)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug/include ${CURRENT_PACKAGES_DIR}/debug/share)
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
