//===- Faults.cpp - wrong pipe programs, on purpose -----------------------===//

#include "Faults.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::test;

/// The `n`-th of the kernel's ops of a kind, in the order of the text, or null.
template <typename OpT> static OpT get(KernelOp kernel, unsigned n) {
  OpT found;
  kernel.walk<WalkOrder::PreOrder>([&](OpT op) {
    if (n-- != 0)
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}

/// The scf.for over blocks of keys, of the role that multiplies.
static scf::ForOp getKeyLoop(KernelOp kernel) {
  return get<scf::ForOp>(kernel, 1);
}

template <typename OpT> static bool erase(KernelOp kernel, unsigned n) {
  OpT op = get<OpT>(kernel, n);
  if (op)
    op->erase();
  return bool(op);
}

/// Replaces the result of the `n`-th OpT by its first operand.
template <typename OpT> static bool skip(KernelOp kernel, unsigned n) {
  OpT op = get<OpT>(kernel, n);
  if (!op)
    return false;
  op->getResult(0).replaceAllUsesWith(op->getOperand(0));
  op->erase();
  return true;
}

/// Replaces the fragment of every type.
static bool replaceFragments(KernelOp kernel,
                             FragmentAttr (*replace)(FragmentAttr)) {
  AttrTypeReplacer replacer;
  bool replaced = false;
  replacer.addReplacement([&](FragmentAttr from) {
    FragmentAttr to = replace(from);
    replaced |= to != from;
    return std::pair<Attribute, WalkResult>(to, WalkResult::skip());
  });
  replacer.recursivelyReplaceElementsIn(kernel, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  return replaced;
}

template <typename T> static SmallVector<T> swapFirst(ArrayRef<T> list) {
  SmallVector<T> result(list);
  std::swap(result[0], result[1]);
  return result;
}

static bool setReaders(KernelOp kernel, unsigned ring, int64_t readers) {
  get<RingOp>(kernel, ring).setReaders(readers);
  return true;
}

/// Rings 0 to 3 are the queries of both groups, the keys and the values. Fills:
/// 0 to 2 before the items, 3 and 4 in the loop over keys. Waits: queries, last
/// keys, keys, values, last values. Releases: last keys, queries, keys,
/// queries, values, last values. Products: 0 last keys, 1 keys, 2 values, 3
/// last values.
static std::vector<Fault> makeFaults() {
  std::vector<Fault> faults;
  auto add = [&](std::string name, std::string finding,
                 bool (*apply)(KernelOp)) {
    faults.push_back({std::move(name), apply, std::move(finding)});
  };

  //===-- Rings ---------------------------------------------------------===//

  add("keys are not waited for", "after it released it", [](KernelOp k) {
    WaitOp wait = get<WaitOp>(k, 2);
    wait.replaceAllUsesWith(get<WaitOp>(k, 1).getSlot());
    wait->erase();
    return true;
  });
  add("keys are not released", "no group can go on",
      [](KernelOp k) { return erase<ReleaseOp>(k, 2); });
  add("values are released before their product", "is in flight",
      [](KernelOp k) {
        get<ReleaseOp>(k, 4)->moveBefore(get<MmaWaitOp>(k, 2));
        return true;
      });
  add("keys are released twice", "releases filling 0 of slot 1 again",
      [](KernelOp k) {
        ReleaseOp release = get<ReleaseOp>(k, 2);
        OpBuilder(release).clone(*release);
        return true;
      });
  add("the reader does not advance", "which it has released",
      [](KernelOp k) { return skip<AdvanceOp>(k, 10); });
  add("the loader does not advance", "fills filling 0 of slot 1 again",
      [](KernelOp k) { return skip<AdvanceOp>(k, 2); });
  add("one reader too few",
      "which enough groups have released|holds filling 1 by now",
      [](KernelOp k) { return setReaders(k, 3, 1); });
  add("one reader too many", "no group can go on",
      [](KernelOp k) { return setReaders(k, 2, 3); });
  add("queries are released in each block", "again|after it released it",
      [](KernelOp k) {
        get<ReleaseOp>(k, 3).getConditionMutable().clear();
        return true;
      });
  add("a group reads the other's queries",
      "no group can go on|which enough groups have released|by now",
      [](KernelOp k) {
        auto select = get<arith::SelectOp>(k, 0);
        select.replaceAllUsesWith(select.getFalseValue());
        select->erase();
        return true;
      });
  add("the last values are loaded for nobody", "which no group waits for",
      [](KernelOp k) {
        // A filling more after the last item's.
        WorkLoopOp loop = get<WorkLoopOp>(k, 0);
        FillOp fill = get<FillOp>(k, 2);
        OpBuilder builder(loop->getBlock(), std::next(loop->getIterator()));
        auto more = cast<FillOp>(builder.clone(*fill));
        more.getCursorMutable().assign(loop.getResult(2));
        return true;
      });

  //===-- Products ------------------------------------------------------===//

  add("a wait does not reach its product", "may still be in flight",
      [](KernelOp k) {
        // In a branch, where the verifier does not count.
        MmaWaitOp wait = get<MmaWaitOp>(k, 3);
        OpBuilder builder(wait);
        Location loc = wait.getLoc();
        Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
        Type type = wait.getAccumulator().getType();
        auto branch = scf::IfOp::create(builder, loc, type, yes, true);
        for (Block *block : {branch.thenBlock(), branch.elseBlock()}) {
          builder.setInsertionPointToStart(block);
          auto inner = MmaWaitOp::create(builder, loc, type, wait.getToken(),
                                         /*pending=*/1);
          scf::YieldOp::create(builder, loc, inner.getAccumulator());
        }
        wait.replaceAllUsesWith(branch.getResult(0));
        wait->erase();
        return true;
      });
  add("the values' product contracts their columns", "", [](KernelOp k) {
    get<MmaAsyncOp>(k, 2).setRhsDim(1);
    return true;
  });
  add("the accumulator is dropped", "", [](KernelOp k) {
    get<MmaAsyncOp>(k, 2).getAccMutable().clear();
    return true;
  });
  add("a product is not waited for", "is in flight", [](KernelOp k) {
    MmaWaitOp wait = get<MmaWaitOp>(k, 3);
    wait.replaceAllUsesWith(get<SplatOp>(k, 7).getResult());
    wait->erase();
    return true;
  });

  //===-- Fragments -----------------------------------------------------===//

  add("digits of registers are swapped", "", [](KernelOp k) {
    return replaceFragments(k, [](FragmentAttr f) {
      return FragmentAttr::get(f.getContext(), swapFirst(f.getRegisters()),
                               f.getLanes(), f.getWarps());
    });
  });
  add("digits of lanes are swapped", "", [](KernelOp k) {
    return replaceFragments(k, [](FragmentAttr f) {
      return FragmentAttr::get(f.getContext(), f.getRegisters(),
                               swapFirst(f.getLanes()), f.getWarps());
    });
  });
  add("halves of a warp's rows are interleaved", "", [](KernelOp k) {
    return replaceFragments(k, [](FragmentAttr f) {
      SmallVector<DigitAttr> registers(f.getRegisters());
      SmallVector<DigitAttr> lanes(f.getLanes());
      registers[1] = DigitAttr::get(f.getContext(), 2, 0, 1);
      lanes[1] = DigitAttr::get(f.getContext(), 8, 0, 2);
      return FragmentAttr::get(f.getContext(), registers, lanes, f.getWarps());
    });
  });

  //===-- Turns, stores and work ----------------------------------------===//

  add("turns are passed before they are taken", "that it has not taken",
      [](KernelOp k) {
        get<PassTurnOp>(k, 0)->moveBefore(get<TakeTurnOp>(k, 0));
        return true;
      });
  add("a turn is not passed", "no group can go on",
      [](KernelOp k) { return erase<PassTurnOp>(k, 0); });
  add("both groups stage on one tile", "nothing orders the two",
      [](KernelOp k) {
        auto select = get<arith::SelectOp>(k, 1);
        select.replaceAllUsesWith(select.getTrueValue());
        select->erase();
        return true;
      });
  add("nothing is staged", "that nothing has staged",
      [](KernelOp k) { return erase<StageOp>(k, 0); });
  add("groups store the same rows", "that were written before", [](KernelOp k) {
    StoreOp store = get<StoreOp>(k, 0);
    auto row = store.getIndices()[1].getDefiningOp<arith::AddIOp>();
    row.replaceAllUsesWith(row.getLhs());
    return true;
  });
  add("the loader stops after its first item", "no group can go on",
      [](KernelOp k) {
        NextItemOp next = get<NextItemOp>(k, 0);
        OpBuilder builder(next);
        next.replaceAllUsesWith(Value(arith::ConstantIntOp::create(
            builder, next.getLoc(), -1, /*width=*/32)));
        next->erase();
        return true;
      });

  //===-- What is computed ----------------------------------------------===//

  add("the tail of the keys is not masked", "", [](KernelOp k) {
    auto mask = get<arith::SelectOp>(k, 2);
    mask.replaceAllUsesWith(mask.getTrueValue());
    mask->erase();
    return true;
  });
  add("the mask is off by one", "", [](KernelOp k) {
    SplatOp limit = get<SplatOp>(k, 8);
    auto compare = cast<arith::CmpIOp>(*limit->user_begin());
    compare.setPredicate(arith::CmpIPredicate::sle);
    return true;
  });
  add("the output is not rescaled", "", [](KernelOp k) {
    Operation *scaled =
        getKeyLoop(k).getBody()->getTerminator()->getOperand(0).getDefiningOp();
    scaled->getResult(0).replaceAllUsesWith(scaled->getOperand(0));
    return true;
  });
  add("the output is rescaled before its product", "", [](KernelOp k) {
    scf::ForOp loop = getKeyLoop(k);
    Operation *scaled =
        loop.getBody()->getTerminator()->getOperand(0).getDefiningOp();
    Operation *factor = scaled->getOperand(1).getDefiningOp();
    MmaAsyncOp product = get<MmaAsyncOp>(k, 2);
    get<MmaWaitOp>(k, 1).setPending(0);
    product->moveBefore(get<MmaWaitOp>(k, 2));
    factor->moveBefore(product);
    OpBuilder builder(product);
    product.getAccMutable().assign(arith::MulFOp::create(
        builder, scaled->getLoc(), product.getAcc(), factor->getResult(0)));
    scaled->getResult(0).replaceAllUsesWith(scaled->getOperand(0));
    return true;
  });
  add("scores are shifted by the old maximum", "", [](KernelOp k) {
    scf::ForOp loop = getKeyLoop(k);
    Value maximum = get<RowReduceOp>(k, 2).getResult();
    Value old = loop.getRegionIterArg(2);
    maximum.replaceUsesWithIf(
        old, [](OpOperand &use) { return isa<arith::MulFOp>(use.getOwner()); });
    return true;
  });
  add("the sum is not rescaled", "", [](KernelOp k) {
    auto fma = getKeyLoop(k)
                   .getBody()
                   ->getTerminator()
                   ->getOperand(3)
                   .getDefiningOp<math::FmaOp>();
    OpBuilder builder(fma);
    Value sum =
        arith::AddFOp::create(builder, fma.getLoc(), fma.getA(), fma.getC());
    fma.replaceAllUsesWith(sum);
    fma->erase();
    return true;
  });
  add("each lane counts the whole row", "", [](KernelOp k) {
    RowReduceOp part = get<RowReduceOp>(k, 1);
    LaneReduceOp all = get<LaneReduceOp>(k, 0);
    OpBuilder builder(part);
    Value whole =
        RowReduceOp::create(builder, part.getLoc(), all.getResult().getType(),
                            part.getKind(), part.getTile(), Value());
    Value repeated = BroadcastOp::create(builder, part.getLoc(),
                                         part.getResult().getType(), whole);
    part.replaceAllUsesWith(repeated);
    part->erase();
    return true;
  });
  add("lanes are combined by their maximum", "", [](KernelOp k) {
    get<LaneReduceOp>(k, 0).setKind(ReduceKind::MaxNum);
    return true;
  });
  add("the first block of keys is skipped", "which no group waits for",
      [](KernelOp k) {
        scf::ForOp loop = getKeyLoop(k);
        loop.getLowerBoundMutable().assign(loop.getStep());
        return true;
      });
  return faults;
}

const std::vector<Fault> &attn::test::getFaults() {
  static const std::vector<Fault> faults = makeFaults();
  return faults;
}
