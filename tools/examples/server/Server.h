//===- Server.h - continuous batching over a paged cache --------*- C++ -*-===//
//
// Each step computes tokens of all requests that are admitted: one of each that
// generates, and chunks of prompts up to a budget. A request is admitted where
// pages suffice for what it begins with, finds the pages of what others began
// with as it does, is forked for several samples, and is preempted, to begin
// again later, where another needs its pages.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_EXAMPLES_SERVER_SERVER_H
#define ATTN_TOOLS_EXAMPLES_SERVER_SERVER_H

#include "Model.h"

#include <deque>

struct Request {
  std::vector<int32_t> prompt;
  /// The most tokens to generate, and how many samples: the n-th begins with
  /// the n-th likeliest token, and goes on with the likeliest ones.
  size_t most, samples;
};

struct ServerCounts {
  int64_t steps = 0, computed = 0, found = 0, forked = 0, preempted = 0;
};

class Server {
public:
  Server(Model &model, int32_t numPages, size_t budget);
  ~Server();
  Server(const Server &) = delete;

  /// What is generated for each request and sample, up to and with `stop`.
  std::vector<std::vector<std::vector<int32_t>>>
  serve(const std::vector<Request> &requests, int32_t stop);

  const ServerCounts &getCounts() const { return counts; }

private:
  /// One sample: its tokens, and how many of them are in the cache.
  struct Branch {
    size_t request, sample, prompt, most;
    std::vector<int32_t> tokens;
    attn_sequence sequence;
    size_t computed = 0;
  };

  bool admit(Branch &branch);
  bool preempt(size_t needy);
  bool add(size_t index, size_t count, Batch &batch);
  void fork(size_t index, const std::vector<float> &scores, size_t samples);

  Model &model;
  attn_cache cache;
  size_t budget;
  std::deque<Branch> waiting;
  std::vector<Branch> running;
  ServerCounts counts;
};

#endif // ATTN_TOOLS_EXAMPLES_SERVER_SERVER_H
