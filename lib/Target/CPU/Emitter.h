//===- Emitter.h - writes the loops of one tile program ---------*- C++ -*-===//
//
// A block of tile ops becomes a list of loop nests (Nest.h). Inside a nest a
// tile value is one vector a point; between nests it lies in a buffer of the
// thread's scratch memory. A buffer is a pointer and a stride a dimension, and
// so is a tensor of the caller: a contraction reads either without knowing
// which.
//
// Indices are i64 throughout. A point's index is a value plus a constant, so
// that the addresses of a register block differ by immediates.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TARGET_CPU_EMITTER_H
#define LIB_TARGET_CPU_EMITTER_H

#include "KernelInterface.h"
#include "Layout.h"
#include "Nest.h"
#include "attn/Conversion/ExpandTables.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn::cpu {

/// `dynamic + constant`; no `dynamic` means zero.
struct Index {
  mlir::Value dynamic;
  int64_t constant = 0;

  Index(int64_t constant = 0) : constant(constant) {}
  Index(mlir::Value dynamic, int64_t constant = 0)
      : dynamic(dynamic), constant(constant) {}
  Index operator+(int64_t offset) const {
    Index sum = *this;
    sum.constant += offset;
    return sum;
  }
};

/// One index a dimension.
using Point = llvm::SmallVector<Index>;

/// A stride in elements: `dynamic` if there is one, else `constant`.
struct Stride {
  mlir::Value dynamic;
  int64_t constant = 0;
};

/// Where the elements of a tile value lie.
struct Access {
  mlir::Value pointer;
  Form form;
  llvm::SmallVector<Stride> strides;
  /// Elements along the lane that may be touched; whole vectors when absent.
  std::optional<int64_t> laneLimit;
};

class Emitter {
public:
  Emitter(mlir::ImplicitLocOpBuilder &builder, const Layout &layout,
          const Machine &machine, const KernelInterface &interface,
          tile::ProgramOp program);

  /// Writes all of the kernel function `function` (params, begin, end,
  /// scratch): the loop over items and, in it, the body of the program.
  mlir::LogicalResult emitFunction(mlir::func::FuncOp function);

  /// Bytes of scratch that the program needs.
  int64_t getScratchBytes() const { return scratchPeak; }

private:
  // Scalars and indices (Address.cpp).
  mlir::Value constant(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  mlir::Value toValue(Index index);
  mlir::Value toI64(mlir::Value index);
  mlir::Value toIndex(mlir::Value i64);
  mlir::VectorType vectorOf(mlir::Type element, int64_t factor = 1);
  mlir::Value splat(mlir::Value scalar);

  // Memory (Address.cpp).
  mlir::Value advance(mlir::Value pointer, mlir::Type element, Index offset);
  mlir::Value getAddress(const Access &access, const Point &point);
  mlir::Value loadScalar(const Access &access, const Point &point);
  /// W points along `lane` from `point` (a splat for -1), in the storage type.
  mlir::Value loadVector(const Access &access, const Point &point,
                         int64_t lane);
  /// The element of an argument at `indices`, which are scalars or vectors.
  mlir::Value loadElement(mlir::Value memref, mlir::ValueRange indices);
  struct Memory;
  mlir::Value loadElement(const Memory &memory, mlir::Type element,
                          mlir::ValueRange indices);
  mlir::Value getElementAddress(const Memory &memory, mlir::ValueRange indices);
  /// The same at vectors of indices, as integers: LLVM keeps a single bf16 as
  /// f32, also between blocks, and calls a library to narrow it again.
  mlir::Value loadLanes(const Memory &memory, mlir::ValueRange indices);
  mlir::Value fromBits(const Memory &memory, mlir::Type element,
                       mlir::Value bits);
  /// As loadElement; lanes that are neighbours in memory are loaded at once.
  mlir::Value loadRun(const Memory &memory, mlir::Type element,
                      mlir::ValueRange indices);
  void storeScalar(const Access &access, const Point &point, mlir::Value value);
  void storeVector(const Access &access, const Point &point, int64_t lane,
                   mlir::Value value);
  mlir::Value fromStorage(mlir::Value value, mlir::Type element);
  /// Elements of `tile`, as they are stored, as f32.
  mlir::Value toFloat(mlir::Value value, mlir::Value tile);
  mlir::Value toStorage(mlir::Value value, mlir::Type storage);
  Access allocate(mlir::RankedTensorType type, Form form);
  Access getBuffer(mlir::Value tile, Form form);
  const Access *findBuffer(mlir::Value tile, int64_t lane) const;
  void setBuffer(mlir::Value tile, Access access);
  /// Makes `access` and `point` those of one element, which may be in a pair.
  void selectElement(Access &access, Point &point);
  /// Copies a value into another form with scalar loops.
  Access repack(mlir::Value tile, Form form);

  // Loops.
  using Body = llvm::function_ref<void(mlir::Value iv)>;
  void loop(mlir::Value lower, mlir::Value upper, int64_t step, Body body);
  mlir::scf::ForOp reductionLoop(
      mlir::Value lower, mlir::Value upper, int64_t step,
      mlir::ValueRange inits,
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                        mlir::ValueRange)>
          body);
  /// The number of points of a value's dimension that the body goes through.
  mlir::Value getBound(mlir::Value tile, int64_t dim);
  bool hasDynamicBound(mlir::Value tile, int64_t dim) const;

