/* To look inside a recognizer: what tests and `export.verify` compare with other engines. Products need
 * edge_rnnt.h only. */
#ifndef EDGE_RNNT_INSPECT_H_
#define EDGE_RNNT_INSPECT_H_

#include "edge_rnnt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The rows of features of an utterance that is fed `chunk` samples at a time. Writes at most `room`
 * numbers; returns how many there are. */
EDGE_RNNT_API size_t edge_rnnt_features(const edge_rnnt_model* model, const float* samples,
                                        size_t count, size_t chunk, float* rows, size_t room);

/* One row of features into a stream, in place of audio; 0, or -1 as edge_rnnt_accept. */
EDGE_RNNT_API int edge_rnnt_accept_features(edge_rnnt_stream* stream, const float* row);

/* To compute what another engine's search led through: one row of features up to the joint network,
 * without a search, and a word-piece (or the blank) as though one had found it, which adds no token.
 * A stream's prediction network has been told the blank at its beginning. 0, or -1 as
 * edge_rnnt_accept. */
EDGE_RNNT_API int edge_rnnt_hear(edge_rnnt_stream* stream, const float* row);
EDGE_RNNT_API int edge_rnnt_say(edge_rnnt_stream* stream, int32_t label);

/* The joint network: its projection of the last encoded row (part 0) and of what is expected (1, with
 * the bias), and the scores of every word-piece for both (2), in the numbers that it computes with.
 * Writes at most `room`; returns how many there are, 0 if there is no such part. */
EDGE_RNNT_API size_t edge_rnnt_joint(const edge_rnnt_stream* stream, int part, double* values,
                                     size_t room);

/* The last output of layer `index` of the encoder or (part 1) the prediction network: the numbers that
 * the layer computes with, so whole ones in the integer scheme. Writes at most `room`; returns how
 * many there are, 0 if there is no such layer. */
EDGE_RNNT_API size_t edge_rnnt_layer(const edge_rnnt_stream* stream, int part, size_t index,
                                     double* values, size_t room);

#ifdef __cplusplus
}
#endif
#endif /* EDGE_RNNT_INSPECT_H_ */
