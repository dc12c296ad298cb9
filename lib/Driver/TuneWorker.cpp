//===- TuneWorker.cpp - a process that runs what is being tuned -----------===//

#include "TuneWorker.h"

#include "attn/Driver/Execution.h"
#include "attn/Driver/KernelRun.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace attn;

/// A kernel that has not answered by then hangs: loading runs it once on each
/// problem, timing a few times more.
static constexpr int kTimeoutMs = 30000;

//===----------------------------------------------------------------------===//
// Messages: a head, then so many bytes
//===----------------------------------------------------------------------===//

namespace {
struct Head {
  char kind = 0;
  uint64_t number = 0;
  double milliseconds = 0;
  uint64_t size = 0;
};
} // namespace

static bool sendAll(int socket, const void *data, size_t size) {
  const char *bytes = static_cast<const char *>(data);
  while (size != 0) {
    ssize_t sent = ::send(socket, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    bytes += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

static bool receiveAll(int socket, void *data, size_t size) {
  char *bytes = static_cast<char *>(data);
  while (size != 0) {
    ssize_t got = ::recv(socket, bytes, size, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    bytes += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

static bool sendMessage(int socket, Head head, const std::string &text) {
  head.size = text.size();
  return sendAll(socket, &head, sizeof(head)) &&
         sendAll(socket, text.data(), text.size());
}

static bool receiveMessage(int socket, Head &head, std::string &text) {
  if (!receiveAll(socket, &head, sizeof(head)))
    return false;
  text.resize(head.size);
  return receiveAll(socket, text.data(), text.size());
}

//===----------------------------------------------------------------------===//
// The child
//===----------------------------------------------------------------------===//

namespace {
/// One problem on the device. All kernels write to the same outputs.
class Side {
public:
  Side(cascade::FuncOp func, TuneProblem &problem)
      : func(func), problem(problem) {}

  Status open();
  /// A plan of `kernel` that has run once, over outputs full of NaN, and left
  /// what it wrote in `outputs`.
  Result<api::Plan> run(attn_kernel kernel, const Manifest &manifest);

  std::optional<DeviceTensors> tensors;
  std::map<std::string, HostTensor> outputs;

private:
  cascade::FuncOp func;
  TuneProblem &problem;
  std::map<std::string, HostTensor> unwritten;
};

struct Loaded {
  api::Kernel kernel;
  api::Plan plan;
};

class Child {
public:
  Child(TuneWork &work, int socket)
      : work(work), socket(socket), large(work.func, work.large) {
    if (work.small)
      small.emplace(work.func, *work.small);
  }
  void run();

private:
  Status load(uint64_t number, const std::string &bytes, bool &isWrong);
  Status agree(bool &isWrong);

  TuneWork &work;
  int socket;
  Side large;
  std::optional<Side> small;
  std::map<uint64_t, Loaded> kernels;
  /// What the first kernel wrote.
  std::map<std::string, std::vector<double>> first;
};
} // namespace

Status Side::open() {
  auto created = DeviceTensors::create();
  if (!created.isOk())
    return created.takeStatus();
  tensors.emplace(std::move(*created));
  for (auto &[name, tensor] : problem.inputs)
    if (Status status = tensors->upload(name, tensor); !status.isOk())
      return status;
  // A problem without inputs is asked for its device alone.
  if (problem.inputs.empty())
    return {};
  for (auto *made : {&unwritten, &outputs}) {
    auto results = createOutputs(func, problem.problem, Layout::contiguous);
    if (!results.isOk())
      return results.takeStatus();
    *made = std::move(*results);
  }
  return {};
}

Result<api::Plan> Side::run(attn_kernel kernel, const Manifest &manifest) {
  for (auto &[name, tensor] : unwritten)
    if (Status status = tensors->upload(name, tensor); !status.isOk())
      return status;
  auto plan = preparePlan(kernel, manifest, problem.problem, problem.inputs,
                          outputs, /*threads=*/1, &*tensors);
  if (!plan.isOk())
    return plan;
  if (Status status = runPlan(plan->get()); !status.isOk())
    return status;
  for (auto &[name, tensor] : outputs)
    if (Status status = tensors->download(name, tensor); !status.isOk())
      return status;
  return plan;
}

static Status reportWrong(const std::string &name, double ratio) {
  return Status::error(
      StatusCode::invalidArgument, name,
      "errs " + std::to_string(ratio) + " times what the rule allows", "");
}

/// Two right results differ by what both may err. How much an unfused
/// computation errs is known of the small problem; its error grows slowly with
/// the length, so that a fixed part of the row's magnitude covers it.
Status Child::agree(bool &isWrong) {
  bool isFirst = first.empty();
  for (const auto &[name, tensor] : large.outputs) {
    if (isFirst) {
      first[name] = tensor.getValues();
      continue;
    }
    // Eight ulp of bf16 are more than the weights' rounding makes in any
    // variant; f32 results carry a few of the exponential's.
    constexpr double kUlps = 8;
    std::vector<double> actual = tensor.getValues();
    const std::vector<double> &expected = first.at(name);
    const std::vector<int64_t> &shape = tensor.getShape();
    size_t row = shape.empty() ? 1 : static_cast<size_t>(shape.back());
    for (size_t begin = 0; begin < actual.size(); begin += row) {
      double magnitude = 0, difference = 0;
      for (size_t i = begin; i < std::min(begin + row, actual.size()); ++i) {
        if (std::isfinite(expected[i]))
          magnitude = std::max(magnitude, std::abs(expected[i]));
        bool isSame = actual[i] == expected[i] ||
                      (std::isnan(actual[i]) && std::isnan(expected[i]));
        if (!isSame)
          difference =
              std::max(difference, std::isfinite(actual[i] - expected[i])
                                       ? std::abs(actual[i] - expected[i])
                                       : INFINITY);
      }
      double allowed = kUlps * getUlp(std::max(magnitude, 1e-3), DType::bf16);
      if (difference > allowed) {
        isWrong = true;
        return reportWrong(name, difference / allowed);
      }
    }
  }
  return {};
}

Status Child::load(uint64_t number, const std::string &bytes, bool &isWrong) {
  auto artifact = Artifact::deserialize(bytes, "candidate");
  if (!artifact.isOk())
    return artifact.takeStatus();
  auto kernel = openKernel(*artifact);
  if (!kernel.isOk())
    return kernel.takeStatus();
  if (small) {
    auto plan = small->run(kernel->get(), artifact->manifest);
    if (!plan.isOk())
      return plan.takeStatus();
    for (const OutputError &error :
         compareOutputs(work.func, *work.small->expected, small->outputs,
                        /*mayspread=*/false))
      // A draw of rounding errors misses the rule by a little now and then.
      if (constexpr double kByMuch = 2; !(error.report.maxRatio <= kByMuch)) {
        isWrong = true;
        return reportWrong(error.name, error.report.maxRatio);
      }
  }
  auto plan = large.run(kernel->get(), artifact->manifest);
  if (!plan.isOk())
    return plan.takeStatus();
  if (Status status = agree(isWrong); !status.isOk())
    return status;
  kernels[number] = {std::move(*kernel), std::move(*plan)};
  return {};
}

/// Answers until the other side closes.
void Child::run() {
  Status opened = large.open();
  if (opened.isOk() && small)
    opened = small->open();
  Head reply;
  reply.kind = static_cast<char>(opened.isOk() ? TuneOutcome::measured
                                               : TuneOutcome::launchFailure);
  if (!sendMessage(socket, reply,
                   opened.isOk()
                       ? large.tensors->getDeviceName()
                       : opened.getReason() + "; " + opened.getAlternative()))
    return;
  Head head;
  std::string bytes;
  while (opened.isOk() && receiveMessage(socket, head, bytes)) {
    reply = {};
    Status status;
    bool isWrong = false;
    if (head.kind == 'l') {
      status = load(head.number, bytes, isWrong);
    } else {
      MeasureOptions options;
      options.milliseconds = 100;
      options.most = 50;
      options.before = [this] { return large.tensors->flushCaches(); };
      auto time = attn::measure(kernels.at(head.number).plan.get(), options);
      if (time.isOk())
        reply.milliseconds = *time;
      else
        status = time.takeStatus();
    }
    TuneOutcome outcome = status.isOk() ? TuneOutcome::measured
                          : isWrong     ? TuneOutcome::wrongResult
                                        : TuneOutcome::launchFailure;
    reply.kind = static_cast<char>(outcome);
    if (!sendMessage(socket, reply, status.message()))
      return;
  }
}

//===----------------------------------------------------------------------===//
// The parent
//===----------------------------------------------------------------------===//

TuneWorker::~TuneWorker() { end(); }

void TuneWorker::end() {
  if (process < 0)
    return;
  ::close(socket);
  ::kill(process, SIGKILL);
  while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
  }
  process = socket = -1;
  loaded.clear();
}

Result<std::string> TuneWorker::start() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return Status::error(StatusCode::io, "--tune",
                         "a pair of sockets cannot be made",
                         "close files of this process");
  pid_t parent = ::getpid();
  process = ::fork();
  if (process == 0) {
    // An interrupt is for the search, which ends this process itself.
    std::signal(SIGINT, SIG_IGN);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(pair[0]);
    if (::getppid() == parent)
      Child(work, pair[1]).run();
    ::_exit(0);
  }
  ::close(pair[1]);
  if (process < 0) {
    ::close(pair[0]);
    return Status::error(StatusCode::io, "--tune", "no process can be started",
                         "end some others");
  }
  socket = pair[0];
  Head head;
  std::string text;
  if (!receiveMessage(socket, head, text)) {
    end();
    return Status::error(StatusCode::device, "--tune",
                         "the process that runs kernels has ended",
                         "see the message above");
  }
  if (static_cast<TuneOutcome>(head.kind) == TuneOutcome::measured)
    return text;
  end();
  return Status::error(StatusCode::unsupported, "--tune", text, "");
}

bool TuneWorker::has(uint64_t number) const {
  return std::find(loaded.begin(), loaded.end(), number) != loaded.end();
}

TuneMeasurement TuneWorker::ask(char kind, uint64_t number,
                                const std::string &bytes) {
  TuneMeasurement measurement;
  auto fail = [&](TuneOutcome outcome, std::string reason) {
    measurement.outcome = outcome;
    measurement.reason = std::move(reason);
    end();
    return measurement;
  };
  if (process < 0)
    if (auto name = start(); !name.isOk())
      return fail(TuneOutcome::launchFailure, name.getStatus().message());
  Head head;
  head.kind = kind;
  head.number = number;
  if (!sendMessage(socket, head, bytes))
    return fail(TuneOutcome::launchFailure, "its process has ended");
  pollfd wait{socket, POLLIN, 0};
  int ready;
  while ((ready = ::poll(&wait, 1, kTimeoutMs)) < 0 && errno == EINTR) {
  }
  if (ready == 0)
    return fail(TuneOutcome::timeout,
                "no answer in " + std::to_string(kTimeoutMs / 1000) + " s");
  std::string text;
  if (!receiveMessage(socket, head, text))
    return fail(TuneOutcome::launchFailure, "its process has ended");
  measurement.outcome = static_cast<TuneOutcome>(head.kind);
  measurement.milliseconds = head.milliseconds;
  measurement.reason = text;
  if (measurement.outcome == TuneOutcome::launchFailure)
    end();
  return measurement;
}

TuneMeasurement TuneWorker::load(uint64_t number, const std::string &bytes) {
  TuneMeasurement measurement = ask('l', number, bytes);
  if (measurement.outcome == TuneOutcome::measured)
    loaded.push_back(number);
  return measurement;
}

TuneMeasurement TuneWorker::measure(uint64_t number) {
  return ask('m', number, "");
}
