//===- Model.cpp - a Llama-style decoder over pages -----------------------===//

#include "Model.h"

#include <attn-c/Compile.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

void require(attn_status status) {
  if (status != ATTN_OK)
    throw std::runtime_error(attn_last_error_message());
}

namespace {
/// An array as attn takes it, with any strides.
struct View {
  View(const char *name, const void *data, DLDataType type,
       std::vector<int64_t> extents, std::vector<int64_t> steps = {})
      : name(name), shape(std::move(extents)), strides(std::move(steps)) {
    tensor.data = const_cast<void *>(data);
    tensor.device = {kDLCPU, 0};
    tensor.ndim = int32_t(shape.size());
    tensor.dtype = type;
    tensor.shape = shape.data();
    tensor.strides = strides.empty() ? nullptr : strides.data();
    tensor.byte_offset = 0;
  }
  View(const View &) = delete;

  attn_argument get() const { return {name, ATTN_TENSOR, &tensor, 0, 0.0}; }

  const char *name;
  std::vector<int64_t> shape, strides;
  DLTensor tensor;
};

constexpr DLDataType f32 = {kDLFloat, 32, 1}, i32 = {kDLInt, 32, 1},
                     i64 = {kDLInt, 64, 1};

attn::api::Kernel compile(const char *variant,
                          const std::vector<std::string> &options) {
  std::vector<const char *> words;
  for (const std::string &option : options)
    words.push_back(option.c_str());
  attn_compile_options given = {};
  given.struct_size = sizeof(given);
  given.words = words.data();
  given.num_words = words.size();
  attn::api::Kernel kernel;
  require(attn_compile(variant, &given, kernel.receive()));
  return kernel;
}

attn::api::Plan prepare(attn_kernel kernel,
                        const std::vector<attn_argument> &arguments) {
  attn::api::Plan plan;
  require(attn_plan_prepare(kernel, arguments.data(), arguments.size(), nullptr,
                            plan.receive()));
  return plan;
}
} // namespace

/// The plans of a batch, which all layers run over their own pages.
struct Model::Step {
  std::vector<float> q, k, v, turned, o, lse;
  std::vector<int32_t> lengths, first, last, causal, pages;
  attn::api::Plan append, attention;
};

Model::Model(const std::string &path, int32_t numPages)
    : gguf(readGguf(path)), numPages(numPages) {
  auto number = [&](const char *name) {
    auto it = gguf.numbers.find(std::string("llama.") + name);
    if (it == gguf.numbers.end())
      throw std::runtime_error(path + ": has no llama." + name);
    return it->second;
  };
  layers = int64_t(number("block_count"));
  heads = int64_t(number("attention.head_count"));
  keyHeads = int64_t(number("attention.head_count_kv"));
  embedding = int64_t(number("embedding_length"));
  epsilon = number("attention.layer_norm_rms_epsilon");
  width = embedding / heads;
  int64_t positions = int64_t(number("context_length"));
  for (int64_t p = 0; p < positions; ++p)
    for (int64_t i = 0; i < width / 2; ++i) {
      double angle = double(p) * std::pow(number("rope.freq_base"),
                                          -2.0 * double(i) / double(width));
      cos.push_back(float(std::cos(angle)));
      sin.push_back(float(std::sin(angle)));
    }
  size_t size = size_t(numPages * keyHeads * pageTokens * width);
  keys.assign(size_t(layers), std::vector<float>(size));
  values = keys;
  std::vector<std::string> options = {"--head-dim=" + std::to_string(width),
                                      "--page=" + std::to_string(pageTokens)};
  attention = compile("segments", options);
  // llama.cpp orders rows so that neighbouring features are turned together.
  options.insert(options.end(), {"--set=interleaved=1",
                                 "--heads=" + std::to_string(heads / keyHeads),
                                 "--kv-heads=1"});
  append = compile("append-queries", options);
}

const std::vector<float> &Model::get(const std::string &name) const {
  auto it = gguf.tensors.find(name + ".weight");
  if (it == gguf.tensors.end())
    throw std::runtime_error("the model has no " + name + ".weight");
  return it->second;
}

