# Where each library comes from. Debian ships no package file for CAF, and a pkg-config file for LMDB.
find_package(CapnProto REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(SASL2 REQUIRED IMPORTED_TARGET libsasl2)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

find_library(CAF_CORE caf_core REQUIRED)
add_library(caf_core INTERFACE)
# The warnings of CAF's own headers are not ours.
target_link_libraries(caf_core INTERFACE ${CAF_CORE} Threads::Threads)
