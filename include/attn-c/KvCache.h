/*===- attn-c/KvCache.h - which tokens of which sequence lie where --------===*\
|*
|* The accounts of a cache of keys and values: sequences that grow, are forked,
|* shortened and freed. Memory is the caller's, who writes where an append says
|* and carries out the copies that are asked for.
|*
|*   paged      a sequence has pages, in any order, which it shares by reference
|*              until one writes, and which are found again by their tokens
|*   dense      a sequence has one slot of a fixed capacity
|*   streaming  of each head a sequence keeps its first tokens and a window of
|*              the last ones, in a ring
|*
|* A refused call changes nothing. A cache is used by one thread at a time: a
|* second one is refused.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_C_KVCACHE_H
#define ATTN_C_KVCACHE_H

#include "attn-c/Attn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attn_cache {
  uint64_t id;
} attn_cache;

/* A sequence of one cache. One that was freed is known as such. */
typedef struct attn_sequence {
  uint32_t number, generation;
} attn_sequence;

/* Tokens to be copied before anything is written: the first `num_tokens` of one
 * page or slot to another. Of a streaming cache they are the rows of a slot. No
 * tokens: nothing is to be copied. */
typedef struct attn_page_copy {
  int32_t from, to;
  int64_t num_tokens;
} attn_page_copy;

/*===-- Making ------------------------------------------------------------===*/

typedef struct attn_paged_cache_options {
  size_t struct_size; /* sizeof(attn_paged_cache_options) */
  int32_t num_pages;
  /* Tokens of a page, at least 1. */
  int64_t page_tokens;
  /* Not 0: pages are given up with their last sequence, and never found by
   * their tokens. */
  int32_t forgets_prefixes;
} attn_paged_cache_options;

attn_status attn_paged_cache_create(const attn_paged_cache_options *options,
                                    attn_cache *cache);

/* `num_slots` sequences of up to `capacity` tokens. */
attn_status attn_dense_cache_create(int32_t num_slots, int64_t capacity,
                                    attn_cache *cache);

/* What a head keeps: the first tokens, and a window of the last ones. A head
 * that keeps all has the capacity as its window. */
typedef struct attn_head_budget {
  int64_t sink_tokens, window_tokens;
} attn_head_budget;

typedef struct attn_streaming_cache_options {
  size_t struct_size; /* sizeof(attn_streaming_cache_options) */
  int32_t num_slots;
  /* The most tokens of a sequence, and of one append (0: 1). */
  int64_t capacity, max_append;
  const attn_head_budget *heads;
  size_t num_heads;
} attn_streaming_cache_options;

attn_status
attn_streaming_cache_create(const attn_streaming_cache_options *options,
                            attn_cache *cache);

attn_status attn_cache_release(attn_cache cache);

/*===-- Sequences ---------------------------------------------------------===*/

/* A new sequence that will begin with `tokens`. `num_cached`, which may be
 * NULL, says how many of them a paged cache has, at the sequence's beginning:
 * at most all but the last. Caches of slots have none. */
attn_status attn_sequence_create(attn_cache cache, const int32_t *tokens,
                                 size_t num_tokens, attn_sequence *sequence,
                                 int64_t *num_cached);

/* Room for tokens behind the last one. `slots`, one for each token, says where
 * it goes:
 *
 *   paged      page * page_tokens + place in the page
 *   dense      slot * capacity + place in the slot
 *   streaming  the token's position; see attn_streaming_cache_place
 *
 * `tokens` may be NULL in caches of slots, and in a paged one that forgets
 * prefixes. `copy` may be NULL in caches of slots. Refused if memory does not
 * suffice: ATTN_RESOURCE_EXHAUSTED. */
attn_status attn_sequence_append(attn_cache cache, attn_sequence sequence,
                                 const int32_t *tokens, size_t num_tokens,
                                 int64_t *slots, attn_page_copy *copy);

/* Of a paged cache: keys and values of all tokens so far are written, or will
 * be before anything that is enqueued from now on, so that others may find
 * them. */
attn_status attn_sequence_commit(attn_cache cache, attn_sequence sequence);

/* Another sequence with the same tokens. A paged cache copies when one of them
 * writes; caches of slots give the `copy` of all, which may be NULL otherwise.
 */
attn_status attn_sequence_fork(attn_cache cache, attn_sequence sequence,
                               attn_sequence *forked, attn_page_copy *copy);

/* Drops all tokens from `length` on. */
attn_status attn_sequence_truncate(attn_cache cache, attn_sequence sequence,
                                   int64_t length);
attn_status attn_sequence_free(attn_cache cache, attn_sequence sequence);

attn_status attn_sequence_length(attn_cache cache, attn_sequence sequence,
                                 int64_t *length);

/* The pages of a sequence in its order, then `sentinel` up to `width`; of a
 * cache of slots its slot. Refused if there are more than `width`. */
attn_status attn_sequence_table(attn_cache cache, attn_sequence sequence,
                                int32_t sentinel, int32_t *pages, size_t width);

/*===-- Streaming ---------------------------------------------------------===*/

/* Tokens that stand one behind the other: places [first, first + count) of a
 * head, with the positions from `position` on. */
typedef struct attn_kv_segment {
  int64_t first, count, position;
} attn_kv_segment;

/* What the last `num_queries` tokens of a sequence see by a head, in the order
 * of positions. Writes at most `capacity` segments and says in `count` how many
 * there are. */
attn_status attn_sequence_segments(attn_cache cache, attn_sequence sequence,
                                   int32_t head, int64_t num_queries,
                                   attn_kv_segment *segments, size_t capacity,
                                   size_t *count);

/* The row, among those of a slot, where a head keeps a position. */
attn_status attn_streaming_cache_place(attn_cache cache, int32_t head,
                                       int64_t position, int64_t *row);

/* Rows of a slot, all heads together. */
attn_status attn_streaming_cache_rows(attn_cache cache, int64_t *num_rows);

/*===-- Accounts ----------------------------------------------------------===*/

/* Of a paged cache pages, of others slots. The caller sets `struct_size`. */
typedef struct attn_cache_stats {
  size_t struct_size; /* sizeof(attn_cache_stats) */
  int64_t num_sequences, num_tokens;
  /* Pages or slots: all, free, kept for their tokens alone, of sequences, and
   * of several sequences. */
  int64_t num_pages, num_free, num_idle, num_used, num_shared;
  /* Room for tokens that sequences have and do not use. */
  int64_t num_unused;
  /* Pages that sequences would take without sharing, over those they do. */
  double sharing;
} attn_cache_stats;

attn_status attn_cache_get_stats(attn_cache cache, attn_cache_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_C_KVCACHE_H */
