//===- VariantMask.cpp - the mask of a shipped variant --------------------===//

#include "VariantMask.h"

#include "attn/Transforms/Bind.h"
#include "attn/Variants/Variants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

using namespace attn;
using namespace attn::test;

static mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &variant) {
  static mlir::MLIRContext context;
  context.loadDialect<cascade::CascadeDialect, mlir::arith::ArithDialect,
                      mlir::math::MathDialect>();
  const Variant *found = lookupVariant(variant);
  return found ? mlir::parseSourceString<mlir::ModuleOp>(found->text, &context)
               : nullptr;
}

static std::map<std::string, int64_t>
getStatic(cascade::FuncOp func, const std::map<std::string, int64_t> &scalars) {
  std::map<std::string, int64_t> result;
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
    if (func.getArgAttr(i, "cascade.static")) {
      std::string name = func.getArgumentName(i).str();
      result[name] = scalars.at(name);
    }
  return result;
}

std::string
attn::test::getStaticKey(const std::string &variant,
                         const std::map<std::string, int64_t> &scalars) {
  static std::map<std::string, std::vector<std::string>> known;
  auto it = known.find(variant);
  if (it == known.end()) {
    auto module = parse(variant);
    it = known.insert({variant, {}}).first;
    for (const auto &[name, value] :
         getStatic(*module->getOps<cascade::FuncOp>().begin(), scalars))
      it->second.push_back(name);
  }
  std::string key = variant;
  for (const std::string &name : it->second)
    key += "," + std::to_string(scalars.at(name));
  return key;
}

std::unique_ptr<mask::ImportedMask>
attn::test::importVariant(const std::string &variant,
                          const std::map<std::string, int64_t> &scalars,
                          bool bindsStatic) {
  auto module = parse(variant);
  if (!module)
    return nullptr;
  cascade::FuncOp func = *module->getOps<cascade::FuncOp>().begin();
  if (bindsStatic) {
    BindOptions options;
    for (const auto &[name, value] : getStatic(func, scalars))
      options.scalars.push_back({name, value});
    if (failed(bindCascade(func, options)))
      return nullptr;
  }
  std::unique_ptr<mask::ImportedMask> mask;
  func.walk([&](cascade::EinsumOp op) {
    if (op.hasWhere() && !mask)
      mask = mask::importMask(op);
  });
  return mask;
}
