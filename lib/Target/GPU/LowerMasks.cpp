//===- LowerMasks.cpp - the mask of a row's registers as words ------------===//
//
// A mask is made of comparisons of a column, or of a digit of it, with a number
// of the row. The columns of the registers that a thread has of a row follow a
// pattern: how many of them are below the number can be computed, and a word
// with as many bits set is one instruction (bmsk). Masks are joined as words,
// 32 registers at a time, and ptxas moves the bits of a word to seven
// predicates by one instruction (R2P). Comparisons of registers would take an
// instruction each, and one more for each conjunction.
//
//===----------------------------------------------------------------------===//

#include "CoordForm.h"

#include "attn/Support/Predicates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

static constexpr int64_t kWordBits = 32;

namespace {
/// Numbers of a row's registers, the first being 0. Register `b` of a period is
/// `(j * run + e) * repeat + r`, with `e < run` and `r < repeat`, and its
/// number `j * step + e`.
struct NumberPattern {
  int64_t period, repeat, run, step;

  static std::optional<NumberPattern> find(ArrayRef<int64_t> numbers);

  int64_t getNumber(int64_t reg) const {
    int64_t place = reg % period / repeat;
    return place / run * step + place % run;
  }
  /// Whether `e` alone counts.
  bool isOneRun() const { return run * repeat == period; }
};
} // namespace

std::optional<NumberPattern> NumberPattern::find(ArrayRef<int64_t> numbers) {
  int64_t size = numbers.size();
  auto countWhile = [&](llvm::function_ref<bool(int64_t)> holds) {
    int64_t count = 1;
    while (count < size && holds(count))
      ++count;
    return count;
  };
  NumberPattern pattern;
  // A number less than the one before it begins a period.
  pattern.period =
      countWhile([&](int64_t i) { return numbers[i] >= numbers[i - 1]; });
  pattern.repeat = std::min(
      pattern.period, countWhile([&](int64_t i) { return numbers[i] == 0; }));
  pattern.run =
      std::min(pattern.period / pattern.repeat, countWhile([&](int64_t i) {
                 return i * pattern.repeat < pattern.period &&
                        numbers[i * pattern.repeat] == i;
               }));
  pattern.step =
      pattern.isOneRun() ? pattern.run : numbers[pattern.run * pattern.repeat];
  if (!pattern.isOneRun() &&
      (pattern.step <= pattern.run || !llvm::isPowerOf2_64(pattern.step)))
    return std::nullopt;
  // Registers are counted by whole repeats.
  if (pattern.period % pattern.repeat != 0)
    return std::nullopt;
  for (int64_t i = 0; i < size; ++i)
    if (numbers[i] != pattern.getNumber(i))
      return std::nullopt;
  return pattern;
}

namespace {
/// The words of one row, the first register's bit the lowest of the first word.
using Words = SmallVector<Value, 2>;

/// Writes masks of one tile as words.
class MaskWriter {
public:
  MaskWriter(ConversionPatternRewriter &rewriter,
             const TypeConverter &converter, RankedTensorType type,
             const KernelValues &values, Location loc);

  /// The mask `condition` by row; nothing if it is not made of comparisons.
  std::optional<SmallVector<Words>> write(Value condition);
  /// Whether `register` is set, of a mask that `write` returned.
  Value isSet(ArrayRef<Words> mask, int64_t reg);

  /// The registers of each row.
  SmallVector<SmallVector<int64_t>> rows;

private:
  std::optional<SmallVector<Words>> join(Operation *op);
  std::optional<SmallVector<Words>> compare(arith::CmpIOp op);
  std::optional<SmallVector<Words>> fill(Value condition);
  /// Of each row a register of `value`, which is the same in all columns.
  std::optional<SmallVector<Value>> getRowValues(Value value);
  /// Registers whose number is below `limit`.
  Words getBelow(const NumberPattern &pattern, Value limit);
  Value countBelow(const NumberPattern &pattern, Value limit);
  Words repeat(const NumberPattern &pattern, Value word);
  Value makeMask(Value width);
  Words invert(Words words);

