//===- InlinePtx.cpp - instructions that the NVVM dialect lacks -----------===//

#include "InlinePtx.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn::nvidia;
using namespace attn::pipe;

/// Emits `text` with LLVM's constraints. The results are those of the struct
/// that an asm of several outputs gives.
static SmallVector<Value> emit(OpBuilder &b, Location loc, const Twine &text,
                               const Twine &constraints, ValueRange operands,
                               TypeRange results) {
  Type type;
  if (results.size() == 1)
    type = results.front();
  else if (results.size() > 1)
    type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                            llvm::to_vector(results));
  auto op = LLVM::InlineAsmOp::create(
      b, loc, type, operands, text.str(), constraints.str(),
      /*has_side_effects=*/true, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT),
      ArrayAttr());
  if (results.empty())
    return {};
  if (results.size() == 1)
    return {op.getResult(0)};
  SmallVector<Value> values;
  for (size_t i = 0; i < results.size(); ++i)
    values.push_back(LLVM::ExtractValueOp::create(b, loc, op.getResult(0), i));
  return values;
}

/// "=f,=f,...,0,1,...": `count` registers that the asm reads and writes.
static std::string tieRegisters(size_t count) {
  SmallVector<std::string> parts(count, "=f");
  for (size_t i = 0; i < count; ++i)
    parts.push_back(std::to_string(i));
  return llvm::join(parts, ",");
}

void attn::nvidia::waitBarrier(OpBuilder &b, Location loc, Value barrier,
                               Value parity, WaitKind kind) {
  // PTX ISA 9.7.13.15.16, mbarrier.try_wait: it may return false early.
  StringRef test = kind == WaitKind::Suspended ? "try_wait" : "test_wait";
  emit(b, loc,
       "{ .reg .pred P1; "
       "WAIT: mbarrier." +
           test +
           ".parity.shared::cta.b64 P1, [$0], $1; "
           "@P1 bra DONE; " +
           (kind == WaitKind::Rested ? "nanosleep.u32 20; " : "") +
           "bra WAIT; DONE: }",
       "r,r,~{memory}", {barrier, parity}, {});
}

void attn::nvidia::arriveIf(OpBuilder &b, Location loc, Value barrier,
                            Value predicate) {
  emit(b, loc, "@$1 mbarrier.arrive.shared::cta.b64 _, [$0];", "r,b,~{memory}",
       {barrier, predicate}, {});
}

void attn::nvidia::arriveRemoteIf(OpBuilder &b, Location loc, Value barrier,
                                  Value predicate) {
  // Without .release.cluster, which compiles to a fence of the whole GPU; the
  // arrival only says that reads are over.
  emit(b, loc, "@$1 mbarrier.arrive.shared::cluster.b64 _, [$0];",
       "r,b,~{memory}", {barrier, predicate}, {});
}

Value attn::nvidia::mapToBlock(OpBuilder &b, Location loc, Value address,
                               Value rank) {
  return emit(b, loc, "mapa.shared::cluster.u32 $0, $1, $2;", "=r,r,r",
              {address, rank}, b.getI32Type())
      .front();
}

SmallVector<Value> attn::nvidia::loadMatrices(OpBuilder &b, Location loc,
                                              Value address, int64_t offset,
                                              int64_t count,
                                              bool isTransposed) {
  std::string results = "$0", constraints = "=r";
  for (int64_t i = 1; i < count; ++i) {
    results += ", $" + std::to_string(i);
    constraints += ",=r";
  }
  SmallVector<Type> types(count, b.getI32Type());
  return emit(b, loc,
              "ldmatrix.sync.aligned.m8n8.x" + Twine(count) +
                  (isTransposed ? ".trans" : "") + ".shared.b16 {" + results +
                  "}, [$" + Twine(count) + "+" + Twine(offset) + "];",
              constraints + ",r", address, types);
}

