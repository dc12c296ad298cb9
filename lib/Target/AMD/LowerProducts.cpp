//===- LowerProducts.cpp - products become MFMA or WMMA -------------------===//
//
// A wave multiplies its rows as soon as a product is started, so that there is
// nothing to wait for. Instructions are those of MatrixInstruction.h: A is the
// right side, B the left one. A depth is contracted in the order in which a
// left side in registers has it, or, from shared memory, in an order by which
// lanes read 16 bytes at a time; the other side is read alike.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"
#include "SideReader.h"

#include "GPU/Emitter.h"

#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;
using namespace attn::gpu;
using namespace attn::pipe;

namespace {
/// Writes the instructions of one product.
class ProductWriter {
public:
  ProductWriter(OpBuilder &b, MmaAsyncOp op,
                const MatrixInstruction &instruction,
                const KernelValues &values)
      : e{b, op.getLoc()}, op(op), instruction(instruction), values(values),
        element(op.getRhs().getType().getElementType()) {}

  /// The accumulator's registers; `accumulators` are those before, or none.
  SmallVector<Value> run(Value rhs, ValueRange lhs, ValueRange accumulators);

private:
  /// Operands of 16 bits as the instruction has them, of words.
  Value createOperand(ArrayRef<Value> words);
  /// B of each step, from registers.
  SmallVector<Value> takeLeft(ValueRange registers, int64_t steps);
  Value multiply(Value a, Value b, Value c);
  Value keepHere(Value product);

  Emitter e;
  MmaAsyncOp op;
  const MatrixInstruction &instruction;
  const KernelValues &values;
  Type element;
};
} // namespace

Value ProductWriter::createOperand(ArrayRef<Value> words) {
  auto type = VectorType::get(words.size(), e.b.getI32Type());
  Value vector = LLVM::PoisonOp::create(e.b, e.loc, type);
  for (auto [i, word] : llvm::enumerate(words))
    vector =
        LLVM::InsertElementOp::create(e.b, e.loc, vector, word, e.constant(i));
  Type half = element.isBF16() ? Type(e.b.getI16Type()) : e.b.getF16Type();
  return LLVM::BitcastOp::create(
      e.b, e.loc, VectorType::get(2 * words.size(), half), vector);
}

/// A lane has its part of the depth. Where all have all of it, halves of the
/// wave bring theirs to each other, those of the lower one first.
SmallVector<Value> ProductWriter::takeLeft(ValueRange registers,
                                           int64_t steps) {
  int64_t words = registers.size() / steps;
  SmallVector<Value> operands;
  Value isUpper;
  if (instruction.isReplicated)
    isUpper =
        arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::uge,
                              values.lane, e.constant(instruction.columns));
  for (int64_t step = 0; step < steps; ++step) {
    SmallVector<Value> own(registers.slice(step * words, words));
    if (!instruction.isReplicated) {
      operands.push_back(createOperand(own));
      continue;
    }
    SmallVector<Value> lower, upper;
    for (Value word : own) {
      Value other = values.getPrimitives().shuffleXor(e.b, e.loc, word,
                                                      instruction.columns);
      lower.push_back(
          arith::SelectOp::create(e.b, e.loc, isUpper, other, word));
      upper.push_back(
          arith::SelectOp::create(e.b, e.loc, isUpper, word, other));
    }
    llvm::append_range(lower, upper);
    operands.push_back(createOperand(lower));
  }
  return operands;
}

Value ProductWriter::multiply(Value a, Value b, Value c) {
  Type type = c.getType();
  bool isBF16 = element.isBF16();
  if (instruction.isReplicated) {
    if (isBF16)
      return ROCDL::wmma_f32_16x16x16_bf16::create(e.b, e.loc, type, a, b, c);
    return ROCDL::wmma_f32_16x16x16_f16::create(e.b, e.loc, type, a, b, c);
  }
  Value none = e.constant(0);
  SmallVector<Value> operands{a, b, c, none, none, none};
  if (instruction.rows == kMfma16.rows) {
    if (isBF16)
      return ROCDL::mfma_f32_16x16x16bf16_1k::create(e.b, e.loc, type,
                                                     operands);
    return ROCDL::mfma_f32_16x16x16f16::create(e.b, e.loc, type, operands);
  }
  if (isBF16)
    return ROCDL::mfma_f32_32x32x8bf16_1k::create(e.b, e.loc, type, operands);
  return ROCDL::mfma_f32_32x32x8f16::create(e.b, e.loc, type, operands);
}