  Value constant(int64_t value) { return createI32(b, loc, value); }
  template <typename OpTy> Value create(Value lhs, Value rhs) {
    return OpTy::create(b, loc, lhs, rhs);
  }

  ConversionPatternRewriter &b;
  const TypeConverter &converter;
  RankedTensorType type;
  const KernelValues &values;
  Location loc;
  /// Registers of a row, and words that they take.
  int64_t size = 0, numWords = 0;
};
} // namespace

MaskWriter::MaskWriter(ConversionPatternRewriter &rewriter,
                       const TypeConverter &converter, RankedTensorType type,
                       const KernelValues &values, Location loc)
    : b(rewriter), converter(converter), type(type), values(values), loc(loc) {
  for (int64_t i = 0, e = getNumRegisters(type); i < e; ++i) {
    size_t row = getLineRegister(getFragment(type), 1, i);
    rows.resize(std::max(rows.size(), row + 1));
    rows[row].push_back(i);
  }
  size = rows.front().size();
  numWords = llvm::divideCeil(size, kWordBits);
}

Value MaskWriter::makeMask(Value width) {
  return values.getPrimitives().makeMask(b, loc, width);
}

Value MaskWriter::countBelow(const NumberPattern &pattern, Value limit) {
  Value count = limit;
  if (!pattern.isOneRun()) {
    Value runs =
        create<arith::ShRSIOp>(limit, constant(llvm::Log2_64(pattern.step)));
    Value rest = create<arith::AndIOp>(limit, constant(pattern.step - 1));
    rest = create<arith::MinSIOp>(rest, constant(pattern.run));
    count = create<arith::AddIOp>(
        create<arith::MulIOp>(runs, constant(pattern.run)), rest);
  }
  count = create<arith::MaxSIOp>(count, constant(0));
  // A mask has no more bits than a word, but what follows may overflow.
  if (pattern.period < size || pattern.repeat != 1)
    count = create<arith::MinSIOp>(count,
                                   constant(pattern.period / pattern.repeat));
  if (pattern.repeat != 1)
    count = create<arith::MulIOp>(count, constant(pattern.repeat));
  return count;
}

/// `word` is the mask of a period.
Words MaskWriter::repeat(const NumberPattern &pattern, Value word) {
  bool isWhole = kWordBits % pattern.period == 0;
  uint64_t factor = 0;
  for (int64_t bit = 0; bit < (isWhole ? kWordBits : 2 * kWordBits);
       bit += pattern.period)
    factor |= uint64_t(1) << bit;
  if (isWhole)
    return Words(numWords, create<arith::MulIOp>(word, constant(factor)));
  Value wide = arith::ExtUIOp::create(b, loc, b.getI64Type(), word);
  wide = create<arith::MulIOp>(
      wide, arith::ConstantIntOp::create(b, loc, b.getI64Type(), factor));
  Words words;
  for (int64_t i = 0; i < numWords; ++i) {
    Value part = create<arith::ShRUIOp>(
        wide,
        arith::ConstantIntOp::create(b, loc, b.getI64Type(), i * kWordBits));
    words.push_back(arith::TruncIOp::create(b, loc, b.getI32Type(), part));
  }
  return words;
}

Words MaskWriter::getBelow(const NumberPattern &pattern, Value limit) {
  Value count = countBelow(pattern, limit);
  if (pattern.period < size)
    return repeat(pattern, makeMask(count));
  Words words = {makeMask(count)};
  for (int64_t i = 1; i < numWords; ++i) {
    Value rest = create<arith::SubIOp>(count, constant(i * kWordBits));
    words.push_back(makeMask(create<arith::MaxSIOp>(rest, constant(0))));
  }
  return words;
}

Words MaskWriter::invert(Words words) {
  for (Value &word : words)
    word = create<arith::XOrIOp>(word, constant(-1));
  return words;
}