  // Copies between the caller's memory and tiles (Copy.cpp).
  struct Memory {
    mlir::Value pointer;
    llvm::SmallVector<mlir::Value> strides;
    mlir::Type element;
  };
  /// Reads the parameter words of the program's arguments.
  void readParameters();
  mlir::Value readWord(unsigned word);
  mlir::LogicalResult emitLoad(tile::LoadOp load);
  mlir::LogicalResult emitStore(tile::StoreOp store);
  /// Where a load's tile is read: at `map` of its dimensions and `symbols`.
  struct Source {
    Memory memory;
    mlir::AffineMap map;
    llvm::SmallVector<mlir::Value> symbols;
  };
  /// Gathers the rows of a tile that lie in pages, or points to them where they
  /// lie in one.
  mlir::FailureOr<Source> gatherPages(tile::LoadOp load);
  void gatherRuns(tile::LoadOp load, const Access &target,
                  llvm::function_ref<mlir::Value(mlir::Value)> getPage);
  /// The page and the place in it as symbols of a paged load's map.
  llvm::SmallVector<mlir::Value>
  getPageSymbols(tile::LoadOp load, mlir::Value page, mlir::Value place);
  Access loadForm(tile::LoadOp load, const Source &source, Form form);
  void copyIn(tile::LoadOp load, const Source &source, const Access &target);
  llvm::SmallVector<mlir::Value> getBounds(mlir::RankedTensorType type,
                                           mlir::ValueRange valid);
  mlir::Value isDirect(tile::LoadOp load, const Memory &memory, Form form);
  /// Whether the load's `where` is not known to hold.
  bool hasWhere(tile::LoadOp load);
  /// Element `at` of the load's `where`, an i1.
  mlir::Value isThere(tile::LoadOp load, mlir::Value at);
  mlir::Value holdsEverywhere(tile::LoadOp load, mlir::Value bound);
  /// Writes the pad over what `where` leaves out, below `bounds`.
  void padWhere(tile::LoadOp load, const Access &target,
                llvm::ArrayRef<mlir::Value> bounds);
  void fill(mlir::RankedTensorType type, const Access &target,
            mlir::TypedAttr value);
  std::optional<llvm::SmallVector<mlir::Value>>
  getTileStrides(const Memory &memory, mlir::AffineMap map,
                 mlir::ValueRange symbols);
  mlir::Value getUnitStride(const Memory &memory, mlir::AffineMap map);

