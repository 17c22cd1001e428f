// Runs a device file and prints all there is to compare: for processors that Python is not on.
//
//   native_driver MODEL KERNELS features FILE    float32 rows of features; layers after each of them
//   native_driver MODEL KERNELS samples FILE     float32 samples, in chunks of 100
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "container.h"
#include "edge_rnnt.h"
#include "edge_rnnt_inspect.h"

namespace {

constexpr size_t kChunk = 100;

void check(bool good, const char* why) {
  if (good) return;
  std::fprintf(stderr, "%s\n", why);
  std::exit(1);
}

std::vector<float> read_floats(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

void print_layers(const edge_rnnt_stream* stream) {
  for (int part = 0; part < 2; ++part) {
    for (size_t index = 0;; ++index) {
      std::vector<double> values(edge_rnnt_layer(stream, part, index, nullptr, 0));
      if (values.empty()) break;
      edge_rnnt_layer(stream, part, index, values.data(), values.size());
      std::printf("layer %d %zu", part, index);
      for (const double value : values) std::printf(" %.9g", value);
      std::printf("\n");
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  check(count == 5, "usage: native_driver MODEL KERNELS features|samples FILE");
  char error[512];
  const edge_rnnt_options options{arguments[2], 4, 0};
  edge_rnnt_model* model = edge_rnnt_open(arguments[1], &options, error, sizeof error);
  check(model, error);
  edge_rnnt_stream* stream = edge_rnnt_stream_open(model, error, sizeof error);
  check(stream, error);
  const std::vector<float> input = read_floats(arguments[4]);
  const bool rows = !std::strcmp(arguments[3], "features");
  const size_t step = rows ? edge_rnnt::Container(arguments[1]).feature_dim : kChunk;
  for (size_t at = 0; at < input.size(); at += step) {
    const size_t left = input.size() - at;
    const int failed = rows ? edge_rnnt_accept_features(stream, input.data() + at)
                            : edge_rnnt_accept(stream, input.data() + at, std::min(step, left));
    check(!failed, edge_rnnt_error(stream));
    if (rows) print_layers(stream);
  }
  check(!edge_rnnt_finish(stream), edge_rnnt_error(stream));
  std::printf("frames %d\ntokens", edge_rnnt_frames(stream));
  std::vector<edge_rnnt_token> tokens(edge_rnnt_tokens(stream, 0, nullptr, 0));
  edge_rnnt_tokens(stream, 0, tokens.data(), tokens.size());
  for (const auto& token : tokens) std::printf(" %d@%d", token.id, token.frame);
  std::string text(edge_rnnt_text(stream, nullptr, 0) + 1, '\0');
  edge_rnnt_text(stream, text.data(), text.size());
  std::printf("\ntext %s\n", text.c_str());
  edge_rnnt_stream_close(stream);
  edge_rnnt_close(model);
  return 0;
}