std::optional<SmallVector<Value>> MaskWriter::getRowValues(Value value) {
  auto convert = [&](Value source) {
    SmallVector<Type> types;
    SmallVector<Value> parts;
    if (succeeded(converter.convertType(source.getType(), types)))
      parts = converter.materializeTargetConversion(b, loc, types, source);
    return parts;
  };
  Attribute attr;
  if (matchPattern(value, m_Constant(&attr))) {
    auto elements = dyn_cast<SplatElementsAttr>(attr);
    if (!elements)
      return std::nullopt;
    Value scalar =
        arith::ConstantOp::create(b, loc, elements.getSplatValue<TypedAttr>());
    return SmallVector<Value>(rows.size(), scalar);
  }
  if (auto splat = value.getDefiningOp<SplatOp>())
    return SmallVector<Value>(rows.size(), splat.getScalar());
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  if (!broadcast)
    return std::nullopt;
  auto slice = dyn_cast<SliceAttr>(broadcast.getLine().getType().getEncoding());
  if (!slice || slice.getDim() != 1)
    return std::nullopt;
  SmallVector<Value> parts = convert(broadcast.getLine());
  if (parts.size() != rows.size())
    return std::nullopt;
  return parts;
}

/// A condition that holds in all columns of a row or in none.
std::optional<SmallVector<Words>> MaskWriter::fill(Value condition) {
  std::optional<SmallVector<Value>> line = getRowValues(condition);
  if (!line)
    return std::nullopt;
  SmallVector<Words> mask;
  for (Value holds : *line) {
    Value word =
        arith::SelectOp::create(b, loc, holds, constant(-1), constant(0));
    mask.push_back(Words(numWords, word));
  }
  return mask;
}

std::optional<SmallVector<Words>> MaskWriter::compare(arith::CmpIOp op) {
  using P = arith::CmpIPredicate;
  P predicate = op.getPredicate();
  Value other = op.getRhs();
  std::optional<CoordForm> form = matchCoord(op.getLhs());
  if (!form) {
    form = matchCoord(op.getRhs());
    other = op.getLhs();
    predicate = swapSides(predicate);
  }
  if (!form || predicate >= P::ult)
    return std::nullopt;
  auto getNumbers = [&](ArrayRef<int64_t> row) {
    return llvm::map_to_vector(row, [&](int64_t reg) {
      return form->numbers[reg] - form->numbers[rows[0][0]];
    });
  };
  SmallVector<int64_t> numbers = getNumbers(rows.front());
  std::optional<NumberPattern> pattern = NumberPattern::find(numbers);
  bool isPeriodic = pattern && pattern->period < size;
  if (!pattern ||
      (isPeriodic && (pattern->period > kWordBits || size > 2 * kWordBits)) ||
      llvm::any_of(rows, [&](auto &row) { return getNumbers(row) != numbers; }))
    return std::nullopt;
  std::optional<SmallVector<Value>> limits = getRowValues(other);
  FailureOr<Value> thread = form->createThread(b, loc, values);
  if (!limits || failed(thread))
    return std::nullopt;
  llvm::DenseMap<Value, Words> known;
  SmallVector<Words> mask;
  for (Value limit : *limits) {
    Words &words = known[limit];
    if (words.empty()) {
      // number + thread <= limit is number + thread < limit + 1.
      int64_t first = form->numbers[rows[0][0]];
      auto getBelowNext = [&](int64_t next) {
        Value shifted = create<arith::SubIOp>(limit, *thread);
        int64_t added = next - first;
        // A parameter that no 32 bits hold is the greatest limit (KernelFrame),
        // and what is added to it would make it the least.
        constexpr int64_t kGreatest = std::numeric_limits<int32_t>::max();
        if (added > 0)
          shifted =
              create<arith::MinSIOp>(shifted, constant(kGreatest - added));
        if (added != 0)
          shifted = create<arith::AddIOp>(shifted, constant(added));
        return getBelow(*pattern, shifted);
      };
      switch (predicate) {
      case P::slt:
        words = getBelowNext(0);
        break;
      case P::sge:
        words = invert(getBelowNext(0));
        break;
      case P::sle:
        words = getBelowNext(1);
        break;
      case P::sgt:
        words = invert(getBelowNext(1));
        break;
      default: {
        words = getBelowNext(1);
        for (auto [word, below] : llvm::zip_equal(words, getBelowNext(0)))
          word = create<arith::XOrIOp>(word, below);
        if (predicate == P::ne)
          words = invert(words);
      }
      }
    }
    mask.push_back(words);
  }
  return mask;
}

