// Opens device files as the native engine does: for a test that compares, and one that breaks them.
//
//   native_container FILE NAME IN OUT   writes the kernel's int8 or float values to stdout
//   native_container FILE...            reads all of each; prints "ok" or why it is refused, a line
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "container.h"

using edge_rnnt::Container;
using edge_rnnt::Layer;

namespace {

template <class T>
void write(const Container& file, const char* name, int in, int out) {
  const auto kernel = file.kernel<T>(name, in, out);
  std::fwrite(kernel.data(), sizeof(T), kernel.size(), stdout);
}

template <class T>
void read_kernels(const Container& file) {
  for (const auto* stack : {&file.encoder, &file.prediction}) {
    for (const Layer& layer : *stack) {
      const int in = layer.input_dim + layer.recurrent_dim();
      file.kernel<T>(layer.path + "/kernel", in, layer.gates() * layer.cells);
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
  if (count == 5 && std::strstr(arguments[2], "/kernel")) {
    const Container file(arguments[1]);
    const int in = std::atoi(arguments[3]), out = std::atoi(arguments[4]);
    if (file.scheme == "float") {
      write<float>(file, arguments[2], in, out);
    } else {
      write<int8_t>(file, arguments[2], in, out);
    }
    return 0;
  }
  for (int k = 1; k < count; ++k) read_all(arguments[k]);
  return 0;
}
