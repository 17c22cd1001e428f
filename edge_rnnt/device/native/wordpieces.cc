#include "wordpieces.h"

#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace edge_rnnt {
namespace {

// Of sentencepiece_model.proto: ModelProto { repeated SentencePiece pieces = 1; ... },
// SentencePiece { string piece = 1; float score = 2; Type type = 3; }.
constexpr uint32_t kPieces = 1, kPiece = 1, kType = 3;
enum Type { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

constexpr std::string_view kWordBegins = "\xE2\x96\x81";  // U+2581
constexpr std::string_view kUnknownText = " \xE2\x81\x87 ";  // U+2047

[[noreturn]] void fail() { throw std::runtime_error("the word-pieces are no sentencepiece model"); }

// The fields of a protobuf message, one after the other.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  // Reads the next field; false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    field = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0: number = varint(); return true;
      case 1: take(8); return true;
      case 2: bytes = take(varint()); return true;
      case 5: take(4); return true;
      default: fail();
    }
  }

  uint32_t field = 0;
  uint64_t number = 0;
  std::string_view bytes;

 private:
  std::string_view take(uint64_t count) {
    if (count > rest_.size()) fail();
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = take(1)[0];
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }

  std::string_view rest_;
};

std::string spaced(std::string_view piece) {
  std::string text;
  while (!piece.empty()) {
    const bool begins = piece.substr(0, kWordBegins.size()) == kWordBegins;
    text += begins ? ' ' : piece[0];
    piece.remove_prefix(begins ? kWordBegins.size() : 1);
  }
  return text;
}

}  // namespace

WordPieces::WordPieces(const uint8_t* model, int64_t bytes) {
  Message whole({reinterpret_cast<const char*>(model), static_cast<size_t>(bytes)});
  while (whole.next()) {
    if (whole.field != kPieces) continue;
    Message message(whole.bytes);
    std::string_view piece;
    uint64_t type = kNormal;
    while (message.next()) {
      if (message.field == kPiece) piece = message.bytes;
      if (message.field == kType) type = message.number;
    }
    if (type == kUnknown) {
      pieces_.push_back({std::string(kUnknownText), true});  // alone, whatever stands beside it
    } else if (type == kControl) {
      pieces_.push_back({"", false});
    } else if (type == kByte && piece.size() == 6) {  // <0xE2>
      const std::string digits(piece.substr(3, 2));
      pieces_.push_back({{static_cast<char>(std::strtol(digits.c_str(), nullptr, 16))}, false});
    } else {
      pieces_.push_back({spaced(piece), piece.substr(0, kWordBegins.size()) == kWordBegins});
    }
  }
  if (pieces_.empty()) fail();
}

}  // namespace edge_rnnt
