#include "edge_rnnt_inspect.h"

#include <algorithm>
#include <vector>

#include "handles.h"

using namespace edge_rnnt;

namespace {

size_t written(const std::vector<double>& row, double* values, size_t room) {
  std::copy_n(row.begin(), std::min(row.size(), room), values);
  return row.size();
}

}  // namespace

size_t edge_rnnt_features(const edge_rnnt_model* model, const float* samples, size_t count,
                          size_t chunk, float* rows, size_t room) {
  const FrontEnd& front_end = model->model->front_end();
  FrontEndStream stream(front_end);
  size_t found = 0;
  const auto keep = [&](const float* row) {
    for (int64_t k = 0; k < front_end.feature_dim(); ++k, ++found) {
      if (found < room) rows[found] = row[k];
    }
  };
  const size_t piece = std::max<size_t>(chunk, 1);
  for (size_t at = 0; at < count; at += piece) {
    stream.accept(samples + at, std::min(piece, count - at), keep);
  }
  stream.finish(keep);
  return found;
}

int edge_rnnt_accept_features(edge_rnnt_stream* stream, const float* row) {
  return guarded(stream, [&] { stream->stream.accept_features(row); });
}

int edge_rnnt_hear(edge_rnnt_stream* stream, const float* row) {
  return guarded(stream, [&] { stream->stream.hear(row); });
}

int edge_rnnt_say(edge_rnnt_stream* stream, int32_t label) {
  return guarded(stream, [&] { stream->stream.say(label); });
}

size_t edge_rnnt_joint(const edge_rnnt_stream* stream, int part, double* values, size_t room) {
  return written(stream->stream.recognition().joint(part), values, room);
}

size_t edge_rnnt_layer(const edge_rnnt_stream* stream, int part, size_t index, double* values,
                       size_t room) {
  return written(stream->stream.recognition().layer(part, index), values, room);
}
