/*===- attn-c/Compile.h - kernels from programs, while a host runs --------===*\
|*
|* The compiler is a process of its own, attn-compile, which a call starts,
|* gives limits and can end: none of it is in the host, and nothing that goes
|* wrong in it ends the host. What it makes is kept in a directory by what was
|* asked for.
|*
|*   attn_compile_options options = {sizeof(options)};
|*   const char *words[] = {"--dtype=bf16", "--head-dim=128"};
|*   options.words = words; options.num_words = 2;
|*   attn_compile("causal", &options, &kernel);
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_C_COMPILE_H
#define ATTN_C_COMPILE_H

#include "attn-c/Attn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes calls back, from any thread. */
typedef struct attn_cancellation {
  uint64_t id;
} attn_cancellation;

attn_status attn_cancellation_create(attn_cancellation *cancellation);
/* Calls that were given it, and that will be, end with ATTN_CANCELLED soon:
 * within some 10 ms, or when another process has compiled the same. */
attn_status attn_cancellation_cancel(attn_cancellation cancellation);
attn_status attn_cancellation_release(attn_cancellation cancellation);

/* What is not set is 0, and then has the default. */
typedef struct attn_compile_options {
  size_t struct_size; /* sizeof(attn_compile_options) */
  /* Options of attn-compile that say which kernel is wanted: type, widths,
   * target, layout, parameters. Those of files and reports are refused. */
  const char *const *words;
  size_t num_words;
  /* Path of attn-compile. NULL: what the environment variable ATTN_COMPILE
   * names, else the one beside this library or in ../bin of it, else the
   * first on PATH. */
  const char *compiler;
  /* Private to its owner: what stands there is executed. NULL: what
   * ATTN_CACHE_DIR names, else attn in XDG_CACHE_HOME or in .cache of HOME, if
   * it can be had; "": kernels are kept in memory only. */
  const char *cache_directory;
  /* Limits of the compiler: milliseconds, and bytes of address space. */
  int64_t time_limit_ms, memory_limit_bytes;
  attn_cancellation cancellation;
} attn_compile_options;

/* Compiles and loads. `program` is a shipped variant's name, or, if it has a
 * line break, a cascade's text. `options` may be NULL. Of all threads and
 * processes that ask for the same one compiles.
 *
 * A program that the target cannot run is refused with ATTN_UNSUPPORTED, or
 * with ATTN_INVALID_ARGUMENT where it is no program: the last error's feature
 * is the place in the program (file:line:column) where there is one, else what
 * is not supported; its reason says why, its alternative what to do. A limit
 * that is reached gives ATTN_RESOURCE_EXHAUSTED. */
attn_status attn_compile(const char *program,
                         const attn_compile_options *options,
                         attn_kernel *kernel);

/* As attn_compile, for any target, of this machine or not: writes the
 * artifact's bytes, if there are at most `capacity`, and says in `size` how
 * many there are. With a capacity of 0 and no `bytes` it tells only whether the
 * program is supported, and why not; what it has compiled is kept for later
 * calls. */
attn_status attn_compile_artifact(const char *program,
                                  const attn_compile_options *options,
                                  void *bytes, size_t capacity, size_t *size);

/* What attn-compile prints for a program, such as a report: `receive` is called
 * once with it, before the call returns. Any words are taken, those of files
 * too; nothing is kept. */
attn_status attn_compile_print(const char *program,
                               const attn_compile_options *options,
                               void (*receive)(void *context, const char *text,
                                               size_t size),
                               void *context);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_C_COMPILE_H */
