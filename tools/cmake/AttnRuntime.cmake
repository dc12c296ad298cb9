# Of what needs no LLVM: the runtime's libraries, and the tests that link them.
# LLVM's own libraries are not sanitized, so that other targets may not build.
set(ATTN_SANITIZE "" CACHE STRING
  "Sanitizers of the runtime and its tests: address,undefined or thread")

# attn_sanitize(<target>): compiles it with ATTN_SANITIZE; what links it does too.
function(attn_sanitize target)
  if(NOT ATTN_SANITIZE)
    return()
  endif()
  # C interfaces are called by others' declarations of the same structs.
  target_compile_options(${target} PRIVATE -fsanitize=${ATTN_SANITIZE}
    -fno-sanitize=function -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer -g1)
  # A shared library leaves the sanitizer's symbols to the executable.
  target_link_options(${target} PUBLIC -fsanitize=${ATTN_SANITIZE}
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>:LINKER:-z,undefs>)
endfunction()

# attn_runtime_library(<name> <sources...> [LINK_LIBS <libs...>])
# A static library of this project that needs neither LLVM nor MLIR, so that a
# compiled kernel can be run without them.
function(attn_runtime_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Werror)
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  attn_sanitize(${name})
endfunction()

# attn_unit_test(<name> <sources...> [LINK_LIBS <libs...>])
# A GoogleTest executable, each test of which ctest runs by itself. Parameters
# are known by their names: printed, a structure is its bytes.
function(attn_unit_test name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} GTest::gtest_main)
  attn_sanitize(${name})
  gtest_discover_tests(${name} NO_PRETTY_VALUES)
endfunction()
