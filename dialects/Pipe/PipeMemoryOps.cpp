//===- PipeMemoryOps.cpp - rings, copies and stores -----------------------===//

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn::pipe;

//===-- Rings -------------------------------------------------------------===//

ParseResult FillOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand ring, cursor;
  SmallVector<OpAsmParser::UnresolvedOperand> messages;
  OpAsmParser::Argument slot;
  RingType type;
  Builder &builder = parser.getBuilder();
  if (parser.parseOperand(ring) || parser.parseLSquare() ||
      parser.parseOperand(cursor) || parser.parseRSquare() ||
      parser.parseKeyword("as") || parser.parseArgument(slot))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("message")) &&
      parser.parseOperandList(messages, OpAsmParser::Delimiter::Paren))
    return failure();
  // The slot's type follows the body in the text, so that it is written once:
  // the region is parsed after the type.
  if (parser.parseColonType(type) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  slot.type = type.getSlot();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, slot) ||
      parser.resolveOperand(ring, type, result.operands) ||
      parser.resolveOperand(
          cursor, CursorType::get(parser.getContext(), type.getSlots()),
          result.operands) ||
      parser.resolveOperands(messages, builder.getI32Type(), result.operands))
    return failure();
  ensureTerminator(*body, builder, result.location);
  return success();
}

void FillOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getRing() << '[' << getCursor() << "] as "
          << getBody().getArgument(0);
  if (!getMessages().empty())
    printer << " message(" << getMessages() << ')';
  printer << " : " << getRing().getType();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false,
                      /*printBlockTerminators=*/false);
}

/// Checks C6 of a fill.
static LogicalResult verifyRows(FillOp op) {
  llvm::BitVector filled(op.getRing().getType().getSlot().getNumRows());
  LoadOp last;
  for (auto load : op.getBody().getOps<LoadOp>()) {
    if (!load.getRows() || !load.hasRowsOfSlot())
      continue;
    last = load;
    unsigned begin = load.getFirstRow(), end = begin + load.getNumRows();
    if (filled.find_first_in(begin, end) >= 0)
      return load.emitOpError("expects rows that no other copy fills, but got ")
             << load.getRowsAttr();
    filled.set(begin, end);
  }
  if (last && !filled.all())
    return op.emitOpError("expects copies that fill all rows of the slot, but "
                          "none fills row ")
           << filled.find_first_unset();
  return success();
}

LogicalResult FillOp::verify() {
  RingType ring = getRing().getType();
  // fill_c2
  if (static_cast<int64_t>(getMessages().size()) != ring.getMessages())
    return emitOpError("expects as many messages as the ring's fillings carry, "
                       "but got ")
           << getMessages().size() << " for " << ring;
  if (getBody().getNumArguments() != 1 ||
      getBody().getArgument(0).getType() != ring.getSlot())
    return emitOpError("expects a body with one argument, the slot");
  auto loads = getBody().getOps<LoadOp>();
  auto isStrided = [](LoadOp load) {
    return load.getSource().getType().getStrided();
  };
  auto widens = getBody().getOps<WidenOp>();
  bool isByThreads = llvm::any_of(loads, isStrided) || !widens.empty();
  // fill_c3
  if (isByThreads && !llvm::all_of(loads, isStrided))
    return emitOpError("expects copies from `strided` tensors or from others, "
                       "but got both");
  if (auto role = (*this)->getParentOfType<RoleOp>();
      role && isByThreads && role.getWarps() == 1) {
    InFlightDiagnostic diag =
        emitOpError("expects to stand in a role of several warps, whose "
                    "threads copy, but got 1");
    diag.attachNote(role.getLoc()) << "the role is here";
    return diag;
  }
  // fill_c4
  for (Operation &op : getBody().front().without_terminator())
    if (!isa<LoadOp, WidenOp>(op) && !isPure(&op))
      return op.emitOpError("expects to stand outside of pipe.fill, which "
                            "holds copies and arithmetic only");
  if (!widens.empty() && (!loads.empty() || !llvm::hasSingleElement(widens)))
    return emitOpError("expects one pipe.widen and no other copy into a slot, "
                       "but got ")
           << llvm::range_size(widens) << " of them and "
           << llvm::range_size(loads) << " loads";
  // fill_c5
  if (isByThreads && ring.getCluster())
    return emitOpError("expects a ring that no cluster shares where threads "
                       "copy, but got ")
           << ring;
  // fill_c6
  return verifyRows(*this);
}

