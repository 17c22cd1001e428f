#include "container.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace edge_rnnt {
namespace {

constexpr int kLargest = 1 << 20, kMostLayers = 256;
constexpr int64_t kMostInputs = 65536;                // so that integer sums fit 32 bits

[[noreturn]] void fail(const std::string& why) { throw std::runtime_error(why); }

int item_bytes(const std::string& dtype) {
  if (dtype == "F32" || dtype == "I32") return 4;
  if (dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8") return 1;
  fail("tensors of type " + dtype + ", which no device file uses");
}

Tensor read_tensor(const std::string& name, const Json& entry, const uint8_t* data, int64_t size) {
  Tensor tensor;
  tensor.dtype = entry.at("dtype").string("dtype");
  int64_t bytes = item_bytes(tensor.dtype);
  const Json& shape = entry.at("shape");
  const Json& offsets = entry.at("data_offsets");
  if (shape.type != Json::kArray || shape.items.size() > 8) fail(name + " has no shape");
  for (const Json& item : shape.items) {
    const int axis = item.integer("an axis of a shape", 0, 1 << 30);
    tensor.shape.push_back(axis);
    if (axis && bytes > size / axis) fail(name + " is larger than the file");
    bytes *= axis;
  }
  if (offsets.type != Json::kArray || offsets.items.size() != 2) fail(name + " has no offsets");
  const double begin = offsets.items[0].real("an offset"), end = offsets.items[1].real("an offset");
  if (!(begin >= 0 && begin <= end && end <= size) || end - begin != bytes) {
    fail(name + " does not lie where its shape says");
  }
  tensor.data = data + static_cast<int64_t>(begin);
  tensor.bytes = bytes;
  return tensor;
}

std::vector<Layer> stack(const Json& model, const std::string& part, int width, int reduction,
                         int after) {
  std::vector<Layer> layers;
  const std::string cell = model.at(part + "_cell").string("a cell");
  if (cell != "lstm" && cell != "cifg" && cell != "sru") fail("no cell is called " + cell);
  const Json& projection = model.at(part + "_projection");
  const Json& norm = model.at("layer_norm");
  if (norm.type != Json::kBool) fail("layer_norm is neither true nor false");
  const int count = model.at(part + "_layers").integer("the number of layers", 1, kMostLayers);
  for (int k = 0; k < count; ++k) {
    Layer layer;
    layer.path = part + "/layer_" + std::to_string(k);
    layer.cell = cell;
    layer.cells = model.at(part + "_cells").integer("the number of cells", 1, kLargest);
    if (projection.type != Json::kNull) {
      layer.projection = projection.integer("a projection", 1, kLargest);
    }
    layer.layer_norm = norm.number != 0;
    if (int64_t{width} * (k == after ? reduction : 1) > kMostInputs) fail(layer.path + " is too wide");
    layer.input_dim = width * (k == after ? reduction : 1);
    width = layer.output_dim();
    if (width > kMostInputs || layer.cells > kMostInputs) fail(layer.path + " is too wide");
    layers.push_back(layer);
  }
  return layers;
}

}  // namespace

Container::Container(const std::string& path) : path_(path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path + ": cannot be read: " + std::strerror(errno));
  struct stat status;
  const bool known = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  void* map = known ? ::mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
  ::close(file);
  if (map == MAP_FAILED) fail(path + ": cannot be mapped: not a file, or empty");
  map_ = static_cast<const uint8_t*>(map);
  size_ = status.st_size;
  try {
    read_header();
  } catch (const std::exception& error) {
    close();
    refuse(error.what());
  }
}

void Container::refuse(const std::string& why) const {
  fail(path_ + ": not a usable device file: " + why);
}

Container::~Container() { close(); }

void Container::close() {
  if (map_) ::munmap(const_cast<uint8_t*>(map_), size_);
  map_ = nullptr;
}

