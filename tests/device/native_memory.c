/* Counts what the engine allocates once a stream is open, through the C interface alone.
 *
 *   native_memory MODEL SAMPLES    prints how often memory was taken: while opening, and afterwards
 *
 * SAMPLES is a file of raw floats. The counting malloc below stands in front of the C library's for
 * every library of the process. */
#include <stdio.h>
#include <stdlib.h>

#include "edge_rnnt.h"

static long taken;

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) { return ++taken, __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return ++taken, __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return ++taken, __libc_realloc(old, size); }
void* memalign(size_t align, size_t size) { return ++taken, __libc_memalign(align, size); }
void* aligned_alloc(size_t align, size_t size) { return ++taken, __libc_memalign(align, size); }
int posix_memalign(void** memory, size_t align, size_t size) {
  return ++taken, !(*memory = __libc_memalign(align, size));
}

static float samples[1 << 16];

static int fail(const char* why) { return fprintf(stderr, "%s\n", why), 1; }

int main(int count, char** arguments) {
  char error[512], text[4096];
  edge_rnnt_token tokens[64];
  edge_rnnt_word words[64];
  FILE* file = count == 3 ? fopen(arguments[2], "rb") : NULL;
  if (!file) return fail("usage: native_memory MODEL SAMPLES");
  const size_t length = fread(samples, sizeof *samples, sizeof samples / sizeof *samples, file);
  fclose(file);

  edge_rnnt_model* model = edge_rnnt_open(arguments[1], NULL, error, sizeof error);
  edge_rnnt_stream* stream = model ? edge_rnnt_stream_open(model, error, sizeof error) : NULL;
  if (!stream) return fail(error);
  const long opening = taken;
  size_t said = 0;
  for (int round = 0; round < 2; ++round) {
    if (edge_rnnt_reset(stream)) return fail(edge_rnnt_error(stream));
    for (size_t at = 0; at < length; at += 123) {
      const size_t piece = length - at < 123 ? length - at : 123;
      if (edge_rnnt_accept(stream, samples + at, piece)) return fail(edge_rnnt_error(stream));
      edge_rnnt_text(stream, text, sizeof text);
      edge_rnnt_words(stream, words, 64);
    }
    if (edge_rnnt_finish(stream)) return fail(edge_rnnt_error(stream));
    said += edge_rnnt_tokens(stream, 0, tokens, 64);
  }
  const long after = taken - opening;
  printf("%ld %ld %zu\n", opening, after, said);
  edge_rnnt_stream_close(stream);
  edge_rnnt_close(model);
  return 0;
}
