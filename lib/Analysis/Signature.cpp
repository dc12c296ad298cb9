//===- Signature.cpp - a cascade's structure as a few digits --------------===//
//
// Writes the program down in a form of its own, in which texts and values are
// numbered in the order in which they first occur, and hashes that.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/Signature.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// What of an argument's or a result's attributes the program depends on.
static DictionaryAttr filter(DictionaryAttr attributes) {
  SmallVector<NamedAttribute> kept;
  for (NamedAttribute attribute : attributes)
    if (llvm::is_contained({"cascade.fixed", "cascade.positive",
                            "cascade.static", "cascade.name"},
                           attribute.getName().getValue()))
      kept.push_back(attribute);
  return DictionaryAttr::get(attributes.getContext(), kept);
}

namespace {
class Writer {
public:
  Writer() : stream(text) {
    replacer.addReplacement(
        [this](StringAttr name) -> std::pair<Attribute, WalkResult> {
          auto [it, isNew] = names.try_emplace(name, names.size());
          return {StringAttr::get(name.getContext(), "n" + Twine(it->second)),
                  WalkResult::skip()};
        });
    // What a reduction does is no name that a user may choose.
    replacer.addReplacement(
        [](MonoidAttr monoid) -> std::pair<Attribute, WalkResult> {
          return {monoid, WalkResult::skip()};
        });
  }

  void write(Operation &op);
  StringRef getText() const { return text; }

private:
  void write(Value value);
  void write(Attribute attribute);

  AttrTypeReplacer replacer;
  llvm::DenseMap<StringAttr, size_t> names;
  llvm::DenseMap<Value, size_t> values;
  std::string text;
  llvm::raw_string_ostream stream;
};
} // namespace

void Writer::write(Value value) {
  auto [it, isNew] = values.try_emplace(value, values.size());
  stream << " %" << it->second;
  if (isNew)
    stream << ":" << replacer.replace(value.getType());
}

void Writer::write(Attribute attribute) {
  stream << replacer.replace(attribute);
}

void Writer::write(Operation &op) {
  stream << op.getName();
  for (Value operand : op.getOperands())
    write(operand);
  for (NamedAttribute attribute : op.getAttrDictionary()) {
    StringRef name = attribute.getName().getValue();
    if (isa<FuncOp>(op) &&
        llvm::is_contained(
            {"schedule", "cascade.extents", "cascade.error_factor"}, name))
      continue;
    stream << " " << name << "=";
    bool isOfArguments =
        isa<FuncOp>(op) && (name == "arg_attrs" || name == "res_attrs");
    if (!isOfArguments) {
      write(attribute.getValue());
      continue;
    }
    for (auto each :
         cast<ArrayAttr>(attribute.getValue()).getAsRange<DictionaryAttr>())
      write(filter(each));
  }
  stream << " ->";
  for (Value result : op.getResults())
    write(result);
  for (Region &region : op.getRegions()) {
    stream << "{";
    for (Block &block : region) {
      stream << "^";
      for (BlockArgument argument : block.getArguments())
        write(argument);
      stream << "\n";
      for (Operation &inner : block)
        write(inner);
    }
    stream << "}";
  }
  stream << "\n";
}

std::string attn::computeSignature(FuncOp func) {
  Writer writer;
  writer.write(*func.getOperation());
  auto hash = llvm::SHA256::hash(llvm::arrayRefFromStringRef(writer.getText()));
  return llvm::toHex(ArrayRef(hash).take_front(8), /*LowerCase=*/true);
}
