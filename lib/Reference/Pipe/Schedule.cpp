//===- Schedule.cpp - whose turn it is, and what completes ------------===//

#include "Agent.h"

#include "llvm/ADT/STLExtras.h"

#include <random>

using namespace attn;
using namespace attn::reference;

namespace {
class Scheduler {
public:
  explicit Scheduler(Machine &machine)
      : machine(machine), random(machine.launch.seed) {}

  void run() {
    // Where there are no items, nothing is launched.
    bool goesOn = !machine.agents.empty();
    while (goesOn && !machine.isStopped)
      switch (machine.launch.schedule) {
      case PipeSchedule::roundRobin:
        goesOn = runRound();
        break;
      case PipeSchedule::earliest:
        goesOn = runEarliest();
        break;
      case PipeSchedule::latest:
        goesOn = runLatest();
        break;
      case PipeSchedule::random:
        goesOn = runRandom();
        break;
      }
    if (!machine.isStopped)
      reportDeadlock();
  }

private:
  /// Whether `agent` did something.
  bool step(Agent &agent) {
    if (agent.hasEnded() || machine.isStopped)
      return false;
    return agent.step() != Agent::Progress::waits;
  }

  void complete(size_t index) {
    // It may add no event, but ends its place in the list first.
    std::unique_ptr<Event> event = std::move(machine.events[index]);
    machine.events.erase(machine.events.begin() + index);
    event->complete();
  }

  /// Completes the oldest event that may; false if there is none.
  bool completeOldest(llvm::function_ref<bool(const Event &)> condition) {
    for (size_t i = 0; i < machine.events.size(); ++i)
      if (machine.events[i]->isReady() && condition(*machine.events[i])) {
        complete(i);
        return true;
      }
    return false;
  }

  static bool any(const Event &) { return true; }

  bool runRound() {
    bool moved = false;
    for (std::unique_ptr<Agent> &agent : machine.agents)
      moved |= step(*agent);
    return completeOldest(any) || moved;
  }

  bool runEarliest() {
    bool moved = false;
    for (std::unique_ptr<Agent> &agent : machine.agents)
      do {
        while (completeOldest(any))
          moved = true;
      } while (step(*agent) && (moved = true));
    return moved;
  }

  bool runLatest() {
    bool moved = false;
    for (std::unique_ptr<Agent> &agent : llvm::reverse(machine.agents))
      while (step(*agent))
        moved = true;
    return moved || completeOldest([&](const Event &event) {
             return llvm::any_of(machine.agents, [&](auto &agent) {
               return !agent->hasEnded() &&
                      agent->getAwaited() == event.awaited;
             });
           });
  }

  /// Runs one agent for a while, or completes one event. How often each, and
  /// how long, also varies with the seed.
  bool runRandom() {
    if (stubbornness == 0) {
      stubbornness = 1 << pick(6);
      eagerness = 1 + pick(64);
    }
    llvm::SmallVector<size_t> ready;
    for (size_t i = 0; i < machine.events.size(); ++i)
      if (machine.events[i]->isReady())
        ready.push_back(i);
    bool moved = false;
    if (!ready.empty() && pick(64) < eagerness) {
      complete(ready[pick(ready.size())]);
      moved = true;
    } else {
      Agent &agent = *machine.agents[pick(machine.agents.size())];
      for (size_t i = 1 + pick(stubbornness); i > 0 && step(agent); --i)
        moved = true;
    }
    if (moved)
      return true;
    // The one chosen waits. Is there another that does not?
    for (std::unique_ptr<Agent> &agent : machine.agents)
      if (step(*agent))
        return true;
    if (ready.empty())
      return false;
    complete(ready[pick(ready.size())]);
    return true;
  }

  /// A number below `count`. Not std::uniform_int_distribution, whose numbers
  /// differ between libraries.
  size_t pick(size_t count) { return random() % count; }

  void reportDeadlock() {
    mlir::Operation *first = nullptr;
    std::string message;
    llvm::SmallVector<Note> notes;
    for (std::unique_ptr<Agent> &agent : machine.agents) {
      if (agent->hasEnded())
        continue;
      std::string what = agent->describe() + " " + agent->getWaitReason();
      if (!first) {
        first = agent->getOperation();
        message = "no group can go on: " + what;
      } else {
        notes.emplace_back(agent->getOperation(), what);
      }
      if (agent->getWaitParty())
        notes.emplace_back(agent->getWaitParty(), "it waits for what is here");
    }
    if (first)
      machine.stop(first, message, notes);
  }

  Machine &machine;
  std::mt19937_64 random;
  size_t stubbornness = 0, eagerness = 0;
};
} // namespace

void attn::reference::schedule(Machine &machine) { Scheduler(machine).run(); }