  // The loops of copies (CopyLoops.cpp).
  struct Copy {
    const Memory &memory;
    mlir::AffineMap map;
    mlir::ValueRange symbols;
    const Access &tile;
    mlir::RankedTensorType type;
    /// The points that are copied, from 0.
    llvm::SmallVector<mlir::Value> bounds;
    /// From memory to the tile, or the other way.
    bool isLoad;
  };
  void copy(const Copy &copy);
  void copyElement(const Copy &copy, Point point);
  void copyPoints(const Copy &copy, llvm::ArrayRef<mlir::Value> lower,
                  llvm::ArrayRef<mlir::Value> upper);
  /// Calls `copyBlock` for each whole block of `blocks` points a dimension, and
  /// copies the points beyond them.
  void copyBlocks(const Copy &copy, llvm::ArrayRef<int64_t> blocks,
                  llvm::function_ref<void(Point)> copyBlock);
  void copyRows(const Copy &copy);
  /// Two rows at a time, interleaved.
  void copyPairs(const Copy &copy);
  void copyTransposed(const Copy &copy);
  /// A function of the kernel's own, written when it is first asked for.
  mlir::func::FuncOp
  getHelper(llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments,
            llvm::function_ref<void(mlir::ValueRange)> writeBody);
  /// Copies the points of two dimensions one by one.
  void copyPlane(const Copy &copy, const Point &point,
                 llvm::ArrayRef<mlir::Value> lower,
                 llvm::ArrayRef<mlir::Value> upper,
                 llvm::ArrayRef<int64_t> dims);
  /// The function (memory, its strides, tile, its strides, counts) that does.
  mlir::func::FuncOp getPlaneCopier(const Copy &copy);
  /// The function (memory, row stride, tile, stride) that copies one block.
  mlir::func::FuncOp getTransposition(const Copy &copy);
  void transposeBlock(mlir::ValueRange arguments, unsigned bits, bool isPairs,
                      bool isLoad);
  bool canTranspose(const Copy &copy) const;
  /// Transposes as many vectors as one has lanes.
  void transpose(llvm::MutableArrayRef<mlir::Value> rows);
  void loopPoints(llvm::ArrayRef<mlir::Value> lower,
                  llvm::ArrayRef<mlir::Value> upper,
                  llvm::ArrayRef<int64_t> steps, llvm::ArrayRef<int64_t> order,
                  Point point, llvm::function_ref<void(Point)> body);
  mlir::Value roundDown(mlir::Value points, int64_t multiple);
  mlir::Value getOffset(const Memory &memory, mlir::AffineMap map,
                        mlir::ValueRange symbols, const Point &point);
  mlir::Value getMemoryAddress(const Copy &copy, const Point &point);

  // Points (Evaluate.cpp).
  /// The value of `tile` at W points, as a vector; null after an error.
  mlir::Value evaluate(mlir::Value tile, const Point &point, int64_t lane);
  mlir::Value clonePointwise(mlir::Operation *op, const Point &point,
                             int64_t lane);
  /// What `op`, which a nest computes, gives at W points.
  mlir::Value evaluateOp(mlir::Operation *op, const Point &point, int64_t lane);
  mlir::Value evaluateMask(tile::MaskOp mask, const Point &point, int64_t lane);
  /// Whether the points are below the mask's counts; null if all are.
  mlir::Value evaluateValid(tile::MaskOp mask, const Point &point,
                            int64_t lane);
  mlir::Value evaluatePredicate(tile::MaskOp mask, const Point &point,
                                int64_t lane);
  mlir::Value evaluateGenerate(tile::GenerateOp op, const Point &point,
                               int64_t lane);
  mlir::Value evaluateGather(tile::GatherOp op, const Point &point,
                             int64_t lane);
  /// What `region` yields with the values of `local`, as a vector.
  mlir::Value evaluateRegion(mlir::Block &region, mlir::IRMapping &local);
  mlir::Value getCoordinate(mlir::Value base, const Index &at, bool isLane,
                            mlir::Value valid);
  mlir::Value combine(tile::ReduceKind kind, mlir::Value a, mlir::Value b);
  mlir::Value reduceVector(tile::ReduceKind kind, mlir::Value vector);
  mlir::Value identityVector(tile::ReduceKind kind, mlir::Type element);
  mlir::Value laneNumbers();

  // Nests (EmitNest.cpp).
  struct Level;
  struct Block;
  using Values = llvm::SmallVector<mlir::Value>;
  mlir::LogicalResult emitNest(Nest &nest);
  void emitLoops(Nest &nest);
  Values emitLevels(Nest &nest, llvm::ArrayRef<Level> levels, Block block,
                    Values sums, bool inSums);
  Values emitLevel(Nest &nest, llvm::ArrayRef<Level> levels, Block block,
                   Values sums, bool inSums);
  Values emitBlock(Nest &nest, const Block &block, Values sums);
  void storeBlock(const Block &block, const Access &access,
                  llvm::ArrayRef<mlir::Value> values);
  void storeOddRow(const Block &block, const Access &access,
                   llvm::ArrayRef<mlir::Value> values);
  /// All terms (at least one) combined, as a tree.
  mlir::Value combineAll(tile::ReduceKind kind,
                         llvm::ArrayRef<mlir::Value> terms);
  mlir::Value interleave(mlir::Value even, mlir::Value odd);
  void finishSums(Nest &nest, const Block &block, mlir::ValueRange sums);
  void assignTargets(Nest &nest);
  /// Evaluates `tile` at all its points into `target`.
  mlir::LogicalResult materialise(mlir::Value tile, const Access &target);

