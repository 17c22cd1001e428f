// Which kernels this processor can run, asked once.
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/tables.h"

namespace edge_rnnt {

const Kernels* find_kernels(const char* name) {
  const Kernels* found = nullptr;
  for (const Kernels* table : {&scalar_kernels(), avx2_kernels(), avx512_vnni_kernels(),
                               neon_kernels(), neon_dot_kernels()}) {
    if (table && (!*name || !std::strcmp(name, table->name))) found = table;  // the last is fastest
  }
  return found;
}

}  // namespace edge_rnnt
