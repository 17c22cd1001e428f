// Word-pieces -> text, from the bytes of a sentencepiece model.
#ifndef EDGE_RNNT_WORDPIECES_H_
#define EDGE_RNNT_WORDPIECES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace edge_rnnt {

class WordPieces {
 public:
  // Throws std::runtime_error for bytes that are no sentencepiece model.
  WordPieces(const uint8_t* model, int64_t bytes);

  int size() const { return static_cast<int>(pieces_.size()); }

  // Whether a word begins with this piece.
  bool begins_word(int id) const { return pieces_[id].begins_word; }
  // Its letters, with spaces where words begin.
  const std::string& text(int id) const { return pieces_[id].text; }

 private:
  struct Piece {
    std::string text;
    bool begins_word;
  };
  std::vector<Piece> pieces_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_WORDPIECES_H_
