//===- Intrinsics.cpp - what lanes have of each other ---------------------===//
//
// From the AMD Instinct MI200 and CDNA 3 ISA and the RDNA 3 ISA, "Data share"
// and "Cross-lane and data parallel processing", and LLVM's User guide for
// AMDGPU back end.
//
//===----------------------------------------------------------------------===//

#include "Workgroup.h"

#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/IntrinsicsAMDGPU.h"

#include <cmath>

using namespace attn;
using namespace attn::lanes;

namespace intrinsic = llvm::Intrinsic;

void Wave::call(llvm::CallInst &call, Register &result) {
  if (callNumber(call, result) || callExchange(call, result) ||
      callMatrix(call, result))
    return;
  // Without text it only hides a value from the compiler.
  if (auto *assembly = llvm::dyn_cast<llvm::InlineAsm>(call.getCalledOperand());
      assembly && assembly->getAsmString().empty() && call.arg_size() == 1) {
    const Register &value = get(call.getArgOperand(0));
    return forEach([&](unsigned lane) {
      std::copy_n(value.get(lane), result.count, result.get(lane));
    });
  }
  auto ask = [&](auto value) {
    forEach([&](unsigned lane) { *result.get(lane) = value(lane); });
  };
  switch (call.getIntrinsicID()) {
  case intrinsic::amdgcn_workitem_id_x:
    return ask([&](unsigned lane) { return number * numLanes + lane; });
  case intrinsic::amdgcn_workitem_id_y:
  case intrinsic::amdgcn_workitem_id_z:
    return ask([](unsigned) { return 0; });
  case intrinsic::amdgcn_workgroup_id_x:
    return ask([&](unsigned) { return group.number[0]; });
  case intrinsic::amdgcn_workgroup_id_y:
    return ask([&](unsigned) { return group.number[1]; });
  case intrinsic::amdgcn_workgroup_id_z:
    return ask([&](unsigned) { return group.number[2]; });
  case intrinsic::amdgcn_implicitarg_ptr:
    return ask([&](unsigned) {
      return reinterpret_cast<uint64_t>(device.hidden.data());
    });
  case intrinsic::amdgcn_dispatch_ptr:
    return ask([&](unsigned) {
      return reinterpret_cast<uint64_t>(device.packet.data());
    });
  case intrinsic::amdgcn_wavefrontsize:
    return ask([&](unsigned) { return numLanes; });
  case intrinsic::amdgcn_s_barrier:
    isWaiting = true;
    return;
  case intrinsic::amdgcn_s_sleep:
  case intrinsic::amdgcn_s_waitcnt:
  case intrinsic::amdgcn_s_setprio:
  case intrinsic::amdgcn_sched_barrier:
  case intrinsic::amdgcn_sched_group_barrier:
  case intrinsic::amdgcn_iglp_opt:
  case intrinsic::amdgcn_wave_barrier:
  case intrinsic::assume:
  case intrinsic::lifetime_start:
  case intrinsic::lifetime_end:
    return;
  default:
    stop("there is no model of the function");
  }
}

