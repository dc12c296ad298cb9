//===- Json.h - reading JSON with a place in every error ------------------===//
//
// Private to lib/Runtime: nlohmann's headers stay out of the public ones.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_JSON_H
#define ATTN_LIB_RUNTIME_JSON_H

#include "attn/Runtime/Expr.h"
#include "attn/Runtime/Status.h"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace attn {

/// Keeps the order of fields, so that printed manifests read as they are
/// documented.
using Json = nlohmann::ordered_json;

/// An error about the value at `path`, such as `manifest.phases[0].items`. An
/// alternative that is empty is to compile the kernel again.
Status jsonError(const std::string &path, std::string reason,
                 std::string alternative = {});

/// Refuses what is not JSON, with line and column, and what nests so deep that
/// a walk over it could exhaust the stack.
Result<Json> parseJson(std::string_view text, const std::string &path);

/// Compact text; ill-formed UTF-8 is replaced.
std::string dumpJson(const Json &json);

/// Short description of a value for messages, such as `the string "x"`.
std::string describe(const Json &json);

/// Refuses what is not an object with exactly the fields `required`, and any
/// of `optional`.
Status checkFields(const Json &json, const std::string &path,
                   std::initializer_list<std::string_view> required,
                   std::initializer_list<std::string_view> optional = {});

/// The value as the type wanted; refuses others.
Result<std::string> readString(const Json &json, const std::string &path);
Result<int64_t> readInteger(const Json &json, const std::string &path);
Result<Expr> readExpr(const Json &json, const std::string &path);

Json exprToJson(const Expr &expr);

} // namespace attn

#endif // ATTN_LIB_RUNTIME_JSON_H
