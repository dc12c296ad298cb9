# attn_library(<name> <sources...> [USES_IR] [LINK_LIBS <ours...>]
#              [MLIR_LIBS <theirs...>] [DEPENDS <tablegen...>])
# A static library of this project. USES_IR: it includes the dialect headers
# that lib/PCH precompiles.
function(attn_library name)
  cmake_parse_arguments(ARG "USES_IR" "" "LINK_LIBS;MLIR_LIBS;DEPENDS" ${ARGN})
  add_mlir_library(${name} ${ARG_UNPARSED_ARGUMENTS}
    DISABLE_INSTALL EXCLUDE_FROM_LIBMLIR
    DEPENDS ${ARG_DEPENDS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PUBLIC ${ARG_MLIR_LIBS})
  if(ATTN_PCH AND ARG_USES_IR)
    target_precompile_headers(${name} REUSE_FROM AttnPCH)
  endif()
endfunction()

# attn_dialect(<Dialect> <namespace> <sources...> [LINK_LIBS <dialects...>]
#              [MLIR_LIBS <theirs...>])
# A dialect in dialects/<Dialect>: tablegen of <Dialect>Ops.td (which includes
# the dialect, type and attribute definitions), its library Attn<Dialect>Dialect
# and its generated reference page. It may link other dialects and MLIR, and
# nothing of lib/.
function(attn_dialect dialect namespace)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS;MLIR_LIBS" ${ARGN})
  foreach(dependency IN LISTS ARG_LINK_LIBS)
    if(NOT dependency MATCHES "^Attn[A-Za-z]+Dialect$")
      message(FATAL_ERROR
        "dialect ${dialect} expects to link dialects only, but got ${dependency}")
    endif()
  endforeach()
  set(LLVM_TARGET_DEFINITIONS ${dialect}Ops.td)
  mlir_tablegen(${dialect}Dialect.h.inc -gen-dialect-decls -dialect=${namespace})
  mlir_tablegen(${dialect}Dialect.cpp.inc -gen-dialect-defs -dialect=${namespace})
  mlir_tablegen(${dialect}Ops.h.inc -gen-op-decls)
  mlir_tablegen(${dialect}Ops.cpp.inc -gen-op-defs)
  mlir_tablegen(${dialect}Types.h.inc -gen-typedef-decls -typedefs-dialect=${namespace})
  mlir_tablegen(${dialect}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${namespace})
  mlir_tablegen(${dialect}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${namespace})
  mlir_tablegen(${dialect}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${namespace})
  mlir_tablegen(${dialect}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${dialect}Enums.cpp.inc -gen-enum-defs)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${dialect}Interfaces.td)
    set(LLVM_TARGET_DEFINITIONS ${dialect}Interfaces.td)
    mlir_tablegen(${dialect}Interfaces.h.inc -gen-op-interface-decls)
    mlir_tablegen(${dialect}Interfaces.cpp.inc -gen-op-interface-defs)
  endif()
  add_mlir_dialect_tablegen_target(Attn${dialect}IncGen)
  add_mlir_doc(${dialect}Ops ${dialect}Dialect dialects/ -gen-dialect-doc -dialect=${namespace})
  add_mlir_dialect_library(Attn${dialect}Dialect ${ARG_UNPARSED_ARGUMENTS}
    DISABLE_INSTALL EXCLUDE_FROM_LIBMLIR
    DEPENDS Attn${dialect}IncGen)
  target_link_libraries(Attn${dialect}Dialect PUBLIC ${ARG_LINK_LIBS})
  mlir_target_link_libraries(Attn${dialect}Dialect PUBLIC MLIRIR ${ARG_MLIR_LIBS})
  foreach(dependency IN LISTS ARG_LINK_LIBS)
    string(REGEX REPLACE "Dialect$" "IncGen" generated ${dependency})
    add_dependencies(Attn${dialect}IncGen ${generated})
  endforeach()
endfunction()
