//===- ScheduleTable.cpp - the schedules that ship ------------------------===//

#include "Schedules.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

using namespace attn;

Result<ScheduleTable> attn::nvidia::readScheduleTable() {
  return ScheduleTable::parse(kScheduleText, "sm_90a.schedules");
}
