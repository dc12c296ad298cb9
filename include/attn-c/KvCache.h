/*===- attn-c/KvCache.h - which tokens of which sequence lie where --------===*\
|*
|* The accounts of a cache of keys and values: sequences that grow, are forked,
|* shortened and freed. Memory is the caller's (of a virtual one the cache's),
|* who writes where an append says and carries out the copies that are asked
for.
|*
|*   paged      a sequence has pages, in any order, which it shares by reference
|*              until one writes, and which are found again by their tokens
|*   dense      a sequence has one slot of a fixed capacity
|*   streaming  of each head a sequence keeps its first tokens and a window of
|*              the last ones, in a ring
|*   virtual    a sequence has a range of addresses, behind which the cache puts
|*              memory as it grows
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

typedef struct attn_virtual_cache_options {
  size_t struct_size; /* sizeof(attn_virtual_cache_options) */
  /* DLPack's number: 1, memory of the CPU, or 2, of the calling thread's
   * current CUDA context, else of device 0. */
  int32_t device_type;
  int32_t num_slots;
  /* The most tokens of a sequence. */
  int64_t capacity;
  /* What is kept of a token: in each layer, for each head, a key and a value of
   * so many bytes. */
  int32_t num_layers, num_heads;
  int64_t key_bytes, value_bytes;
  /* 0: a token's rows of all layers lie together, and a sequence wastes less
   * than a granule. Not 0: each layer's lie apart, and waste as much each. */
  int32_t by_layer;
  /* The most granules of physical memory. */
  int32_t most_granules;
  /* Tokens behind the last one that a reader may touch, as the rest of its
   * tile; and how many ahead attn_virtual_cache_map_ahead maps. */
  int64_t overread_tokens, ahead_tokens;
  /* Of a CPU; 0 is 2 MB. A GPU's is its own. */
  int64_t granule_bytes;
} attn_virtual_cache_options;

attn_status attn_virtual_cache_create(const attn_virtual_cache_options *options,
                                      attn_cache *cache);

/* Nobody may read or write a virtual cache's memory any more. */
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
 *   dense, virtual
 *              slot * capacity + place in the slot
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
 * Of a virtual cache it is attn_virtual_cache_fork. */
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

/*===-- Virtual -----------------------------------------------------------===*/

/* One side of a layer: the row of token t of head h in slot s begins at
 * `data + s * slot_bytes + t * token_bytes + h * head_bytes`. */
typedef struct attn_kv_view {
  void *data;
  int64_t slot_bytes, token_bytes, head_bytes;
} attn_kv_view;

/* Keys of a layer, or its values if `is_value` is not 0; kernels read them as
 * they do a dense cache's. */
attn_status attn_virtual_cache_view(attn_cache cache, int32_t layer,
                                    int32_t is_value, attn_kv_view *view);

/* Bytes to be copied before anything is written. */
typedef struct attn_range_copy {
  const void *from;
  void *to;
  uint64_t num_bytes;
} attn_range_copy;

/* Another sequence with the first `length` tokens, all if it is negative.
 * Granules full of them are shared. Writes `count` copies; `capacity` has to be
 * 1, or 2 * num_layers by layer. */
attn_status attn_virtual_cache_fork(attn_cache cache, attn_sequence sequence,
                                    int64_t length, attn_sequence *forked,
                                    attn_range_copy *copies, size_t capacity,
                                    size_t *count);

/* Puts memory behind what sequences will need next, at most so many granules,
 * while kernels run. `num_mapped`, which may be NULL, says how many. */
attn_status attn_virtual_cache_map_ahead(attn_cache cache,
                                         int32_t most_granules,
                                         int32_t *num_mapped);

/* Gives memory back that no sequence needs and no reader may read. */
attn_status attn_virtual_cache_release_unused(attn_cache cache);

/* Nothing is unmapped that a reader may still read. A fence stands for all
 * readers that are enqueued so far; it is signalled when they, and those of all
 * fences before it, are done: behind an event of a GPU. */
attn_status attn_virtual_cache_add_fence(attn_cache cache, uint64_t *fence);
attn_status attn_virtual_cache_signal_fence(attn_cache cache, uint64_t fence);

/*===-- Accounts ----------------------------------------------------------===*/

/* Of a paged cache pages, of a virtual one granules, of others slots. The
 * caller sets `struct_size`. */
typedef struct attn_cache_stats {
  size_t struct_size; /* sizeof(attn_cache_stats) */
  int64_t num_sequences, num_tokens;
  /* Those: all, free (of granules: mapped nowhere), kept for their tokens
   * alone, of sequences, and of several sequences. */
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
