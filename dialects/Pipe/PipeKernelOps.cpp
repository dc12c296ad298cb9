//===- PipeKernelOps.cpp - kernels, roles and work ------------------------===//

#include "PipeTokens.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn::pipe;

//===-- Kernels -----------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Type> results;
  SmallVector<DictionaryAttr> resultAttrs;
  bool isVariadic = false;
  if (parser.parseSymbolName(name, SymbolTable::getSymbolAttrName(),
                             result.attributes))
    return failure();
  SMLoc signatureLoc = parser.getCurrentLocation();
  if (function_interface_impl::parseFunctionSignatureWithArguments(
          parser, /*allowVariadic=*/false, arguments, isVariadic, results,
          resultAttrs))
    return failure();
  if (!results.empty())
    return parser.emitError(signatureLoc, "expects a kernel without results");
  Builder &builder = parser.getBuilder();
  SmallVector<Type> types;
  for (OpAsmParser::Argument &argument : arguments)
    types.push_back(argument.type);
  result.addAttribute(getFunctionTypeAttrName(result.name),
                      TypeAttr::get(builder.getFunctionType(types, {})));
  for (StringAttr number :
       {getClusterAttrName(result.name), getBlocksAttrName(result.name)}) {
    int64_t value = 1;
    if (succeeded(parser.parseOptionalKeyword(number)) &&
        (parser.parseLParen() || parser.parseInteger(value) ||
         parser.parseRParen()))
      return failure();
    result.addAttribute(number, builder.getI64IntegerAttr(value));
  }
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  call_interface_impl::addArgAndResultAttrs(
      builder, result, arguments, resultAttrs, getArgAttrsAttrName(result.name),
      getResAttrsAttrName(result.name));
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  ensureTerminator(*body, builder, result.location);
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  call_interface_impl::printFunctionSignature(
      printer, getArgumentTypes(), getArgAttrsAttr(), /*isVariadic=*/false, {},
      getResAttrsAttr(), &getBody(), /*printEmptyResult=*/false);
  if (getCluster() != 1)
    printer << " cluster(" << getCluster() << ')';
  if (getBlocks() != 1)
    printer << " blocks(" << getBlocks() << ')';
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getFunctionTypeAttrName(), getClusterAttrName(),
       getBlocksAttrName(), getArgAttrsAttrName(), getResAttrsAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false,
                      /*printBlockTerminators=*/false);
}

static LogicalResult verifyShape(KernelOp kernel, unsigned index,
                                 GlobalType type) {
  auto shape = kernel.getArgAttrOfType<ArrayAttr>(index, kShapeAttr);
  auto access = kernel.getArgAttrOfType<StringAttr>(index, kAccessAttr);
  // kernel_c2
  static constexpr StringLiteral known[] = {"read", "write", "update",
                                            "workspace"};
  if (!access || !llvm::is_contained(known, access.getValue()))
    return kernel.emitOpError("expects argument ")
           << index << " to have a " << kAccessAttr
           << " of \"read\", \"write\", \"update\" or \"workspace\"";
  if (!shape || shape.size() != type.getRank())
    return kernel.emitOpError("expects argument ")
           << index << " to have a " << kShapeAttr << " of " << type.getRank()
           << " entries";
  for (auto [entry, size] : llvm::zip_equal(shape, type.getShape())) {
    auto constant = dyn_cast<IntegerAttr>(entry);
    if (!constant && !isa<StringAttr>(entry))
      return kernel.emitOpError("expects names or integers in ")
             << kShapeAttr << ", but got " << entry;
    bool dynamic = ShapedType::isDynamic(size);
    if (constant ? constant.getInt() != size : !dynamic)
      return kernel.emitOpError("expects ")
             << kShapeAttr << " of argument " << index << " to agree with "
             << type << ", but got " << shape;
  }
  Attribute most = kernel.getArgAttr(index, kMostAttr);
  auto bounds = dyn_cast_if_present<DictionaryAttr>(most);
  auto isBound = [&](NamedAttribute entry) {
    auto bound = dyn_cast<IntegerAttr>(entry.getValue());
    return llvm::is_contained(shape, entry.getName()) && bound &&
           bound.getValue().isStrictlyPositive();
  };
  if (most && (!bounds || !llvm::all_of(bounds, isBound)))
    return kernel.emitOpError("expects ")
           << kMostAttr << " of argument " << index << " to bound ranks of its "
           << kShapeAttr << ' ' << shape << " by positive integers, but got "
           << most;
  return success();
}