bool Wave::callNumber(llvm::CallInst &call, Register &result) {
  llvm::Type *type = getElement(call.getType());
  unsigned width =
      type->isVoidTy()
          ? 0
          : static_cast<unsigned>(device.layout.getTypeSizeInBits(type));
  auto operand = [&](unsigned i) -> const Register & {
    return get(call.getArgOperand(i));
  };
  auto map = [&](auto compute) {
    const Register &a = operand(0);
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i)
        result.get(lane)[i] =
            toBits(type, compute(toDouble(type, a.get(lane)[i])));
    });
    return true;
  };
  auto mapPair = [&](auto compute) {
    const Register &a = operand(0), &b = operand(1);
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i)
        result.get(lane)[i] =
            toBits(type, compute(toDouble(type, a.get(lane)[i]),
                                 toDouble(type, b.get(lane)[i])));
    });
    return true;
  };
  auto mapIntegers = [&](auto compute) {
    const Register &a = operand(0);
    const Register &b = call.arg_size() > 1 ? operand(1) : a;
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i)
        result.get(lane)[i] =
            llvm::maskTrailingOnes<uint64_t>(width) &
            static_cast<uint64_t>(compute(a.get(lane)[i], b.get(lane)[i]));
    });
    return true;
  };
  auto sign = [&](uint64_t bits) { return llvm::SignExtend64(bits, width); };
  switch (call.getIntrinsicID()) {
  case intrinsic::fma:
  case intrinsic::fmuladd: {
    const Register &a = operand(0), &b = operand(1), &c = operand(2);
    // Products of f32 are exact in doubles, so that a sum is rounded twice at
    // the most.
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i)
        result.get(lane)[i] =
            toBits(type, std::fma(toDouble(type, a.get(lane)[i]),
                                  toDouble(type, b.get(lane)[i]),
                                  toDouble(type, c.get(lane)[i])));
    });
    return true;
  }
  case intrinsic::exp2:
  case intrinsic::amdgcn_exp2:
    return map([](double x) { return std::exp2(x); });
  case intrinsic::log2:
  case intrinsic::amdgcn_log:
    return map([](double x) { return std::log2(x); });
  case intrinsic::amdgcn_rcp:
    return map([](double x) { return 1 / x; });
  case intrinsic::amdgcn_rsq:
    return map([](double x) { return 1 / std::sqrt(x); });
  case intrinsic::sqrt:
  case intrinsic::amdgcn_sqrt:
    return map([](double x) { return std::sqrt(x); });
  case intrinsic::fabs:
    return map([](double x) { return std::fabs(x); });
  case intrinsic::floor:
    return map([](double x) { return std::floor(x); });
  case intrinsic::ceil:
    return map([](double x) { return std::ceil(x); });
  case intrinsic::rint:
  case intrinsic::roundeven:
    return map([](double x) { return std::nearbyint(x); });
  case intrinsic::maxnum:
    return mapPair([](double a, double b) { return std::fmax(a, b); });
  case intrinsic::minnum:
    return mapPair([](double a, double b) { return std::fmin(a, b); });
  case intrinsic::maximum:
    return mapPair([](double a, double b) {
      return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b);
    });
  case intrinsic::minimum:
    return mapPair([](double a, double b) {
      return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b);
    });
  case intrinsic::copysign:
    return mapPair([](double a, double b) { return std::copysign(a, b); });
  case intrinsic::umax:
    return mapIntegers([](uint64_t a, uint64_t b) { return std::max(a, b); });
  case intrinsic::umin:
    return mapIntegers([](uint64_t a, uint64_t b) { return std::min(a, b); });
  case intrinsic::smax:
    return mapIntegers(
        [&](uint64_t a, uint64_t b) { return std::max(sign(a), sign(b)); });
  case intrinsic::smin:
    return mapIntegers(
        [&](uint64_t a, uint64_t b) { return std::min(sign(a), sign(b)); });
  case intrinsic::abs:
    return mapIntegers([&](uint64_t a, uint64_t) { return std::abs(sign(a)); });
  case intrinsic::ctpop:
    return mapIntegers([](uint64_t a, uint64_t) { return llvm::popcount(a); });
  case intrinsic::cttz:
    return mapIntegers([&](uint64_t a, uint64_t) {
      return a ? llvm::countr_zero(a) : int(width);
    });
  case intrinsic::ctlz:
    return mapIntegers([&](uint64_t a, uint64_t) {
      return a ? llvm::countl_zero(a) - int(64 - width) : int(width);
    });
  case intrinsic::fshl:
  case intrinsic::fshr: {
    const Register &a = operand(0), &b = operand(1), &c = operand(2);
    bool isLeft = call.getIntrinsicID() == intrinsic::fshl;
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i) {
        unsigned by = static_cast<unsigned>(c.get(lane)[i] % width);
        uint64_t high = a.get(lane)[i], low = b.get(lane)[i];
        uint64_t bits = by == 0  ? (isLeft ? high : low)
                        : isLeft ? high << by | low >> (width - by)
                                 : high << (width - by) | low >> by;
        result.get(lane)[i] = bits & llvm::maskTrailingOnes<uint64_t>(width);
      }
    });
    return true;
  }
  case intrinsic::amdgcn_perm: {
    const Register &a = operand(0), &b = operand(1), &select = operand(2);
    forEach([&](unsigned lane) {
      // Bytes 0 to 3 are the second operand's; 12 is zero, more are ones.
      uint64_t bytes = (*a.get(lane) << 32) | (*b.get(lane) & 0xffffffff);
      uint64_t bits = 0;
      for (unsigned i = 0; i < 4; ++i) {
        uint64_t which = *select.get(lane) >> (8 * i) & 0xff;
        uint64_t byte = which < 8     ? bytes >> (8 * which) & 0xff
                        : which == 12 ? 0
                                      : 0xff;
        bits |= byte << (8 * i);
      }
      *result.get(lane) = bits;
    });
    return true;
  }
  case intrinsic::amdgcn_ubfe:
    return mapIntegers([&](uint64_t a, uint64_t offset) {
      uint64_t count = *operand(2).get(0) & 31;
      return a >> (offset & 31) & llvm::maskTrailingOnes<uint64_t>(count);
    });
  case intrinsic::amdgcn_cvt_pkrtz: {
    const Register &a = operand(0), &b = operand(1);
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < 2; ++i) {
        uint32_t bits = static_cast<uint32_t>(*(i ? b : a).get(lane));
        llvm::APFloat value(llvm::bit_cast<float>(bits));
        bool losesInfo;
        value.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmTowardZero,
                      &losesInfo);
        result.get(lane)[i] = value.bitcastToAPInt().getZExtValue();
      }
    });
    return true;
  }
  case intrinsic::amdgcn_fmed3: {
    const Register &a = operand(0), &b = operand(1), &c = operand(2);
    forEach([&](unsigned lane) {
      double x = toDouble(type, *a.get(lane)), y = toDouble(type, *b.get(lane)),
             z = toDouble(type, *c.get(lane));
      *result.get(lane) = toBits(
          type, std::fmax(std::fmin(x, y), std::fmin(std::fmax(x, y), z)));
    });
    return true;
  }
  default:
    return false;
  }
}

