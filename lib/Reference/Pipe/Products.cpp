//===- Products.cpp - matrix products in flight -----------------------===//
//
// A product reads its operands when it completes, so that whatever overwrites
// them in between shows. One group's products complete in order.
//
//===----------------------------------------------------------------------===//

#include "Agent.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

namespace {
/// A matrix of f32, row by row.
struct Matrix {
  Matrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), values(rows * columns) {}

  float *getRow(int64_t row) { return values.data() + row * columns; }
  float &at(Position p) { return getRow(p.row)[p.column]; }

  int64_t rows, columns;
  std::vector<float> values;
};

class ProductEvent final : public Event {
public:
  ProductEvent(std::shared_ptr<Product> product, const ProductShape &shape,
               Agent &agent)
      : Event(product->op, agent, &agent), product(std::move(product)),
        shape(shape) {}

  bool isReady() const override { return agent.products.front() == product; }

  void complete() override {
    agent.products.pop_front();
    Matrix lhs = getLhs(), rhs = getRhs(), sum = getSum();
    int64_t rowsOfShare = shape.rows / shape.shares;
    for (int64_t m = 0; m < shape.rows; ++m) {
      float *out = sum.getRow(m);
      int64_t share = m / rowsOfShare;
      int64_t firstColumn = shape.keepsRows ? share * shape.columns : 0;
      int64_t firstTerm = shape.keepsRows ? 0 : share * shape.depth;
      for (int64_t k = 0; k < shape.depth; ++k) {
        float factor = lhs.getRow(m)[k];
        const float *row = rhs.getRow(firstTerm + k) + firstColumn;
        for (int64_t n = 0; n < shape.columns; ++n)
          out[n] += factor * row[n];
      }
    }
    Registers result(sum.values.size());
    forAccumulator([&](int64_t index, Position position) {
      result[index].f = sum.at(position);
    });
    product->result = std::make_shared<const Registers>(std::move(result));
  }

private:
  /// The contents of a shared operand, with dimension `rowDim` as rows.
  Matrix getShared(const RuntimeValue &operand, unsigned rowDim) {
    Buffer *buffer;
    if (auto *slot = std::get_if<SlotRef>(&operand)) {
      agent.checkRead(*slot, op);
      buffer = &slot->slot->buffer;
    } else {
      buffer = &std::get<SharedTile *>(operand)->buffer;
    }
    Matrix matrix = rowDim == 0 ? Matrix(buffer->rows, buffer->columns)
                                : Matrix(buffer->columns, buffer->rows);
    for (int64_t r = 0; r < buffer->rows; ++r)
      for (int64_t c = 0; c < buffer->columns; ++c)
        matrix.at(rowDim == 0 ? Position{r, c} : Position{c, r}) =
            static_cast<float>(
                toNumber(buffer->elementType, buffer->getRow(r)[c]));
    return matrix;
  }

  Matrix getLhs() {
    if (!shape.lhsInRegisters)
      return getShared(product->lhs, 1 - shape.lhsDim);
    const ProductInstructions &table = agent.machine.instructions;
    const Registers &registers = *std::get<RegistersRef>(product->lhs);
    int64_t count = table.getLhsRegisters(shape);
    Matrix matrix(shape.rows, shape.depth);
    for (int64_t warp = 0, at = 0; warp < shape.numWarps; ++warp)
      for (int64_t lane = 0; lane < table.getNumLanes(); ++lane)
        for (int64_t i = 0; i < count; ++i)
          matrix.at(table.getLhs(shape, warp, lane, i)) =
              static_cast<float>(registers[at++].f);
    return matrix;
  }

  Matrix getRhs() { return getShared(product->rhs, product->op.getRhsDim()); }

  Matrix getSum() {
    Matrix matrix(shape.rows, shape.columns);
    const Registers *registers = nullptr;
    if (auto *tile = std::get_if<RegistersRef>(&product->acc))
      registers = tile->get();
    else if (auto *before =
                 std::get_if<std::shared_ptr<Product>>(&product->acc))
      registers = (*before)->result.get();
    if (registers)
      forAccumulator([&](int64_t index, Position position) {
        matrix.at(position) = static_cast<float>((*registers)[index].f);
      });
    return matrix;
  }

  template <typename F> void forAccumulator(F visit) {
    const ProductInstructions &table = agent.machine.instructions;
    int64_t count = table.getAccumulatorRegisters(shape);
    for (int64_t warp = 0, at = 0; warp < shape.numWarps; ++warp)
      for (int64_t lane = 0; lane < table.getNumLanes(); ++lane)
        for (int64_t i = 0; i < count; ++i)
          visit(at++, table.getAccumulator(shape, warp, lane, i));
  }

  std::shared_ptr<Product> product;
  ProductShape shape;
};
} // namespace

