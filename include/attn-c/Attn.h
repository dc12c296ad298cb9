/*===- attn-c/Attn.h - runs compiled attn kernels, for any language -------===*\
|*
|* The C interface of libattn_runtime. An artifact is loaded once, prepared for
|* tensors of given shapes, run many times, and released:
|*
|*   attn_kernel kernel; attn_plan plan;
|*   attn_kernel_load_file("causal.attn", &kernel);
|*   attn_plan_prepare(kernel, arguments, count, NULL, &plan);
|*   attn_plan_run(plan);                  or, of a kernel for a GPU,
|*   attn_plan_launch(plan, stream);
|*
|* A call that fails returns a status other than ATTN_OK, changes nothing, sets
|* its result to the null handle, and leaves its reason in the calling thread's
|* last error. Kernels and pools may be shared by threads; a plan is used by one
|* at a time. Objects keep what they were made from alive, so that they may be
|* released in any order. Tensors are DLPack's DLTensor, which dlpack.h of
|* github.com/dmlc/dlpack declares.
|*
|* Handles are numbers, not addresses, passed as the one 64-bit integer that
|* they hold. A number is given once in the life of a process: a handle that was
|* released, that is of another kind, or that nobody made is refused by every
|* call. A handle of 0 is the null handle.
|*
|* A struct of options begins with its own size, by which the library tells
|* which members the caller knows; members that are added later read as 0. In a
|* child process after fork(), objects with threads are refused and others
|* usable.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_C_ATTN_H
#define ATTN_C_ATTN_H

#include <dlpack/dlpack.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised by any change that breaks a compiled caller. */
#define ATTN_API_VERSION 2

/* The ATTN_API_VERSION of the library that is linked. */
int attn_api_version(void);

/*===-- Errors ------------------------------------------------------------===*/

typedef enum attn_status {
  ATTN_OK = 0,
  /* An argument of the call is wrong; another value would be taken. */
  ATTN_INVALID_ARGUMENT = 1,
  /* A manifest or an artifact is ill-formed, truncated or altered. */
  ATTN_CORRUPT = 2,
  /* Valid, but this machine or this version cannot do it. */
  ATTN_UNSUPPORTED = 3,
  /* The operating system refused a file operation. */
  ATTN_IO = 4,
  /* Memory, threads or time do not suffice, or a size overflows. */
  ATTN_RESOURCE_EXHAUSTED = 5,
  /* A device's driver failed a call; the reason has the driver's own error. */
  ATTN_DEVICE = 6,
  /* The caller took the call back while it ran. */
  ATTN_CANCELLED = 7
} attn_status;

/* What the calling thread's last failing call reported. The strings are never
 * NULL and live until that thread's next failing call. `message` is one line,
 * "feature: reason; alternative". */
attn_status attn_last_error_code(void);
const char *attn_last_error_feature(void);
const char *attn_last_error_reason(void);
const char *attn_last_error_alternative(void);
const char *attn_last_error_message(void);

/*===-- Kernels -----------------------------------------------------------===*/

typedef struct attn_kernel {
  uint64_t id;
} attn_kernel;

/* Loads an artifact; of one for several targets the best that this machine has.
 * It is executable code: load only what you trust. Refuses
 * damaged files and machines without the features that the kernel needs. A
 * kernel for an NVIDIA GPU is loaded into the calling thread's current context,
 * else into the primary one of device 0; the driver is libcuda.so.1, or what
 * the environment variable ATTN_CUDA_DRIVER names. A context may not be
 * destroyed before what was made in it. A kernel for an AMD GPU is loaded for
 * the calling thread's current device, by libamdhip64.so or what
 * ATTN_HIP_DRIVER names. */
attn_status attn_kernel_load_file(const char *path, attn_kernel *kernel);

/* As attn_kernel_load_file, of `size` bytes that are not needed afterwards. */
attn_status attn_kernel_load_memory(const void *bytes, size_t size,
                                    attn_kernel *kernel);

typedef struct attn_load_options {
  size_t struct_size; /* sizeof(attn_load_options) */
  /* Of an artifact for several targets: which one. "cuda" or "cpu", or the
   * target's architecture or CPU as a manifest has it, such as "sm_90a" or
   * "x86-64-v4". NULL: the one that this machine has, of a GPU before one of
   * the CPU, of GPUs the newest, of CPUs that which uses most; a device that
   * fails counts as none. */
  const char *target;
} attn_load_options;

/* As attn_kernel_load_file and attn_kernel_load_memory, of an artifact for one
 * or several targets. `options` may be NULL. Where no target can be had the
 * last error's reason names each, and why. The manifest says which one was
 * loaded. */