/// Of dynamic work, one agent takes the items.
static LogicalResult verifyTakers(KernelOp kernel) {
  // next_item_c1
  NextItemOp first;
  WalkResult result = kernel.walk([&](NextItemOp op) -> WalkResult {
    if (op.getWork().getType().getKind() != WorkKind::Dynamic)
      return success();
    if (first) {
      InFlightDiagnostic diag = op.emitOpError(
          "expects to be the only op that takes items of dynamic work; others "
          "learn of them through a ring's messages");
      diag.attachNote(first.getLoc()) << "another one is here";
      return diag;
    }
    first = op;
    auto role = op->getParentOfType<RoleOp>();
    if (!role || role.getGroups() == 1)
      return success();
    InFlightDiagnostic diag =
        op.emitOpError("expects to take items of dynamic work in a role of 1 "
                       "group, but got ")
        << role.getGroups();
    diag.attachNote(role.getLoc()) << "the role is here";
    return diag;
  });
  return failure(result.wasInterrupted());
}

LogicalResult KernelOp::verify() {
  // kernel_c1
  llvm::StringSet<> names;
  for (auto [index, type] : llvm::enumerate(getArgumentTypes())) {
    auto name = getArgAttrOfType<StringAttr>(index, kNameAttr);
    if (!name || name.empty())
      return emitOpError("expects argument ")
             << index << " to have a " << kNameAttr;
    if (!names.insert(name.getValue()).second)
      return emitOpError("expects arguments of different names, but got two "
                         "of ")
             << name;
    if (auto global = dyn_cast<GlobalType>(type)) {
      if (failed(verifyShape(*this, index, global)))
        return failure();
    } else if (!type.isIntOrFloat()) {
      return emitOpError("expects arguments to be !pipe.global, integers or "
                         "floats, but got ")
             << type;
    }
  }
  // kernel_c3
  Operation *firstRole = nullptr;
  for (Operation &op : getBody().front().without_terminator()) {
    if (isa<RoleOp>(op)) {
      firstRole = firstRole ? firstRole : &op;
    } else if (firstRole) {
      InFlightDiagnostic diag =
          op.emitOpError("expects to stand before the kernel's first role");
      diag.attachNote(firstRole->getLoc()) << "which is here";
      return diag;
    }
  }
  if (!firstRole)
    return emitOpError("expects at least one pipe.role");
  // kernel_c4
  auto works = getBody().getOps<WorkOp>();
  if (llvm::range_size(works) > 1)
    return (*std::next(works.begin()))
        ->emitOpError("expects to be the kernel's only pipe.work");
  // work_c1
  if (WorkOp work = getWork(); work && getCluster() != 1) {
    WorkKind kind = work.getWork().getType().getKind();
    if (kind == WorkKind::Split || kind == WorkKind::Stream)
      return work.emitOpError("expects clusters of one block for ")
             << (kind == WorkKind::Split ? "split work" : "a stream")
             << ", whose blocks take different numbers of items, but got "
                "clusters of "
             << getCluster();
  }
  return verifyTakers(*this);
}

StringRef KernelOp::getArgumentName(unsigned i) {
  return getArgAttrOfType<StringAttr>(i, kNameAttr).getValue();
}

WorkOp KernelOp::getWork() {
  auto works = getBody().getOps<WorkOp>();
  return works.empty() ? WorkOp() : *works.begin();
}

//===-- Roles -------------------------------------------------------------===//

static ParseResult parseCount(OpAsmParser &parser, StringRef keyword,
                              StringAttr name, OperationState &result) {
  int64_t value;
  if (parser.parseKeyword(keyword) || parser.parseLParen() ||
      parser.parseInteger(value) || parser.parseRParen())
    return failure();
  result.addAttribute(name, parser.getBuilder().getI64IntegerAttr(value));
  return success();
}

ParseResult RoleOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  OpAsmParser::Argument group;
  if (parser.parseAttribute(name, getNameAttrName(result.name),
                            result.attributes) ||
      parseCount(parser, "groups", getGroupsAttrName(result.name), result) ||
      parseCount(parser, "warps", getWarpsAttrName(result.name), result) ||
      parseCount(parser, "registers", getRegistersAttrName(result.name),
                 result) ||
      parser.parseLParen() || parser.parseArgument(group) ||
      parser.parseRParen() ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  group.type = parser.getBuilder().getI32Type();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, group))
    return failure();
  ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

void RoleOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getNameAttr() << " groups(" << getGroups() << ") warps("
          << getWarps() << ") registers(" << getRegisters() << ") ("
          << getGroup() << ')';
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(), {getNameAttrName(), getGroupsAttrName(),
                            getWarpsAttrName(), getRegistersAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false,
                      /*printBlockTerminators=*/false);
}

LogicalResult RoleOp::verify() {
  // role_c2
  if (getBody().getNumArguments() != 1 ||
      !getBody().getArgument(0).getType().isInteger(32))
    return emitOpError("expects a body with one argument of type i32");
  return success();
}

LogicalResult RoleOp::verifyRegions() {
  // token_c1, token_c2, token_c3
  return verifyTokens(*this);
}

//===-- Work --------------------------------------------------------------===//

/// first_item_c1, next_item_c1
template <typename OpT> static LogicalResult verifyWholeItems(OpT op) {
  if (op.getWork().getType().getKind() != WorkKind::Stream)
    return success();
  return op.emitOpError("expects work whose items each one block does, but "
                        "got ")
         << op.getWork().getType() << "; its blocks take parts";
}

LogicalResult FirstItemOp::verify() { return verifyWholeItems(*this); }
LogicalResult NextItemOp::verify() { return verifyWholeItems(*this); }

ParseResult WorkLoopOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::Argument item;
  OpAsmParser::UnresolvedOperand first;
  Builder &builder = parser.getBuilder();
  if (parser.parseArgument(item) || parser.parseEqual() ||
      parser.parseOperand(first) ||
      parser.resolveOperand(first, builder.getI32Type(), result.operands))
    return failure();
  item.type = builder.getI32Type();
  SmallVector<OpAsmParser::Argument> arguments{item};
  SmallVector<OpAsmParser::UnresolvedOperand> inits;
  if (succeeded(parser.parseOptionalKeyword("iter_args"))) {
    SmallVector<OpAsmParser::Argument> carried;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseAssignmentList(carried, inits) ||
        parser.parseArrowTypeList(result.types))
      return failure();
    if (carried.size() != result.types.size())
      return parser.emitError(loc, "expects ")
             << carried.size() << " types, but got " << result.types.size();
    for (auto [argument, type] : llvm::zip_equal(carried, result.types)) {
      argument.type = type;
      arguments.push_back(argument);
    }
    if (parser.resolveOperands(inits, result.types, loc, result.operands))
      return failure();
  }
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  return parser.parseRegion(*result.addRegion(), arguments);
}

void WorkLoopOp::print(OpAsmPrinter &printer) {
  Block &body = getBody().front();
  printer << ' ' << body.getArgument(0) << " = " << getFirst();
  if (!getInits().empty()) {
    printer << " iter_args(";
    llvm::interleaveComma(
        llvm::zip_equal(body.getArguments().drop_front(), getInits()), printer,
        [&](auto pair) {
          printer << std::get<0>(pair) << " = " << std::get<1>(pair);
        });
    printer << ')';
    printer.printArrowTypeList(getResultTypes());
  }
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult WorkLoopOp::verify() {
  // work_loop_c1
  SmallVector<Type> expected{getFirst().getType()};
  llvm::append_range(expected, getInits().getTypes());
  Block &body = getBody().front();
  if (TypeRange(body.getArgumentTypes()) != TypeRange(expected))
    return emitOpError("expects the body's arguments to be i32 and the types "
                       "of the initial values");
  if (TypeRange(body.getTerminator()->getOperandTypes()) != TypeRange(expected))
    return emitOpError("expects the body to yield i32 and the types of the "
                       "initial values");
  if (getResultTypes() != getInits().getTypes())
    return emitOpError("expects results of the types of the initial values");
  return success();
}

LogicalResult DimOp::verify() {
  // dim_c1
  if (getIndex() >= getSource().getType().getRank())
    return emitOpError("expects an index less than the rank ")
           << getSource().getType().getRank() << ", but got " << getIndex();
  return success();
}

#define GET_OP_CLASSES
#include "dialects/Pipe/PipeOps.cpp.inc"