LogicalResult MessageOp::verify() {
  // message_c2
  if (static_cast<int64_t>(getNumber()) >= getRing().getType().getMessages())
    return emitOpError("expects a message that the ring's fillings carry, but "
                       "got number ")
           << getNumber() << " of " << getRing().getType();
  return success();
}

//===-- Copies ------------------------------------------------------------===//

/// What all copies between a tensor in global memory and a tile have to meet.
template <typename OpT>
static LogicalResult verifyCopy(OpT op, GlobalType global, unsigned numIndices,
                                unsigned tileRank, Type elementType) {
  if (numIndices != global.getRank() || tileRank > global.getRank())
    return op.emitOpError("expects one index a dimension of ")
           << global << ", which has at least " << tileRank << ", but got "
           << numIndices;
  if (global.getElementType() != elementType)
    return op.emitOpError("expects equal element types, but got ")
           << global.getElementType() << " and " << elementType;
  return success();
}

/// Whether `op`'s rows, as many as `numRows`, may run as `packing` says, and
/// columns along the last dimension if there are any.
template <typename OpT>
static LogicalResult verifyPacking(OpT op, PackingAttr packing,
                                   GlobalType global, int64_t numRows,
                                   bool hasColumns) {
  if (!packing)
    return success();
  unsigned numDims = global.getRank() - (hasColumns ? 1 : 0);
  int64_t width = packing.getWidth();
  // packing_c1, packing_c2, packing_c3
  if (width < 1 || !llvm::isPowerOf2_64(width) || numRows % width != 0 ||
      packing.getInner() == packing.getOuter() ||
      packing.getInner() >= numDims || packing.getOuter() >= numDims)
    return op.emitOpError("expects rows packed by a power of 2, of which their "
                          "number is a multiple, in two of the first ")
           << numDims << " dimensions of " << global << ", but got " << packing
           << " for " << numRows << " rows";
  return success();
}

LogicalResult ClearOp::verify() {
  // clear_c1
  auto role = (*this)->getParentOfType<RoleOp>();
  if (role && role.getWarps() == 1)
    return emitOpError("expects a role of several warps, but got one of one");
  return success();
}

LogicalResult ClearRowOp::verify() {
  // clear_row_c1
  if (!(*this)->getParentOfType<EachOp>())
    return emitOpError("expects to stand in a pipe.each, so that one thread "
                       "does it");
  return success();
}

LogicalResult ClearUnsetOp::verify() {
  RankedTensorType bits = getBits().getType();
  // clear_unset_c1
  if (bits.getRank() != 2 || !bits.getElementType().isInteger(1) ||
      bits.getDimSize(1) != getSlot().getType().getNumRows())
    return emitOpError("expects bits with a column for each row of ")
           << getSlot().getType() << ", but got " << bits;
  // clear_unset_c2
  auto role = (*this)->getParentOfType<RoleOp>();
  if (role && role.getWarps() == 1)
    return emitOpError("expects a role of several warps, but got one of one");
  return success();
}

bool LoadOp::hasRowsOfSlot() {
  return getRows()->size() == 2 && getFirstRow() >= 0 && getNumRows() > 0 &&
         getNumRows() <= getSlot().getType().getNumRows() - getFirstRow();
}

LogicalResult LoadOp::verify() {
  // load_c1, load_c2
  if (failed(verifyCopy(*this, getSource().getType(), getIndices().size(), 2,
                        getSlot().getType().getElementType())))
    return failure();
  // load_c3
  if (getSlot() !=
      cast<FillOp>((*this)->getParentOp()).getBody().getArgument(0))
    return emitOpError("expects to load into the slot of the enclosing "
                       "pipe.fill");
  // load_c4
  if (getRows() && !hasRowsOfSlot())
    return emitOpError("expects the first row and the number of rows, of the "
                       "slot's ")
           << getSlot().getType().getNumRows() << ", but got " << getRowsAttr();
  // load_c5
  auto ring = cast<FillOp>((*this)->getParentOp()).getRing().getType();
  if (getPackingAttr() && ring.getCluster())
    return emitOpError("expects packed rows in a ring that no cluster shares, "
                       "but got ")
           << ring;
  return verifyPacking(*this, getPackingAttr(), getSource().getType(),
                       getNumRows(), /*hasColumns=*/true);
}