/// x [rows, width] by the transpose of a matrix of rows of `width`. A row's
/// sums are formed in one order, whatever else is in the batch.
std::vector<float> Model::multiply(const std::vector<float> &x, size_t width,
                                   const std::string &name) const {
  constexpr size_t lanes = 16;
  const std::vector<float> &matrix = get(name);
  size_t rows = x.size() / width, outputs = matrix.size() / width;
  std::vector<float> y(rows * outputs);
  for (size_t j = 0; j < outputs; ++j)
    for (size_t i = 0; i < rows; ++i) {
      const float *a = &x[i * width], *b = &matrix[j * width];
      float sums[lanes] = {}, sum = 0;
      size_t k = 0;
      for (; k + lanes <= width; k += lanes)
        for (size_t l = 0; l < lanes; ++l)
          sums[l] += a[k + l] * b[k + l];
      for (float lane : sums)
        sum += lane;
      for (; k < width; ++k)
        sum += a[k] * b[k];
      y[i * outputs + j] = sum;
    }
  return y;
}

std::vector<float> Model::normalize(const std::vector<float> &x,
                                    const std::string &name) const {
  const std::vector<float> &gain = get(name);
  std::vector<float> y(x.size());
  for (size_t row = 0; row < x.size(); row += gain.size()) {
    double squares = 0;
    for (size_t i = 0; i < gain.size(); ++i)
      squares += double(x[row + i]) * x[row + i];
    float scale = float(1 / std::sqrt(squares / double(gain.size()) + epsilon));
    for (size_t i = 0; i < gain.size(); ++i)
      y[row + i] = x[row + i] * scale * gain[i];
  }
  return y;
}

std::vector<float> Model::attend(Step &step, size_t layer, std::vector<float> q,
                                 std::vector<float> k, std::vector<float> v) {
  // The plans have the addresses of these.
  std::copy(q.begin(), q.end(), step.q.begin());
  std::copy(k.begin(), k.end(), step.k.begin());
  std::copy(v.begin(), v.end(), step.v.begin());
  std::vector<int64_t> shape = {numPages, keyHeads, pageTokens, width};
  View newKeys("k_cache", keys[layer].data(), f32, shape),
      newValues("v_cache", values[layer].data(), f32, shape),
      oldKeys("k", keys[layer].data(), f32, shape),
      oldValues("v", values[layer].data(), f32, shape);
  attn_argument written[] = {newKeys.get(), newValues.get()},
                read[] = {oldKeys.get(), oldValues.get()};
  require(attn_plan_rebind(step.append.get(), written, 2));
  require(attn_plan_run(step.append.get()));
  require(attn_plan_rebind(step.attention.get(), read, 2));
  require(attn_plan_run(step.attention.get()));
  return step.o;
}

