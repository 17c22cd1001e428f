// Opens device files as the native engine does: for a test that compares, and one that breaks them.
//
//   native_container FILE NAME   writes the kernel's int8 or float values to stdout
//   native_container FILE...     reads all of each; prints "ok" or why it is refused, a line
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "weights.h"

using edge_rnnt::Container;
using edge_rnnt::Layer;

namespace {

// The kernel [inputs][outputs] of a layer, written out if it is stored in blocks.
template <class T>
std::vector<T> dense(const Container& file, const Layer& layer) {
  const auto w = edge_rnnt::read_kernel<T>(file, layer);
  std::vector<T> values(size_t(w.inputs) * w.outputs);
  edge_rnnt::each_entry(w, [&](int d, int e, T value) { values[size_t(d) * w.outputs + e] = value; });
  return values;
}

template <class T>
void write(const Container& file, const char* name) {
  for (const auto* stack : {&file.encoder, &file.prediction}) {
    for (const Layer& layer : *stack) {
      if (layer.path + "/kernel" != name) continue;
      const auto kernel = dense<T>(file, layer);
      std::fwrite(kernel.data(), sizeof(T), kernel.size(), stdout);
    }
  }
}

template <class T>
void read_kernels(const Container& file) {
  for (const auto* stack : {&file.encoder, &file.prediction}) {
    for (const Layer& layer : *stack) {
      dense<T>(file, layer);
      if (file.scheme == "integer") file.activation(layer.path + "/output", 8);
    }
  }
  file.wordpieces();
}

void read_all(const char* path) {
  try {
    const Container file(path);
    if (file.scheme == "float") {
      read_kernels<float>(file);
    } else {
      read_kernels<int8_t>(file);
    }
    std::puts("ok");
  } catch (const std::exception& error) {
    std::string text = error.what();
    for (char& c : text) {
      if (c < ' ' || c > '~') c = '?';  // a line of plain text, whatever the file calls things
    }
    std::puts(text.c_str());
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::strstr(arguments[2], "/kernel")) {
    const Container file(arguments[1]);
    if (file.scheme == "float") {
      write<float>(file, arguments[2]);
    } else {
      write<int8_t>(file, arguments[2]);
    }
    return 0;
  }
  for (int k = 1; k < count; ++k) read_all(arguments[k]);
  return 0;
}