/// LLVM moves WMMA, unlike MFMA, to the block that uses it, which may be after
/// a slot's release: what it reads would have to wait in registers. An empty
/// instruction uses it here.
Value ProductWriter::keepHere(Value product) {
  if (!instruction.isReplicated)
    return product;
  return LLVM::InlineAsmOp::create(
             e.b, e.loc, product.getType(), product, "", "=v,0",
             /*has_side_effects=*/true, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

SmallVector<Value> ProductWriter::run(Value rhs, ValueRange lhs,
                                      ValueRange accumulators) {
  RankedTensorType type = op.getToken().getType().getAccumulator();
  int64_t columns = type.getDimSize(1), depth = op.getNumTerms();
  int64_t steps = depth / instruction.depth;
  auto lhsShared = dyn_cast<SharedType>(op.getLhs().getType());
  int64_t run = lhsShared ? DepthOrder::getSharedRun(instruction, depth)
                          : instruction.getRun(depth);
  DepthOrder order(instruction, run);

  // A wide read across the rows of A is of all instructions of a run, which
  // then take neighbouring columns.
  int64_t count = instruction.getInstructionsOfRun(columns);
  int64_t held = instruction.getNumAccumulators();
  bool isAcross = op.getRhsDim() == 0;
  auto getRegister = [&](int64_t block, int64_t number) {
    int64_t first = block / count * count * held;
    return isAcross ? first + number * count + block % count
                    : first + block % count * held + number;
  };

  SideReader right(e, values, op.getRhs().getType(), rhs, op.getRhsDim(),
                   order);
  right.beginRows(instruction, columns);
  std::optional<SideReader> left;
  SmallVector<Value> taken;
  if (lhsShared) {
    left.emplace(e, values, lhsShared, lhs[0], op.getLhsDim(), order);
    left->beginColumns(instruction);
  } else {
    taken = takeLeft(lhs, steps);
  }

  int64_t blocks = columns / instruction.rows;
  auto vector = VectorType::get(held, e.b.getF32Type());
  SmallVector<Value> products;
  for (int64_t block = 0; block < blocks; ++block) {
    if (accumulators.empty()) {
      products.push_back(
          arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(vector)));
      continue;
    }
    Value product = LLVM::PoisonOp::create(e.b, e.loc, vector);
    for (int64_t number = 0; number < held; ++number)
      product = LLVM::InsertElementOp::create(
          e.b, e.loc, product, accumulators[getRegister(block, number)],
          e.constant(number));
    products.push_back(product);
  }
  // The instructions of a run at a time: what they read comes while those
  // before them multiply, and no earlier, so that it takes the registers of
  // two.
  SmallVector<std::pair<int64_t, int64_t>> batches;
  for (int64_t step = 0; step < steps; ++step)
    for (int64_t block = 0; block < blocks; block += count)
      batches.push_back({step, block});
  auto fetch = [&](std::pair<int64_t, int64_t> batch) {
    auto [step, block] = batch;
    if (left && block == 0)
      left->fetch(step, 0);
    for (int64_t i = 0; i < count; ++i)
      right.fetch(step, block + i);
  };
  fetch(batches.front());
  Value b;
  for (auto [number, batch] : llvm::enumerate(batches)) {
    if (number + 1 < batches.size()) {
      // Of instructions those that have nothing to do with memory may cross it.
      constexpr int64_t kNoMemory = 1;
      ROCDL::SchedBarrier::create(e.b, e.loc, kNoMemory);
      fetch(batches[number + 1]);
    }
    auto [step, first] = batch;
    if (first == 0)
      b = left ? createOperand(left->read(step, 0)) : taken[step];
    for (int64_t block = first; block < first + count; ++block)
      products[block] =
          multiply(createOperand(right.read(step, block)), b, products[block]);
  }
  for (Value &product : products)
    product = keepHere(product);
  SmallVector<Value> registers(blocks * held);
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t number = 0; number < held; ++number)
      registers[getRegister(block, number)] = LLVM::ExtractElementOp::create(
          e.b, e.loc, products[block], e.constant(number));
  return registers;
}

namespace {
struct MmaLowering : OpConversionPattern<MmaAsyncOp> {
  /// `tall` is that of groups of more rows, or null.
  MmaLowering(const TypeConverter &converter, MLIRContext *context,
              const KernelValues &values, const MatrixInstruction &instruction,
              const MatrixInstruction *tall)
      : OpConversionPattern(converter, context), values(values),
        instruction(instruction), tall(tall) {}

  LogicalResult
  matchAndRewrite(MmaAsyncOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = op.getToken().getType().getAccumulator();
    bool isTall =
        type.getDimSize(0) != Architecture::kGroupWarps * instruction.columns;
    ProductWriter writer(rewriter, op, isTall ? *tall : instruction, values);
    ValueRange accumulators;
    if (op.getAcc())
      accumulators = adaptor.getAcc();
    SmallVector<Value> registers =
        writer.run(adaptor.getRhs()[0], adaptor.getLhs(), accumulators);
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
    return success();
  }

  const KernelValues &values;
  const MatrixInstruction &instruction, *tall;
};

/// What is waited for is there.
template <typename OpT> struct WaitLowering : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpConversionPattern<OpT>::OneToNOpAdaptor a,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(op, {a.getToken()});
    return success();
  }
};
} // namespace

LogicalResult amd::verifyProduct(MmaAsyncOp op) {
  auto canRead = [](Type type) {
    auto tile = dyn_cast<SharedType>(type);
    return !tile || SideReader::canRead(tile);
  };
  if (canRead(op.getRhs().getType()) && canRead(op.getLhs().getType()))
    return success();
  return op.emitOpError(
      "expects tiles in shared memory with elements of 16 bits, a swizzle of "
      "128 bytes and one part");
}

static void populate(const TypeConverter &converter, const KernelValues &values,
                     const MatrixInstruction &instruction,
                     const MatrixInstruction *tall,
                     RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<MmaLowering>(converter, context, values, instruction, tall);
  patterns.add<WaitLowering<MmaWaitOp>, WaitLowering<MmaRetireOp>>(converter,
                                                                   context);
}

void amd::populateMfmaPatterns(const TypeConverter &converter,
                               const KernelValues &values,
                               RewritePatternSet &patterns) {
  populate(converter, values, kMfma16, &kMfma32, patterns);
}

void amd::populateWmmaPatterns(const TypeConverter &converter,
                               const KernelValues &values,
                               RewritePatternSet &patterns) {
  populate(converter, values, kWmma16, /*tall=*/nullptr, patterns);
}
