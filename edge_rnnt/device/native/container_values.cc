// Tensors of a device file by name, as numbers of a type.
#include <cmath>
#include <type_traits>

#include "container.h"

namespace edge_rnnt {
namespace {

constexpr int32_t kLargestBias = 1 << 30;  // so that its sum with products fits 32 bits

const char* type_name(const float*) { return "F32"; }
const char* type_name(const int8_t*) { return "I8"; }
const char* type_name(const int16_t*) { return "I16"; }
const char* type_name(const int32_t*) { return "I32"; }
const char* type_name(const uint8_t*) { return "U8"; }
const char* type_name(const uint16_t*) { return "U16"; }

}  // namespace

template <class T>
const T* Container::place(const std::string& name, const std::vector<int64_t>& shape) const {
  const Tensor& found = tensor(name, type_name(static_cast<T*>(nullptr)), shape);
  const T* values = reinterpret_cast<const T*>(found.data);
  if (reinterpret_cast<uintptr_t>(values) % alignof(T) != 0) {
    refuse(name + " lies at an odd address, where no export puts it");
  }
  if constexpr (std::is_same_v<T, float>) {
    const bool scale = name.size() > 6 && name.compare(name.size() - 6, 6, ".scale") == 0;
    for (int64_t k = 0; k < found.bytes / int64_t{sizeof(T)}; ++k) {
      if (!std::isfinite(values[k])) refuse(name + " holds values that are not numbers");
      if (scale && !(values[k] > 0)) refuse(name + " holds a scale that is not positive");
    }
  }
  if constexpr (std::is_same_v<T, int32_t>) {
    for (int64_t k = 0; k < found.bytes / int64_t{sizeof(T)}; ++k) {
      if (values[k] < -kLargestBias || values[k] > kLargestBias) {
        refuse(name + " holds a bias beyond 30 bits, which no export writes");
      }
    }
  }
  return values;
}

template <class T>
std::vector<T> Container::values(const std::string& name, const std::vector<int64_t>& shape) const {
  const T* begin = place<T>(name, shape);
  return {begin, begin + find(name)->bytes / sizeof(T)};
}

using Name = std::string;
using Shape = std::vector<int64_t>;
template const float* Container::place<float>(const Name&, const Shape&) const;
template const int8_t* Container::place<int8_t>(const Name&, const Shape&) const;
template const uint8_t* Container::place<uint8_t>(const Name&, const Shape&) const;
template const uint16_t* Container::place<uint16_t>(const Name&, const Shape&) const;
template std::vector<float> Container::values<float>(const Name&, const Shape&) const;
template std::vector<int16_t> Container::values<int16_t>(const Name&, const Shape&) const;
template std::vector<int32_t> Container::values<int32_t>(const Name&, const Shape&) const;

}  // namespace edge_rnnt
