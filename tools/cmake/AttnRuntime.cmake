# attn_runtime_library(<name> <sources...> [LINK_LIBS <libs...>])
# A static library of this project that needs neither LLVM nor MLIR, so that a
# compiled kernel can be run without them.
function(attn_runtime_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Werror)
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
endfunction()

# attn_unit_test(<name> <sources...> [LINK_LIBS <libs...>])
# A GoogleTest executable, each test of which ctest runs by itself.
function(attn_unit_test name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} GTest::gtest_main)
  gtest_discover_tests(${name})
endfunction()
