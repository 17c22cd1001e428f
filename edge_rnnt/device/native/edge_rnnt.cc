#include "edge_rnnt.h"

#include <algorithm>
#include <stdexcept>

#include "handles.h"

using namespace edge_rnnt;

namespace {

SearchLimits limits_of(const edge_rnnt_options& options) {
  SearchLimits limits;
  if (options.max_symbols < 0) throw std::invalid_argument("max_symbols must not be negative");
  if (options.max_tokens < 0) throw std::invalid_argument("max_tokens must not be negative");
  if (options.max_symbols) limits.max_symbols = options.max_symbols;
  if (options.max_tokens) limits.max_tokens = options.max_tokens;
  return limits;
}

}  // namespace

edge_rnnt_model* edge_rnnt_open(const char* path, const edge_rnnt_options* options, char* error,
                                size_t error_size) {
  const auto open = [&] {
    const edge_rnnt_options given = options ? *options : edge_rnnt_options{};
    const SearchLimits limits = limits_of(given);
    return new edge_rnnt_model{
        std::make_shared<const Model>(path, given.kernels ? given.kernels : ""), limits};
  };
  return guarded(open, static_cast<edge_rnnt_model*>(nullptr), error, error_size);
}

void edge_rnnt_close(edge_rnnt_model* model) { delete model; }

int32_t edge_rnnt_sample_rate(const edge_rnnt_model* model) {
  return model->model->front_end().sample_rate;
}

double edge_rnnt_frame_seconds(const edge_rnnt_model* model) {
  return model->model->frame_seconds();
}

int32_t edge_rnnt_vocab_size(const edge_rnnt_model* model) {
  return model->model->file().vocab_size;
}

const char* edge_rnnt_kernels(const edge_rnnt_model* model) { return model->model->kernels(); }

edge_rnnt_stream* edge_rnnt_stream_open(const edge_rnnt_model* model, char* error,
                                        size_t error_size) {
  return guarded([&] { return new edge_rnnt_stream(*model); },
                 static_cast<edge_rnnt_stream*>(nullptr), error, error_size);
}

void edge_rnnt_stream_close(edge_rnnt_stream* stream) { delete stream; }

int edge_rnnt_accept(edge_rnnt_stream* stream, const float* samples, size_t count) {
  return guarded(stream, [&] { stream->stream.accept(samples, count); });
}

int edge_rnnt_finish(edge_rnnt_stream* stream) {
  return guarded(stream, [&] { stream->stream.finish(); });
}

int edge_rnnt_reset(edge_rnnt_stream* stream) {
  return guarded(stream, [&] { stream->stream.reset(); });
}

const char* edge_rnnt_error(const edge_rnnt_stream* stream) { return stream->error; }

int32_t edge_rnnt_frames(const edge_rnnt_stream* stream) { return stream->stream.frames(); }

size_t edge_rnnt_text(const edge_rnnt_stream* stream, char* text, size_t size) {
  size_t length = 0;
  const auto letter = [&](char c) {
    if (length + 1 < size) text[length] = c;
    ++length;
  };
  stream->stream.spell(letter, [](const Word&) {});
  if (size) text[std::min(length, size - 1)] = '\0';
  return length;
}

size_t edge_rnnt_tokens(const edge_rnnt_stream* stream, size_t first, edge_rnnt_token* tokens,
                        size_t count) {
  const Tokens& all = stream->stream.tokens();
  const size_t size = static_cast<size_t>(all.size());
  for (size_t k = first; k < size && k - first < count; ++k) {
    tokens[k - first] = {all[static_cast<int>(k)].id, all[static_cast<int>(k)].frame};
  }
  return size;
}

size_t edge_rnnt_words(const edge_rnnt_stream* stream, edge_rnnt_word* words, size_t count) {
  size_t found = 0;
  const auto whole = [&](const Word& word) {
    if (found < count) {
      words[found] = {static_cast<int32_t>(word.begin), static_cast<int32_t>(word.end - word.begin),
                      word.first_frame * stream->frame_seconds,
                      (word.last_frame + 1) * stream->frame_seconds};
    }
    ++found;
  };
  stream->stream.spell([](char) {}, whole);
  return found;
}
