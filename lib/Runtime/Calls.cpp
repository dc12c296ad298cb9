//===- Calls.cpp - a kernel that is called with what comes ----------------===//

#include "attn/Runtime/Calls.h"

#include <algorithm>
#include <vector>

using namespace attn;

template <typename T>
static void append(std::string &text, const T *values, size_t count) {
  text.append(reinterpret_cast<const char *>(values), sizeof(T) * count);
}

/// All that a plan depends on but addresses. Empty where a tensor cannot be
/// described, which preparing then refuses.
static std::string describe(const ArgumentValue *values, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    const ArgumentValue &value = values[i];
    append(text, &value.kind, 1);
    switch (value.kind) {
    case ArgumentValue::Kind::integer:
      append(text, &value.integer, 1);
      break;
    case ArgumentValue::Kind::real:
      append(text, &value.real, 1);
      break;
    case ArgumentValue::Kind::tensor:
      const DLTensor *tensor = value.tensor;
      if (!tensor || tensor->ndim < 0 || (tensor->ndim > 0 && !tensor->shape))
        return {};
      append(text, &tensor->dtype, 1);
      append(text, &tensor->device, 1);
      append(text, &tensor->ndim, 1);
      append(text, tensor->shape, tensor->ndim);
      bool isCompact = !tensor->strides;
      append(text, &isCompact, 1);
      if (!isCompact)
        append(text, tensor->strides, tensor->ndim);
      break;
    }
  }
  return text;
}

Calls::Entry *Calls::find(const std::string &layout, void *stream,
                          bool isCaptured) {
  auto serves = [&](const Entry &entry) {
    return entry.stream == stream && entry.isCaptured == isCaptured &&
           entry.layout == layout;
  };
  auto found = std::find_if(entries.begin(), entries.end(), serves);
  if (found == entries.end() && isCaptured) {
    // None can be made while a stream captures: one of another stream becomes
    // the graph's.
    found = std::find_if(entries.begin(), entries.end(), [&](const Entry &e) {
      return !e.isCaptured && e.layout == layout;
    });
    if (found != entries.end()) {
      found->stream = stream;
      found->isCaptured = true;
    }
  }
  if (found == entries.end())
    return nullptr;
  entries.splice(entries.begin(), entries, found);
  return &entries.front();
}

Status Calls::start(PreparedPlan &plan, void *stream) const {
  return kernel->hasStreams() ? plan.launch(stream) : plan.run();
}

Status Calls::call(const ArgumentValue *values, size_t count, void *stream) {
  Result<bool> isCapturing = kernel->isCapturing(stream);
  if (!isCapturing.isOk())
    return isCapturing.takeStatus();
  std::string layout = describe(values, count);
  std::lock_guard<std::mutex> lock(mutex);
  if (Entry *entry =
          layout.empty() ? nullptr : find(layout, stream, *isCapturing)) {
    std::vector<const void *> data;
    data.reserve(count);
    for (size_t i = 0; i < count; ++i)
      if (const DLTensor *tensor = values[i].tensor)
        data.push_back(static_cast<const char *>(tensor->data) +
                       tensor->byte_offset);
    if (Status status = entry->plan->move(data.data(), data.size());
        !status.isOk())
      return status;
    return start(*entry->plan, stream);
  }
  Result<std::unique_ptr<PreparedPlan>> plan =
      kernel->prepare(values, count, pool);
  if (!plan.isOk())
    return plan.takeStatus();
  if (Status status = start(**plan, stream); !status.isOk())
    return status;
  entries.push_front({std::move(layout), stream, false, std::move(*plan)});
  auto isCounted = [](const Entry &entry) { return !entry.isCaptured; };
  if (size_t(std::count_if(entries.begin(), entries.end(), isCounted)) >
      maxPlans)
    entries.erase(std::prev(
        std::find_if(entries.rbegin(), entries.rend(), isCounted).base()));
  return {};
}
