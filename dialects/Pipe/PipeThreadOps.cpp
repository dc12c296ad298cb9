//===- PipeThreadOps.cpp - ordinary threads -------------------------------===//

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::pipe;

void EachOp::build(OpBuilder &builder, OperationState &state,
                   ValueRange extents) {
  state.addOperands(extents);
  OpBuilder::InsertionGuard guard(builder);
  Region *body = state.addRegion();
  Block *block = builder.createBlock(body);
  for (Value extent : extents)
    block->addArgument(extent.getType(), state.location);
  YieldOp::create(builder, state.location);
}

ParseResult EachOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> indices;
  SmallVector<OpAsmParser::UnresolvedOperand> extents;
  Type i32 = parser.getBuilder().getI32Type();
  if (parser.parseArgumentList(indices) || parser.parseKeyword("in") ||
      parser.parseOperandList(extents) ||
      parser.resolveOperands(extents, i32, result.operands) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  for (OpAsmParser::Argument &index : indices)
    index.type = i32;
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, indices))
    return failure();
  ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

void EachOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  llvm::interleaveComma(getBody().getArguments(), printer);
  printer << " in ";
  llvm::interleaveComma(getExtents(), printer);
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false,
                      /*printBlockTerminators=*/false);
}

LogicalResult EachOp::verify() {
  // each_c1
  Block &body = getBody().front();
  if (getExtents().empty() ||
      TypeRange(body.getArgumentTypes()) != TypeRange(getExtents().getTypes()))
    return emitOpError("expects one argument of type i32 for each extent, and "
                       "at least one, but got ")
           << body.getNumArguments() << " for " << getExtents().size();
  // each_c2
  WalkResult result = body.walk([&](Operation *op) -> WalkResult {
    if (!isa<PipeDialect>(op->getDialect()) ||
        isa<GetOp, PutOp, ClearRowOp, YieldOp>(op))
      return success();
    InFlightDiagnostic diag =
        op->emitOpError("expects not to stand in a pipe.each, whose points "
                        "only get and put elements");
    diag.attachNote(getLoc()) << "which is here";
    return diag;
  });
  return failure(result.wasInterrupted());
}

static LogicalResult verifyIndices(Operation *op, Type type,
                                   ValueRange indices) {
  unsigned rank = isa<GlobalType>(type) ? cast<GlobalType>(type).getRank()
                                        : cast<ArrayType>(type).getRank();
  if (indices.size() == rank)
    return success();
  return op->emitOpError("expects one index for each of ")
         << rank << " dimensions, but got " << indices.size();
}

LogicalResult GetOp::verify() {
  // get_c2
  if (TypedAttr beyond = getBeyondAttr()) {
    if (isa<ArrayType>(getSource().getType()))
      return emitOpError("expects a tensor to have points beyond its extents, "
                         "but got an array; leave out the 'else'");
    if (beyond.getType() != getElement().getType())
      return emitOpError("expects an 'else' of the element's type, ")
             << getElement().getType() << ", but got " << beyond;
  }
  // get_c1
  return verifyIndices(*this, getSource().getType(), getIndices());
}

LogicalResult PutOp::verify() {
  // put_c2
  if (!(*this)->getParentOfType<EachOp>())
    return emitOpError("expects to stand in a pipe.each, so that one thread "
                       "does it");
  // put_c1
  return verifyIndices(*this, getDest().getType(), getIndices());
}