SmallVector<Value> attn::nvidia::multiply(OpBuilder &b, Location loc,
                                          const MmaSync &operands,
                                          ValueRange accumulators) {
  SmallVector<Value> inputs(accumulators);
  inputs.append(operands.lhs.begin(), operands.lhs.end());
  inputs.append(operands.rhs.begin(), operands.rhs.end());
  return emit(b, loc,
              "mma.sync.aligned.m16n8k16.row.col.f32." + operands.element +
                  "." + operands.element +
                  ".f32 {$0, $1, $2, $3}, {$8, $9, $10, $11}, {$12, $13}, "
                  "{$0, $1, $2, $3};",
              tieRegisters(accumulators.size()) + ",r,r,r,r,r,r", inputs,
              accumulators.getTypes());
}

SmallVector<Value> attn::nvidia::startWgmma(OpBuilder &b, Location loc,
                                            const Wgmma &operands,
                                            ValueRange accumulators) {
  size_t count = operands.n / 2;
  bool zero = accumulators.empty();
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto list = [&](size_t first, size_t size) {
    stream << '{';
    for (size_t i = 0; i < size; ++i)
      stream << (i ? ", $" : "$") << first + i;
    stream << '}';
  };
  stream << "wgmma.mma_async.sync.aligned.m64n" << operands.n << "k16.f32."
         << operands.element << '.' << operands.element << ' ';
  list(0, count);
  stream << ", ";
  size_t next = zero ? count : 2 * count;
  bool fromRegisters = operands.lhs.size() > 1;
  if (fromRegisters)
    list(next, operands.lhs.size());
  else
    stream << '$' << next;
  next += operands.lhs.size();
  stream << ", $" << next << ", " << (zero ? 0 : 1) << ", 1, 1";
  if (!fromRegisters)
    stream << ", " << operands.transposeLhs;
  stream << ", " << operands.transposeRhs << ';';

  std::string constraints;
  if (zero) {
    SmallVector<std::string> parts(count, "=f");
    constraints = llvm::join(parts, ",");
  } else {
    constraints = tieRegisters(count);
  }
  for (size_t i = 0; i < operands.lhs.size(); ++i)
    constraints += fromRegisters ? ",r" : ",l";
  constraints += ",l";
  SmallVector<Value> inputs(accumulators);
  llvm::append_range(inputs, operands.lhs);
  inputs.push_back(operands.rhs);
  SmallVector<Type> results(count, b.getF32Type());
  return emit(b, loc, text, constraints, inputs, results);
}

SmallVector<Value> attn::nvidia::waitWgmma(OpBuilder &b, Location loc,
                                           int64_t pending,
                                           ValueRange accumulators) {
  return emit(b, loc, "wgmma.wait_group.sync.aligned " + Twine(pending) + ";",
              tieRegisters(accumulators.size()), accumulators,
              accumulators.getTypes());
}

void attn::nvidia::storeGlobalIf(OpBuilder &b, Location loc, Value address,
                                 int64_t offset, Value value, Value predicate) {
  StringRef type = "b32", constraint = "r";
  if (value.getType().isF32())
    std::tie(type, constraint) = std::pair("f32", "f");
  else if (value.getType().isInteger(16))
    std::tie(type, constraint) = std::pair("b16", "h");
  emit(b, loc,
       Twine("@$2 st.global.") + type + " [$0+" + Twine(offset) + "], $1;",
       ("l," + constraint + ",b,~{memory}").str(), {address, value, predicate},
       {});
}

Value attn::nvidia::addGlobal(OpBuilder &b, Location loc, Value address,
                              Value value) {
  return emit(b, loc, "atom.acq_rel.gpu.global.add.u32 $0, [$1], $2;",
              "=r,l,r,~{memory}", {address, value}, value.getType())
      .front();
}

void attn::nvidia::prefetchGlobal(OpBuilder &b, Location loc, Value address) {
  emit(b, loc, "prefetch.global.L2 [$0];", "l", {address}, {});
}

int64_t attn::nvidia::getCachePolicy(CacheHint hint) {
  switch (hint) {
  case CacheHint::Normal:
    return 0x1000000000000000;
  case CacheHint::EvictFirst:
    return 0x12F0000000000000;
  case CacheHint::EvictLast:
    return 0x14F0000000000000;
  }
  llvm_unreachable("unknown cache hint");
}

