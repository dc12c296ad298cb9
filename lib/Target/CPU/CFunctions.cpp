//===- CFunctions.cpp - the code of a kernel's C functions ----------------===//
//
// Checks, one after the other, each of which returns its outcome; then the
// words of the phases' parameters, and a call of each phase that has items.
// Expressions are computed without branches, as a value and whether it is
// wrong: one that divides by 0 divides by 1 instead, and what a `select` does
// not choose may be wrong.
//
//===----------------------------------------------------------------------===//

#include "attn/Target/CPU/CInterface.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"

#include <map>

using namespace attn;
using namespace attn::cpu;
using llvm::Value;

using Argument = Manifest::Argument;
using Parameter = Manifest::Parameter;

/// Intel SDM 10.2.3: all exceptions masked, no DAZ, no FTZ; as Run.cpp has it.
static constexpr uint32_t kStandardFloats = 0x1F80;

/// What a phase's function is called, so that no function of C's has to take
/// another name.
static std::string getHiddenName(const Manifest::Phase &phase) {
  return "attn.phase." + phase.symbol;
}

namespace {
/// An i64 and an i1, which is true where the i64 is not the value.
struct Checked {
  Value *value, *isWrong;
};

/// Writes one of the functions that take arguments.
class FunctionWriter {
public:
  FunctionWriter(const CInterface &interface, llvm::Module &module,
                 llvm::StringRef name, llvm::ArrayRef<llvm::Type *> others);

  void writeMemoryBytes();
  void writeRun();

private:
  llvm::IntegerType *getWord() { return builder.getInt64Ty(); }
  Value *word(int64_t value) { return builder.getInt64(value); }
  Value *address(Value *base, int64_t offset) {
    return builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), base,
                                              offset);
  }
  Value *loadWord(int64_t offset) {
    return builder.CreateLoad(getWord(), address(arguments, offset));
  }
  Checked combine(llvm::Intrinsic::ID id, Checked a, Checked b);
  Checked add(Checked a, Checked b) {
    return combine(llvm::Intrinsic::sadd_with_overflow, a, b);
  }
  Checked multiply(Checked a, Checked b) {
    return combine(llvm::Intrinsic::smul_with_overflow, a, b);
  }
  Checked exact(Value *value) { return {value, builder.getFalse()}; }

  /// Returns `outcome` where `condition` holds.
  void refuse(Value *condition, int32_t outcome);
  void checkArguments();
  void checkTensor(const Argument &argument, const CInterface::Field &field);
  /// The extent that a dimension of a tensor has.
  Value *getExtent(const Manifest::Extent &extent);
  Value *loadScalar(const Argument &argument, const CInterface::Field &field);

  Checked evaluate(const Expr &expr);
  Checked evaluateName(const std::string &name);
  Checked divide(ExprOp op, Checked a, Checked b);
  Checked apply(const Expr &expr);
  /// Bytes rounded up to the alignment of memory; wrong below 0, too.
  Checked evaluateBytes(const Expr &expr);

  void storeWords(Value *words, Value *workspace);
  void callPhases(Value *words, Value *scratch);

  const CInterface &interface;
  const Manifest &manifest;
  llvm::Module &module;
  llvm::Function *function;
  llvm::IRBuilder<> builder;
  Value *arguments;
  std::vector<Value *> extents;
  /// By their text: trees share most of their branches.
  std::map<std::string, Checked> known;
};
} // namespace

