import os
import shutil

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
# Kernels that an earlier run has kept would hide what is built now.
cache = os.path.join(config.test_exec_root, "cache")
shutil.rmtree(cache, ignore_errors=True)
llvm_config.with_environment("ATTN_CACHE_DIR", cache)
llvm_config.use_default_substitutions()
llvm_config.add_tool_substitutions(
    ["attn-compile", "attn-opt", "attn-run", "llc", "llvm-readelf", "mlir-translate", "split-file"],
    [os.path.join(config.attn_obj_root, "bin"), config.llvm_tools_dir],
)
config.substitutions += [("%cc", config.c_compiler), ("%cxx", config.cxx_compiler)]
# A libcuda that keeps memory on the host and whose launches do nothing.
config.substitutions.append(
    (
        "%fake-cuda",
        os.path.join(config.test_exec_root, "unit", "Runtime", "libAttnFakeCuda.so"),
    )
)
