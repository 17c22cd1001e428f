#include "recognition.h"

#include <stdexcept>
#include <string>

#include "encoder.h"
#include "float_network.h"
#include "greedy_search.h"
#include "integer_network.h"

namespace edge_rnnt {
namespace {

template <class T>
class RecognitionOf : public Recognition {
 public:
  RecognitionOf(const Network<T>& network, const Encoder<T>& encoder, const GreedySearch<T>& search,
                const Plan& plan, const SearchLimits& limits)
      : Recognition(limits.max_tokens),
        network_(network),
        encoder_(encoder),
        search_(search),
        max_symbols_(limits.max_symbols),
        memory_(plan) {
    begin();
  }

  void begin() override {
    memory_.clear();
    tokens_.clear();
    frames_ = 0;
    encoder_.begin(memory_);
    search_.begin(memory_);
  }

  void accept(const float* features) override {
    if (const T* encoded = encoder_.accept(memory_, features)) {
      search_.accept(memory_, encoded, frames_++, max_symbols_, &tokens_);
    }
  }

  void finish() override {
    while (encoder_.waits(memory_)) accept(encoder_.silence());
  }

  void hear(const float* features) override {
    if (const T* encoded = encoder_.accept(memory_, features)) {
      network_.joint->hear(memory_, encoded);
    }
  }

  void say(int label) override { search_.advance(memory_, label); }

  std::vector<double> joint(int part) const override { return network_.joint->part(memory_, part); }

  std::vector<double> layer(int part, size_t index) const override {
    const Stack<T>& cells = part == 0 ? network_.encoder : network_.prediction;
    if (index >= cells.size()) return {};
    const T* row = cells[index]->output(memory_);
    return {row, row + cells[index]->output_dim()};
  }

 private:
  const Network<T>& network_;
  const Encoder<T>& encoder_;
  const GreedySearch<T>& search_;
  const int max_symbols_;
  StreamMemory memory_;
};

template <class T>
class NetworksOf : public Networks {
 public:
  NetworksOf(const Container& file, const Kernels& kernels,
             Network<T> (*build)(const Container&, const Kernels&, Plan*))
      : network_(build(file, kernels, &plan_)),
        encoder_(file, network_, &plan_),
        search_(network_, file.vocab_size - 1) {}

  std::unique_ptr<Recognition> stream(const SearchLimits& limits) const override {
    return std::make_unique<RecognitionOf<T>>(network_, encoder_, search_, plan_, limits);
  }

 private:
  Plan plan_;
  const Network<T> network_;
  const Encoder<T> encoder_;
  const GreedySearch<T> search_;
};

}  // namespace

void Tokens::push(Token token) {
  if (count_ == room_) {
    throw std::length_error("an utterance of more than " + std::to_string(room_) +
                            " word-pieces: finish or reset the stream, or allow max_tokens more");
  }
  all_[count_++] = token;
}

std::unique_ptr<const Networks> make_networks(const Container& file, const Kernels& kernels) {
  if (file.scheme == "integer") {
    return std::make_unique<NetworksOf<int8_t>>(file, kernels, integer_network);
  }
  return std::make_unique<NetworksOf<float>>(file, kernels, float_network);
}

}  // namespace edge_rnnt