FunctionWriter::FunctionWriter(const CInterface &interface,
                               llvm::Module &module, llvm::StringRef name,
                               llvm::ArrayRef<llvm::Type *> others)
    : interface(interface), manifest(interface.getManifest()), module(module),
      builder(module.getContext()) {
  llvm::SmallVector<llvm::Type *> types = {builder.getPtrTy()};
  types.append(others.begin(), others.end());
  function = llvm::Function::Create(
      llvm::FunctionType::get(builder.getInt32Ty(), types, false),
      llvm::Function::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  builder.SetInsertPoint(
      llvm::BasicBlock::Create(module.getContext(), "", function));
  arguments = function->getArg(0);
}

Checked FunctionWriter::combine(llvm::Intrinsic::ID id, Checked a, Checked b) {
  Value *pair = builder.CreateBinaryIntrinsic(id, a.value, b.value);
  Value *isWrong = builder.CreateOr(a.isWrong, b.isWrong);
  return {builder.CreateExtractValue(pair, 0),
          builder.CreateOr(isWrong, builder.CreateExtractValue(pair, 1))};
}

void FunctionWriter::refuse(Value *condition, int32_t outcome) {
  auto &context = module.getContext();
  auto *refused = llvm::BasicBlock::Create(context, "", function);
  auto *next = llvm::BasicBlock::Create(context, "", function);
  builder.CreateCondBr(condition, refused, next);
  builder.SetInsertPoint(refused);
  builder.CreateRet(builder.getInt32(outcome));
  builder.SetInsertPoint(next);
}

/// Also loads the extents.
void FunctionWriter::checkArguments() {
  refuse(builder.CreateIsNull(arguments), CInterface::nullArguments);
  Value *otherSize =
      builder.CreateICmpNE(loadWord(0), word(interface.getArgumentsBytes()));
  refuse(otherSize, CInterface::otherContract);
  Value *otherContract = builder.CreateICmpNE(
      loadWord(8), word(static_cast<int64_t>(interface.getContract())));
  refuse(otherContract, CInterface::otherContract);
  for (size_t i = 0; i < manifest.ranks.size(); ++i) {
    const Manifest::Rank &rank = manifest.ranks[i];
    if (rank.extent) {
      extents.push_back(word(*rank.extent));
      continue;
    }
    const CInterface::Field &field = interface.getRanks()[i];
    extents.push_back(loadWord(field.offset));
    Value *isWrong = builder.CreateICmpSLT(extents.back(), word(0));
    if (rank.most)
      isWrong = builder.CreateOr(
          isWrong, builder.CreateICmpSGT(extents.back(), word(*rank.most)));
    refuse(isWrong, field.refusal);
  }
  for (size_t i = 0; i < manifest.arguments.size(); ++i) {
    const CInterface::Field &field = interface.getArguments()[i];
    if (manifest.arguments[i].kind == Argument::Kind::scalar && field.refusal)
      refuse(builder.CreateICmpUGT(loadScalar(manifest.arguments[i], field),
                                   word(1)),
             field.refusal);
  }
}

Value *FunctionWriter::getExtent(const Manifest::Extent &extent) {
  return extent.rank.empty() ? word(extent.size)
                             : extents[*manifest.findRank(extent.rank)];
}

void FunctionWriter::checkTensor(const Argument &argument,
                                 const CInterface::Field &field) {
  Value *size = word(getSizeInBytes(argument.dtype));
  Value *data = loadWord(field.offset);
  Value *isEmpty = builder.getFalse();
  for (const Manifest::Extent &extent : argument.shape)
    isEmpty = builder.CreateOr(
        isEmpty, builder.CreateICmpEQ(getExtent(extent), word(0)));
  Value *isLoose = builder.CreateICmpNE(
      builder.CreateAnd(data, builder.CreateSub(size, word(1))), word(0));
  Value *isAbsent = builder.CreateAnd(builder.CreateICmpEQ(data, word(0)),
                                      builder.CreateNot(isEmpty));
  refuse(builder.CreateOr(isLoose, isAbsent), field.refusal);

  Checked low = exact(data), high = exact(data);
  for (size_t dim = 0; dim < argument.shape.size(); ++dim) {
    Value *last = builder.CreateSub(getExtent(argument.shape[dim]), word(1));
    Value *stride = loadWord(field.offset + 8 + 8 * static_cast<int64_t>(dim));
    Checked reach = multiply(multiply(exact(last), exact(stride)), exact(size));
    auto clamp = [&](llvm::Intrinsic::ID id) -> Checked {
      return {builder.CreateBinaryIntrinsic(id, reach.value, word(0)),
              reach.isWrong};
    };
    low = add(low, clamp(llvm::Intrinsic::smin));
    high = add(high, clamp(llvm::Intrinsic::smax));
  }
  high = add(high, exact(size));
  Value *isWrong = builder.CreateOr(builder.CreateOr(low.isWrong, high.isWrong),
                                    builder.CreateICmpSLT(low.value, word(0)));
  refuse(builder.CreateAnd(isWrong, builder.CreateNot(isEmpty)),
         field.strideRefusal);
}

/// As words have it: integers extended, the bits of other types.
Value *FunctionWriter::loadScalar(const Argument &argument,
                                  const CInterface::Field &field) {
  auto *type = builder.getIntNTy(
      static_cast<unsigned>(8 * getSizeInBytes(argument.dtype)));
  Value *bits = builder.CreateLoad(type, address(arguments, field.offset));
  bool isSigned = argument.dtype == DType::i32 || argument.dtype == DType::i8;
  return builder.CreateIntCast(bits, getWord(), isSigned);
}

Checked FunctionWriter::evaluateName(const std::string &name) {
  if (auto rank = manifest.findRank(name))
    return exact(extents[*rank]);
  size_t argument = *manifest.findArgument(name);
  return exact(loadScalar(manifest.arguments[argument],
                          interface.getArguments()[argument]));
}

Checked FunctionWriter::evaluate(const Expr &expr) {
  if (expr.isConstant())
    return exact(word(expr.getConstant()));
  auto [it, isNew] = known.try_emplace(expr.toString());
  if (isNew)
    it->second = expr.isName() ? evaluateName(expr.getName()) : apply(expr);
  return it->second;
}

/// Floor division, its rest, or division upwards.
Checked FunctionWriter::divide(ExprOp op, Checked a, Checked b) {
  Value *isZero = builder.CreateICmpEQ(b.value, word(0));
  Value *isMinusOne = builder.CreateICmpEQ(b.value, word(-1));
  Value *overflows = builder.CreateAnd(
      isMinusOne, builder.CreateICmpEQ(a.value, word(INT64_MIN)));
  Value *divisor = builder.CreateSelect(builder.CreateOr(isZero, overflows),
                                        word(1), b.value);
  Value *quotient = builder.CreateSDiv(a.value, divisor);
  Value *rest = builder.CreateSRem(a.value, divisor);
  Value *hasRest = builder.CreateICmpNE(rest, word(0));
  Value *signsDiffer =
      builder.CreateICmpSLT(builder.CreateXor(a.value, divisor), word(0));
  Value *isBelow = builder.CreateAnd(hasRest, signsDiffer);
  Value *isWrong =
      builder.CreateOr(isZero, builder.CreateOr(a.isWrong, b.isWrong));
  // The rest of the one quotient that overflows is 0, as Expr.cpp has it.
  if (op == ExprOp::mod)
    return {
        builder.CreateSelect(isBelow, builder.CreateAdd(rest, divisor), rest),
        isWrong};
  Value *floor =
      builder.CreateSub(quotient, builder.CreateZExt(isBelow, getWord()));
  Value *ceil =
      builder.CreateAdd(floor, builder.CreateZExt(hasRest, getWord()));
  return {op == ExprOp::floordiv ? floor : ceil,
          builder.CreateOr(isWrong, overflows)};
}

Checked FunctionWriter::apply(const Expr &expr) {
  const auto &operands = expr.getOperands();
  Checked a = evaluate(operands[0]), b = evaluate(operands[1]);
  auto pick = [&](llvm::Intrinsic::ID id) -> Checked {
    return {builder.CreateBinaryIntrinsic(id, a.value, b.value),
            builder.CreateOr(a.isWrong, b.isWrong)};
  };
  auto compare = [&](llvm::CmpInst::Predicate predicate) -> Checked {
    Value *holds = builder.CreateICmp(predicate, a.value, b.value);
    return {builder.CreateZExt(holds, getWord()),
            builder.CreateOr(a.isWrong, b.isWrong)};
  };
  switch (expr.getOp()) {
  case ExprOp::add:
    return add(a, b);
  case ExprOp::sub:
    return combine(llvm::Intrinsic::ssub_with_overflow, a, b);
  case ExprOp::mul:
    return multiply(a, b);
  case ExprOp::floordiv:
  case ExprOp::ceildiv:
  case ExprOp::mod:
    return divide(expr.getOp(), a, b);
  case ExprOp::min:
    return pick(llvm::Intrinsic::smin);
  case ExprOp::max:
    return pick(llvm::Intrinsic::smax);
  case ExprOp::eq:
    return compare(llvm::CmpInst::ICMP_EQ);
  case ExprOp::lt:
    return compare(llvm::CmpInst::ICMP_SLT);
  case ExprOp::le:
    return compare(llvm::CmpInst::ICMP_SLE);
  case ExprOp::select: {
    Checked c = evaluate(operands[2]);
    Value *chooses = builder.CreateICmpNE(a.value, word(0));
    return {builder.CreateSelect(chooses, b.value, c.value),
            builder.CreateOr(a.isWrong, builder.CreateSelect(chooses, b.isWrong,
                                                             c.isWrong))};
  }
  }
  llvm_unreachable("all operators are listed");
}

Checked FunctionWriter::evaluateBytes(const Expr &expr) {
  Checked bytes = evaluate(expr);
  Checked more = add(bytes, exact(word(CInterface::memoryAlignment - 1)));
  return {builder.CreateAnd(more.value, word(-CInterface::memoryAlignment)),
          builder.CreateOr(more.isWrong,
                           builder.CreateICmpSLT(bytes.value, word(0)))};
}

void FunctionWriter::writeMemoryBytes() {
  Value *out = function->getArg(1);
  refuse(builder.CreateIsNull(out), CInterface::nullArguments);
  checkArguments();
  Checked bytes = add(evaluateBytes(manifest.workspaceBytes),
                      evaluateBytes(manifest.scratchBytes));
  refuse(bytes.isWrong, CInterface::tooLarge);
  builder.CreateStore(bytes.value, out);
  builder.CreateRet(builder.getInt32(CInterface::right));
}

void FunctionWriter::storeWords(Value *words, Value *workspace) {
  for (size_t i = 0; i < manifest.parameters.size(); ++i) {
    const Parameter &parameter = manifest.parameters[i];
    auto argument = manifest.findArgument(parameter.name);
    const auto *field =
        argument ? &interface.getArguments()[*argument] : nullptr;
    Value *value = nullptr;
    switch (parameter.kind) {
    case Parameter::Kind::pointer:
      value = loadWord(field->offset);
      break;
    case Parameter::Kind::stride:
      value = loadWord(field->offset + 8 + 8 * parameter.dim);
      break;
    case Parameter::Kind::extent:
      value = extents[*manifest.findRank(parameter.name)];
      break;
    case Parameter::Kind::scalar:
      value = loadScalar(manifest.arguments[*argument], *field);
      break;
    case Parameter::Kind::workspace:
      value = builder.CreatePtrToInt(workspace, getWord());
      break;
    case Parameter::Kind::expr: {
      Checked checked = evaluate(parameter.expr);
      refuse(checked.isWrong, CInterface::tooLarge);
      value = checked.value;
      break;
    }
    }
    builder.CreateStore(value, address(words, 8 * static_cast<int64_t>(i)));
  }
}

void FunctionWriter::callPhases(Value *words, Value *scratch) {
  auto &context = module.getContext();
  for (const Manifest::Phase &phase : manifest.phases) {
    auto *call = llvm::BasicBlock::Create(context, "", function);
    auto *next = llvm::BasicBlock::Create(context, "", function);
    Value *items = evaluate(phase.items).value;
    builder.CreateCondBr(builder.CreateICmpSGT(items, word(0)), call, next);
    builder.SetInsertPoint(call);
    builder.CreateCall(module.getFunction(getHiddenName(phase)),
                       {words, word(0), items, scratch});
    builder.CreateBr(next);
    builder.SetInsertPoint(next);
  }
}

void FunctionWriter::writeRun() {
  Value *memory = function->getArg(1), *given = function->getArg(2);
  checkArguments();
  for (size_t i = 0; i < manifest.arguments.size(); ++i)
    if (manifest.arguments[i].kind == Argument::Kind::tensor)
      checkTensor(manifest.arguments[i], interface.getArguments()[i]);
  Checked workspaceBytes = evaluateBytes(manifest.workspaceBytes);
  Checked bytes = add(workspaceBytes, evaluateBytes(manifest.scratchBytes));
  refuse(bytes.isWrong, CInterface::tooLarge);
  for (const Manifest::Phase &phase : manifest.phases) {
    Checked items = evaluate(phase.items);
    refuse(builder.CreateOr(items.isWrong,
                            builder.CreateICmpSLT(items.value, word(0))),
           CInterface::tooLarge);
  }
  Value *wants = builder.CreateICmpSGT(bytes.value, word(0));
  Value *has = builder.CreateAnd(builder.CreateICmpSGE(given, bytes.value),
                                 builder.CreateIsNotNull(memory));
  refuse(builder.CreateAnd(wants, builder.CreateNot(has)),
         CInterface::smallMemory);
  Value *past = builder.CreateAnd(builder.CreatePtrToInt(memory, getWord()),
                                  word(CInterface::memoryAlignment - 1));
  refuse(builder.CreateICmpNE(past, word(0)), CInterface::looseMemory);

  auto *wordsType = llvm::ArrayType::get(getWord(), manifest.parameters.size());
  Value *words = builder.CreateAlloca(wordsType);
  storeWords(words, memory);
  Value *scratch =
      builder.CreateGEP(builder.getInt8Ty(), memory, workspaceBytes.value);
  // What the caller has set of rounding and subnormals must not show.
  Value *saved = builder.CreateAlloca(builder.getInt32Ty());
  Value *standard = builder.CreateAlloca(builder.getInt32Ty());
  builder.CreateStore(builder.getInt32(kStandardFloats), standard);
  builder.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {saved});
  builder.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {standard});
  callPhases(words, scratch);
  builder.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {saved});
  builder.CreateRet(builder.getInt32(CInterface::right));
}

