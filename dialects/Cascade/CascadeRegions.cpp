//===- CascadeRegions.cpp - operations of an Einsum's regions -------------===//

#include "dialects/Cascade/Cascade.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn::cascade;

ParseResult IndexOp::parse(OpAsmParser &parser, OperationState &state) {
  StringRef name;
  if (parser.parseKeyword(&name) ||
      parser.parseOptionalAttrDict(state.attributes))
    return failure();
  state.addAttribute("variable", parser.getBuilder().getStringAttr(name));
  state.addTypes(parser.getBuilder().getIndexType());
  return success();
}

void IndexOp::print(OpAsmPrinter &printer) {
  printer << " " << getVariable();
  printer.printOptionalAttrDict((*this)->getAttrs(), {"variable"});
}

LogicalResult IndexOp::verify() {
  auto einsum = cast<EinsumOp>((*this)->getParentOp());
  // index_c1
  if (!einsum.getVariablePosition(getVariable())) {
    auto variables = einsum.getVariables().getAsValueRange<StringAttr>();
    return emitOpError("expects one of the variables ")
           << llvm::join(variables, ", ") << ", but got '" << getVariable()
           << "'";
  }
  return success();
}

LogicalResult ReadOp::verify() {
  auto type = cast<NamedTensorType>(getSource().getType());
  // read_c1
  if (getCoordinates().size() != type.getRanks().size())
    return emitOpError("expects ")
           << type.getRanks().size() << " coordinates for " << type
           << ", but got " << getCoordinates().size();
  // read_c2
  if (getType() != type.getComputeType())
    return emitOpError("expects a result of type ")
           << type.getComputeType() << ", but got " << getType();
  // read_c3
  if (!(*this)->getParentOfType<EinsumOp>())
    return emitOpError("expects to stand in a region of cascade.einsum");
  return success();
}

LogicalResult MemberOp::verify() {
  auto type = cast<NamedTensorType>(getSource().getType());
  // member_c1
  if (!isa<IntegerType, IndexType>(type.getElementType()) ||
      type.getRanks().empty())
    return emitOpError("expects a tensor of integers with at least one rank, "
                       "but got ")
           << type;
  // member_c2
  if (getCoordinates().size() + 1 != type.getRanks().size())
    return emitOpError("expects ")
           << type.getRanks().size() - 1
           << " coordinates, one for each rank but the last, for " << type
           << ", but got " << getCoordinates().size();
  // member_c3
  if (!getFirst() != !getLast())
    return emitOpError("expects a range of both 'from' and 'to', but got only ")
           << (getFirst() ? "'from'" : "'to'");
  // member_c4
  if (!(*this)->getParentOfType<EinsumOp>())
    return emitOpError("expects to stand in a region of cascade.einsum");
  return success();
}
