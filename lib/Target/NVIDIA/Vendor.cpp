//===- Vendor.cpp - what the driver asks of NVIDIA's GPUs -----------------===//

#include "attn/Target/NVIDIA/NVIDIA.h"

using namespace attn;

static const GpuVendor::Form forms[] = {
    {"mlir", CodeKind::LLVMDialect},
    {"ptx", CodeKind::Assembly, Artifact::PayloadKind::ptx},
    {"cubin", CodeKind::MachineCode, Artifact::PayloadKind::cubin},
};

const GpuVendor &nvidia::getVendor() {
  static const GpuVendor vendor = {
      getTargetNames,
      getMachineModel,
      readScheduleTable,
      compile,
      forms,
      "neither ptxas nor a library of it is found: the artifact holds PTX, "
      "which the driver compiles when it is loaded, unchecked for spills and "
      "serialised products",
      listAssemblers,
  };
  return vendor;
}
