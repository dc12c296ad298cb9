/*===- FakeCuda.h - steers the fake libcuda -------------------------------===*\
|*
|* A shared library that exports those driver functions which the runtime calls,
|* over the host's memory: two devices of compute capability 9.0 with 132
|* multiprocessors. It records every call, can fail any of them, and counts what
|* is alive, so that tests need no GPU. Only one thread may use it at a time.
|*
|* A module's image is text: "FAKECUBIN" or "//FAKEPTX" on the first line, then
|* a line for each function: its name and the bytes of each of its parameters.
|* A launch runs nothing; it records a copy of the parameters.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_TEST_UNIT_RUNTIME_FAKECUDA_H
#define ATTN_TEST_UNIT_RUNTIME_FAKECUDA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Forgets calls, faults and settings, leaves no context current. Objects that
 * are alive stay. */
void fakeCudaReset(void);

/* Makes the calls `first`, ..., `first + count - 1` from now return `result`,
 * the next one being 1. A release still releases, as real ones do when they
 * report an earlier failure. cuDriverGetVersion is not counted. */
void fakeCudaFail(int first, int count, int result);

/* The calls since the last reset, and as text: one a line, name and arguments.
 * The text lives until the next call. */
int fakeCudaNumCalls(void);
const char *fakeCudaLog(void);

/* How many of "context", "module", "memory", "push", "range", "granule" and
 * "mapping" are alive: retained primary contexts, modules, allocations,
 * contexts pushed by this thread, reserved addresses, physical memory, mappings
 * of it. */
int fakeCudaNumLive(const char *kind);

/* What cuDriverGetVersion and the devices state. */
void fakeCudaSetVersion(int version);
void fakeCudaSetComputeCapability(int major, int minor);

/* Whether devices have virtual memory management, which they have. Its
 * addresses have nothing behind them: it only keeps accounts. */
void fakeCudaSetVirtualMemory(int has);

/* Whether memory is mapped at an address, and access to it given. */
int fakeCudaIsAccessible(unsigned long long address);

/* Makes the context of `device` current, as a framework would; -1 none. */
void fakeCudaSetCurrent(int device);

/* 1: a blocking stream captures, so that the legacy stream may not be used. */
void fakeCudaSetCapturing(int capturing);

/* The stream that captures what is launched on it; NULL is none. */
void fakeCudaSetCapturingStream(void *stream);

/* Whether a call was made that ends a capture of this thread. */
int fakeCudaCaptureBroken(void);

/* The bytes of parameter `index` of the last launch; NULL if there is none. */
const void *fakeCudaParameter(int index, size_t *size);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_TEST_UNIT_RUNTIME_FAKECUDA_H */
