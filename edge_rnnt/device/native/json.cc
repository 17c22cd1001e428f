#include "json.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

namespace edge_rnnt {
namespace {

constexpr int kDeepest = 16;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = parse(0);
    space();
    if (at_ != text_.size()) fail("text after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* why) const {
    throw std::runtime_error("broken JSON at byte " + std::to_string(at_) + ": " + why);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r') ++at_;
  }
  bool take(char c) {
    space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("unexpected character");
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }

  Json parse(int depth) {
    if (depth > kDeepest) fail("nested too deeply");
    space();
    Json value;
    if (peek() == '{') return object(depth);
    if (peek() == '[') return array(depth);
    if (peek() == '"') {
      value.type = Json::kString;
      value.text = string();
    } else if (word("true")) {
      value.type = Json::kBool, value.number = 1;
    } else if (word("false")) {
      value.type = Json::kBool;
    } else if (!word("null")) {
      return number();
    }
    return value;
  }

  Json object(int depth) {
    Json value;
    value.type = Json::kObject;
    expect('{');
    if (take('}')) return value;
    do {
      space();
      value.names.push_back(string());
      expect(':');
      value.items.push_back(parse(depth + 1));
    } while (take(','));
    expect('}');
    return value;
  }

  Json array(int depth) {
    Json value;
    value.type = Json::kArray;
    expect('[');
    if (take(']')) return value;
    do value.items.push_back(parse(depth + 1));
    while (take(','));
    expect(']');
    return value;
  }

  void digits() {
    if (peek() < '0' || peek() > '9') fail("expected a digit");
    while (peek() >= '0' && peek() <= '9') ++at_;
  }

  Json number() {
    Json value;
    value.type = Json::kInteger;
    const size_t begin = at_;
    if (peek() == '-') ++at_;
    digits();
    if (peek() == '.') ++at_, digits(), value.type = Json::kReal;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
      value.type = Json::kReal;
    }
    value.number = std::strtod(std::string(text_.substr(begin, at_ - begin)).c_str(), nullptr);
    if (!std::isfinite(value.number)) fail("a number that is too large");
    return value;
  }

  uint32_t hex4() {
    uint32_t code = 0;
    for (int k = 0; k < 4; ++k, ++at_) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("expected four hexadecimal digits");
      code = code * 16 + digit;
    }
    return code;
  }

  void append_utf8(uint32_t code, std::string* out) {
    if (code < 0x80) {
      *out += static_cast<char>(code);
    } else if (code < 0x800) {
      *out += static_cast<char>(0xC0 | code >> 6);
      *out += static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
      *out += static_cast<char>(0xE0 | code >> 12);
      *out += static_cast<char>(0x80 | (code >> 6 & 63));
      *out += static_cast<char>(0x80 | (code & 63));
    } else {
      *out += static_cast<char>(0xF0 | code >> 18);
      *out += static_cast<char>(0x80 | (code >> 12 & 63));
      *out += static_cast<char>(0x80 | (code >> 6 & 63));
      *out += static_cast<char>(0x80 | (code & 63));
    }
  }

  void escape(std::string* out) {
    const char c = peek();
    ++at_;
    switch (c) {
      case '"': case '\\': case '/': *out += c; return;
      case 'b': *out += '\b'; return;
      case 'f': *out += '\f'; return;
      case 'n': *out += '\n'; return;
      case 'r': *out += '\r'; return;
      case 't': *out += '\t'; return;
      case 'u': break;
      default: fail("unknown escape");
    }
    uint32_t code = hex4();
    if (code >= 0xD800 && code < 0xDC00 && word("\\u")) {
      const uint32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(code, out);
  }

  std::string string() {
    if (peek() != '"') fail("expected a string");
    ++at_;
    std::string out;
    while (true) {
      if (at_ >= text_.size()) fail("a string without end");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (c == '\\') {
        escape(&out);
      } else if (static_cast<unsigned char>(c) < 0x20) {
        fail("a control character in a string");
      } else {
        out += c;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view name) const {
  const Json* found = nullptr;
  for (size_t k = 0; k < names.size(); ++k) {
    if (names[k] == name) found = &items[k];  // the last one, as other readers do
  }
  return found;
}

const Json& Json::at(std::string_view name) const {
  const Json* found = find(name);
  if (!found) throw std::runtime_error(std::string(name) + " is missing");
  return *found;
}

int Json::integer(const char* what, int least, int most) const {
  if (type != kInteger || !(number >= least && number <= most)) {
    throw std::runtime_error(std::string(what) + " is not a whole number of " +
                             std::to_string(least) + ".." + std::to_string(most));
  }
  return static_cast<int>(number);
}

double Json::real(const char* what) const {
  if (type != kInteger && type != kReal) {
    throw std::runtime_error(std::string(what) + " is not a number");
  }
  return number;
}

const std::string& Json::string(const char* what) const {
  if (type != kString) throw std::runtime_error(std::string(what) + " is not text");
  return text;
}

Json parse_json(std::string_view text) { return Parser(text).document(); }

}  // namespace edge_rnnt
