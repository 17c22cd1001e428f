// A recognizer from a device file, and its streams (edge_rnnt/device/engine.py).
#ifndef EDGE_RNNT_RECOGNIZER_H_
#define EDGE_RNNT_RECOGNIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "container.h"
#include "front_end.h"
#include "recognition.h"
#include "wordpieces.h"

namespace edge_rnnt {

// A model in memory, shared by its streams. Its weights are used where they lie in the mapped file.
class Model {
 public:
  // `kernels` is a table's name, "" for the fastest. Throws std::runtime_error, naming the file and
  // the reason, for a file that cannot be used.
  Model(const std::string& path, const std::string& kernels);

  const Container& file() const { return file_; }
  const char* kernels() const { return kernels_.name; }
  const FrontEnd& front_end() const { return *front_end_; }
  const WordPieces& wordpieces() const { return *wordpieces_; }
  const Networks& networks() const { return *networks_; }
  // Seconds of audio in one encoded frame.
  double frame_seconds() const { return front_end_->row_seconds() * file_.time_reduction; }

 private:
  void read();

  Container file_;
  const Kernels& kernels_;
  std::unique_ptr<const FrontEnd> front_end_;
  std::unique_ptr<const WordPieces> wordpieces_;
  std::unique_ptr<const Networks> networks_;
};

// A word of a stream's text, bytes begin .. end - 1 of it, and the encoded frames of its first and last
// word-pieces.
struct Word {
  size_t begin = 0, end = 0;
  int first_frame = 0, last_frame = 0;
};

// One utterance while it is spoken. Only its making allocates.
class Stream {
 public:
  Stream(std::shared_ptr<const Model> model, const SearchLimits& limits);

  // A fresh utterance.
  void reset();
  // More audio, in [-1, 1]. Throws std::invalid_argument for what is no audio, before any of it is
  // heard, and std::logic_error after `finish`.
  void accept(const float* samples, size_t count);
  // The audio has ended: what was held back is recognized.
  void finish();

  // The next row of features, in place of audio; throws like `accept`.
  void accept_features(const float* row);
  // The same up to the joint network, without a search; and a word-piece as though one had found it,
  // which throws std::invalid_argument for one that there is not.
  void hear(const float* row);
  void say(int label);

  const Recognition& recognition() const { return *recognition_; }
  const Tokens& tokens() const { return recognition_->tokens(); }
  int frames() const { return recognition_->frames(); }

  // Hands out the text letter by letter, use(byte), and the words, use(Word), each after its letters.
  template <class Letter, class Whole>
  void spell(Letter use_letter, Whole use_word) const;

 private:
  void check(const char* what, const float* values, size_t count) const;

  std::shared_ptr<const Model> model_;
  FrontEndStream front_end_;
  std::unique_ptr<Recognition> recognition_;
  bool finished_ = false;
};

// A word is what pieces spell from one that begins it to the next; runs of spaces are one, and those
// at the ends of the text none.
template <class Letter, class Whole>
void Stream::spell(Letter use_letter, Whole use_word) const {
  const WordPieces& pieces = model_->wordpieces();
  size_t length = 0;
  Word word;
  bool space = false;
  for (const Token& token : tokens()) {
    if (pieces.begins_word(token.id) || &token == tokens().begin()) {
      if (word.end) use_word(word);
      word = {0, 0, token.frame, token.frame};
    }
    word.last_frame = token.frame;
    for (const char c : pieces.text(token.id)) {
      if (c == ' ') {
        space = true;
        continue;
      }
      if (space && length) use_letter(' '), ++length;
      space = false;
      if (!word.end) word.begin = length;
      use_letter(c);
      word.end = ++length;
    }
  }
  if (word.end) use_word(word);
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_RECOGNIZER_H_
