# SPDX-License-Identifier: Apache-2.0
# How the project's targets are made. Every floor and every backend is an
# object library; the shared library and the archive that unit tests link are
# made of the same objects.

include_guard()
include(CheckPIESupported)
check_pie_supported()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# Flags of everything we compile ourselves.
add_library(clv-flags INTERFACE)
target_compile_definitions(clv-flags INTERFACE _GNU_SOURCE
  OPENSSL_NO_DEPRECATED OPENSSL_API_COMPAT=30000)
target_compile_options(clv-flags INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2
  -Wno-missing-field-initializers
  -fstack-protector-strong -fno-strict-aliasing)
target_link_options(clv-flags INTERFACE
  -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,defs -Wl,--as-needed)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(clv-flags INTERFACE -fstack-clash-protection)
endif()
if(CLV_WERROR)
  target_compile_options(clv-flags INTERFACE -Werror)
endif()
if(CLV_SANITIZE)
  target_compile_options(clv-flags INTERFACE
    -fsanitize=${CLV_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(clv-flags INTERFACE -fsanitize=${CLV_SANITIZE})
  # SoftHSM throws C++ exceptions, which ASan must know of from the start.
  target_link_options(clv-flags INTERFACE
    -Wl,--no-as-needed,-lstdc++,--as-needed)
  if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    target_link_options(clv-flags INTERFACE -Wl,-z,undefs)
  endif()
else()
  target_compile_options(clv-flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=2>)
endif()
if(CLV_FUZZ)
  target_compile_options(clv-flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CLV_COVERAGE)
  target_compile_options(clv-flags INTERFACE --coverage -O0)
  target_link_options(clv-flags INTERFACE --coverage)
endif()

# clv_part(NAME SOURCES ... [LIBRARIES ...] [INCLUDES ...]): a floor or a
# backend, which becomes part of libclaviger.
function(clv_part name)
  cmake_parse_arguments(PART "" "" "SOURCES;LIBRARIES;INCLUDES" ${ARGN})
  add_library(${name} OBJECT ${PART_SOURCES})
  target_include_directories(${name} PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PART_INCLUDES})
  target_link_libraries(${name} PRIVATE
    clv-flags OpenSSL::Crypto Threads::Threads ${PART_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY CLV_PARTS ${name})
  set_property(GLOBAL APPEND PROPERTY CLV_LIBRARIES ${PART_LIBRARIES})
endfunction()

# clv_backend(NAME SOURCES ... [LIBRARIES ...] [INCLUDES ...]): a backend,
# which src/keys/registry.c learns of by the definition CLV_WITH_<NAME>.
function(clv_backend name)
  clv_part(clv-backend-${name} ${ARGN})
  string(TOUPPER ${name} upper)
  target_compile_definitions(clv-keys PRIVATE CLV_WITH_${upper})
endfunction()

# clv_link_library(): libclaviger from all parts, and claviger-internal, the
# same as an archive with every symbol visible, for tests.
function(clv_link_library)
  get_property(parts GLOBAL PROPERTY CLV_PARTS)
  get_property(libraries GLOBAL PROPERTY CLV_LIBRARIES)
  list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>"
    OUTPUT_VARIABLE objects)

  add_library(claviger SHARED ${objects})
  add_library(claviger::claviger ALIAS claviger)
  set(symbols ${PROJECT_SOURCE_DIR}/src/claviger.symbols)
  set(map ${PROJECT_BINARY_DIR}/claviger.map)
  clv_write_export_map(${symbols} ${map})
  set_target_properties(claviger PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${map})
  target_include_directories(claviger PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_options(claviger PRIVATE
    -Wl,--version-script=${map} -Wl,-z,nodelete)
  target_link_libraries(claviger PRIVATE
    $<BUILD_INTERFACE:clv-flags> OpenSSL::Crypto Threads::Threads ${libraries})

  add_library(claviger-internal STATIC ${objects})
  target_include_directories(claviger-internal PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(claviger-internal PUBLIC
    OpenSSL::Crypto Threads::Threads ${libraries})
endfunction()

# The linker's version script from the one list of public symbols.
function(clv_write_export_map symbols map)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${symbols})
  file(STRINGS ${symbols} names REGEX "^[a-z]")
  set(text "CLAVIGER_${PROJECT_VERSION_MAJOR} {\n  global:\n")
  foreach(name IN LISTS names)
    string(APPEND text "    ${name};\n")
  endforeach()
  file(GENERATE OUTPUT ${map} CONTENT "${text}  local:\n    *;\n};\n")
endfunction()

# clv_test(NAME SOURCES ... [LIBRARIES ...] [LABELS ...] [ARGS ...]
#          [TIMEOUT SECONDS] [PUBLIC]): a cmocka test program. It links the
# archive, so that it can reach the inside; with PUBLIC, the shared library.
function(clv_test name)
  cmake_parse_arguments(TEST "PUBLIC" "TIMEOUT"
    "SOURCES;LIBRARIES;LABELS;ARGS" ${ARGN})
  set(library claviger-internal)
  if(TEST_PUBLIC)
    set(library claviger)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE
    clv-flags ${library} PkgConfig::CMOCKA OpenSSL::SSL ${TEST_LIBRARIES})
  add_test(NAME ${name} COMMAND ${name} ${TEST_ARGS})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES
    TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}")
endfunction()

# clv_fuzz(NAME SOURCES ... CORPUS DIRECTORY): with CLV_FUZZ a libFuzzer
# program; without, a test that runs the committed corpus through it once.
function(clv_fuzz name)
  cmake_parse_arguments(FUZZ "" "CORPUS" "SOURCES;LIBRARIES" ${ARGN})
  cmake_path(ABSOLUTE_PATH FUZZ_CORPUS)
  add_executable(${name} ${FUZZ_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE
    clv-flags claviger-internal ${FUZZ_LIBRARIES})
  if(CLV_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
  endif()
  add_test(NAME ${name} COMMAND ${name} -runs=0 ${FUZZ_CORPUS})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS fuzz)
endfunction()

# clv_wrap_faults(TARGET): the library's system calls and allocations in this
# test program go through tests/support/faults.c.
function(clv_wrap_faults target)
  target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/faults.c)
  foreach(call IN ITEMS calloc chmod fchmod fchown fcntl flistxattr
      fremovexattr fstat fstatat fstatfs fsync getxattr linkat listxattr
      malloc open openat read readlink readlinkat reallocarray renameat
      renameat2 setxattr statfs statx strdup write)
    target_link_options(${target} PRIVATE -Wl,--wrap=${call})
  endforeach()
endfunction()
