/* A streaming speech recognizer from a device file, for any language that can call C.
 *
 *   char error[256];
 *   edge_rnnt_model* model = edge_rnnt_open("model.edge", NULL, error, sizeof error);
 *   edge_rnnt_stream* stream = edge_rnnt_stream_open(model, error, sizeof error);
 *   while (more audio) {
 *     edge_rnnt_accept(stream, samples, count);
 *     edge_rnnt_text(stream, text, sizeof text);
 *   }
 *   edge_rnnt_finish(stream);
 *   edge_rnnt_text(stream, text, sizeof text);
 *   edge_rnnt_stream_close(stream);
 *   edge_rnnt_close(model);
 *
 * Many streams share one model, whose weights stay in the memory-mapped file. Different streams may
 * run in different threads at the same time, one stream in one thread at a time. After a stream is
 * opened, nothing allocates memory unless it fails.
 */
#ifndef EDGE_RNNT_H_
#define EDGE_RNNT_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define EDGE_RNNT_API __attribute__((visibility("default")))
#else
#define EDGE_RNNT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct edge_rnnt_model edge_rnnt_model;
typedef struct edge_rnnt_stream edge_rnnt_stream;

typedef struct {
  const char* kernels; /* "scalar", "avx2", "avx512-vnni", "neon", "neon-dot"; NULL or "": the fastest */
  int32_t max_symbols; /* word-pieces in one encoded frame at most; 0: 4 */
  int32_t max_tokens;  /* word-pieces in one utterance at most; 0: 65536 */
} edge_rnnt_options;

/* A word-piece, and the encoded frame (from 0) in which it was recognized. */
typedef struct {
  int32_t id, frame;
} edge_rnnt_token;

/* A word: bytes begin .. begin + length - 1 of the text; and when it was recognized, in seconds of
 * audio: from the frame of its first word-piece through that of its last. */
typedef struct {
  int32_t begin, length;
  double start, end;
} edge_rnnt_word;

/* Opens a device file; options may be NULL. Returns NULL for a file that cannot be used, with a
 * message in `error` that names the file and the reason. */
EDGE_RNNT_API edge_rnnt_model* edge_rnnt_open(const char* path, const edge_rnnt_options* options,
                                              char* error, size_t error_size);
/* Streams that are still open keep what they need. NULL is ignored. */
EDGE_RNNT_API void edge_rnnt_close(edge_rnnt_model* model);

EDGE_RNNT_API int32_t edge_rnnt_sample_rate(const edge_rnnt_model* model);   /* Hz */
EDGE_RNNT_API double edge_rnnt_frame_seconds(const edge_rnnt_model* model);  /* one encoded frame */
EDGE_RNNT_API int32_t edge_rnnt_vocab_size(const edge_rnnt_model* model);    /* blank counted */
EDGE_RNNT_API const char* edge_rnnt_kernels(const edge_rnnt_model* model);   /* those in use */

/* A stream for one utterance after the other; NULL and a message in `error` if it cannot be made. */
EDGE_RNNT_API edge_rnnt_stream* edge_rnnt_stream_open(const edge_rnnt_model* model, char* error,
                                                      size_t error_size);
/* NULL is ignored. */
EDGE_RNNT_API void edge_rnnt_stream_close(edge_rnnt_stream* stream);

/* These return 0, or -1 with a message in edge_rnnt_error(stream).
 *
 * accept  more audio, `count` samples in [-1, 1] at the model's rate; any number at a time, the
 *         text does not depend on it. Fails, and hears none of it, if a sample is no number; fails
 *         after finish; fails when the utterance has more than max_tokens word-pieces.
 * finish  the audio has ended: what was held back is recognized. A second call does nothing.
 * reset   the next utterance begins. */
EDGE_RNNT_API int edge_rnnt_accept(edge_rnnt_stream* stream, const float* samples, size_t count);
EDGE_RNNT_API int edge_rnnt_finish(edge_rnnt_stream* stream);
EDGE_RNNT_API int edge_rnnt_reset(edge_rnnt_stream* stream);

/* What failed last, "" if nothing has; it stays until the next failure. */
EDGE_RNNT_API const char* edge_rnnt_error(const edge_rnnt_stream* stream);

/* Encoded frames recognized so far. */
EDGE_RNNT_API int32_t edge_rnnt_frames(const edge_rnnt_stream* stream);

/* What has been recognized in this utterance. Each writes what there is room for and returns how
 * much there is, so that 0 bytes of room ask for the size.
 *
 * text    UTF-8, ended by a 0 that is not counted; cut to `size` - 1 bytes
 * tokens  from token number `first` (from 0) on; returns the number of all tokens
 * words   in the order of the text */
EDGE_RNNT_API size_t edge_rnnt_text(const edge_rnnt_stream* stream, char* text, size_t size);
EDGE_RNNT_API size_t edge_rnnt_tokens(const edge_rnnt_stream* stream, size_t first,
                                      edge_rnnt_token* tokens, size_t count);
EDGE_RNNT_API size_t edge_rnnt_words(const edge_rnnt_stream* stream, edge_rnnt_word* words,
                                     size_t count);

#ifdef __cplusplus
}
#endif
#endif /* EDGE_RNNT_H_ */
