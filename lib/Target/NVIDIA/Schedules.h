//===- Schedules.h - the text of the schedules that ship --------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_NVIDIA_SCHEDULES_H
#define ATTN_LIB_TARGET_NVIDIA_SCHEDULES_H

namespace attn::nvidia {

/// What stands in sm_90a.schedules.
extern const char *const kScheduleText;

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_SCHEDULES_H
