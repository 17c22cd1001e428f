// Rows of features in, word-pieces out: encoder, prediction network and greedy search of one stream.
#ifndef EDGE_RNNT_RECOGNITION_H_
#define EDGE_RNNT_RECOGNITION_H_

#include <memory>
#include <vector>

#include "container.h"
#include "kernels/kernels.h"

namespace edge_rnnt {

// A word-piece and the encoded frame (from 0) at which it was emitted.
struct Token {
  int id, frame;
};

// What has been recognized, in room of a fixed size.
class Tokens {
 public:
  explicit Tokens(int room) : all_(new Token[room]), room_(room) {}
  void clear() { count_ = 0; }
  void push(Token token);  // throws std::length_error when there is no more room
  int size() const { return count_; }
  const Token* begin() const { return all_.get(); }
  const Token* end() const { return begin() + count_; }
  const Token& operator[](int k) const { return all_[k]; }

 private:
  std::unique_ptr<Token[]> all_;
  int room_, count_ = 0;
};

// One stream's way through the networks. Nothing but its making allocates.
class Recognition {
 public:
  virtual ~Recognition() = default;
  // A fresh utterance.
  virtual void begin() = 0;
  // The next row of features.
  virtual void accept(const float* features) = 0;
  // The audio has ended: rows of zeros fill up the group of frames that has begun.
  virtual void finish() = 0;

  // To compute what another engine's search led through, not one's own: a row of features up to the
  // joint network, and a word-piece as though it had been found.
  virtual void hear(const float* features) = 0;
  virtual void say(int label) = 0;

  // What the joint network has heard (part 0) and expects (1), and its scores of both (2); else empty.
  virtual std::vector<double> joint(int part) const = 0;
  // The last output of a layer of the encoder (part 0) or the prediction network (1), to look at;
  // empty if there is none.
  virtual std::vector<double> layer(int part, size_t index) const = 0;

  const Tokens& tokens() const { return tokens_; }
  // Encoded frames searched so far.
  int frames() const { return frames_; }

 protected:
  explicit Recognition(int most_tokens) : tokens_(most_tokens) {}

  Tokens tokens_;
  int frames_ = 0;
};

struct SearchLimits {
  int max_symbols = 4;  // word-pieces per encoded frame
  int max_tokens = 1 << 16;
};

// The networks of a file, shared by all streams.
class Networks {
 public:
  virtual ~Networks() = default;
  virtual std::unique_ptr<Recognition> stream(const SearchLimits& limits) const = 0;
};

// Throws std::runtime_error for a file that cannot be computed with. It must outlive the networks.
std::unique_ptr<const Networks> make_networks(const Container& file, const Kernels& kernels);

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_RECOGNITION_H_
