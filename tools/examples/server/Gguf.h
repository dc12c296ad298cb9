//===- Gguf.h - weights of a GGUF file --------------------------*- C++ -*-===//

#ifndef ATTN_TOOLS_EXAMPLES_SERVER_GGUF_H
#define ATTN_TOOLS_EXAMPLES_SERVER_GGUF_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What a file says: numbers by their keys, and tensors as f32 by their names,
/// in the order of their rows. Lists and strings are passed over.
struct Gguf {
  std::map<std::string, double> numbers;
  std::map<std::string, std::vector<float>> tensors;
};

/// Reads version 3 with tensors of F32, Q8_0 and Q4_1 (ggml's blocks of 32).
/// Throws std::runtime_error for what is none.
Gguf readGguf(const std::string &path);

#endif // ATTN_TOOLS_EXAMPLES_SERVER_GGUF_H
