//===- Models.h - what schedules for AMD GPUs are made for ------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_AMD_MODELS_H
#define ATTN_LIB_TARGET_AMD_MODELS_H

#include "attn/Conversion/MachineModel.h"

namespace attn::amd {

/// A model for both kinds of tensors and, where there are two, both heights of
/// groups.
class Models {
public:
  /// `tall` is the height of groups whose tiles are whole numbers of its rows.
  Models(const MachineModel &rows, const MachineModel *tall);
  Models(const Models &) = delete;

  const MachineModel &get(bool anyStrides) const {
    return anyStrides ? strided : rows;
  }

private:
  MachineModel rows, strided, tallRows, tallStrided;
};

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_MODELS_H
