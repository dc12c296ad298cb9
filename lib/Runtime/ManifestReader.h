//===- ManifestReader.h - reads JSON into a manifest's fields -------------===//

#ifndef ATTN_LIB_RUNTIME_MANIFESTREADER_H
#define ATTN_LIB_RUNTIME_MANIFESTREADER_H

#include "Json.h"
#include "attn/Runtime/Manifest.h"

namespace attn {

/// Reads fields into a manifest until the first fault, which it keeps: the
/// calls that follow do nothing.
class Reader {
public:
  Status status;

  void text(const Json &json, const std::string &path, std::string &out) {
    take(readString(json, path), out);
  }
  void integer(const Json &json, const std::string &path, int64_t &out) {
    take(readInteger(json, path), out);
  }
  void dtype(const Json &json, const std::string &path, DType &out) {
    std::string name;
    text(json, path, name);
    if (std::optional<DType> parsed = parseDType(name))
      out = *parsed;
    else
      fail(path, "does not know the element type '" + name + "'",
           "use one of f32, f64, bf16, f16, e4m3, e5m2, i64, i32, u8, i8, i1");
  }
  void expr(const Json &json, const std::string &path, Expr &out) {
    take(readExpr(json, path), out);
  }

  /// Whether `json` is an object with these fields.
  bool object(const Json &json, const std::string &path,
              std::initializer_list<std::string_view> required,
              std::initializer_list<std::string_view> optional = {}) {
    if (status.isOk())
      status = checkFields(json, path, required, optional);
    return status.isOk();
  }

  /// Calls `element(json, path)` for each element of an array.
  template <typename F>
  void list(const Json &json, const std::string &path, F element) {
    if (status.isOk() && !json.is_array())
      fail(path, "expects an array, but got " + describe(json));
    for (size_t i = 0; status.isOk() && i < json.size(); ++i)
      element(json[i], path + "[" + std::to_string(i) + "]");
  }

  void fail(const std::string &path, std::string reason,
            std::string alternative = {}) {
    if (status.isOk())
      status = jsonError(path, std::move(reason), std::move(alternative));
  }

private:
  template <typename T> void take(Result<T> result, T &out) {
    if (!status.isOk())
      return;
    if (result.isOk())
      out = std::move(*result);
    else
      status = result.takeStatus();
  }
};

/// Reads `state_bytes` and `launches` of the manifest `json`, which has them.
void readLaunches(Reader &reader, const Json &json, Manifest &manifest);

/// Adds workspace, state and launches to `json`.
void launchesToJson(const Manifest &manifest, Json &json);

} // namespace attn

#endif // ATTN_LIB_RUNTIME_MANIFESTREADER_H
