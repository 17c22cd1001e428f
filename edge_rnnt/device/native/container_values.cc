// Copies out of a device file: tensors by name, and kernels written out of their blocks.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "container.h"

namespace edge_rnnt {
namespace {

constexpr int64_t kLargestKernel = int64_t{1} << 28;  // entries; what is written out must fit

const char* type_name(const float*) { return "F32"; }
const char* type_name(const int8_t*) { return "I8"; }
const char* type_name(const int16_t*) { return "I16"; }
const char* type_name(const int32_t*) { return "I32"; }
const char* type_name(const uint8_t*) { return "U8"; }
const char* type_name(const uint16_t*) { return "U16"; }
}  // namespace

template <class T>
std::vector<T> Container::values(const std::string& name, const std::vector<int64_t>& shape) const {
  const Tensor& found = tensor(name, type_name(static_cast<T*>(nullptr)), shape);
  std::vector<T> copy(found.bytes / sizeof(T));
  if (!copy.empty()) std::memcpy(copy.data(), found.data, found.bytes);  // any alignment
  if constexpr (std::is_same_v<T, float>) {
    const bool scale = name.size() > 6 && name.compare(name.size() - 6, 6, ".scale") == 0;
    for (const float value : copy) {
      if (!std::isfinite(value)) refuse(name + " holds values that are not numbers");
      if (scale && !(value > 0)) refuse(name + " holds a scale that is not positive");
    }
  }
  return copy;
}

template <class T>
std::vector<T> Container::kernel(const std::string& name, int in, int out) const {
  if (int64_t{in} * out > kLargestKernel) refuse(name + " has too many entries");
  if (!in_blocks(name)) return values<T>(name, {in, out});
  const int rows = (in + block_in - 1) / block_in, columns = (out + block_out - 1) / block_out;
  const auto positions = [&](const std::string& part, int64_t count) {
    if (rows > 255) {
      const auto wide = values<uint16_t>(name + part, {count});
      return std::vector<int>(wide.begin(), wide.end());
    }
    const auto narrow = values<uint8_t>(name + part, {count});
    return std::vector<int>(narrow.begin(), narrow.end());
  };
  const auto found = tensors_.find(name + ".index");
  if (found == tensors_.end() || found->second.shape.size() != 1) refuse(name + " is missing");
  const int64_t kept = found->second.shape[0];
  const std::vector<int> index = positions(".index", kept), count = positions(".count", columns);
  const std::vector<T> blocks = values<T>(name + ".blocks", {kept, block_in * block_out});
  std::vector<T> dense(size_t(in) * out);
  int64_t at = 0;
  for (int column = 0; column < columns; ++column) {
    if (count[column] > kept - at) refuse(name + ": counts add up to more blocks than there are");
    int before = -1;
    for (int k = 0; k < count[column]; ++k, ++at) {
      if (index[at] <= before || index[at] >= rows) refuse(name + ": block indices are not in order");
      before = index[at];
      for (int i = 0; i < block_in; ++i) {
        for (int o = 0; o < block_out; ++o) {
          const int64_t d = int64_t{before} * block_in + i, e = int64_t{column} * block_out + o;
          if (d < in && e < out) {
            dense[d * out + e] = blocks[(at * block_in + i) * block_out + o];
          }
        }
      }
    }
  }
  if (at != kept) refuse(name + ": counts add up to fewer blocks than there are");
  return dense;
}

template std::vector<float> Container::values<float>(const std::string&,
                                                     const std::vector<int64_t>&) const;
template std::vector<int8_t> Container::values<int8_t>(const std::string&,
                                                       const std::vector<int64_t>&) const;
template std::vector<int16_t> Container::values<int16_t>(const std::string&,
                                                         const std::vector<int64_t>&) const;
template std::vector<int32_t> Container::values<int32_t>(const std::string&,
                                                         const std::vector<int64_t>&) const;
template std::vector<float> Container::kernel<float>(const std::string&, int, int) const;
template std::vector<int8_t> Container::kernel<int8_t>(const std::string&, int, int) const;

}  // namespace edge_rnnt