void attn::nvidia::storeGlobalChunkIf(OpBuilder &b, Location loc, Value address,
                                      int64_t offset, ValueRange registers,
                                      Value predicate) {
  SmallVector<Value> operands{address, predicate};
  llvm::append_range(operands, registers);
  operands.push_back(LLVM::ConstantOp::create(
      b, loc, b.getI64IntegerAttr(getCachePolicy(CacheHint::EvictLast))));
  emit(b, loc,
       "@$1 st.relaxed.gpu.global.L2::cache_hint.v4.b32 [$0+" + Twine(offset) +
           "], {$2, $3, $4, $5}, $6;",
       "l,b,r,r,r,r,l,~{memory}", operands, {});
}

SmallVector<Value> attn::nvidia::loadGlobalChunkIf(OpBuilder &b, Location loc,
                                                   Value address,
                                                   int64_t offset,
                                                   Value predicate) {
  SmallVector<Type> types(4, b.getI32Type());
  return emit(b, loc,
              "{ mov.b32 $0, 0; mov.b32 $1, 0; mov.b32 $2, 0; mov.b32 $3, 0; "
              "@$5 ld.relaxed.gpu.global.v4.b32 {$0, $1, $2, $3}, [$4+" +
                  Twine(offset) + "]; }",
              "=&r,=&r,=&r,=&r,l,b,~{memory}", {address, predicate}, types);
}

