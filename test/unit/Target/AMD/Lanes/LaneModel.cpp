//===- LaneModel.cpp - a module, its memory and its launches --------------===//

#include "Workgroup.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace attn;
using namespace attn::lanes;

LaneModel::LaneModel() : context(std::make_unique<llvm::LLVMContext>()) {}
LaneModel::~LaneModel() = default;

std::unique_ptr<LaneModel> LaneModel::parse(const std::string &text,
                                            std::string &error) {
  std::unique_ptr<LaneModel> model(new LaneModel);
  llvm::SMDiagnostic diagnostic;
  model->module = llvm::parseAssemblyString(text, diagnostic, *model->context);
  if (model->module)
    return model;
  llvm::raw_string_ostream stream(error);
  diagnostic.print("", stream, /*ShowColors=*/false);
  return nullptr;
}

void LaneModel::addMemory(const void *begin, uint64_t bytes) {
  auto address = reinterpret_cast<uint64_t>(begin);
  ranges.push_back({address, address + bytes});
}

/// Orders blocks so that each comes after those that lead to it, and all of a
/// loop before what follows the loop.
static void orderBlocks(Device &device) {
  llvm::DominatorTree tree(device.kernel);
  llvm::LoopInfo loops(tree);
  std::vector<llvm::BasicBlock *> post;
  llvm::DenseMap<llvm::BasicBlock *, bool> seen;
  std::function<void(llvm::BasicBlock *)> visit = [&](llvm::BasicBlock *block) {
    if (!seen.insert({block, true}).second)
      return;
    // What leaves more loops is visited first and so comes later; others are
    // right in either order.
    std::vector<llvm::BasicBlock *> next(llvm::succ_begin(block),
                                         llvm::succ_end(block));
    std::sort(next.begin(), next.end(), [&](auto *a, auto *b) {
      return loops.getLoopDepth(a) < loops.getLoopDepth(b);
    });
    for (llvm::BasicBlock *successor : next)
      visit(successor);
    post.push_back(block);
  };
  visit(&device.kernel.getEntryBlock());
  device.blocks.assign(post.rbegin(), post.rend());
  for (unsigned i = 0; i < device.blocks.size(); ++i)
    device.order[device.blocks[i]] = i;
}

/// Gives shared variables places; the array that a launch sizes is the last.
static void placeVariables(Device &device) {
  const llvm::Module &module = *device.kernel.getParent();
  for (bool isOpen : {false, true})
    for (const llvm::GlobalVariable &variable : module.globals()) {
      if (variable.getAddressSpace() != Space::local ||
          variable.isDeclaration() != isOpen)
        continue;
      uint64_t bytes =
          isOpen ? device.launch.sharedBytes
                 : device.layout.getTypeAllocSize(variable.getValueType());
      device.sharedBytes =
          llvm::alignTo(device.sharedBytes, variable.getAlign().valueOrOne());
      device.addresses[&variable] = device.sharedBytes;
      device.sharedBytes += bytes;
    }
}

template <typename T>
static void put(std::vector<uint8_t> &bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

/// User guide for AMDGPU back end, "Code object V5 hidden arguments"; HSA,
/// hsa_kernel_dispatch_packet_t.
static void describeLaunch(Device &device) {
  const LaneLaunch &launch = device.launch;
  device.hidden.assign(256, 0);
  device.packet.assign(64, 0);
  for (unsigned d = 0; d < 3; ++d) {
    auto threads = static_cast<uint16_t>(d == 0 ? launch.threads : 1);
    put<uint32_t>(device.hidden, 4 * d, launch.grid[d]);
    put<uint16_t>(device.hidden, 12 + 2 * d, threads);
    put<uint16_t>(device.packet, 4 + 2 * d, threads);
    put<uint32_t>(device.packet, 12 + 4 * d, launch.grid[d] * threads);
  }
}

std::string LaneModel::run(const LaneLaunch &launch) {
  llvm::Function *kernel = module->getFunction(launch.kernel);
  if (!kernel || kernel->isDeclaration())
    return "there is no kernel " + launch.kernel;
  if (kernel->arg_size() != launch.parameters.size())
    return launch.kernel + " has " + std::to_string(kernel->arg_size()) +
           " parameters, but got " + std::to_string(launch.parameters.size());
  Device device(launch, module->getDataLayout(), ranges, *kernel);
  orderBlocks(device);
  placeVariables(device);
  describeLaunch(device);
  for (unsigned z = 0; z < launch.grid[2]; ++z)
    for (unsigned y = 0; y < launch.grid[1]; ++y)
      for (unsigned x = 0; x < launch.grid[0]; ++x) {
        std::string finding = Workgroup(device, {x, y, z}).run();
        if (!finding.empty())
          return "workgroup " + std::to_string(x) + ", " + finding;
      }
  return {};
}

Workgroup::Workgroup(Device &device, const unsigned (&own)[3])
    : device(device) {
  std::copy(own, own + 3, number);
  shared.assign(device.sharedBytes, 0xff);
  unsigned lanes = device.launch.waveLanes;
  for (unsigned i = 0; i < (device.launch.threads + lanes - 1) / lanes; ++i)
    waves.push_back(std::make_unique<Wave>(*this, i));
}

std::string Workgroup::run() {
  std::uniform_int_distribution<unsigned> turn(1, 12);
  while (finding.empty()) {
    std::vector<Wave *> ready;
    bool isDone = true;
    for (auto &wave : waves) {
      isDone &= wave->isDone();
      if (!wave->isDone() && !wave->isWaiting)
        ready.push_back(wave.get());
    }
    if (isDone)
      break;
    if (ready.empty()) {
      // All that have not ended are at the barrier.
      for (auto &wave : waves)
        wave->isWaiting = false;
      continue;
    }
    ready[device.random() % ready.size()]->run(turn(device.random));
    if (device.numInstructions > device.launch.mostInstructions)
      return "it does not end";
  }
  return finding;
}