/// A function that gives the text of a status.
static void addMessages(const CInterface &interface, llvm::Module &module) {
  llvm::IRBuilder<> builder(module.getContext());
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(builder.getPtrTy(), {builder.getInt32Ty()},
                              false),
      llvm::Function::ExternalLinkage, interface.getSymbol() + "_message",
      module);
  auto makeBlock = [&] {
    return llvm::BasicBlock::Create(module.getContext(), "", function);
  };
  llvm::BasicBlock *entry = makeBlock(), *other = makeBlock();
  builder.SetInsertPoint(other);
  builder.CreateRet(llvm::ConstantPointerNull::get(builder.getPtrTy()));
  builder.SetInsertPoint(entry);
  auto *cases = builder.CreateSwitch(function->getArg(0), other);
  for (size_t i = 0; i < interface.getOutcomes().size(); ++i) {
    llvm::BasicBlock *block = makeBlock();
    builder.SetInsertPoint(block);
    builder.CreateRet(
        builder.CreateGlobalString(interface.getOutcomes()[i].message));
    cases->addCase(builder.getInt32(static_cast<uint32_t>(i)), block);
  }
}

void CInterface::addFunctions(llvm::Module &module) const {
  for (const Manifest::Phase &phase : manifest.phases) {
    llvm::Function *function = module.getFunction(phase.symbol);
    function->setLinkage(llvm::Function::InternalLinkage);
    function->setName(getHiddenName(phase));
  }
  llvm::IRBuilder<> builder(module.getContext());
  FunctionWriter(*this, module, symbol + "_memory_bytes", {builder.getPtrTy()})
      .writeMemoryBytes();
  FunctionWriter(*this, module, symbol + "_run",
                 {builder.getPtrTy(), builder.getInt64Ty()})
      .writeRun();
  addMessages(*this, module);
}
