//===- Programs.cpp - the hand-written pipe programs, for tests -----------===//

#include "Programs.h"

#include "attn/Registration/Registration.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <fstream>
#include <sstream>

using namespace mlir;
using namespace attn;

test::Context::Context() {
  DialectRegistry registry;
  registerDialects(registry);
  context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  context->getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    errors += diagnostic.str() + "\n";
    return success();
  });
}

OwningOpRef<ModuleOp> test::Context::parse(const std::string &text) {
  auto module = parseSourceString<ModuleOp>(text, context.get());
  EXPECT_TRUE(module) << errors;
  return module;
}

OwningOpRef<ModuleOp> test::Context::load(const std::string &name) {
  return parse(readProgram(name));
}

std::string test::readProgram(const std::string &name) {
  std::ifstream file(ATTN_PROGRAMS_DIR "/" + name + ".mlir");
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string test::replaceAll(std::string text, const std::string &from,
                             const std::string &to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  for (size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}
