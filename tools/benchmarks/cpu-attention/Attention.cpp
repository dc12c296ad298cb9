//===- Attention.cpp - the attention program of the CPU tests, to time ----===//

#include "Bench.h"

#include "attn/Registration/Registration.h"
#include "attn/Runtime/DLPack.h"
#include "attn/Target/CPU/CPU.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/mman.h>

using namespace attn;
using namespace attn::bench;

[[noreturn]] static void fail(const std::string &message) {
  std::fprintf(stderr, "attn-bench-cpu: %s\n", message.c_str());
  std::exit(1);
}

static void replace(std::string &text, const std::string &name,
                    const std::string &value) {
  for (size_t at = 0; (at = text.find(name, at)) != std::string::npos;)
    text.replace(at, name.size(), value);
}

static std::string getProgram(const Case &c) {
  std::ifstream stream(ATTN_BENCH_PROGRAM);
  std::stringstream buffer;
  buffer << stream.rdbuf();
  std::string text = buffer.str();
  std::string type = c.bf16 ? "bf16" : "f32";
  std::string round = c.bf16 ? "%x = arith.truncf %e : tensor<$TPx$TMxf32> to "
                               "tensor<$TPx$TMxbf16>"
                             : "";
  if (!c.bf16)
    replace(text, "tile.dot %x,", "tile.dot %e,");
  replace(text, "$ROUND", round);
  replace(text, "$STORE",
          "tile.store %out, %o[#row](%b, %h, %p0) valid(%np, %cf) : "
          "tensor<$TPx$Fxf32>, memref<?x?x?x?xf32, strided<[?, ?, ?, ?], "
          "offset: ?>>");
  replace(text, "$TP", std::to_string(c.tileQueries));
  replace(text, "$TM", std::to_string(c.tileKeys));
  replace(text, "$E", std::to_string(c.headDim));
  replace(text, "$F", std::to_string(c.headDim));
  replace(text, "$O", "f32");
  replace(text, "$T", type);
  return text;
}

static std::shared_ptr<const Kernel> compile(const Case &c, double &elapsed) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  double start = threadSeconds();
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(getProgram(c), &context);
  if (!module)
    fail("the program does not parse");
  auto kernel = cpu::compileToJit(*module, {});
  if (mlir::failed(kernel))
    fail("the program does not compile");
  elapsed = threadSeconds() - start;
  return *kernel;
}

/// Memory in huge pages where the system has them.
static uint8_t *allocatePages(size_t bytes) {
  constexpr size_t page = size_t(2) << 20;
  bytes = (bytes + page) / page * page;
  void *memory = std::aligned_alloc(page, bytes);
  madvise(memory, bytes, MADV_HUGEPAGE);
  std::memset(memory, 0, bytes);
  return static_cast<uint8_t *>(memory);
}

struct AttentionRun::Tensors {
  struct Tensor {
    int64_t shape[4];
    uint8_t *data = nullptr;
    DType type = DType::f32;
    DLTensor view = {};

    ~Tensor() { std::free(data); }
    void allocate(DType dtype, int64_t heads, int64_t rows, int64_t dim) {
      type = dtype;
      int64_t extents[] = {1, heads, rows, dim};
      std::copy(extents, extents + 4, shape);
      data = allocatePages(heads * rows * dim * getSizeInBytes(type));
      view.data = data;
      view.device = {kDLCPU, 0};
      view.ndim = 4;
      view.dtype = getDLType(type);
      view.shape = shape;
    }
    float get(int64_t h, int64_t row, int64_t e) const {
      int64_t at = (h * shape[2] + row) * shape[3] + e;
      if (type == DType::f32)
        return reinterpret_cast<float *>(data)[at];
      uint32_t bits = uint32_t(reinterpret_cast<uint16_t *>(data)[at]) << 16;
      float value;
      std::memcpy(&value, &bits, 4);
      return value;
    }
    void fill(uint32_t seed) {
      std::mt19937 generator(seed);
      std::normal_distribution<float> normal;
      int64_t points = shape[1] * shape[2] * shape[3];
      for (int64_t i = 0; i < points; ++i) {
        float value = normal(generator);
        uint32_t bits;
        std::memcpy(&bits, &value, 4);
        if (type == DType::f32)
          reinterpret_cast<float *>(data)[i] = value;
        else
          reinterpret_cast<uint16_t *>(data)[i] = bits >> 16;
      }
    }
  };
  Tensor q, k, v, o;
};