/// The lane that `lane` has its value of by DPP control `control`, or none.
static std::optional<unsigned> findDppLane(unsigned control, unsigned lane,
                                           unsigned numLanes) {
  unsigned row = lane & ~15u, place = lane & 15;
  auto inRow = [&](int other) -> std::optional<unsigned> {
    if (other < 0 || other > 15)
      return std::nullopt;
    return row + static_cast<unsigned>(other);
  };
  unsigned by = control & 15;
  if (control < 0x100)
    return (lane & ~3u) + (control >> (2 * (lane & 3)) & 3);
  if (control > 0x100 && control < 0x110)
    return inRow(int(place) + int(by));
  if (control > 0x110 && control < 0x120)
    return inRow(int(place) - int(by));
  if (control > 0x120 && control < 0x130)
    return row + (place + 16 - by) % 16;
  if (control == 0x138)
    return lane == 0 ? std::nullopt : std::optional(lane - 1);
  if (control == 0x130)
    return lane + 1 < numLanes ? std::optional(lane + 1) : std::nullopt;
  if (control == 0x140)
    return row + 15 - place;
  if (control == 0x141)
    return (lane & ~7u) + 7 - (lane & 7);
  if (control == 0x142)
    return row == 0 ? std::nullopt : std::optional(row - 1);
  if (control == 0x143)
    return lane < 32 ? std::nullopt : std::optional(31u);
  if (control >= 0x150 && control < 0x160)
    return row + by;
  if (control >= 0x160 && control < 0x170)
    return row + (place ^ by);
  return std::nullopt;
}

