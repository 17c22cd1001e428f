// edge_rnnt_transcribe MODEL FILE.wav...: 16-bit PCM, one channel, at the model's rate; a word and the
// second in which it begins per line, and the real-time factor. For audio of other kinds there is
// python -m edge_rnnt.device.transcribe.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "edge_rnnt.h"

namespace {

uint32_t number(const std::vector<uint8_t>& bytes, size_t at, int count) {
  if (at + count > bytes.size()) throw std::runtime_error("the file is cut");
  uint32_t value = 0;
  for (int k = count; k-- > 0;) value = value << 8 | bytes[at + k];
  return value;
}

// The samples of a RIFF/WAVE file, in [-1, 1).
std::vector<float> read_wav(const std::string& path, uint32_t sample_rate) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot be read");
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto is = [&](size_t at, const char* name) {
    return at + 4 <= bytes.size() && !std::memcmp(bytes.data() + at, name, 4);
  };
  if (!is(0, "RIFF") || !is(8, "WAVE")) throw std::runtime_error("is no WAV file");
  bool known = false;
  for (size_t at = 12; at + 8 <= bytes.size();) {
    const size_t size = number(bytes, at + 4, 4), begin = at + 8;
    if (is(at, "fmt ")) {
      const uint32_t channels = number(bytes, begin + 2, 2), rate = number(bytes, begin + 4, 4);
      if (number(bytes, begin + 14, 2) != 16 || channels != 1 || rate != sample_rate) {
        throw std::runtime_error("is not 16-bit audio of one channel at " +
                                 std::to_string(sample_rate) + " Hz");
      }
      known = true;
    } else if (is(at, "data") && known) {
      std::vector<float> samples;
      const size_t end = size < bytes.size() - begin ? begin + size : bytes.size();
      for (size_t k = begin; k + 2 <= end; k += 2) {
        samples.push_back(static_cast<int16_t>(number(bytes, k, 2)) / 32768.0f);
      }
      return samples;
    }
    at = begin + size + size % 2;
  }
  throw std::runtime_error("holds no audio");
}

void check(int result, const edge_rnnt_stream* stream) {
  if (result) throw std::runtime_error(edge_rnnt_error(stream));
}

// Feeds the audio in tenths of a second, as a microphone would. Returns the seconds that it took.
double recognize(edge_rnnt_stream* stream, const std::vector<float>& samples, size_t rate) {
  const auto begin = std::chrono::steady_clock::now();
  check(edge_rnnt_reset(stream), stream);
  for (size_t at = 0; at < samples.size(); at += rate / 10) {
    const size_t count = std::min(rate / 10, samples.size() - at);
    check(edge_rnnt_accept(stream, samples.data() + at, count), stream);
  }
  check(edge_rnnt_finish(stream), stream);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void print_words(const edge_rnnt_stream* stream) {
  std::vector<char> text(edge_rnnt_text(stream, nullptr, 0) + 1);
  edge_rnnt_text(stream, text.data(), text.size());
  std::vector<edge_rnnt_word> words(edge_rnnt_words(stream, nullptr, 0));
  edge_rnnt_words(stream, words.data(), words.size());
  for (const edge_rnnt_word& word : words) {
    std::printf("%8.2f  %.*s\n", word.start, word.length, text.data() + word.begin);
  }
}

int transcribe(edge_rnnt_stream* stream, const std::string& path, int32_t rate) {
  try {
    const std::vector<float> samples = read_wav(path, rate);
    const double spent = recognize(stream, samples, rate);
    std::printf("%s: %.2f s of audio, RTF %.4f\n", path.c_str(), double(samples.size()) / rate,
                samples.empty() ? 0 : spent * rate / samples.size());
    print_words(stream);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s %s\n", path.c_str(), error.what());
    return 1;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: edge_rnnt_transcribe MODEL FILE.wav...\n");
    return 2;
  }
  char error[512];
  edge_rnnt_model* model = edge_rnnt_open(arguments[1], nullptr, error, sizeof error);
  edge_rnnt_stream* stream = model ? edge_rnnt_stream_open(model, error, sizeof error) : nullptr;
  if (!stream) {
    std::fprintf(stderr, "%s\n", error);
    edge_rnnt_close(model);
    return 2;
  }
  int failed = 0;
  for (int k = 2; k < count; ++k) {
    failed |= transcribe(stream, arguments[k], edge_rnnt_sample_rate(model));
  }
  edge_rnnt_stream_close(stream);
  edge_rnnt_close(model);
  return failed;
}
