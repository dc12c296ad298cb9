//===- Model.h - a Llama-style decoder over pages ---------------*- C++ -*-===//

#ifndef ATTN_TOOLS_EXAMPLES_SERVER_MODEL_H
#define ATTN_TOOLS_EXAMPLES_SERVER_MODEL_H

#include "Gguf.h"

#include <attn-c/KvCache.h>
#include <attn-cpp/Attn.h>

#include <cstdint>
#include <string>
#include <vector>

/// Throws what attn has refused as std::runtime_error.
void require(attn_status status);

/// Tokens of several sequences that one call computes, those of a sequence
/// behind each other.
struct Batch {
  struct Part {
    /// The first one's place in `tokens`, and how many they are.
    size_t first, count;
    /// Keys of the sequence with these, and its pages.
    int64_t length;
    std::vector<int32_t> pages;
  };
  std::vector<Part> parts;
  std::vector<int32_t> tokens;
  /// By token: its position in its sequence, and its slot in the pages.
  std::vector<int64_t> positions, slots;
};

class Model {
public:
  /// Reads a model, and makes room for `numPages` pages of keys and values.
  Model(const std::string &path, int32_t numPages);

  /// Writes keys and values of the batch to its slots, and returns for each
  /// part the scores of the token behind its last one.
  std::vector<std::vector<float>> run(const Batch &batch);
  /// Carries out what the cache asks for, in all layers.
  void copy(const attn_page_copy &copy);

  static constexpr int64_t pageTokens = 16;

private:
  struct Step;

  const std::vector<float> &get(const std::string &name) const;
  std::vector<float> multiply(const std::vector<float> &x, size_t width,
                              const std::string &name) const;
  std::vector<float> normalize(const std::vector<float> &x,
                               const std::string &name) const;
  std::vector<float> attend(Step &step, size_t layer, std::vector<float> q,
                            std::vector<float> k, std::vector<float> v);

  Gguf gguf;
  int64_t layers, heads, keyHeads, width, embedding, numPages;
  double epsilon;
  /// [positions, width / 2].
  std::vector<float> cos, sin;
  /// By layer, [pages, keyHeads, pageTokens, width].
  std::vector<std::vector<float>> keys, values;
  attn::api::Kernel append, attention;
};

#endif // ATTN_TOOLS_EXAMPLES_SERVER_MODEL_H