bool Wave::callExchange(llvm::CallInst &call, Register &result) {
  auto operand = [&](unsigned i) -> const Register & {
    return get(call.getArgOperand(i));
  };
  auto constant = [&](unsigned i) {
    return static_cast<unsigned>(*operand(i).get(0));
  };
  /// What a lane that is not there, or does nothing, gives.
  auto take = [&](const Register &from, unsigned lane, uint64_t otherwise) {
    return lane < numLanes && isActive[lane] ? *from.get(lane) : otherwise;
  };
  switch (call.getIntrinsicID()) {
  case intrinsic::amdgcn_readfirstlane: {
    const Register &a = operand(0);
    unsigned first = 0;
    while (!isActive[first])
      ++first;
    forEach([&](unsigned lane) {
      std::copy_n(a.get(first), result.count, result.get(lane));
    });
    return true;
  }
  case intrinsic::amdgcn_readlane: {
    // Whether it is active is nothing to it.
    const Register &a = operand(0), &which = operand(1);
    forEach([&](unsigned lane) {
      *result.get(lane) = *a.get(unsigned(*which.get(lane)) % numLanes);
    });
    return true;
  }
  case intrinsic::amdgcn_mbcnt_lo:
  case intrinsic::amdgcn_mbcnt_hi: {
    bool isLow = call.getIntrinsicID() == intrinsic::amdgcn_mbcnt_lo;
    const Register &mask = operand(0), &base = operand(1);
    forEach([&](unsigned lane) {
      uint64_t below = llvm::maskTrailingOnes<uint64_t>(lane);
      uint64_t own = isLow ? below & 0xffffffff : below >> 32;
      *result.get(lane) =
          (*base.get(lane) + unsigned(llvm::popcount(*mask.get(lane) & own))) &
          0xffffffff;
    });
    return true;
  }
  case intrinsic::amdgcn_ballot: {
    const Register &a = operand(0);
    uint64_t bits = 0;
    forEach([&](unsigned lane) { bits |= (*a.get(lane) & 1) << lane; });
    forEach([&](unsigned lane) { *result.get(lane) = bits; });
    return true;
  }
  case intrinsic::amdgcn_ds_bpermute: {
    const Register &address = operand(0), &data = operand(1);
    forEach([&](unsigned lane) {
      unsigned from = unsigned(*address.get(lane)) / 4 % numLanes;
      *result.get(lane) = take(data, from, 0);
    });
    return true;
  }
  case intrinsic::amdgcn_ds_swizzle: {
    const Register &data = operand(0);
    unsigned pattern = constant(1);
    forEach([&](unsigned lane) {
      unsigned from = lane & 31;
      if (pattern & 0x8000)
        from = (from & ~3u) + (pattern >> (2 * (lane & 3)) & 3);
      else
        from = ((from & (pattern & 31)) | (pattern >> 5 & 31)) ^
               (pattern >> 10 & 31);
      *result.get(lane) = take(data, (lane & 32) + from, 0);
    });
    return true;
  }
  case intrinsic::amdgcn_permlane16:
  case intrinsic::amdgcn_permlanex16: {
    bool isOther = call.getIntrinsicID() == intrinsic::amdgcn_permlanex16;
    const Register &old = operand(0), &data = operand(1), &low = operand(2),
                   &high = operand(3);
    bool fetchesInactive = constant(4);
    forEach([&](unsigned lane) {
      uint64_t select = lane & 8 ? *high.get(lane) : *low.get(lane);
      unsigned from =
          static_cast<unsigned>(select >> (4 * (lane & 7)) & 15) + (lane & 48);
      if (isOther)
        from ^= 16;
      *result.get(lane) =
          fetchesInactive ? *data.get(from) : take(data, from, *old.get(lane));
    });
    return true;
  }
  case intrinsic::amdgcn_permlane64: {
    const Register &data = operand(0);
    forEach([&](unsigned lane) { *result.get(lane) = *data.get(lane ^ 32); });
    return true;
  }
  case intrinsic::amdgcn_mov_dpp:
  case intrinsic::amdgcn_update_dpp: {
    bool hasOld = call.getIntrinsicID() == intrinsic::amdgcn_update_dpp;
    unsigned shift = hasOld ? 1 : 0;
    const Register &data = operand(shift);
    unsigned control = constant(shift + 1), rows = constant(shift + 2),
             banks = constant(shift + 3), bounds = constant(shift + 4);
    forEach([&](unsigned lane) {
      uint64_t old = hasOld ? *operand(0).get(lane) : 0;
      bool isWritten =
          rows >> (lane / 16 % 4) & 1 && banks >> (lane / 4 % 4) & 1;
      auto from = findDppLane(control, lane, numLanes);
      if (!isWritten)
        *result.get(lane) = old;
      else
        *result.get(lane) =
            from ? take(data, *from, bounds ? 0 : old) : (bounds ? 0 : old);
    });
    return true;
  }
  default:
    return false;
  }
}