LogicalResult WidenOp::verify() {
  SharedType source = getSource().getType(), slot = getSlot().getType();
  // widen_c1
  if (source.getNumRows() != slot.getNumRows() ||
      source.getShape().back() < slot.getShape().back())
    return emitOpError("expects a source of as many rows as the slot's and all "
                       "of its columns, but got ")
           << source << " and " << slot;
  // widen_c2
  Type from = source.getElementType(), to = slot.getElementType();
  bool isNarrow =
      isa<Float8E4M3FNType, Float8E5M2Type>(from) || from.isSignlessInteger(8);
  if (!isNarrow || !(to.isBF16() || to.isF16()))
    return emitOpError("expects to widen f8E4M3FN, f8E5M2 or i8 to bf16 or "
                       "f16, but got ")
           << from << " and " << to;
  // widen_c3
  if (getSlot() !=
      cast<FillOp>((*this)->getParentOp()).getBody().getArgument(0))
    return emitOpError("expects to widen into the slot of the enclosing "
                       "pipe.fill");
  return success();
}

LogicalResult StageOp::verify() {
  RankedTensorType tile = getTile().getType();
  SharedType dest = getDest().getType();
  // stage_c1
  if (tile.getShape() != dest.getShape() ||
      tile.getElementType() != dest.getElementType())
    return emitOpError("expects equal shapes and elements, but got ")
           << tile << " and " << dest;
  // stage_c2: the warps' digits must be the leading rows.
  FragmentAttr fragment = getFragment(tile);
  int64_t warps = fragment.getNumWarps();
  for (DigitAttr digit : fragment.getWarps())
    if (digit.getSize() > 1 &&
        (digit.getDim() != 0 ||
         digit.getStride() % (tile.getDimSize(0) / warps) != 0))
      return emitOpError("expects each warp to hold consecutive rows, but got ")
             << fragment;
  if (dest.getParts() != warps)
    return emitOpError("expects as many parts as the fragment has warps, ")
           << warps << ", but got " << dest.getParts();
  return success();
}

LogicalResult BulkStoreOp::verify() {
  // bulk_store_c1, bulk_store_c2, bulk_store_c3
  if (failed(verifyCopy(*this, getDest().getType(), getIndices().size(), 2,
                        getTile().getType().getElementType())))
    return failure();
  if (getDest().getType().getStrided())
    return emitOpError("expects a tensor whose last stride is 1, but got ")
           << getDest().getType();
  // bulk_store_c4
  return verifyPacking(*this, getPackingAttr(), getDest().getType(),
                       getTile().getType().getNumRows(), /*hasColumns=*/true);
}

LogicalResult StoreOp::verify() {
  auto value = cast<RankedTensorType>(getValue().getType());
  // store_c1, store_c2
  if (failed(verifyCopy(*this, getDest().getType(), getIndices().size(),
                        value.getRank(), value.getElementType())))
    return failure();
  // store_c3
  if (auto slice = dyn_cast<SliceAttr>(value.getEncoding());
      slice && slice.getPartial())
    return emitOpError("expects a complete line, but got ")
           << value << "; combine it by pipe.lane_reduce first";
  // store_c5
  if (getPackingAttr() && getRows())
    return emitOpError("expects rows that are packed or named one by one, but "
                       "got both");
  if (failed(verifyPacking(*this, getPackingAttr(), getDest().getType(),
                           value.getDimSize(0), value.getRank() == 2)))
    return failure();
  // store_c4
  if (!getRows())
    return success();
  auto rows = cast<RankedTensorType>(getRows().getType());
  auto slice = cast<SliceAttr>(rows.getEncoding());
  bool fits = rows.getElementType().isInteger(32) && !slice.getPartial() &&
              rows.getDimSize(0) == value.getDimSize(0);
  if (isa<SliceAttr>(value.getEncoding()))
    fits &= rows.getEncoding() == value.getEncoding();
  else
    fits &= slice.getDim() == 1 && spreadsAs(slice, getFragment(value));
  if (!fits)
    return emitOpError("expects rows of i32 that are held as the rows of ")
           << value << ", but got " << rows;
  return success();
}
