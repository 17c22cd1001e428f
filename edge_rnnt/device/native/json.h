// A small strict JSON parser for hostile input: depth is limited, numbers and strings are checked.
#ifndef EDGE_RNNT_JSON_H_
#define EDGE_RNNT_JSON_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edge_rnnt {

struct Json {
  enum Type { kNull, kBool, kInteger, kReal, kString, kArray, kObject };
  Type type = kNull;
  double number = 0;  // of kInteger, kReal, and kBool (0 or 1)
  std::string text;
  std::vector<Json> items;         // of kArray and kObject
  std::vector<std::string> names;  // of kObject, beside items

  // All throw std::runtime_error, naming what is missing or of another type.
  const Json& at(std::string_view name) const;
  const Json* find(std::string_view name) const;
  int integer(const char* what, int least, int most) const;
  double real(const char* what) const;
  const std::string& string(const char* what) const;
};

// Throws std::runtime_error for anything that is not one JSON value.
Json parse_json(std::string_view text);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_JSON_H_
