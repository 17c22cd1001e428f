#include "front_end.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace edge_rnnt {
namespace {

constexpr int kLargest = 200000;      // of any setting
constexpr double kLongestTail = 60;   // seconds
constexpr int kMostMissing = 3;       // frames that stick out at the end of the audio

std::vector<float> bands(const Json& values, const std::string& name, int count) {
  if (values.type == Json::kNull) return {};
  if (values.type != Json::kArray || values.items.size() != static_cast<size_t>(count)) {
    throw std::runtime_error(name + " of the front end is not a number for each mel band");
  }
  std::vector<float> found;
  for (const Json& item : values.items) {
    found.push_back(static_cast<float>(item.real(name.c_str())));
    if (!std::isfinite(found.back()) || (name == "std" && !(found.back() > 0))) {
      throw std::runtime_error(name + " of the front end is " + std::to_string(found.back()));
    }
  }
  return found;
}

// The place of sample k in a wave of n that goes on as its own mirror image at both ends.
int64_t mirrored(int64_t k, int64_t n) {
  const int64_t within = ((k % (2 * n)) + 2 * n) % (2 * n);
  return within < n ? within : 2 * n - 1 - within;
}

}  // namespace

FrontEnd::FrontEnd(const Json& settings)
    : sample_rate(settings.at("sample_rate").integer("sample_rate", 1000, kLargest)),
      stack(settings.at("stack").integer("stack", 1, kLargest)),
      stride(settings.at("stride").integer("stride", 1, kLargest)) {
  const int num_mels = settings.at("num_mels").integer("num_mels", 3, kLargest);
  const double low = settings.at("low_hz").real("low_hz"), nyquist = sample_rate / 2.0;
  const Json& top = settings.at("high_hz");
  const double high = top.type == Json::kNull ? nyquist : top.real("high_hz");
  if (!(0 <= low && low < high && high <= nyquist)) {
    throw std::runtime_error("the front end's mel bands do not lie within 0 .. half the sample rate");
  }
  const double seconds = settings.at("tail_seconds").real("tail_seconds");
  if (!(0 <= seconds && seconds <= kLongestTail)) {
    throw std::runtime_error("tail_seconds of the front end is not one of 0 .. 60");
  }
  tail = static_cast<int64_t>(std::nearbyint(seconds * sample_rate));
  mean_ = bands(settings.at("mean"), "mean", num_mels);
  std_ = bands(settings.at("std"), "std", num_mels);
  if (mean_.empty() != std_.empty()) {
    throw std::runtime_error("the front end has a mean without a std, or a std without a mean");
  }
  const Json& clip = settings.at("clip");
  if (clip.type != Json::kNull) clip_ = static_cast<float>(clip.real("clip"));
  if (clip.type != Json::kNull && (mean_.empty() || !(clip_ > 0))) {
    throw std::runtime_error("clip of the front end is not a positive number of deviations");
  }
  log_mel.emplace(sample_rate, num_mels, static_cast<float>(low), static_cast<float>(high));
}

void FrontEnd::normalize(float* frame) const {
  for (size_t k = 0; k < mean_.size(); ++k) {
    frame[k] = (frame[k] - mean_[k]) / std_[k];
    if (clip_ > 0) frame[k] = std::min(std::max(frame[k], -clip_), clip_);
  }
}

FrontEndStream::FrontEndStream(const FrontEnd& front_end)
    : front_end_(front_end),
      framing_(front_end.log_mel->framing),
      wave_(framing_.window),
      ending_(framing_.span(kMostMissing)),
      work_(2 * framing_.fft),
      stacked_(front_end.feature_dim()) {
  begin();
}

void FrontEndStream::begin() {
  std::fill(stacked_.begin(), stacked_.end(), 0.0f);
  filled_ = framing_.left;
  begun_ = false;
  heard_ = frames_ = 0;
  skip_ = 0;
}

size_t FrontEndStream::fill(const float* samples, size_t count) {
  const size_t taken = std::min<size_t>(count, framing_.window - filled_);
  if (taken) std::memcpy(wave_.data() + filled_, samples, sizeof(float) * taken);
  filled_ += static_cast<int>(taken);
  heard_ += static_cast<int64_t>(taken);
  return taken;
}

const float* FrontEndStream::next_row() {
  if (filled_ < framing_.window) return nullptr;
  if (!begun_) {
    for (int k = 0; k < framing_.left; ++k) wave_[framing_.left - 1 - k] = wave_[framing_.left + k];
    begun_ = true;
  }
  const float* row = push_frame(wave_.data());
  filled_ -= framing_.hop;
  std::memmove(wave_.data(), wave_.data() + framing_.hop, sizeof(float) * filled_);
  return row;
}

int64_t FrontEndStream::mirror_end() {
  const int64_t missing = framing_.count(heard_) - frames_;
  if (!missing) return 0;
  // What is left of the audio, its beginning being mirrored already or not.
  const int first = begun_ ? 0 : framing_.left, length = filled_ - first;
  for (int64_t k = 0; k < framing_.span(missing); ++k) {
    ending_[k] = wave_[first + mirrored(k - first, length)];
  }
  return missing;
}

// Keeps the frame as the last of those that are stacked -> a row, if this frame completes one.
const float* FrontEndStream::push_frame(const float* wave) {
  const int mels = front_end_.log_mel->num_mels;
  float* last = stacked_.data() + stacked_.size() - mels;
  std::memmove(stacked_.data(), stacked_.data() + mels, sizeof(float) * (stacked_.size() - mels));
  (*front_end_.log_mel)(wave, work_.data(), last);
  front_end_.normalize(last);
  ++frames_;
  if (skip_--) return nullptr;
  skip_ = front_end_.stride - 1;
  return stacked_.data();
}

}  // namespace edge_rnnt
