//===- StoreTiles.cpp - tiles to where their ranks stand ------------------===//

#include "EinsumEmitter.h"
#include "PackedRows.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

FailureOr<AffineExpr> ProgramEmitter::getCoordinate(AddressMap &address,
                                                    const TileValue &value,
                                                    StringAttr rank,
                                                    Location loc) {
  const RankPlace *place = getPlace(rank, loc);
  if (!place)
    return failure();
  AffineExpr coordinate;
  const auto *it = llvm::find(value.ranks, rank);
  if (it != value.ranks.end())
    coordinate = getAffineDimExpr(it - value.ranks.begin(), func.getContext());
  if (!place->base)
    return coordinate;
  AffineExpr base = address.addIndex(place->base);
  return coordinate ? coordinate + base : base;
}

void ProgramEmitter::storeAt(const TileValue &value, const MemoryTensor &target,
                             AddressMap address, Location loc) {
  SmallVector<Value> valid;
  bool allValid = true;
  for (StringAttr rank : value.ranks) {
    const RankPlace &place = places[rank];
    allValid &= !place.valid;
    valid.push_back(getValidCount(place));
  }
  address.coordinates = unpackCoordinates(target, address);
  auto map = AffineMap::get(value.ranks.size(), address.indices.size(),
                            address.coordinates, func.getContext());
  Value tile =
      convertTile(builder, loc, value.tile, target.type.getElementType());
  auto op = tile::StoreOp::create(builder, loc, tile, target.memref,
                                  AffineMapAttr::get(map), address.indices,
                                  allValid ? ValueRange() : ValueRange(valid));
  op.setClips(hasGaps(func, target.packing));
}

LogicalResult ProgramEmitter::storeTile(const TileValue &value,
                                        const MemoryTensor &target,
                                        Location loc) {
  AddressMap address;
  for (StringAttr rank : target.type.getRanks()) {
    if (rank != target.slicedRank) {
      FailureOr<AffineExpr> coordinate =
          getCoordinate(address, value, rank, loc);
      if (failed(coordinate))
        return failure();
      address.coordinates.push_back(*coordinate);
      continue;
    }
    // Of a scan's emitted result: the swept rank is at the tile's own rank.
    AffineExpr coordinate = address.addIndex(target.sliceBase);
    const auto *it = llvm::find(value.ranks, target.sliceRank);
    if (it != value.ranks.end())
      coordinate =
          getAffineDimExpr(it - value.ranks.begin(), func.getContext()) +
          coordinate;
    address.coordinates.push_back(coordinate);
  }
  storeAt(value, target, address, loc);
  return success();
}

LogicalResult ProgramEmitter::store(Value value, const MemoryTensor &target) {
  FailureOr<TileValue> tile = getTile(value);
  if (failed(tile))
    return failure();
  return storeTile(*tile, target, value.getLoc());
}
