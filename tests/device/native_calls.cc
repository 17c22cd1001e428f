// The functions of native_kernels.cc for another process: calls come in by stdin, results leave by
// stdout. So the same tests reach kernels of another processor, or under a sanitizer.
//
//   call:    name and a space, the number of arguments and a newline, the arguments
//   integer: "i" and its 8 bytes      array: "a", the 8 bytes of its length, its bytes      null: "0"
//   result:  the 8 bytes of what was returned, then every array's bytes as they are after the call
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native_kernels.cc"

namespace {

struct Argument {
  int64_t number = 0;
  std::unique_ptr<char[]> bytes;  // of exactly their length, so that a sanitizer sees its end
  size_t length = 0;
};

using Arguments = std::vector<Argument>;

template <class T>
T as(const Argument& argument) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<T>(argument.bytes.get());
  } else {
    return static_cast<T>(argument.number);
  }
}

template <class Result, class... T, size_t... K>
int64_t call(Result (*function)(T...), const Arguments& given, std::index_sequence<K...>) {
  if constexpr (std::is_void_v<Result>) {
    function(as<T>(given[K])...);
    return 0;
  } else {
    return function(as<T>(given[K])...);
  }
}

using Function = std::function<int64_t(const Arguments&)>;

template <class Result, class... T>
Function wrapped(Result (*function)(T...)) {
  return [function](const Arguments& given) {
    if (given.size() != sizeof...(T)) std::exit(3);
    return call(function, given, std::index_sequence_for<T...>());
  };
}

void read(void* to, size_t length) {
  if (std::fread(to, 1, length, stdin) != length) std::exit(length == 1 ? 0 : 2);
}

Argument read_argument() {
  Argument argument;
  char kind;
  read(&kind, 1);
  if (kind == 'i') read(&argument.number, 8);
  if (kind == 'a') {
    read(&argument.length, 8);
    argument.bytes.reset(new char[argument.length]);
    read(argument.bytes.get(), argument.length);
  }
  return argument;
}

}  // namespace

int main() {
  const std::map<std::string, Function> functions{
      {"choose", wrapped(choose)},
      {"int8_product", wrapped(int8_product)},
      {"float_product", wrapped(float_product)},
      {"rescale16", wrapped(rescale16)},
      {"rescale8", wrapped(rescale8)},
      {"integer_norm", wrapped(integer_norm)},
      {"sigmoid", wrapped(sigmoid)},
      {"tanh_of", wrapped(tanh_of)},
      {"update_cell", wrapped(update_cell)},
      {"take_hidden", wrapped(take_hidden)},
      {"mix_cell", wrapped(mix_cell)},
      {"take_highway", wrapped(take_highway)},
      {"quantize_row", wrapped(quantize_row)},
      {"hybrid_rescale", wrapped(hybrid_rescale)},
      {"float_norm", wrapped(float_norm)},
      {"float_sigmoid", wrapped(float_sigmoid)},
      {"float_tanh", wrapped(float_tanh)},
  };
  for (;;) {
    std::string name, count;
    char c;
    for (read(&c, 1); c != ' '; read(&c, 1)) name += c;
    for (read(&c, 1); c != '\n'; read(&c, 1)) count += c;
    Arguments arguments(std::stoul(count));
    for (Argument& argument : arguments) argument = read_argument();
    const int64_t result = functions.at(name)(arguments);
    std::fwrite(&result, 8, 1, stdout);
    for (const Argument& argument : arguments) {
      if (argument.bytes) std::fwrite(argument.bytes.get(), 1, argument.length, stdout);
    }
    std::fflush(stdout);
  }
}
