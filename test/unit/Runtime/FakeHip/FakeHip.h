/*===- FakeHip.h - steers the fake libamdhip64 ----------------------------===*\
|*
|* A shared library that exports those functions of HIP which the runtime calls,
|* over the host's memory: two devices of gfx942 with 304 compute units. It
|* records every call, can fail any of them, and counts what is alive, so that
|* tests need no GPU. Only one thread may use it at a time.
|*
|* A module's image is text: "FAKEHSACO" on the first line, then a line for each
|* function: its name and the bytes of each of its parameters; or a code object,
|* where a loader says the same of it. A launch records a copy of the parameters
|* and runs nothing, or what a test has it call.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_TEST_UNIT_RUNTIME_FAKEHIP_H
#define ATTN_TEST_UNIT_RUNTIME_FAKEHIP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Forgets calls, faults and settings, makes device 0 current. Objects that are
 * alive stay. */
void fakeHipReset(void);

/* Makes the calls `first`, ..., `first + count - 1` from now return `result`,
 * the next one being 1. A release still releases. */
void fakeHipFail(int first, int count, int result);

/* The calls since the last reset, and as text: one a line, name and arguments.
 * The text lives until the next call. */
int fakeHipNumCalls(void);
const char *fakeHipLog(void);

/* How many of "module" and "memory" are alive. */
int fakeHipNumLive(const char *kind);

/* The calling thread's current device, and how to change it. */
int fakeHipGetCurrent(void);
void fakeHipSetCurrent(int device);

/* What the devices' properties call their architecture, and how many compute
 * units they have. */
void fakeHipSetArch(const char *name);
void fakeHipSetComputeUnits(int count);

/* 1: a blocking stream captures, so that the default stream may not be used. */
void fakeHipSetCapturing(int capturing);

/* The stream that captures what is launched on it; NULL is none. */
void fakeHipSetCapturingStream(void *stream);

/* Whether a call was made that ends a capture of this thread. */
int fakeHipCaptureBroken(void);

/* The bytes of parameter `index` of the last launch; NULL if there is none. */
const void *fakeHipParameter(int index, size_t *size);

/* Calls `launcher` at each launch from now on, once its parameters are
 * recorded, with `context`; NULL calls nothing. */
typedef void (*fakeHipLauncher)(void *context, const char *function,
                                const unsigned *grid, unsigned threads);
void fakeHipSetLauncher(fakeHipLauncher launcher, void *context);

/* Has `loader` say of images that are none of text what such text would say;
 * NULL has them refused, as does a loader that returns NULL. */
typedef const char *(*fakeHipLoader)(void *context, const void *image);
void fakeHipSetLoader(fakeHipLoader loader, void *context);

/* Has `allocate` give memory, aligned to 256 bytes, and `release` take it. */
void fakeHipSetAllocator(void *(*allocate)(size_t bytes),
                         void (*release)(void *memory));

/* Calls `visit` for each allocation that is alive. */
void fakeHipForEachMemory(void (*visit)(void *context, const void *address,
                                        size_t bytes),
                          void *context);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_TEST_UNIT_RUNTIME_FAKEHIP_H */