Value attn::nvidia::joinPredicates(OpBuilder &b, Location loc, Value lhs,
                                   Value rhs) {
  return LLVM::InlineAsmOp::create(
             b, loc, b.getI1Type(), ValueRange{lhs, rhs},
             "and.pred $0, $1, $2;", "=b,b,b",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

Value attn::nvidia::reduceOverBarrier(OpBuilder &b, Location loc, Value barrier,
                                      int64_t threads, Value value) {
  return emit(b, loc,
              "{ .reg .pred own; setp.ne.b32 own, $1, 0; "
              "barrier.cta.red.or.pred $0, $2, " +
                  Twine(threads) + ", own; }",
              "=b,r,r,~{memory}", {value, barrier}, b.getI1Type())
      .front();
}

Value attn::nvidia::testBit(OpBuilder &b, Location loc, Value word,
                            unsigned bit) {
  std::string mask = std::to_string(uint32_t(1) << bit);
  return LLVM::InlineAsmOp::create(
             b, loc, b.getI1Type(), word,
             "{ .reg .b32 own; and.b32 own, $1, " + mask +
                 "; setp.ne.b32 $0, own, 0; }",
             "=b,r",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

Value attn::nvidia::approximateTanh(OpBuilder &b, Location loc, Value value) {
  return LLVM::InlineAsmOp::create(
             b, loc, value.getType(), value, "tanh.approx.f32 $0, $1;", "=f,f",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

Value attn::nvidia::loadGlobalIf(OpBuilder &b, Location loc, Value address,
                                 unsigned bits, Value predicate) {
  Type type = b.getIntegerType(bits == 64 ? 64 : 32);
  std::string width = std::to_string(bits == 64 ? 64 : 32);
  std::string text = "{ mov.b" + width + " $0, 0; @$2 ld.global.nc.u" +
                     std::to_string(bits) + " $0, [$1]; }";
  return LLVM::InlineAsmOp::create(
             b, loc, type, ValueRange{address, predicate}, text,
             bits == 64 ? "=&l,l,b" : "=&r,l,b",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

Value attn::nvidia::loadSharedIf(OpBuilder &b, Location loc, Value address,
                                 Value predicate) {
  return emit(b, loc, "{ mov.b32 $0, 0; @$2 ld.shared.b32 $0, [$1]; }",
              "=&r,r,b,~{memory}", {address, predicate}, b.getI32Type())
      .front();
}

void attn::nvidia::waitBulkReadsIf(OpBuilder &b, Location loc,
                                   Value predicate) {
  emit(b, loc,
       "{ @!$0 bra DONE; cp.async.bulk.wait_group.read 0; "
       "DONE: bar.warp.sync 0xffffffff; }",
       "b,~{memory}", predicate, {});
}

void attn::nvidia::waitBulkStoresIf(OpBuilder &b, Location loc,
                                    Value predicate) {
  emit(b, loc, "{ @!$0 bra DONE; cp.async.bulk.wait_group 0; DONE: }",
       "b,~{memory}", predicate, {});
}

void attn::nvidia::storeTensorIf(OpBuilder &b, Location loc, Value map,
                                 ValueRange sources,
                                 ArrayRef<SmallVector<Value>> coordinates,
                                 Value predicate) {
  std::string text = "bar.warp.sync 0xffffffff; ";
  std::string constraints = "b,l";
  SmallVector<Value> operands{predicate, map};
  llvm::raw_string_ostream stream(text);
  auto add = [&](Value value) {
    operands.push_back(value);
    constraints += ",r";
    return operands.size() - 1;
  };
  for (auto [source, list] : llvm::zip_equal(sources, coordinates)) {
    stream << "@$0 cp.async.bulk.tensor." << list.size()
           << "d.global.shared::cta.bulk_group [$1, {";
    for (auto [i, coordinate] : llvm::enumerate(list))
      stream << (i ? ", $" : "$") << add(coordinate);
    stream << "}], [$" << add(source) << "]; ";
  }
  stream << "@$0 cp.async.bulk.commit_group;";
  emit(b, loc, text, constraints + ",~{memory}", operands, {});
}

/// $0 and $1 from f0 to f3.
static std::string packFloats(bool isBF16) {
  std::string type = isBF16 ? "bf16x2" : "f16x2";
  return "cvt.rn." + type + ".f32 $0, f1, f0; cvt.rn." + type +
         ".f32 $1, f3, f2; ";
}

/// f16 holds all floats of 8 bits, and f32 is between it and bf16.
static std::string widenFloats(StringRef type, bool isBF16) {
  std::string text = "{ .reg .b16 lo, hi, p, q, r, s; .reg .b32 a, b; "
                     ".reg .f32 f0, f1, f2, f3; mov.b32 {lo, hi}, $2; ";
  if (!isBF16)
    return text + "cvt.rn.f16x2." + type.str() + "x2 $0, lo; cvt.rn.f16x2." +
           type.str() + "x2 $1, hi; }";
  return text + "cvt.rn.f16x2." + type.str() + "x2 a, lo; cvt.rn.f16x2." +
         type.str() +
         "x2 b, hi; mov.b32 {p, q}, a; mov.b32 {r, s}, b; "
         "cvt.f32.f16 f0, p; cvt.f32.f16 f1, q; cvt.f32.f16 f2, r; "
         "cvt.f32.f16 f3, s; " +
         packFloats(isBF16) + "}";
}

/// f16 has one bit of an exponent more than e4m3, and the bias is 8 more: the
/// number is 2^8 times what its bits say there, save for the one that is no
/// number.
static std::string widenByBits(bool isE4M3, bool isBF16) {
  std::string text = "{ .reg .b16 p, q, r, s; .reg .b32 a, b, m, n, c; "
                     ".reg .f32 f0, f1, f2, f3; ";
  for (auto [half, selector] :
       {std::pair("a", "0x1404"), std::pair("b", "0x3424")}) {
    std::string h = half;
    // Each byte in the upper half of 16 bits.
    text += "prmt.b32 " + h + ", $2, 0, " + selector + "; ";
    if (!isE4M3)
      continue;
    text += "and.b32 m, " + h +
            ", 0x7F007F00; shr.b32 m, m, 1; "
            "add.u32 n, m, 0x00800080; and.b32 n, n, 0x40004000; "
            "and.b32 " +
            h + ", " + h +
            ", 0x80008000; "
            "or.b32 " +
            h + ", " + h +
            ", m; "
            "mov.b32 c, 0x5C005C00; mul.rn.f16x2 " +
            h + ", " + h +
            ", c; "
            "shr.u32 m, n, 14; sub.u32 m, n, m; or.b32 n, n, m; "
            "or.b32 " +
            h + ", " + h + ", n; ";
  }
  if (!isBF16)
    return text + "mov.b32 $0, a; mov.b32 $1, b; }";
  return text +
         "mov.b32 {p, q}, a; mov.b32 {r, s}, b; cvt.f32.f16 f0, p; "
         "cvt.f32.f16 f1, q; cvt.f32.f16 f2, r; cvt.f32.f16 f3, s; " +
         packFloats(isBF16) + "}";
}

Value attn::nvidia::narrowToByte(OpBuilder &b, Location loc, Value value,
                                 ByteType type) {
  // Bits of a mantissa that are left, the largest number and the smallest one
  // that has an implied bit, both of f32, and what is added to those below so
  // that f32 rounds them to the smallest step.
  bool isE4M3 = type == ByteType::E4M3;
  std::string shift = isE4M3 ? "20" : "21",
              half = isE4M3 ? "0x7FFFF" : "0xFFFFF",
              largest = isE4M3 ? "0x43E00000" : "0x47600000",
              smallest = isE4M3 ? "0x3C800000" : "0x38800000",
              magic = isE4M3 ? "0x46800000" : "0x43000000",
              bias = isE4M3 ? "960" : "448", nan = "0x7F";
  std::string text =
      "{ .reg .pred p; .reg .b32 x, m, r, s; .reg .f32 f; mov.b32 x, $1; "
      "and.b32 m, x, 0x7FFFFFFF; shr.u32 s, x, 24; and.b32 s, s, 0x80; "
      "setp.gt.u32 p, m, 0x7F800000; min.u32 m, m, " +
      largest +
      "; "
      // To even: half a step less one, and one more for odd ones.
      "shr.u32 r, m, " +
      shift +
      "; and.b32 r, r, 1; add.u32 r, r, m; "
      "add.u32 r, r, " +
      half + "; shr.u32 r, r, " + shift +
      "; "
      "sub.u32 r, r, " +
      bias +
      "; mov.b32 $0, r; mov.b32 f, m; "
      "add.rn.f32 f, f, 0f" +
      magic.substr(2) +
      "; mov.b32 r, f; "
      "sub.u32 r, r, " +
      magic + "; @p mov.b32 m, " + smallest +
      "; "
      "@p mov.b32 $0, " +
      nan + "; setp.lt.u32 p, m, " + smallest +
      "; "
      "@p mov.b32 $0, r; or.b32 $0, $0, s; }";
  return LLVM::InlineAsmOp::create(
             b, loc, b.getI32Type(), value, text, "=&r,f",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

/// 2^10 as f16 with n + 128, of 8 bits, for last bits is 1152 + n. bf16 has
/// bits for the seven lower ones of n alone: with these 2^7 is 128 + n, or of
/// negative ones 256 + n, which is what their eighth makes of 2^7.
static std::string widenIntegers(bool isBF16) {
  if (!isBF16)
    return "{ .reg .b32 w, c; xor.b32 w, $2, 0x80808080; "
           "mov.b32 c, 0x64806480; "
           "prmt.b32 $0, w, 0x64646464, 0x4140; sub.rn.f16x2 $0, $0, c; "
           "prmt.b32 $1, w, 0x64646464, 0x4342; sub.rn.f16x2 $1, $1, c; }";
  std::string text = "{ .reg .b32 x, n, c, m; mov.b32 m, 0xBF80BF80; ";
  for (auto [result, selector] :
       {std::pair("$0", "0x4140"), std::pair("$1", "0x4342")}) {
    std::string to = result;
    text += "prmt.b32 x, $2, 0x43434343, " + std::string(selector) +
            "; and.b32 n, x, 0xFF7FFF7F; and.b32 c, x, 0xFF80FF80; "
            "fma.rn.bf16x2 " +
            to + ", c, m, n; ";
  }
  return text + "}";
}

SmallVector<Value> attn::nvidia::widenBytes(OpBuilder &b, Location loc,
                                            Value word, ByteType type,
                                            bool isBF16, bool hasFloat8) {
  bool isE4M3 = type == ByteType::E4M3;
  std::string text = type == ByteType::Signed ? widenIntegers(isBF16)
                     : hasFloat8 ? widenFloats(isE4M3 ? "e4m3" : "e5m2", isBF16)
                                 : widenByBits(isE4M3, isBF16);
  Type i32 = b.getI32Type();
  auto result = LLVM::LLVMStructType::getLiteral(b.getContext(), {i32, i32});
  auto op = LLVM::InlineAsmOp::create(
      b, loc, result, word, text, "=&r,=&r,r", /*has_side_effects=*/false,
      /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr(), ArrayAttr());
  return {LLVM::ExtractValueOp::create(b, loc, op.getResult(0), 0),
          LLVM::ExtractValueOp::create(b, loc, op.getResult(0), 1)};
}
