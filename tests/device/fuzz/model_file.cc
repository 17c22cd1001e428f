// libFuzzer: any bytes as a device file. What opens must also run: noise goes through it.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "edge_rnnt.h"

namespace {

std::vector<float> noise() {
  std::vector<float> samples(1600);
  uint32_t state = 1;
  for (float& sample : samples) {
    state = state * 1664525 + 1013904223;
    sample = 0.1f * static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0f;
  }
  return samples;
}

void run(const edge_rnnt_model* model) {
  static const std::vector<float> samples = noise();
  char error[256];
  edge_rnnt_stream* stream = edge_rnnt_stream_open(model, error, sizeof error);
  if (!stream) return;
  edge_rnnt_accept(stream, samples.data(), samples.size());
  edge_rnnt_finish(stream);
  std::string text(edge_rnnt_text(stream, nullptr, 0) + 1, '\0');
  edge_rnnt_text(stream, text.data(), text.size());
  std::vector<edge_rnnt_word> words(edge_rnnt_words(stream, nullptr, 0));
  edge_rnnt_words(stream, words.data(), words.size());
  for (const edge_rnnt_word& word : words) {
    const bool inside = word.begin >= 0 && word.length >= 0 &&
                        word.begin + size_t(word.length) < text.size();
    if (!inside || !(word.start <= word.end)) std::abort();
  }
  edge_rnnt_stream_close(stream);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int file = memfd_create("model", 0);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  char error[256] = "";
  edge_rnnt_model* model = edge_rnnt_open(path.c_str(), nullptr, error, sizeof error);
  if (model) {
    run(model);
  } else if (!error[0]) {
    std::abort();  // refused without a reason
  }
  edge_rnnt_close(model);
  ::close(file);
  return 0;
}
