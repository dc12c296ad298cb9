//===- Source.cpp - the program that a tool works on ----------------------===//

#include "attn/Driver/Source.h"

#include "attn/Driver/Problem.h"
#include "attn/Registration/Registration.h"
#include "attn/Support/ParserLimits.h"
#include "attn/Variants/Variants.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;

std::unique_ptr<MLIRContext> attn::createContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  // A diagnostic shows the line of the text that the operation came of.
  context->printOpOnDiagnostic(false);
  return context;
}

static Status refuse(std::string feature, std::string reason,
                     std::string alternative,
                     StatusCode code = StatusCode::invalidArgument) {
  return Status::error(code, std::move(feature), std::move(reason),
                       std::move(alternative));
}

static Result<std::unique_ptr<llvm::MemoryBuffer>>
readText(const std::string &name) {
  if (const Variant *variant = lookupVariant(name))
    return llvm::MemoryBuffer::getMemBuffer(variant->text, name + ".mlir");
  if (name == "-") {
    // Whoever asks again gets the same.
    static const auto input = llvm::MemoryBuffer::getSTDIN();
    if (input)
      return llvm::MemoryBuffer::getMemBuffer((*input)->getBuffer(), "<stdin>");
    return refuse("standard input", input.getError().message(),
                  "give the path of an .mlir file", StatusCode::io);
  }
  auto file = llvm::MemoryBuffer::getFile(name, /*IsText=*/true);
  if (!file)
    return refuse(name,
                  "there is no variant or readable file of this name (" +
                      file.getError().message() + ")",
                  "see --list, or give the path of an .mlir file",
                  StatusCode::io);
  return std::move(*file);
}

SourceText::SourceText(MLIRContext &context,
                       std::shared_ptr<llvm::SourceMgr> buffers)
    : SourceMgrDiagnosticHandler(*buffers, &context),
      buffers(std::move(buffers)) {
  StringRef name =
      mgr.getMemoryBuffer(mgr.getMainFileID())->getBufferIdentifier();
  auto isElsewhere = [name](const Diagnostic &diagnostic) {
    return diagnostic.getLocation()
        ->walk([&](Location part) {
          auto place = dyn_cast<FileLineColLoc>(part);
          return place && place.getFilename() != name ? WalkResult::interrupt()
                                                      : WalkResult::advance();
        })
        .wasInterrupted();
  };
  setHandler([this, isElsewhere](Diagnostic &diagnostic) {
    if (!diagnostic.getLocation()->findInstanceOf<FileLineColLoc>() ||
        isElsewhere(diagnostic) ||
        llvm::any_of(diagnostic.getNotes(), isElsewhere))
      return failure();
    emitDiagnostic(diagnostic);
    return success();
  });
}

Result<ParsedModule> attn::loadModule(MLIRContext &context,
                                      const std::string &name) {
  auto text = readText(name);
  if (!text.isOk())
    return text.takeStatus();
  if (failed(checkParserLimits((*text)->getMemBufferRef(), llvm::errs())))
    return refuse(name, "it exceeds a limit of the parser",
                  "see the message above");
  auto buffers = std::make_shared<llvm::SourceMgr>();
  buffers->AddNewSourceBuffer(std::move(*text), SMLoc());
  ParsedModule parsed;
  parsed.text = std::make_unique<SourceText>(context, std::move(buffers));
  parsed.module =
      parseSourceFile<ModuleOp>(parsed.text->getBuffers(), &context);
  if (!parsed.module)
    return refuse(name, "it is not a valid program", "see the message above");
  return parsed;
}

Result<Source> attn::loadSource(MLIRContext &context, const std::string &name,
                                const std::string &function) {
  auto parsed = loadModule(context, name);
  if (!parsed.isOk())
    return parsed.takeStatus();
  Source source;
  source.name = name == "causal" ? "causal-bottom-right" : name;
  source.text = std::move(parsed->text);
  source.module = std::move(parsed->module);
  std::string names;
  unsigned count = 0;
  for (auto func : source.module->getOps<cascade::FuncOp>()) {
    names += (count++ ? ", " : "") + func.getSymName().str();
    if (function.empty() || func.getSymName() == function)
      source.func = func;
  }
  if (count == 0)
    return refuse(name, "it has no cascade.func",
                  "give a file with one, or a variant of --list");
  if (function.empty() && count > 1)
    return refuse(name,
                  "it has " + std::to_string(count) + " functions: " + names,
                  "choose one with --function");
  if (!source.func)
    return refuse("--function", name + " has no function '" + function + "'",
                  "choose one of " + names);
  return source;
}

std::string attn::describeVariants() {
  size_t width = 0;
  for (const Variant &variant : getVariants())
    width = std::max(width, StringRef(variant.name).size());
  std::string text;
  for (const Variant &variant : getVariants()) {
    std::string name = variant.name;
    name.resize(width + 2, ' ');
    text += name + variant.summary + "\n";
  }
  return text;
}

std::string attn::describeSource(Source &source) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (const Variant *variant = lookupVariant(source.name))
    os << source.name << ": " << variant->summary << "\n";
  auto line = [&](StringRef kind, StringRef name, Type type,
                  DictionaryAttr attributes) {
    auto tensor = cast<cascade::NamedTensorType>(type);
    os << "  " << kind << " " << name << "[";
    llvm::interleaveComma(tensor.getRanks(), os,
                          [&](StringAttr rank) { os << rank.getValue(); });
    os << "]";
    if (attributes.contains("cascade.fixed"))
      os << " " << tensor.getElementType();
    if (auto doc = attributes.getAs<StringAttr>("cascade.doc"))
      os << ": " << doc.getValue();
    os << "\n";
  };
  cascade::FuncOp func = source.func;
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
    if (isa<cascade::NamedTensorType>(func.getArgumentTypes()[i]))
      line("input", func.getArgumentName(i), func.getArgumentTypes()[i],
           func.getArgAttrDict(i));
  for (const Parameter &parameter : getParameters(func)) {
    os << "  parameter " << parameter.name << " (" << parameter.type;
    if (!parameter.defaultText.empty())
      os << ", default " << parameter.defaultText;
    if (!parameter.bounds.empty())
      os << ", " << parameter.bounds;
    os << ")";
    if (!parameter.doc.empty())
      os << ": " << parameter.doc;
    os << "\n";
  }
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
    line("output", func.getResultName(i), func.getResultTypes()[i],
         func.getResultAttrDict(i));
  return text;
}