void Container::read_header() {
  if (size_ < 8) fail("shorter than a header");
  uint64_t length = 0;
  for (int k = 7; k >= 0; --k) length = length << 8 | map_[k];
  if (length > static_cast<uint64_t>(size_ - 8)) fail("the header is cut");
  const Json header =
      parse_json({reinterpret_cast<const char*>(map_ + 8), static_cast<size_t>(length)});
  if (header.type != Json::kObject) fail("the header is no object");
  const uint8_t* data = map_ + 8 + length;
  const int64_t size = size_ - 8 - static_cast<int64_t>(length);
  std::vector<std::pair<const uint8_t*, int64_t>> places;
  for (size_t k = 0; k < header.names.size(); ++k) {
    const std::string& name = header.names[k];
    if (name == "__metadata__") continue;
    const Tensor tensor = read_tensor(name, header.items[k], data, size);
    if (!tensors_.emplace(name, tensor).second) fail(name + " is there twice");
    places.emplace_back(tensor.data, tensor.bytes);
  }
  std::sort(places.begin(), places.end());
  for (const auto& [begin, bytes] : places) {
    if (begin != data) fail("tensors overlap or leave gaps");
    data += bytes;
  }
  if (data != map_ + size_) fail("bytes after the last tensor");
  const Json& metadata = header.at("__metadata__");
  if (metadata.names.size() != 1) fail("a safetensors file, but not one of edge_rnnt's");
  read_description(parse_json(metadata.at("edge_rnnt").string("the description")));
}

void Container::read_description(const Json& description) {
  const int version = description.at("version").integer("version", 0, 1 << 30);
  if (version != 2) {
    fail("format version " + std::to_string(version) + ", this program reads 2: export it again");
  }
  if (description.names.size() != 7) fail("fields missing or unknown");
  scheme = description.at("scheme").string("scheme");
  if (scheme != "float" && scheme != "hybrid" && scheme != "integer") fail("no scheme is " + scheme);
  description.at("card").string("the model card");
  const Json& block = description.at("block");
  if (block.type != Json::kArray || block.items.size() != 2) fail("block is not two sizes");
  block_in = block.items[0].integer("a block's size", 1, 64);
  block_out = block.items[1].integer("a block's size", 1, 64);
  front_end = description.at("front_end");
  activations_ = description.at("activations");
  const Json& model = description.at("model");
  feature_dim = model.at("feature_dim").integer("feature_dim", 1, kLargest);
  vocab_size = model.at("vocab_size").integer("vocab_size", 1, kLargest);
  time_reduction = model.at("time_reduction").integer("time_reduction", 1, kLargest);
  time_reduction_after =
      model.at("time_reduction_after").integer("time_reduction_after", 0, kMostLayers);
  embedding_dim = model.at("embedding_dim").integer("embedding_dim", 1, kLargest);
  joint_dim = model.at("joint_dim").integer("joint_dim", 1, kMostInputs);
  encoder = stack(model, "encoder", feature_dim, time_reduction, time_reduction_after);
  prediction = stack(model, "prediction", embedding_dim, 1, -1);
  if (time_reduction_after >= static_cast<int>(encoder.size())) {
    fail("time_reduction_after is beyond the encoder's layers");
  }
}

Activation Container::activation(const std::string& name, int bits) const {
  const int limit = 1 << (bits - 1);
  Activation activation;
  try {
    const Json& entry = activations_.at(name);
    activation.scale = entry.at("scale").real("a scale");
    activation.zero = entry.at("zero_point").integer("a zero point", -limit, limit - 1);
  } catch (const std::exception& error) {
    refuse(name + ": " + error.what());
  }
  if (!(static_cast<float>(activation.scale) > 0) || !std::isfinite(float(activation.scale))) {
    refuse("the scale of " + name + " is not a positive number");
  }
  if (bits == 16 && activation.zero != 0) {
    refuse(name + " has a zero point, 16-bit formats have none");
  }
  return activation;
}

const Tensor& Container::wordpieces() const {
  const auto found = tensors_.find("wordpieces");
  if (found == tensors_.end() || found->second.dtype != "U8") refuse("the word-pieces are missing");
  return found->second;
}

const Tensor* Container::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const Tensor& Container::tensor(const std::string& name, const char* dtype,
                                const std::vector<int64_t>& shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse(name + " is missing");
  if (found->second.dtype != dtype || found->second.shape != shape) {
    refuse(name + " is of another type or shape than the model's sizes say");
  }
  return found->second;
}

}  // namespace edge_rnnt