static ProductShape getShape(MmaAsyncOp op, int64_t numWarps) {
  RankedTensorType accumulator = op.getToken().getType().getAccumulator();
  auto rhs = op.getRhs().getType();
  return {accumulator.getDimSize(0),
          accumulator.getDimSize(1),
          op.getNumTerms(),
          rhs.getElementType(),
          accumulator.getElementType(),
          numWarps,
          isa<RankedTensorType>(op.getLhs().getType()),
          static_cast<int64_t>(op.getLhsDim()),
          op.getNumShares(),
          op.getRhsDim() == 1};
}

/// Why `type` cannot be `count` registers of each lane, or nothing.
static std::string checkRegisters(RankedTensorType type, int64_t count,
                                  const ProductShape &shape,
                                  const ProductInstructions &table) {
  FragmentAttr fragment = getFragment(type);
  if (fragment.getNumRegisters() == count &&
      fragment.getNumLanes() == table.getNumLanes() &&
      fragment.getNumWarps() == shape.numWarps)
    return {};
  return "expects a fragment of " + std::to_string(count) + " registers, " +
         std::to_string(table.getNumLanes()) + " lanes and " +
         std::to_string(shape.numWarps) + " warps, but got " +
         std::to_string(fragment.getNumRegisters()) + ", " +
         std::to_string(fragment.getNumLanes()) + " and " +
         std::to_string(fragment.getNumWarps());
}

bool Agent::consume(Product &product, Operation *op) {
  if (product.consumer) {
    stop(op,
         "takes the accumulator out of a token that was used before; a "
         "product has one accumulator",
         {Note(product.consumer, "it is used here"),
          Note(product.op, "the product is started here")});
    return false;
  }
  product.consumer = op;
  return true;
}

Agent::Progress Agent::startProduct(MmaAsyncOp op) {
  ProductShape shape = getShape(op, getNumWarps());
  const ProductInstructions &table = machine.instructions;
  std::string why = table.refuse(shape);
  if (why.empty())
    why = checkRegisters(op.getToken().getType().getAccumulator(),
                         table.getAccumulatorRegisters(shape), shape, table);
  if (auto lhs = dyn_cast<RankedTensorType>(op.getLhs().getType());
      lhs && why.empty())
    why = checkRegisters(lhs, table.getLhsRegisters(shape), shape, table);
  if (!why.empty())
    return stop(op, why);
  auto product = std::make_shared<Product>();
  product->op = op;
  product->number = numStarted++;
  product->lhs = get(op.getLhs());
  product->rhs = get(op.getRhs());
  for (auto [operand, isLhs] :
       {std::pair(&product->lhs, true), std::pair(&product->rhs, false)}) {
    if (auto *slot = std::get_if<SlotRef>(operand);
        slot && !checkRead(*slot, op))
      return Progress::outside;
    auto *tile = std::get_if<SharedTile *>(operand);
    if (!tile)
      continue;
    if (!claim(**tile, op))
      return Progress::outside;
    // A warp multiplies rows of the left side that it may have staged itself,
    // but all of the right side.
    if (!isLhs && getNumWarps() > 1)
      return stop(op,
                  "reads rows of a tile that other warps stage, and nothing "
                  "orders the two");
    if (llvm::is_contained((*tile)->buffer.written, false))
      return stop(op,
                  describe() + " reads uninitialised rows of a shared tile");
  }
  if (Value acc = op.getAcc()) {
    product->acc = get(acc);
    if (auto *before = std::get_if<std::shared_ptr<Product>>(&product->acc);
        before && !consume(**before, op))
      return Progress::outside;
  }
  products.push_back(product);
  unretired.push_back(product);
  machine.events.push_back(
      std::make_unique<ProductEvent>(product, shape, *this));
  set(op.getToken(), std::move(product));
  return Progress::outside;
}

void Agent::retire(int64_t number) {
  numRetired = std::max(numRetired, number);
  while (!unretired.empty() && unretired.front()->number < numRetired)
    unretired.pop_front();
}

Agent::Progress Agent::waitForProducts(Operation *op, Value token,
                                       int64_t pending, Value result) {
  if (static_cast<int64_t>(products.size()) > pending)
    return waitFor(this, "waits for products");
  auto product = get<std::shared_ptr<Product>>(token);
  bool gives = isa<MmaWaitOp>(op);
  int64_t younger = numStarted - 1 - product->number;
  // What is known to be done may not depend on what this schedule has done.
  if (gives && younger < pending && product->number >= numRetired)
    return stop(op,
                describe() + " takes a product that may still be in flight: " +
                    std::to_string(pending) + " may be pending, but only " +
                    std::to_string(younger) + " are younger",
                Note(product->op, "the product is started here"));
  if (!gives && younger >= pending)
    return stop(op,
                "expects the token's product to be one of the " +
                    std::to_string(pending) + " that may be pending, but " +
                    std::to_string(younger) + " are younger",
                Note(product->op, "the product is started here"));
  retire(numStarted - pending);
  if (!gives) {
    set(result, std::move(product));
    return Progress::outside;
  }
  if (!consume(*product, op))
    return Progress::outside;
  set(result, product->result);
  return Progress::outside;
}
