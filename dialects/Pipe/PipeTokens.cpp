//===- PipeTokens.cpp - products in flight are used once ------------------===//
//
// A token stands for registers that a product is writing: it can be handed on,
// not copied, chosen or exchanged, which would move them meanwhile.
//
//===----------------------------------------------------------------------===//

#include "PipeTokens.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::pipe;

/// Whether at most one of two uses happens: they stand in different branches.
static bool areExclusive(Operation *a, Operation *b) {
  for (auto branch = a->getParentOfType<scf::IfOp>(); branch;
       branch = branch->getParentOfType<scf::IfOp>())
    if (branch->isProperAncestor(b) &&
        branch.getThenRegion().isAncestor(a->getParentRegion()) !=
            branch.getThenRegion().isAncestor(b->getParentRegion()))
      return true;
  return false;
}

std::pair<Operation *, Operation *> attn::pipe::findTwoUses(Value value) {
  SmallVector<Operation *> users(value.getUsers());
  for (size_t i = 0; i < users.size(); ++i)
    for (size_t j = i + 1; j < users.size(); ++j)
      if (!areExclusive(users[i], users[j]))
        // Uses are listed from the last.
        return {users[j], users[i]};
  return {};
}

static LogicalResult verifyUses(Value token) {
  auto [first, second] = findTwoUses(token);
  if (!first)
    return success();
  InFlightDiagnostic diag =
      second->emitOpError("expects a product in flight that nothing else uses; "
                          "wait for it, and use "
                          "its accumulator twice");
  diag.attachNote(first->getLoc()) << "the other use is here";
  return diag;
}

/// The token from which `token` was handed on, in its own loop.
static Value getOrigin(Value token) {
  while (Operation *op = token.getDefiningOp()) {
    if (auto retire = dyn_cast<MmaRetireOp>(op))
      token = retire.getToken();
    else if (auto product = dyn_cast<MmaAsyncOp>(op);
             product && product.getAcc() &&
             isa<TokenType>(product.getAcc().getType()))
      token = product.getAcc();
    else
      break;
  }
  return token;
}

/// A loop's tokens come round to their own places.
static LogicalResult verifyLoop(Operation *loop, ValueRange arguments,
                                Operation *terminator, ValueRange yielded) {
  for (auto [index, value] : llvm::enumerate(yielded)) {
    if (!isa<TokenType>(value.getType()))
      continue;
    auto argument = dyn_cast<BlockArgument>(getOrigin(value));
    if (!argument || !llvm::is_contained(arguments, argument) ||
        argument == arguments[index])
      continue;
    InFlightDiagnostic diag =
        terminator->emitOpError("expects the product in flight at place ")
        << index << " to stay there, but got that of place "
        << llvm::find(arguments, argument) - arguments.begin()
        << "; wait for both, and exchange their accumulators";
    diag.attachNote(loop->getLoc()) << "the loop is here";
    return diag;
  }
  return success();
}

LogicalResult attn::pipe::verifyTokens(Operation *root) {
  auto isToken = [](Value value) { return isa<TokenType>(value.getType()); };
  WalkResult result = root->walk([&](Operation *op) -> WalkResult {
    bool handsOn = isa<PipeDialect>(op->getDialect()) ||
                   isa<scf::SCFDialect>(op->getDialect());
    if (!handsOn && llvm::any_of(op->getOperands(), isToken))
      return op->emitOpError("expects no product in flight: it can be handed "
                             "on, not chosen; wait for it first");
    for (Value value : op->getResults())
      if (isToken(value) && failed(verifyUses(value)))
        return failure();
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Value value : block.getArguments())
          if (isToken(value) && failed(verifyUses(value)))
            return failure();
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return verifyLoop(loop, loop.getRegionIterArgs(),
                        loop.getBody()->getTerminator(),
                        loop.getYieldedValues());
    if (auto loop = dyn_cast<WorkLoopOp>(op)) {
      Block &body = loop.getBody().front();
      return verifyLoop(loop, body.getArguments(), body.getTerminator(),
                        body.getTerminator()->getOperands());
    }
    return success();
  });
  return failure(result.wasInterrupted());
}
