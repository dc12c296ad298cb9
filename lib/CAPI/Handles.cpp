//===- Handles.cpp - objects by numbers that are given once ---------------===//

#include "Handles.h"

#include <pthread.h>

using namespace attn;
using namespace attn::capi;

std::mutex capi::handleMutex;

const char *capi::getName(HandleKind kind) {
  switch (kind) {
  case HandleKind::kernel:
    return "kernel";
  case HandleKind::pool:
    return "pool";
  case HandleKind::plan:
    return "plan";
  case HandleKind::cancellation:
    return "cancellation";
  case HandleKind::cache:
    return "cache";
  }
  return nullptr;
}

// At load: a handler that the first call registers could come too late for the
// fork() of another thread.
[[gnu::constructor]] static void holdHandleMutexInForks() {
  pthread_atfork([] { handleMutex.lock(); }, [] { handleMutex.unlock(); },
                 [] { handleMutex.unlock(); });
}

Status capi::refuseHandle(uint64_t id, HandleKind expected) {
  std::string name = getName(expected);
  auto refuse = [&](const std::string &got, std::string alternative) {
    return Status::error(StatusCode::invalidArgument, name,
                         "expects a handle of one that lives, but got " + got,
                         std::move(alternative));
  };
  if (id == 0)
    return refuse("the null handle", "make a " + name + " first");
  const char *actual = getName(static_cast<HandleKind>(id >> 56));
  if (!actual)
    return refuse("a number that nobody was given",
                  "pass handles as they were received");
  if (actual != name)
    return refuse(std::string("one of a ") + actual, "pass the " + name);
  return refuse("one that was released",
                "release handles after their last use");
}
