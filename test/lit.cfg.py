import os

import lit.formats
from lit.llvm import llvm_config

config.name = "attn"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["CMakeLists.txt", "lit.cfg.py", "unit", "Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.attn_obj_root, "test")
llvm_config.with_environment(
    "FILECHECK_OPTS", "-enable-var-scope --allow-unused-prefixes=false"
)
llvm_config.use_default_substitutions()
llvm_config.add_tool_substitutions(
    ["attn-compile", "attn-opt", "attn-run", "llvm-readelf", "split-file"],
    [os.path.join(config.attn_obj_root, "bin"), config.llvm_tools_dir],
)
