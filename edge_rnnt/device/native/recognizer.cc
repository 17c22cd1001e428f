#include "recognizer.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace edge_rnnt {
namespace {

const Kernels& named_kernels(const std::string& name) {
  const Kernels* found = find_kernels(name.c_str());
  if (!found) {
    throw std::runtime_error("this processor or this build has no kernels called " + name +
                             "; scalar ones are always there");
  }
  return *found;
}

}  // namespace

Model::Model(const std::string& path, const std::string& kernels)
    : file_(path), kernels_(named_kernels(kernels)) {
  try {
    read();
  } catch (const std::exception& error) {
    if (std::string(error.what()).rfind(path + ": ", 0) == 0) throw;
    file_.refuse(error.what());
  }
}

void Model::read() {
  front_end_ = std::make_unique<FrontEnd>(file_.front_end);
  if (front_end_->feature_dim() != file_.feature_dim) {
    file_.refuse("the front end makes " + std::to_string(front_end_->feature_dim()) +
                 " features, the model takes " + std::to_string(file_.feature_dim));
  }
  const Tensor& pieces = file_.wordpieces();
  wordpieces_ = std::make_unique<WordPieces>(pieces.data, pieces.bytes);
  if (wordpieces_->size() + 1 != file_.vocab_size) {
    file_.refuse("the word-pieces make a vocabulary of " + std::to_string(wordpieces_->size() + 1) +
                 ", the model has one of " + std::to_string(file_.vocab_size));
  }
  networks_ = make_networks(file_, kernels_);
}

Stream::Stream(std::shared_ptr<const Model> model, const SearchLimits& limits)
    : model_(std::move(model)),
      front_end_(model_->front_end()),
      recognition_(model_->networks().stream(limits)) {}

void Stream::reset() {
  front_end_.begin();
  recognition_->begin();
  finished_ = false;
}

void Stream::check(const char* what, const float* values, size_t count) const {
  if (finished_) throw std::logic_error("the stream is finished: reset it for the next utterance");
  const auto broken = [](float value) { return !std::isfinite(value); };
  if (std::any_of(values, values + count, broken)) {
    throw std::invalid_argument(std::string(what) + " that are NaN or infinite");
  }
}

void Stream::accept(const float* samples, size_t count) {
  check("audio holds samples", samples, count);
  front_end_.accept(samples, count, [this](const float* row) { recognition_->accept(row); });
}

void Stream::accept_features(const float* row) {
  check("features hold numbers", row, model_->file().feature_dim);
  recognition_->accept(row);
}

void Stream::hear(const float* row) {
  check("features hold numbers", row, model_->file().feature_dim);
  recognition_->hear(row);
}

void Stream::say(int label) {
  const int pieces = model_->file().vocab_size;
  if (label < 0 || label >= pieces) {
    throw std::invalid_argument("word-piece " + std::to_string(label) + " of " +
                                std::to_string(pieces));
  }
  recognition_->say(label);
}

void Stream::finish() {
  if (finished_) return;
  finished_ = true;
  front_end_.finish([this](const float* row) { recognition_->accept(row); });
  recognition_->finish();
}

}  // namespace edge_rnnt
