# Debian's MLIR archives name the target LLVM (libLLVM.so), and a few name MLIR
# (libMLIR.so), in their link interfaces. A static build has to rewrite them, or
# one process holds two copies of MLIR.
if(ATTN_LINK STREQUAL "shared")
  set(MLIR_LINK_MLIR_DYLIB ON)
elseif(ATTN_LINK STREQUAL "static")
  set(LLVM_LINK_LLVM_DYLIB OFF)
  llvm_map_components_to_libnames(llvm_libs Core Support SupportLSP AsmParser
    BitWriter IRReader Linker Passes ipo OrcJIT ExecutionEngine FrontendOpenMP
    FrontendOffloading PerfJITEvents TransformUtils Target DebugInfoDWARF MC
    MCParser AMDGPU NVPTX X86)
  add_library(AttnLLVM INTERFACE)
  target_link_libraries(AttnLLVM INTERFACE ${llvm_libs})
  foreach(lib IN LISTS MLIR_EXPORTED_TARGETS)
    if(NOT TARGET ${lib})
      continue()
    endif()
    get_target_property(deps ${lib} INTERFACE_LINK_LIBRARIES)
    if(deps)
      list(REMOVE_ITEM deps MLIR)
      list(TRANSFORM deps REPLACE "^LLVM$" AttnLLVM)
      set_target_properties(${lib} PROPERTIES INTERFACE_LINK_LIBRARIES "${deps}")
    endif()
  endforeach()
else()
  message(FATAL_ERROR "ATTN_LINK expects static or shared, but got '${ATTN_LINK}'")
endif()
