/*===- CApi.c - the C interface, used as a foreigner would ----------------===*/

#include "attn-c/Attn.h"

#include <string.h>

/* Runs the row-sum artifact at `path`. Returns 0, or the line that failed. */
int attn_test_run_from_c(const char *path, int num_threads);

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition))                                                          \
      return __LINE__;                                                         \
  } while (0)

static DLTensor make_view(float *data, int ndim, int64_t *shape) {
  DLTensor view;
  memset(&view, 0, sizeof(view));
  view.data = data;
  view.device.device_type = kDLCPU;
  view.ndim = ndim;
  view.dtype.code = kDLFloat;
  view.dtype.bits = 32;
  view.dtype.lanes = 1;
  view.shape = shape;
  return view;
}

int attn_test_run_from_c(const char *path, int num_threads) {
  attn_kernel kernel;
  attn_plan plan;
  attn_plan_options options = {sizeof(options), {0}, 0};
  float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {1, 1, 1, 1, 1, 1}, o[2] = {0, 0};
  int64_t x_shape[2] = {2, 3}, o_shape[1] = {2};
  DLTensor x_view = make_view(x, 2, x_shape), y_view = make_view(y, 2, x_shape),
           o_view = make_view(o, 1, o_shape);
  attn_argument arguments[3] = {{"x", ATTN_TENSOR, &x_view, 0, 0.0},
                                {"scale", ATTN_REAL, NULL, 0, 0.5},
                                {"o", ATTN_TENSOR, &o_view, 0, 0.0}};
  attn_argument other = {"x", ATTN_TENSOR, &y_view, 0, 0.0};

  CHECK(attn_api_version() == ATTN_API_VERSION);
  CHECK(attn_kernel_load_file(path, &kernel) == ATTN_OK);
  CHECK(strstr(attn_kernel_manifest(kernel), "\"rowsum\"") != NULL);
  CHECK(attn_pool_create(num_threads, &options.pool) == ATTN_OK);
  CHECK(attn_plan_prepare(kernel, arguments, 3, &options, &plan) == ATTN_OK);
  CHECK(attn_plan_memory_bytes(plan) > 0);
  /* The plan keeps what it needs. */
  CHECK(attn_kernel_release(kernel) == ATTN_OK);
  CHECK(attn_pool_release(options.pool) == ATTN_OK);
  CHECK(attn_plan_run(plan) == ATTN_OK);
  CHECK(o[0] == 7.5f && o[1] == 3.0f);
  CHECK(attn_plan_rebind(plan, &other, 1) == ATTN_OK);
  CHECK(attn_plan_run(plan) == ATTN_OK);
  CHECK(o[0] == 1.5f && o[1] == 1.5f);

  CHECK(attn_plan_launch(plan, NULL) == ATTN_UNSUPPORTED);
  CHECK(strcmp(attn_last_error_alternative(), "run the plan instead") == 0);
  y_view.ndim = 1;
  CHECK(attn_plan_rebind(plan, &other, 1) == ATTN_INVALID_ARGUMENT);
  CHECK(attn_last_error_code() == ATTN_INVALID_ARGUMENT);
  CHECK(strcmp(attn_last_error_feature(), "argument x") == 0);
  CHECK(strcmp(attn_last_error_reason(), "expects 2 dimensions, but got 1") ==
        0);
  CHECK(strcmp(attn_last_error_alternative(), "reshape it") == 0);
  CHECK(strcmp(attn_last_error_message(),
               "argument x: expects 2 dimensions, but got 1; reshape it") == 0);
  return attn_plan_release(plan) == ATTN_OK ? 0 : __LINE__;
}
