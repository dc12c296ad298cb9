//===- Schedules.h - the text of the schedules that ship --------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_NVIDIA_SCHEDULES_H
#define ATTN_LIB_TARGET_NVIDIA_SCHEDULES_H

namespace attn::nvidia {

/// What stands in sm_90a.schedules, sm_80.schedules and sm_89.schedules.
extern const char *const kHopperSchedules, *const kAmpereSchedules,
                                               *const kAdaSchedules;

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_SCHEDULES_H