std::optional<SmallVector<Words>> MaskWriter::join(Operation *op) {
  std::optional<SmallVector<Words>> lhs = write(op->getOperand(0)), rhs;
  if (lhs)
    rhs = write(op->getOperand(1));
  if (!lhs || !rhs)
    return std::nullopt;
  for (auto [own, others] : llvm::zip_equal(*lhs, *rhs))
    for (auto [word, other] : llvm::zip_equal(own, others)) {
      OperationState state(loc, op->getName().getStringRef(), {word, other},
                           word.getType());
      word = b.create(state)->getResult(0);
    }
  return lhs;
}

std::optional<SmallVector<Words>> MaskWriter::write(Value condition) {
  Operation *op = condition.getDefiningOp();
  if (isa_and_present<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op))
    return join(op);
  if (auto cmp = dyn_cast_or_null<arith::CmpIOp>(op))
    return compare(cmp);
  return fill(condition);
}

Value MaskWriter::isSet(ArrayRef<Words> mask, int64_t reg) {
  int64_t row = getLineRegister(getFragment(type), 1, reg);
  int64_t place = llvm::find(rows[row], reg) - rows[row].begin();
  return values.getPrimitives().testBit(b, loc, mask[row][place / kWordBits],
                                        place % kWordBits);
}

static size_t countComparisons(Value condition) {
  Operation *op = condition.getDefiningOp();
  if (isa_and_present<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op))
    return countComparisons(op->getOperand(0)) +
           countComparisons(op->getOperand(1));
  return isa_and_present<arith::CmpIOp>(op);
}

namespace {
struct MaskedSelectLowering : OpConversionPattern<arith::SelectOp> {
  MaskedSelectLowering(const TypeConverter &converter, MLIRContext *context,
                       const KernelValues &values)
      : OpConversionPattern(converter, context, /*benefit=*/2), values(values) {
  }

  LogicalResult
  matchAndRewrite(arith::SelectOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || !isa_and_present<FragmentAttr>(type.getEncoding()) ||
        type.getElementTypeBitWidth() != 32 ||
        !isa<RankedTensorType>(op.getCondition().getType()))
      return rewriter.notifyMatchFailure(op, "selects no tile by a mask");
    MaskWriter writer(rewriter, *getTypeConverter(), type, values, op.getLoc());
    // With fewer comparisons of a row, words save less time than the registers
    // that they take are worth (causal, 64 keys a step, D=256: it spills).
    constexpr size_t kMinComparisons = 48;
    if (writer.rows.front().size() * countComparisons(op.getCondition()) <
        kMinComparisons)
      return rewriter.notifyMatchFailure(op, "has few comparisons of a row");
    std::optional<SmallVector<Words>> mask = writer.write(op.getCondition());
    if (!mask)
      return rewriter.notifyMatchFailure(op, "has a mask of other parts than "
                                             "comparisons of columns and rows");
    SmallVector<Value> results;
    for (auto [i, values] : llvm::enumerate(llvm::zip_equal(
             adaptor.getTrueValue(), adaptor.getFalseValue()))) {
      auto [chosen, other] = values;
      results.push_back(arith::SelectOp::create(
          rewriter, op.getLoc(), writer.isSet(*mask, i), chosen, other));
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(results)});
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateMaskPatterns(const TypeConverter &converter,
                                     const KernelValues &values,
                                     RewritePatternSet &patterns) {
  patterns.add<MaskedSelectLowering>(converter, patterns.getContext(), values);
}
