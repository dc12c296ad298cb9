//===- TileMaskOps.cpp - checks of masks and what they read ---------------===//

#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::tile;

LogicalResult MaskOp::verify() {
  size_t rank = getTile().getType().getRank();
  // mask_c1
  if (getBases().size() != rank)
    return emitOpError("expects one base a dimension of ")
           << getTile().getType() << ", but got " << getBases().size();
  if (!getValid().empty() && getValid().size() != rank)
    return emitOpError("expects no valid count or one a dimension of ")
           << getTile().getType() << ", but got " << getValid().size();
  // mask_c2
  Block &block = getPredicate().front();
  if (block.getNumArguments() != rank + getWith().size() ||
      !llvm::all_of(block.getArguments().take_front(rank),
                    [](Value value) { return value.getType().isIndex(); }))
    return emitOpError("expects a predicate of ")
           << rank << " 'index' arguments, but got "
           << block.getArgumentTypes();
  // mask_c4
  if (getAlong().size() != getWith().size())
    return emitOpError("expects one dimension a tile of 'with', but got ")
           << getAlong().size() << " for " << getWith().size();
  for (auto [i, tile] : llvm::enumerate(getWith())) {
    auto type = cast<RankedTensorType>(tile.getType());
    int64_t dim = getAlong()[i];
    if (dim < 0 || dim >= int64_t(rank) || type.getRank() != 1 ||
        type.getDimSize(0) != getTile().getType().getDimSize(dim))
      return emitOpError("expects a tile of rank 1 along a dimension of ")
             << getTile().getType() << ", but got " << type << " along " << dim;
    if (block.getArgument(rank + i).getType() != type.getElementType())
      return emitOpError("expects argument #")
             << rank + i << " of the predicate to be an element of " << type
             << ", but got " << block.getArgument(rank + i).getType();
  }
  auto yield = dyn_cast<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield || yield.getValues().size() != 1 ||
      !yield.getValues()[0].getType().isInteger(1))
    return emitOpError("expects the predicate to yield one 'i1'");
  // mask_c3
  if (getEmpty().getType() != getTile().getType().getElementType())
    return emitOpError("expects empty of the tile's element type, but got ")
           << getEmpty() << " and " << getTile().getType();
  return success();
}

LogicalResult GenerateOp::verify() {
  auto type = cast<RankedTensorType>(getResult().getType());
  // generate_c1
  if (type.getRank() != 1)
    return emitOpError("expects a tile of rank 1, but got ") << type;
  // generate_c2
  Block &block = getBody().front();
  if (block.getArgumentTypes() != ArrayRef<Type>{IndexType::get(getContext())})
    return emitOpError("expects a region of one 'index' argument, but got (")
           << block.getArgumentTypes() << ")";
  auto yield = dyn_cast<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield ||
      yield.getValues().getTypes() != ArrayRef<Type>{type.getElementType()})
    return emitOpError("expects a region that yields an element of ") << type;
  return success();
}

/// Checks that `table` is a ranked memory of integers with `numCoordinates` and
/// `extra` further dimensions.
static LogicalResult verifyTable(Operation *op, Type table,
                                 size_t numCoordinates, int64_t extra) {
  auto type = dyn_cast<MemRefType>(table);
  // extrema_c2, entry_c2
  if (!type || !type.getElementType().isInteger())
    return op->emitOpError("expects a table of integers, but got ") << table;
  // extrema_c1, entry_c1
  if (type.getRank() != static_cast<int64_t>(numCoordinates) + extra)
    return op->emitOpError("expects ")
           << type.getRank() - extra << " coordinates of " << type
           << ", but got " << numCoordinates;
  return success();
}

LogicalResult ElementOp::verify() {
  MemRefType type = getTable().getType();
  // element_c1
  if (static_cast<size_t>(type.getRank()) != getCoordinates().size())
    return emitOpError("expects ")
           << type.getRank() << " coordinates of " << type << ", but got "
           << getCoordinates().size();
  // element_c2
  if (getEmpty().getType() != type.getElementType())
    return emitOpError("expects empty of the table's element type, but got ")
           << getEmpty() << " and " << type;
  return success();
}

LogicalResult GatherOp::verify() {
  MemRefType type = getTable().getType();
  RankedTensorType result = getResult().getType();
  // gather_c1
  if (static_cast<size_t>(type.getRank()) != getCoordinates().size())
    return emitOpError("expects ")
           << type.getRank() << " coordinates of " << type << ", but got "
           << getCoordinates().size();
  RankedTensorType own = result.clone(IndexType::get(getContext()));
  for (auto [i, coordinate] : llvm::enumerate(getCoordinates()))
    if (!coordinate.getType().isIndex() && coordinate.getType() != own)
      return emitOpError("expects coordinate #")
             << i << " to be 'index' or " << own << ", but got "
             << coordinate.getType();
  // gather_c2
  if (result.getElementType() != type.getElementType())
    return emitOpError("expects elements of the table, but got ")
           << result << " and " << type;
  if (getEmpty().getType() != type.getElementType())
    return emitOpError("expects empty of the table's element type, but got ")
           << getEmpty() << " and " << type;
  return success();
}

LogicalResult ExtremaOp::verify() {
  if (getFirsts().size() != getLasts().size())
    return emitOpError("expects a first and a last coordinate for each "
                       "dimension, but got ")
           << getFirsts().size() << " and " << getLasts().size();
  return verifyTable(*this, getTable().getType(), getFirsts().size(), 0);
}

/// sum_c1
static LogicalResult verifyRuns(Operation *op, Block &body, size_t numYields) {
  Operation *yield = body.getTerminator();
  if (body.getNumArguments() == 1 && body.getArgument(0).getType().isIndex() &&
      yield->getNumOperands() == numYields &&
      llvm::all_of(yield->getOperandTypes(), llvm::IsaPred<IndexType>))
    return success();
  return op->emitOpError("expects a region that takes an index and yields ")
         << numYields;
}

LogicalResult SumOp::verifyRegions() {
  return verifyRuns(*this, getBody().front(), getNumResults());
}

ParseResult SumOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand bound;
  Type index = parser.getBuilder().getIndexType();
  Region *body = result.addRegion();
  if (parser.parseKeyword("below") || parser.parseOperand(bound) ||
      parser.resolveOperand(bound, index, result.operands) ||
      parser.parseRegion(*body) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  // As many as the region yields; the verifier looks at an empty one.
  if (!body->empty() && !body->front().empty())
    result.addTypes(
        SmallVector<Type>(body->front().back().getNumOperands(), index));
  return success();
}

void SumOp::print(OpAsmPrinter &printer) {
  printer << " below " << getBound() << ' ';
  printer.printRegion(getBody());
  printer.printOptionalAttrDict((*this)->getAttrs());
}

LogicalResult LocateOp::verifyRegions() {
  return verifyRuns(*this, getBody().front(), 1);
}

LogicalResult EntryOp::verify() {
  return verifyTable(*this, getTable().getType(), getCoordinates().size(), 1);
}

LogicalResult MemberOp::verify() {
  return verifyTable(*this, getTable().getType(), getCoordinates().size(), 1);
}
