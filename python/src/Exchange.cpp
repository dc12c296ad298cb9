//===- Exchange.cpp - what a repeated call asks of its tensors ------------===//
//
// The module attn._exchange: the parts of attn/_repeat.py that would take
// Python a microsecond a tensor. In CPython's stable interface, so that one
// file serves all versions from 3.11 on.
//
//===----------------------------------------------------------------------===//

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "DLPackExchange.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <new>

using attn::python::DLPackExchange;

namespace {
struct ModuleState {
  /// By type the capsule with its functions, or None.
  PyObject *exchanges;
  PyObject *attribute, *ownNames, *requiresGrad;
  /// The module's function.
  PyObject *launch;
  /// Of the last tensor: most calls have tensors of one type.
  PyTypeObject *lastType;
  const DLPackExchange *lastExchange;
};

/// A reference that is given back at the end of its scope.
class Reference {
public:
  explicit Reference(PyObject *object) : object(object) {}
  ~Reference() { Py_XDECREF(object); }
  Reference(const Reference &) = delete;
  Reference &operator=(const Reference &) = delete;

  PyObject *get() const { return object; }
  PyObject *release() {
    PyObject *released = object;
    object = nullptr;
    return released;
  }

private:
  PyObject *object;
};

ModuleState &getState(PyObject *module) {
  return *static_cast<ModuleState *>(PyModule_GetState(module));
}
} // namespace

/// The capsule of a type that declares one itself, else None: what is
/// inherited may not know the subclass. A new reference.
static PyObject *getCapsule(const ModuleState &state, PyTypeObject *type) {
  auto *object = reinterpret_cast<PyObject *>(type);
  Reference names(PyObject_GetAttr(object, state.ownNames));
  if (!names.get())
    return nullptr;
  int declares = PySequence_Contains(names.get(), state.attribute);
  if (declares < 0)
    return nullptr;
  if (!declares)
    Py_RETURN_NONE;
  return PyObject_GetAttr(object, state.attribute);
}

/// The functions of a type's tensors; null, without an exception, where it has
/// none that this module knows.
static const DLPackExchange *getExchange(ModuleState &state,
                                         PyTypeObject *type) {
  if (type == state.lastType)
    return state.lastExchange;
  auto *key = reinterpret_cast<PyObject *>(type);
  PyObject *capsule = PyDict_GetItemWithError(state.exchanges, key);
  if (!capsule) {
    Reference made(PyErr_Occurred() ? nullptr : getCapsule(state, type));
    if (!made.get() || PyDict_SetItem(state.exchanges, key, made.get()) < 0) {
      PyErr_Clear();
      return nullptr;
    }
    capsule = PyDict_GetItemWithError(state.exchanges, key);
  }
  if (!capsule || !PyCapsule_IsValid(capsule, DLPackExchange::capsule))
    return nullptr;
  auto *exchange = static_cast<const DLPackExchange *>(
      PyCapsule_GetPointer(capsule, DLPackExchange::capsule));
  while (exchange && exchange->major != DLPackExchange::knownMajor)
    exchange = exchange->previous;
  if (!exchange || !exchange->toView)
    return nullptr;
  state.lastType = type; // which state.exchanges keeps alive
  state.lastExchange = exchange;
  return exchange;
}

namespace {
/// What a plan depends on, as bytes.
class Description {
public:
  explicit Description(ModuleState &state) : state(state) {}

  /// Whether the value is of a kind that calls may have, and there is room.
  bool add(PyObject *value) {
    if (value == Py_None)
      return put('n');
    if (PyLong_CheckExact(value)) {
      int overflow = 0;
      int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
      return overflow == 0 && put('i') && put(number);
    }
    // Its bits: zeros of both signs, and NaN, are told apart.
    if (PyFloat_CheckExact(value))
      return put('f') && put(PyFloat_AsDouble(value));
    return addTensor(value);
  }

  const DLPackExchange *getExchange() const { return exchange; }
  int32_t getDevice() const { return device; }
  PyObject *makeBytes() const {
    return PyBytes_FromStringAndSize(text, end - text);
  }

private:
  template <typename T> bool put(const T *values, size_t count) {
    size_t bytes = sizeof(T) * count;
    if (bytes > static_cast<size_t>(std::end(text) - end))
      return false;
    end = std::copy_n(reinterpret_cast<const char *>(values), bytes, end);
    return true;
  }
  template <typename T> bool put(T value) { return put(&value, 1); }

  /// Of a GPU, and without a gradient.
  bool addTensor(PyObject *value) {
    const DLPackExchange *found = ::getExchange(state, Py_TYPE(value));
    DLTensor view;
    if (!found || found->toView(value, &view) != 0 ||
        view.device.device_type != kDLCUDA || !view.strides)
      return false;
    Reference gradient(PyObject_GetAttr(value, state.requiresGrad));
    if (gradient.get() != Py_False)
      return false;
    exchange = found;
    device = view.device.device_id;
    return put('t') && put(view.dtype) && put(device) && put(view.ndim) &&
           put(view.shape, view.ndim) && put(view.strides, view.ndim);
  }

  ModuleState &state;
  /// Enough for twenty tensors of five dimensions.
  char text[2048];
  char *end = text;
  const DLPackExchange *exchange = nullptr;
  int32_t device = 0;
};
} // namespace

