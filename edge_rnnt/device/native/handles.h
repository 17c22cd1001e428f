// What stands behind the C interface's pointers, and how failures leave it: no exception does.
#ifndef EDGE_RNNT_HANDLES_H_
#define EDGE_RNNT_HANDLES_H_

#include <cstdio>
#include <exception>
#include <memory>

#include "edge_rnnt.h"
#include "recognizer.h"

struct edge_rnnt_model {
  std::shared_ptr<const edge_rnnt::Model> model;
  edge_rnnt::SearchLimits limits;
};

struct edge_rnnt_stream {
  explicit edge_rnnt_stream(const edge_rnnt_model& from)
      : stream(from.model, from.limits), frame_seconds(from.model->frame_seconds()) {}

  edge_rnnt::Stream stream;
  double frame_seconds;
  char error[256] = "";
};

namespace edge_rnnt {

// Runs `make`, whose failure becomes a message and `failed`.
template <class Make, class Result>
Result guarded(Make make, Result failed, char* error, size_t error_size) {
  try {
    return make();
  } catch (const std::exception& problem) {
    if (error && error_size) std::snprintf(error, error_size, "%s", problem.what());
  }
  return failed;
}

template <class Do>
int guarded(edge_rnnt_stream* stream, Do act) {
  return guarded([&] { return act(), 0; }, -1, stream->error, sizeof stream->error);
}

}  // namespace edge_rnnt
#endif  // EDGE_RNNT_HANDLES_H_