  // Contractions (EmitDot.cpp).
  Values emitDotBlock(Nest &nest, const Block &block);
  mlir::LogicalResult emitContraction(tile::DotOp dot);
  mlir::Value emitRowSum(tile::DotOp dot, llvm::ArrayRef<Index> iteration,
                         const Access *operands);
  mlir::Value loadOperand(const DotPlan &plan, unsigned number,
                          const Access &access, const Point &point,
                          int64_t lane);
  /// Lanes below `points`, of `width`.
  mlir::Value belowMask(mlir::Value points, int64_t width);
  mlir::Value multiplyAdd(bool pairs, mlir::Value a, mlir::Value c,
                          mlir::Value sum);

  // Programs and sweeps (Lowering.cpp).
  static bool isScalar(mlir::Operation &op);
  mlir::LogicalResult emitScalar(mlir::Operation *op);
  /// What a region gives for each of the runs, added up or searched.
  mlir::LogicalResult emitRuns(mlir::Operation *op);
  mlir::LogicalResult emitOps(mlir::Block &block);
  mlir::LogicalResult emitOps(mlir::Block &block,
                              llvm::MutableArrayRef<Nest> nests);
  mlir::LogicalResult emitSweep(tile::SweepOp sweep);
  struct Segments {
    llvm::SmallVector<mlir::Value> lowers, uppers;
    /// Steps of all segments up to and with this one.
    llvm::SmallVector<mlir::Value> ends;
  };
  struct SweepStep {
    mlir::Value base, count, isFull;
  };
  Segments readSegments(tile::SweepOp sweep);
  mlir::FailureOr<std::pair<mlir::Value, mlir::Value>>
  placeStep(tile::SweepOp sweep, const Segments &segments, unsigned segment,
            mlir::Value within);
  mlir::FailureOr<SweepStep>
  locateStep(tile::SweepOp sweep, const Segments &segments, mlir::Value at);

  // Tables (Tables.cpp).
  static bool isTableOp(mlir::Operation *op);
  /// Writes `op` with operands that are scalars in `values`.
  mlir::LogicalResult emitTableOp(mlir::Operation *op, mlir::IRMapping &values);
  /// The element of a table at `coordinates`, which are scalars or vectors;
  /// null after an error at `op`.
  mlir::Value loadTableElement(mlir::Operation *op, mlir::Value memref,
                               mlir::ValueRange coordinates,
                               mlir::TypedAttr empty);
  std::optional<TableAccess> getTable(mlir::Value memref);
  /// The memory of `memref`, whose extents `table` has; if it has no entries,
  /// other memory that may be read.
  Memory getReadable(mlir::Value memref, const TableAccess &table);

  mlir::LogicalResult emitBranch(mlir::scf::IfOp op);
  mlir::LogicalResult emitStep(tile::SweepOp sweep,
                               llvm::ArrayRef<Access> carries);
  bool canUpdateInPlace(llvm::ArrayRef<Nest> nests, mlir::Value carry,
                        mlir::Value next) const;

  mlir::ImplicitLocOpBuilder &b;
  const Layout &layout;
  const Machine &machine;
  const KernelInterface &interface;
  tile::ProgramOp program;
  mlir::Type i64, pointerType;
  mlir::Value params, scratch;
  int64_t scratchUsed = 0, scratchPeak = 0;
  /// Scalars of the program and of the regions being written.
  mlir::IRMapping scalars;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Access>> buffers;
  llvm::DenseMap<mlir::Value, Memory> memories;
  /// Vectors of the nest's point that is being evaluated.
  llvm::DenseMap<mlir::Value, mlir::Value> memo;
  /// What the nest being written stores, and where.
  llvm::SmallVector<std::pair<mlir::Value, Access>> targets;
  /// Buffers that values must be written to: carries updated in place.
  llvm::DenseMap<mlir::Value, Access> destinations;
  bool failedEvaluation = false;
  /// The sweep whose step is being written, the step's count of points (i64)
  /// and whether the predicates of its masks hold.
  tile::SweepOp sweep;
  mlir::Value count;
  bool masksHold = false;
};

/// What points have that a load does not read.
mlir::TypedAttr getPad(tile::LoadOp load);

} // namespace attn::cpu

#endif // LIB_TARGET_CPU_EMITTER_H
