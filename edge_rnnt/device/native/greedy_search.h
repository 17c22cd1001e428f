// Greedy search (edge_rnnt/device/search.py, token for token): at every frame the best word-piece,
// until blank is best. What the prediction network expects next is kept until something is said.
#ifndef EDGE_RNNT_GREEDY_SEARCH_H_
#define EDGE_RNNT_GREEDY_SEARCH_H_

#include "network.h"
#include "recognition.h"

namespace edge_rnnt {

template <class T>
class GreedySearch {
 public:
  GreedySearch(const Network<T>& network, int blank) : network_(network), blank_(blank) {}

  // Before the first frame: the blank is what was "said" last.
  void begin(Memory memory) const {
    for (const auto& cell : network_.prediction) cell->begin(memory);
    advance(memory, blank_);
  }

  // The next encoded frame.
  void accept(Memory memory, const T* encoded, int frame, int max_symbols, Tokens* tokens) const {
    network_.joint->hear(memory, encoded);
    for (int symbol = 0; symbol < max_symbols; ++symbol) {
      const int best = network_.joint->best(memory);
      if (best == blank_) return;
      tokens->push({best, frame});
      advance(memory, best);
    }
  }

  // `label` was said: what is expected next?
  void advance(Memory memory, int label) const {
    const T* row = network_.embedding->row(memory, label);
    const auto& cells = network_.prediction;
    network_.joint->expect(memory, run(cells, 0, cells.size(), memory, row));
  }

 private:
  const Network<T>& network_;
  const int blank_;
};

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_GREEDY_SEARCH_H_