std::vector<std::vector<float>> Model::run(const Batch &batch) {
  int64_t tokens = int64_t(batch.tokens.size()), group = heads / keyHeads;
  int64_t parts = int64_t(batch.parts.size()), widest = 1;
  for (const Batch::Part &part : batch.parts)
    widest = std::max(widest, int64_t(part.pages.size()));
  Step step;
  step.q.resize(size_t(tokens * heads * width));
  step.k.resize(size_t(tokens * keyHeads * width));
  step.v = step.k;
  step.turned = step.o = step.q;
  step.lse.resize(size_t(tokens * heads));
  step.pages.assign(size_t(parts * widest), -1);
  for (int64_t s = 0; s < parts; ++s) {
    const Batch::Part &part = batch.parts[size_t(s)];
    step.lengths.push_back(int32_t(part.length));
    step.first.push_back(int32_t(part.first));
    step.last.push_back(int32_t(part.first + part.count));
    step.causal.push_back(1);
    std::copy(part.pages.begin(), part.pages.end(),
              step.pages.begin() + s * widest);
  }
  {
    std::vector<int64_t> q = {tokens, keyHeads, group, width},
                         k = {tokens, keyHeads, width},
                         pages = {numPages, keyHeads, pageTokens, width},
                         angles = {int64_t(cos.size()) / (width / 2),
                                   width / 2};
    View views[] = {{"q", step.q.data(), f32, q},
                    {"k", step.k.data(), f32, k},
                    {"v", step.v.data(), f32, k},
                    {"positions", batch.positions.data(), i64, {tokens}},
                    {"cos", cos.data(), f32, angles},
                    {"sin", sin.data(), f32, angles},
                    {"slots", batch.slots.data(), i64, {tokens}},
                    {"q_turned", step.turned.data(), f32, q},
                    {"k_cache", keys[0].data(), f32, pages},
                    {"v_cache", values[0].data(), f32, pages}};
    std::vector<attn_argument> arguments;
    for (const View &view : views)
      arguments.push_back(view.get());
    step.append = prepare(append.get(), arguments);
  }
  {
    // Tokens come last for attention, whose views these are.
    std::vector<int64_t> q = {keyHeads, group, tokens, width},
                         strides = {group * width, width, heads * width, 1},
                         pages = {numPages, keyHeads, pageTokens, width};
    View views[] = {{"q", step.turned.data(), f32, q, strides},
                    {"k", keys[0].data(), f32, pages},
                    {"v", values[0].data(), f32, pages},
                    {"lengths", step.lengths.data(), i32, {parts}},
                    {"first", step.first.data(), i32, {parts}},
                    {"last", step.last.data(), i32, {parts}},
                    {"causal", step.causal.data(), i32, {parts}},
                    {"pages", step.pages.data(), i32, {parts, widest}},
                    {"o", step.o.data(), f32, q, strides},
                    {"lse", step.lse.data(), f32, {keyHeads, group, tokens}}};
    std::vector<attn_argument> arguments;
    for (const View &view : views)
      arguments.push_back(view.get());
    arguments.push_back(
        {"scale", ATTN_REAL, nullptr, 0, 1 / std::sqrt(double(width))});
    step.attention = prepare(attention.get(), arguments);
  }

  size_t size = size_t(embedding);
  const std::vector<float> &words = get("token_embd");
  std::vector<float> x;
  for (int32_t token : batch.tokens) {
    if (token < 0 || size_t(token) >= words.size() / size)
      throw std::runtime_error("token " + std::to_string(token) +
                               " is none of the model's");
    x.insert(x.end(), &words[size_t(token) * size],
             &words[size_t(token) * size] + size);
  }
  auto add = [&](const std::vector<float> &y) {
    for (size_t i = 0; i < x.size(); ++i)
      x[i] += y[i];
  };
  for (size_t layer = 0; layer < size_t(layers); ++layer) {
    std::string name = "blk." + std::to_string(layer) + ".";
    std::vector<float> normed = normalize(x, name + "attn_norm");
    std::vector<float> o =
        attend(step, layer, multiply(normed, size, name + "attn_q"),
               multiply(normed, size, name + "attn_k"),
               multiply(normed, size, name + "attn_v"));
    add(multiply(o, size_t(heads * width), name + "attn_output"));
    normed = normalize(x, name + "ffn_norm");
    std::vector<float> gate = multiply(normed, size, name + "ffn_gate"),
                       up = multiply(normed, size, name + "ffn_up");
    for (size_t i = 0; i < gate.size(); ++i)
      up[i] *= gate[i] / (1 + std::exp(-gate[i]));
    add(multiply(up, gate.size() / size_t(tokens), name + "ffn_down"));
  }
  x = normalize(x, "output_norm");
  std::vector<std::vector<float>> scores;
  for (const Batch::Part &part : batch.parts) {
    auto last = x.begin() + int64_t((part.first + part.count - 1) * size);
    scores.push_back(
        multiply({last, last + int64_t(size)}, size, "token_embd"));
  }
  return scores;
}

void Model::copy(const attn_page_copy &copy) {
  for (auto *side : {&keys, &values})
    for (std::vector<float> &layer : *side)
      for (int64_t head = 0; head < keyHeads; ++head) {
        auto row = [&](int64_t page) {
          return layer.begin() + (page * keyHeads + head) * pageTokens * width;
        };
        std::copy_n(row(copy.from), copy.num_tokens * width, row(copy.to));
      }
}
