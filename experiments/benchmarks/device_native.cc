// One layer of a device file in the native engine, and how fast memory is read, through plain C.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "container.h"
#include "float_network.h"
#include "integer_network.h"
#include "kernels/kernels.h"

using namespace edge_rnnt;

namespace {

struct Layer0 {
  Layer0(const char* path, const Kernels& kernels) : file(path) {
    if (file.scheme == "integer") {
      integers = integer_network(file, kernels, &plan);
    } else {
      floats = float_network(file, kernels, &plan);
    }
    memory = std::make_unique<StreamMemory>(plan);
    if (integers.entrance) {
      integers.encoder[0]->begin(*memory);
    } else {
      floats.encoder[0]->begin(*memory);
    }
  }
  Container file;
  Plan plan;
  Network<float> floats;
  Network<int8_t> integers;
  std::unique_ptr<StreamMemory> memory;
};

}  // namespace

extern "C" {

// nullptr, with the reason in stderr, for what cannot be used.
void* layer_open(const char* path, const char* kernels) {
  try {
    const Kernels* found = find_kernels(kernels);
    if (!found) throw std::runtime_error(std::string("this processor has no kernels ") + kernels);
    return new Layer0(path, *found);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return nullptr;
  }
}

const char* fastest_kernels() { return find_kernels("")->name; }

void layer_enter(void* layer, const float* x, int8_t* row) {
  static_cast<Layer0*>(layer)->integers.entrance->enter(x, row);
}

// x and what is returned are float, or int8 in the integer scheme.
const void* layer_step(void* layer, const void* x) {
  Layer0& it = *static_cast<Layer0*>(layer);
  if (it.integers.entrance) return it.integers.encoder[0]->step(*it.memory, static_cast<const int8_t*>(x));
  return it.floats.encoder[0]->step(*it.memory, static_cast<const float*>(x));
}

// Reads [count] words of 8 bytes.
uint64_t read_words(const uint64_t* words, int64_t count) {
  uint64_t mixed[16] = {};
  for (int64_t k = 0; k + 16 <= count; k += 16) {
    for (int j = 0; j < 16; ++j) mixed[j] ^= words[k + j];
  }
  uint64_t all = 0;
  for (const uint64_t each : mixed) all ^= each;
  return all;
}
}