AttentionRun::AttentionRun(const Case &c, int threads)
    : c(c), tensors(std::make_unique<Tensors>()) {
  DType type = c.bf16 ? DType::bf16 : DType::f32;
  tensors->q.allocate(type, c.heads, c.queries, c.headDim);
  tensors->k.allocate(type, c.heads, c.keys, c.headDim);
  tensors->v.allocate(type, c.heads, c.keys, c.headDim);
  tensors->o.allocate(DType::f32, c.heads, c.queries, c.headDim);
  tensors->q.fill(1);
  tensors->k.fill(2);
  tensors->v.fill(3);
  std::shared_ptr<const Kernel> kernel = compile(c, compileSeconds);
  std::shared_ptr<ThreadPool> pool;
  if (threads > 1) {
    auto made = ThreadPool::create(threads);
    if (!made.isOk())
      fail(made.getStatus().message());
    pool = *made;
  }
  double scale = 1.4426950408889634 / std::sqrt(double(c.headDim));
  auto made =
      Plan::prepare(kernel,
                    {ArgumentValue::ofTensor("q", &tensors->q.view),
                     ArgumentValue::ofTensor("k", &tensors->k.view),
                     ArgumentValue::ofTensor("v", &tensors->v.view),
                     ArgumentValue::ofTensor("o", &tensors->o.view),
                     ArgumentValue::ofReal("scale", scale),
                     ArgumentValue::ofInteger("shift", c.causal ? 0 : c.keys)},
                    pool);
  if (!made.isOk())
    fail(made.getStatus().message());
  plan = std::move(*made);
}

AttentionRun::~AttentionRun() = default;

void AttentionRun::run() {
  if (Status status = plan->run(); !status.isOk())
    fail(status.message());
}

double AttentionRun::getFlops() const {
  double pairs = double(c.queries) * c.keys;
  if (c.causal)
    pairs = double(c.queries) * (c.queries + 1) / 2;
  return 4.0 * c.headDim * c.heads * pairs;
}

double AttentionRun::getCacheBytes() const {
  return 2.0 * c.heads * c.keys * c.headDim * (c.bf16 ? 2 : 4);
}

const uint8_t *AttentionRun::getKeys() const { return tensors->k.data; }

const uint8_t *AttentionRun::getValues() const { return tensors->v.data; }

double AttentionRun::check() const {
  double worst = 0;
  for (int64_t p = 0; p < c.queries; p += 97) {
    int64_t h = p % c.heads, keys = c.causal ? p + 1 : c.keys;
    std::vector<double> s(keys), row(c.headDim);
    double most = -INFINITY, sum = 0;
    for (int64_t m = 0; m < keys; ++m) {
      for (int64_t e = 0; e < c.headDim; ++e)
        s[m] += double(tensors->q.get(h, p, e)) * tensors->k.get(h, m, e);
      s[m] /= std::sqrt(double(c.headDim));
      most = std::max(most, s[m]);
    }
    for (int64_t m = 0; m < keys; ++m) {
      double e = std::exp(s[m] - most);
      sum += e;
      for (int64_t f = 0; f < c.headDim; ++f)
        row[f] += e * tensors->v.get(h, m, f);
    }
    for (int64_t f = 0; f < c.headDim; ++f)
      worst = std::max(worst, std::abs(row[f] / sum - tensors->o.get(h, p, f)));
  }
  return worst;
}