attn_status attn_kernel_load_file_for(const char *path,
                                      const attn_load_options *options,
                                      attn_kernel *kernel);
attn_status attn_kernel_load_memory_for(const void *bytes, size_t size,
                                        const attn_load_options *options,
                                        attn_kernel *kernel);

/* The manifests of an artifact, a JSON array, one a target, whether this
 * machine has it or not: `receive` is called once with them, before the call
 * returns. Refuses damaged bytes. */
attn_status attn_artifact_print(const void *bytes, size_t size,
                                void (*receive)(void *context, const char *text,
                                                size_t size),
                                void *context);

/* The manifest, JSON: arguments with their types and shapes, numerics, target.
 * Lives until the kernel is released. NULL where there is no such kernel. */
const char *attn_kernel_manifest(attn_kernel kernel);

/* Releases, and refuses what has been released before; the null handle is
 * allowed, here and in every function of this kind. What runs goes on. */
attn_status attn_kernel_release(attn_kernel kernel);

/*===-- Threads -----------------------------------------------------------===*/

typedef struct attn_pool {
  uint64_t id;
} attn_pool;

/* A team of `threads`, 1 to 1024, of which the caller of a run is one.
 * Results have the same bits for every number. */
attn_status attn_pool_create(int threads, attn_pool *pool);
attn_status attn_pool_release(attn_pool pool);

/*===-- Plans -------------------------------------------------------------===*/

typedef enum attn_argument_kind {
  ATTN_TENSOR = 0,
  ATTN_INTEGER = 1,
  /* For f32 and f64 scalars, which take ATTN_INTEGER too. */
  ATTN_REAL = 2
} attn_argument_kind;

/* The value of one argument: the member that `kind`, an attn_argument_kind,
 * names is read. `name` and `tensor` are needed during the call only, the
 * tensor's data until the last run. */
typedef struct attn_argument {
  const char *name;
  int32_t kind;
  const DLTensor *tensor;
  int64_t integer;
  double real;
} attn_argument;

typedef struct attn_plan {
  uint64_t id;
} attn_plan;

typedef struct attn_plan_options {
  size_t struct_size; /* sizeof(attn_plan_options) */
  /* On a CPU: runs use its threads, without one the calling thread only. */
  attn_pool pool;
  /* On a GPU: how many multiprocessors runs leave to others, such as
   * communication. Refused are a margin that leaves none, and kernels that have
   * a block for each item. */
  int32_t sm_margin;
} attn_plan_options;

/* Binds every argument of the kernel, inputs and outputs, in any order, and
 * allocates all that its runs need. Tensors: CPU memory, the declared type,
 * aligned to their element, any strides, NULL strides for compact row-major,
 * NULL data only where empty. Outputs may share memory with no other argument.
 * `options` may be NULL.
 *
 * Of a kernel for a GPU: memory of its device (kDLCUDA, of AMD kDLROCM);
 * tensors that it reads by tensor maps begin at a multiple of 16 bytes, as do
 * their rows, and are contiguous in their last dimension. The call may wait for
 * the device's default stream, and is refused where that one cannot be used
 * because a stream captures. */
attn_status attn_plan_prepare(attn_kernel kernel,
                              const attn_argument *arguments, size_t count,
                              const attn_plan_options *options,
                              attn_plan *plan);

/* Gives some tensors other data and strides, with the shapes that they have. */
attn_status attn_plan_rebind(attn_plan plan, const attn_argument *arguments,
                             size_t count);

/* Gives all tensors other data, at `count` addresses in the order of the
 * manifest, with the shapes and strides that they have. Checks as
 * attn_plan_rebind does, and takes less time. */
attn_status attn_plan_move(attn_plan plan, const void *const *data,
                           size_t count);

/* Runs the kernel and returns when the outputs are written; on a GPU by its
 * default stream. */
attn_status attn_plan_run(attn_plan plan);

/* Starts a run on `stream`, a CUstream (cudaStream_t) of the device for which
 * the kernel was loaded, NULL being the default one, and returns. Allocates
 * nothing, waits for nothing, and may be captured in a graph, which the plan
 * has to outlive. Runs of one plan share memory: they may not overlap. A plan
 * of the CPU is refused. */
attn_status attn_plan_launch(attn_plan plan, void *stream);

/* attn_plan_move, and if it is not refused attn_plan_launch. */
attn_status attn_plan_launch_at(attn_plan plan, const void *const *data,
                                size_t count, void *stream);

/* Bytes that the plan holds for its runs. 0 where there is no such plan. */
int64_t attn_plan_memory_bytes(attn_plan plan);

attn_status attn_plan_release(attn_plan plan);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_C_ATTN_H */
