// libFuzzer: any bytes as calls of the C interface, with samples that are any bits.
// The model is the file that the environment variable MODEL names.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "edge_rnnt.h"

namespace {

edge_rnnt_model* model = nullptr;

// Takes values off the front of the input; zeros when there is nothing left.
struct Input {
  const uint8_t* data;
  size_t size;
  template <class T>
  T take() {
    T value{};
    const size_t bytes = std::min(sizeof value, size);
    if (bytes) std::memcpy(&value, data, bytes);
    data += bytes, size -= bytes;
    return value;
  }
};

std::vector<float> samples(Input* input) {
  // Some of few bits, so that they are audio; some of all, so that they are anything.
  const bool audio = input->take<uint8_t>() % 4;
  std::vector<float> found(input->take<uint16_t>() % 2048);
  for (float& sample : found) {
    sample = audio ? input->take<int8_t>() / 128.0f : input->take<float>();
    if (!input->size) break;  // silence from here on
  }
  return found;
}

std::string text(const edge_rnnt_stream* stream) {
  std::string found(edge_rnnt_text(stream, nullptr, 0) + 1, '\0');
  edge_rnnt_text(stream, found.data(), found.size());
  return found;
}

void accept(edge_rnnt_stream* stream, Input* input) {
  const std::vector<float> chunk = samples(input);
  bool sane = true;
  for (const float sample : chunk) sane = sane && std::isfinite(sample);
  const std::string before = text(stream);
  const int failed = edge_rnnt_accept(stream, chunk.data(), chunk.size());
  if (failed && !*edge_rnnt_error(stream)) std::abort();  // without a reason
  if (!sane && (!failed || text(stream) != before)) std::abort();  // must hear none of it
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  char error[256];
  const char* path = std::getenv("MODEL");
  model = edge_rnnt_open(path ? path : "", nullptr, error, sizeof error);
  if (!model) std::fprintf(stderr, "MODEL: %s\n", error), std::exit(1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input{data, size};
  char error[256];
  edge_rnnt_stream* stream = edge_rnnt_stream_open(model, error, sizeof error);
  while (input.size) {
    const uint8_t call = input.take<uint8_t>() % 8;
    if (call < 4) accept(stream, &input);
    if (call == 4) edge_rnnt_finish(stream);
    if (call == 5) edge_rnnt_reset(stream);
    if (call == 6) {
      std::vector<char> room(input.take<uint8_t>());
      edge_rnnt_text(stream, room.data(), room.size());
      std::vector<edge_rnnt_token> tokens(input.take<uint8_t>());
      edge_rnnt_tokens(stream, input.take<uint16_t>(), tokens.data(), tokens.size());
    }
    if (call == 7) {
      std::vector<edge_rnnt_word> words(input.take<uint8_t>());
      edge_rnnt_words(stream, words.data(), words.size());
    }
  }
  edge_rnnt_stream_close(stream);
  return 0;
}
