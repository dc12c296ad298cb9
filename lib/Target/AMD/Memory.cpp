//===- Memory.cpp - loads that need no branch, and fences -----------------===//

#include "Memory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;
using namespace attn::gpu;

Value amd::getHiddenArguments(OpBuilder &b, Location loc) {
  constexpr unsigned kConstantSpace = 4;
  auto type = LLVM::LLVMPointerType::get(b.getContext(), kConstantSpace);
  return LLVM::CallIntrinsicOp::create(
             b, loc, type, b.getStringAttr("llvm.amdgcn.implicitarg.ptr"),
             ValueRange())
      .getResults();
}

Value amd::chooseAddress(OpBuilder &b, Location loc, Value predicate,
                         Value address) {
  Value other = LLVM::AddrSpaceCastOp::create(b, loc, address.getType(),
                                              getHiddenArguments(b, loc));
  return arith::SelectOp::create(b, loc, predicate, address, other);
}

Value amd::loadChunkIf(OpBuilder &b, Location loc, Value address,
                       Value predicate) {
  auto type = VectorType::get(kChunkBytes / 4, b.getI32Type());
  Value chunk = LLVM::LoadOp::create(
      b, loc, type, chooseAddress(b, loc, predicate, address), kChunkBytes);
  Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return arith::SelectOp::create(b, loc, predicate, chunk, zeros);
}

void amd::fenceShared(OpBuilder &b, Location loc,
                      LLVM::AtomicOrdering ordering) {
  auto fence = LLVM::FenceOp::create(b, loc, ordering, kBlockScope);
  // AMDGPUUsage, "Memory Model Relaxation Annotations".
  fence->setAttr(
      LLVM::LLVMDialect::getMmraAttrName(),
      LLVM::MMRATagAttr::get(b.getContext(), "amdgpu-synchronize-as", "local"));
}
