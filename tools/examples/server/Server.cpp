//===- Server.cpp - continuous batching over a paged cache ----------------===//

#include "Server.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

Server::Server(Model &model, int32_t numPages, size_t budget)
    : model(model), budget(budget) {
  attn_paged_cache_options options = {sizeof(options), numPages,
                                      Model::pageTokens, 0};
  require(attn_paged_cache_create(&options, &cache));
}

Server::~Server() { attn_cache_release(cache); }

/// Gives a waiting branch a sequence, if pages suffice for its tokens.
bool Server::admit(Branch &branch) {
  attn_cache_stats stats = {};
  stats.struct_size = sizeof(stats);
  require(attn_cache_get_stats(cache, &stats));
  int64_t tokens = int64_t(branch.tokens.size()) + 1,
          pages = (tokens + Model::pageTokens - 1) / Model::pageTokens;
  if (pages > stats.num_free + stats.num_idle)
    return false;
  int64_t found;
  require(attn_sequence_create(cache, branch.tokens.data(),
                               branch.tokens.size(), &branch.sequence, &found));
  branch.computed = size_t(found);
  counts.found += found;
  return true;
}

/// Sends the branch that was admitted last, if it is not `needy`, back to wait.
bool Server::preempt(size_t needy) {
  if (needy + 1 >= running.size())
    return false;
  Branch branch = std::move(running.back());
  running.pop_back();
  require(attn_sequence_free(cache, branch.sequence));
  waiting.push_front(std::move(branch));
  ++counts.preempted;
  return true;
}

/// Adds the next `count` tokens of a branch to the batch. False if there are
/// not the pages for them, not even by preempting others.
bool Server::add(size_t index, size_t count, Batch &batch) {
  std::vector<int64_t> slots(count);
  attn_page_copy copy;
  const int32_t *tokens = &running[index].tokens[running[index].computed];
  for (;;) {
    attn_status status = attn_sequence_append(
        cache, running[index].sequence, tokens, count, slots.data(), &copy);
    if (status == ATTN_OK)
      break;
    if (status != ATTN_RESOURCE_EXHAUSTED)
      require(status);
    if (!preempt(index))
      return false;
  }
  if (copy.num_tokens != 0)
    model.copy(copy);
  Branch &branch = running[index];
  Batch::Part part{
      batch.tokens.size(), count, int64_t(branch.computed + count), {}};
  part.pages.resize(
      size_t((part.length + Model::pageTokens - 1) / Model::pageTokens));
  require(attn_sequence_table(cache, branch.sequence, -1, part.pages.data(),
                              part.pages.size()));
  batch.parts.push_back(std::move(part));
  batch.tokens.insert(batch.tokens.end(), tokens, tokens + count);
  batch.slots.insert(batch.slots.end(), slots.begin(), slots.end());
  for (size_t i = 0; i < count; ++i)
    batch.positions.push_back(int64_t(branch.computed + i));
  branch.computed += count;
  counts.computed += int64_t(count);
  return true;
}

/// The token with the n-th largest score, 0 being the largest's.
static int32_t choose(const std::vector<float> &scores, size_t n) {
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::nth_element(order.begin(), order.begin() + int64_t(n), order.end(),
                   [&](int32_t a, int32_t b) {
                     return scores[size_t(a)] != scores[size_t(b)]
                                ? scores[size_t(a)] > scores[size_t(b)]
                                : a < b;
                   });
  return order[n];
}

/// Samples of a prompt that is computed: they share its pages until they write.
void Server::fork(size_t index, const std::vector<float> &scores,
                  size_t samples) {
  for (size_t sample = 1; sample < samples; ++sample) {
    Branch branch = running[index];
    branch.sample = sample;
    require(attn_sequence_fork(cache, running[index].sequence, &branch.sequence,
                               nullptr));
    branch.tokens.push_back(choose(scores, sample));
    running.push_back(std::move(branch));
    ++counts.forked;
  }
}

std::vector<std::vector<std::vector<int32_t>>>
Server::serve(const std::vector<Request> &requests, int32_t stop) {
  std::vector<std::vector<std::vector<int32_t>>> results;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Request &request = requests[i];
    if (request.prompt.empty() || request.most == 0 || request.samples == 0)
      throw std::runtime_error("request " + std::to_string(i) +
                               " has no prompt, tokens or samples");
    results.emplace_back(request.samples);
    waiting.push_back(
        {i, 0, request.prompt.size(), request.most, request.prompt, {}});
  }
  while (!waiting.empty() || !running.empty()) {
    while (!waiting.empty() && admit(waiting.front())) {
      running.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    Batch batch;
    std::vector<size_t> members;
    size_t left = budget;
    // Others may be preempted while one is added: they are the last ones.
    for (size_t i = 0; i < running.size() && left > 0; ++i) {
      size_t count =
          std::min(running[i].tokens.size() - running[i].computed, left);
      if (!add(i, count, batch))
        break;
      members.push_back(i);
      left -= count;
    }
    if (members.empty())
      throw std::runtime_error("the pages do not suffice for one request");
    std::vector<std::vector<float>> scores = model.run(batch);
    ++counts.steps;
    for (size_t m = 0; m < members.size(); ++m) {
      size_t i = members[m];
      require(attn_sequence_commit(cache, running[i].sequence));
      if (running[i].computed < running[i].tokens.size())
        continue;
      if (running[i].tokens.size() == running[i].prompt)
        fork(i, scores[m], requests[running[i].request].samples);
      running[i].tokens.push_back(choose(scores[m], 0));
    }
    auto isDone = [&](const Branch &branch) {
      bool isFull = branch.tokens.size() == branch.prompt + branch.most;
      return branch.tokens.size() > branch.prompt &&
             (isFull || branch.tokens.back() == stop);
    };
    for (Branch &branch : running)
      if (isDone(branch)) {
        results[branch.request][branch.sample].assign(
            branch.tokens.begin() + int64_t(branch.prompt),
            branch.tokens.end());
        require(attn_sequence_free(cache, branch.sequence));
      }
    running.erase(std::remove_if(running.begin(), running.end(), isDone),
                  running.end());
  }
  return results;
}