namespace {
/// D = A B + C of one wave. Transcribed from the ISA manuals.
struct Matrix {
  unsigned size, depth;
  /// Elements of A, of B or of C that a lane holds.
  unsigned numOperands, numAccumulators;
  /// The place along the depth of element `i` of a lane's A or B.
  unsigned (*getDepth)(unsigned lane, unsigned i);
  /// The row of D in register `i`. Its column is the lane modulo the size.
  unsigned (*getRow)(unsigned lane, unsigned i);
  bool isReplicated;
};
} // namespace

static const Matrix mfma32 = {
    32,
    8,
    4,
    16,
    [](unsigned lane, unsigned i) { return 4 * (lane / 32) + i; },
    [](unsigned lane, unsigned i) {
      return 8 * (i / 4) + 4 * (lane / 32) + i % 4;
    },
    false};
static const Matrix mfma16 = {
    16,
    16,
    4,
    4,
    [](unsigned lane, unsigned i) { return 4 * (lane / 16) + i; },
    [](unsigned lane, unsigned i) { return 4 * (lane / 16) + i; },
    false};
static const Matrix wmma16 = {
    16,
    16,
    16,
    8,
    [](unsigned, unsigned i) { return i; },
    [](unsigned lane, unsigned i) { return 2 * i + lane / 16; },
    true};

bool Wave::callMatrix(llvm::CallInst &call, Register &result) {
  const Matrix *matrix = nullptr;
  bool isBF16 = false;
  switch (call.getIntrinsicID()) {
  case intrinsic::amdgcn_mfma_f32_32x32x8bf16_1k:
    isBF16 = true;
    [[fallthrough]];
  case intrinsic::amdgcn_mfma_f32_32x32x8f16:
    matrix = &mfma32;
    break;
  case intrinsic::amdgcn_mfma_f32_16x16x16bf16_1k:
    isBF16 = true;
    [[fallthrough]];
  case intrinsic::amdgcn_mfma_f32_16x16x16f16:
    matrix = &mfma16;
    break;
  case intrinsic::amdgcn_wmma_f32_16x16x16_bf16:
    isBF16 = true;
    [[fallthrough]];
  case intrinsic::amdgcn_wmma_f32_16x16x16_f16:
    matrix = &wmma16;
    break;
  default:
    return false;
  }
  const Register &a = get(call.getArgOperand(0)),
                 &b = get(call.getArgOperand(1)),
                 &c = get(call.getArgOperand(2));
  for (unsigned lane = 0; lane < numLanes; ++lane)
    if (!isActive[lane])
      stop("a matrix instruction takes all lanes, but lane " +
           std::to_string(lane) + " is not there");
  llvm::LLVMContext &context = call.getContext();
  llvm::Type *element = isBF16 ? llvm::Type::getBFloatTy(context)
                               : llvm::Type::getHalfTy(context);
  llvm::Type *f32 = llvm::Type::getFloatTy(context);
  unsigned size = matrix->size, depth = matrix->depth;
  // [row or column][depth]
  std::vector<float> lhs(size * depth), rhs(size * depth);
  for (unsigned lane = 0; lane < numLanes; ++lane)
    for (unsigned i = 0; i < matrix->numOperands; ++i) {
      unsigned place = lane % size * depth + matrix->getDepth(lane, i);
      uint64_t x = a.get(lane)[i], y = b.get(lane)[i];
      if (matrix->isReplicated && lane >= size &&
          (x != a.get(lane - size)[i] || y != b.get(lane - size)[i]))
        stop("both halves of a wave hold the same, but element " +
             std::to_string(i) + " of lane " + std::to_string(lane) +
             " differs");
      lhs[place] = static_cast<float>(toDouble(element, x));
      rhs[place] = static_cast<float>(toDouble(element, y));
    }
  for (unsigned lane = 0; lane < numLanes; ++lane)
    for (unsigned i = 0; i < matrix->numAccumulators; ++i) {
      unsigned row = matrix->getRow(lane, i), column = lane % size;
      float sum = static_cast<float>(toDouble(f32, c.get(lane)[i]));
      for (unsigned k = 0; k < depth; ++k)
        sum = std::fma(lhs[row * depth + k], rhs[column * depth + k], sum);
      result.get(lane)[i] = toBits(f32, sum);
    }
  return true;
}
