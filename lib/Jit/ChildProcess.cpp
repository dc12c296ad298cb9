//===- ChildProcess.cpp - a program that is asked once -------------------===//

#include "ChildProcess.h"

#include "Watch.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

using namespace attn;

extern char **environ;

static Status refuse(StatusCode code, const std::string &path,
                     std::string reason, std::string alternative) {
  return Status::error(code, path, std::move(reason), std::move(alternative));
}

static Status getSystemError(const std::string &path, const char *what,
                             int error) {
  return refuse(StatusCode::resourceExhausted, path,
                std::string("expects ") + what +
                    ", but got: " + std::strerror(error),
                "see what the system lacks");
}

namespace {
class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(Descriptor &&other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Descriptor &operator=(Descriptor &&other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd; }
  bool isOpen() const { return fd >= 0; }
  void close() {
    if (fd >= 0)
      ::close(std::exchange(fd, -1));
  }

private:
  int fd = -1;
};

/// Two ends; sockets, since a write to a socket that nobody reads any more can
/// be told not to raise a signal.
struct Channel {
  Descriptor mine, theirs;

  Status open(const std::string &path) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return getSystemError(path, "a socket", errno);
    mine = Descriptor(ends[0]);
    theirs = Descriptor(ends[1]);
    if (fcntl(mine.get(), F_SETFL, O_NONBLOCK) != 0)
      return getSystemError(path, "a socket that does not block", errno);
    return {};
  }
};

class Child {
public:
  Child(const std::string &path, const CompileLimits &limits)
      : path(path), limits(limits), watch(limits) {}
  /// Ends what is still running.
  ~Child() {
    if (pid > 0)
      end();
  }

  Status spawn(const std::vector<std::string> &arguments);
  Status exchange(const std::string &input, ChildOutcome &outcome);
  std::optional<int> wait();

private:
  void end() {
    kill(-pid, SIGKILL);
    wait();
  }

  const std::string &path;
  const CompileLimits &limits;
  Watch watch;
  pid_t pid = 0;
  std::array<Channel, 3> channels;
};

/// Of posix_spawn's two objects.
struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
};
} // namespace

Status Child::spawn(const std::vector<std::string> &arguments) {
  SpawnSettings settings;
  for (int fd = 0; fd < 3; ++fd) {
    if (Status status = channels[fd].open(path); !status.isOk())
      return status;
    posix_spawn_file_actions_adddup2(&settings.actions,
                                     channels[fd].theirs.get(), fd);
  }
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);
  // What it does may not depend on where the host is.
  posix_spawn_file_actions_addchdir_np(&settings.actions, "/");
  // The host may block or ignore signals that the child has to die by.
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&settings.attributes, &none);
  posix_spawnattr_setsigdefault(&settings.attributes, &all);
  posix_spawnattr_setpgroup(&settings.attributes, 0);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK |
                                                     POSIX_SPAWN_SETSIGDEF |
                                                     POSIX_SPAWN_SETPGROUP);
  std::vector<char *> words{const_cast<char *>(path.c_str())};
  for (const std::string &argument : arguments)
    words.push_back(const_cast<char *>(argument.c_str()));
  words.push_back(nullptr);
  if (int error = posix_spawn(&pid, path.c_str(), &settings.actions,
                              &settings.attributes, words.data(), environ)) {
    pid = 0;
    return refuse(StatusCode::io, path,
                  std::string("expects a program, but got: ") +
                      std::strerror(error),
                  "give the path of attn-compile");
  }
  for (Channel &channel : channels)
    channel.theirs.close();
  // Before it is given any input, so that it cannot have taken much.
  if (limits.memoryBytes > 0) {
    rlimit limit;
    limit.rlim_cur = limit.rlim_max = static_cast<rlim_t>(limits.memoryBytes);
    if (prlimit(pid, RLIMIT_AS, &limit, nullptr) != 0 && errno != ESRCH)
      return getSystemError(path, "a limit of memory to be set", errno);
  }
  return {};
}

/// Writes the input and reads both outputs until the child has closed them.
Status Child::exchange(const std::string &input, ChildOutcome &outcome) {
  size_t written = 0;
  std::string *texts[] = {nullptr, &outcome.output, &outcome.errors};
  while (channels[1].mine.isOpen() || channels[2].mine.isOpen()) {
    if (Status status = watch.check(); !status.isOk())
      return status;
    pollfd polled[3];
    for (int i = 0; i < 3; ++i)
      polled[i] = {channels[i].mine.get(),
                   static_cast<short>(i == 0 ? POLLOUT : POLLIN), 0};
    if (poll(polled, 3, Watch::interval.count()) < 0 && errno != EINTR)
      return getSystemError(path, "to wait for its output", errno);
    if (channels[0].mine.isOpen() && polled[0].revents) {
      ssize_t n = send(channels[0].mine.get(), input.data() + written,
                       input.size() - written, MSG_NOSIGNAL);
      if (n >= 0)
        written += static_cast<size_t>(n);
      bool isBroken = n < 0 && errno != EAGAIN && errno != EINTR;
      if (isBroken || written == input.size())
        channels[0].mine.close();
    }
    for (int i = 1; i < 3; ++i) {
      if (!channels[i].mine.isOpen() || !polled[i].revents)
        continue;
      std::array<char, 1 << 16> buffer;
      ssize_t n = read(channels[i].mine.get(), buffer.data(), buffer.size());
      if (n > 0)
        texts[i]->append(buffer.data(), static_cast<size_t>(n));
      else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        channels[i].mine.close();
    }
  }
  return {};
}

std::optional<int> Child::wait() {
  int status = 0;
  pid_t ended;
  do
    ended = waitpid(pid, &status, 0);
  while (ended < 0 && errno == EINTR);
  bool isOurs = ended == pid;
  pid = 0;
  return isOurs ? std::optional<int>(status) : std::nullopt;
}

Result<ChildOutcome> attn::runChild(const std::string &path,
                                    const std::vector<std::string> &arguments,
                                    const std::string &input,
                                    const CompileLimits &limits) {
  Child child(path, limits);
  ChildOutcome outcome;
  if (Status status = child.spawn(arguments); !status.isOk())
    return status;
  if (Status status = child.exchange(input, outcome); !status.isOk())
    return status;
  outcome.status = child.wait();
  return outcome;
}
