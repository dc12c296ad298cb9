# Run by lib/Variants: writes OUTPUT, a C++ table of the texts of FILES.
#   cmake -DOUTPUT=... "-DFILES=a;b" -P AttnEmbed.cmake
set(table "// Generated from lib/Variants/*.mlir.\n\n")
string(APPEND table "#include \"attn/Variants/Variants.h\"\n\n")
string(APPEND table "static const attn::Variant kVariants[] = {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(REGEX MATCH "^// ([^\n]*)\n" first "${text}")
  if(NOT first)
    message(FATAL_ERROR "${file} expects '// ' and a description on its first line")
  endif()
  set(summary "${CMAKE_MATCH_1}")
  string(APPEND table
    "    {\"${name}\", R\"attn(${summary})attn\", R\"attn(${text})attn\"},\n")
endforeach()
string(APPEND table "};\n\n")
string(APPEND table "llvm::ArrayRef<attn::Variant> attn::getVariants() { return kVariants; }\n")
file(WRITE ${OUTPUT} "${table}")