static const char describeText[] =
    "describe(values, names, is_capturing): as _repeat.describe_call, None "
    "where it has\nto be asked.";

static PyObject *describe(PyObject *module, PyObject *const *arguments,
                          Py_ssize_t count) {
  if (count != 3 || !PyTuple_Check(arguments[0])) {
    PyErr_SetString(PyExc_TypeError,
                    "describe expects a tuple, names and a function");
    return nullptr;
  }
  Description description(getState(module));
  for (Py_ssize_t i = 0, e = PyTuple_Size(arguments[0]); i < e; ++i)
    if (!description.add(PyTuple_GetItem(arguments[0], i))) {
      PyErr_Clear();
      Py_RETURN_NONE;
    }
  if (!description.getExchange())
    Py_RETURN_NONE;
  void *stream = nullptr;
  if (description.getExchange()->getStream(kDLCUDA, description.getDevice(),
                                           &stream) != 0)
    return nullptr;
  Reference isCapturing(PyObject_CallNoArgs(arguments[2]));
  Reference bytes(description.makeBytes());
  Reference number(PyLong_FromVoidPtr(stream));
  if (!isCapturing.get() || !bytes.get() || !number.get())
    return nullptr;
  Reference layout(PyTuple_Pack(2, arguments[1], bytes.get()));
  if (!layout.get())
    return nullptr;
  return PyTuple_Pack(4, layout.get(), number.get(), isCapturing.get(),
                      getState(module).launch);
}

static const char launchText[] =
    "launch(function, plan, arrays, places, stream): calls "
    "attn_plan_launch_at, whose\naddress `function` is, with the addresses of "
    "the arrays at those places. Returns its\nstatus.";

static PyObject *launch(PyObject *module, PyObject *const *arguments,
                        Py_ssize_t count) {
  using Function = int (*)(uint64_t plan, const void *const *data, size_t count,
                           void *stream);
  if (count != 5 || !PyList_Check(arguments[2]) ||
      !PyTuple_Check(arguments[3])) {
    PyErr_SetString(PyExc_TypeError, "launch expects a function, a plan, a "
                                     "list, a tuple and a stream");
    return nullptr;
  }
  auto function = reinterpret_cast<Function>(PyLong_AsVoidPtr(arguments[0]));
  uint64_t plan = PyLong_AsUnsignedLongLong(arguments[1]);
  void *stream = PyLong_AsVoidPtr(arguments[4]);
  if (PyErr_Occurred())
    return nullptr;
  ModuleState &state = getState(module);
  size_t size = PyTuple_Size(arguments[3]);
  std::unique_ptr<const void *[]> data(new (std::nothrow) const void *[size]);
  if (!data)
    return PyErr_NoMemory();
  for (size_t i = 0; i < size; ++i) {
    Py_ssize_t place = PyLong_AsSsize_t(PyTuple_GetItem(arguments[3], i));
    PyObject *array = PyList_GetItem(arguments[2], place);
    if (!array)
      return nullptr;
    const DLPackExchange *exchange = getExchange(state, Py_TYPE(array));
    if (!exchange) {
      PyErr_SetString(PyExc_TypeError, "launch expects tensors of a framework");
      return nullptr;
    }
    DLTensor view;
    if (exchange->toView(array, &view) != 0)
      return nullptr;
    data[i] = static_cast<const char *>(view.data) + view.byte_offset;
  }
  int status;
  Py_BEGIN_ALLOW_THREADS;
  status = function(plan, data.get(), size, stream);
  Py_END_ALLOW_THREADS;
  return PyLong_FromLong(status);
}

static int initialize(PyObject *module) {
  ModuleState &state = getState(module);
  state.exchanges = PyDict_New();
  state.attribute = PyUnicode_InternFromString(DLPackExchange::attribute);
  state.ownNames = PyUnicode_InternFromString("__dict__");
  state.requiresGrad = PyUnicode_InternFromString("requires_grad");
  state.launch = PyObject_GetAttrString(module, "launch");
  return state.exchanges && state.attribute && state.ownNames &&
                 state.requiresGrad && state.launch
             ? 0
             : -1;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
  Py_VISIT(getState(module).exchanges);
  Py_VISIT(getState(module).launch);
  return 0;
}

static int clear(PyObject *module) {
  ModuleState &state = getState(module);
  state.lastType = nullptr;
  Py_CLEAR(state.exchanges);
  Py_CLEAR(state.attribute);
  Py_CLEAR(state.ownNames);
  Py_CLEAR(state.requiresGrad);
  Py_CLEAR(state.launch);
  return 0;
}

PyMODINIT_FUNC PyInit__exchange() {
  static PyMethodDef methods[] = {
      {"describe", reinterpret_cast<PyCFunction>(describe), METH_FASTCALL,
       describeText},
      {"launch", reinterpret_cast<PyCFunction>(launch), METH_FASTCALL,
       launchText},
      {nullptr, nullptr, 0, nullptr}};
  static PyModuleDef_Slot slots[] = {
      {Py_mod_exec, reinterpret_cast<void *>(initialize)}, {0, nullptr}};
  static PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                   "attn._exchange",
                                   "What a repeated call asks of its tensors.",
                                   sizeof(ModuleState),
                                   methods,
                                   slots,
                                   traverse,
                                   clear,
                                   nullptr};
  return PyModuleDef_Init(&definition);
}
