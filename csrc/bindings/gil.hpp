// Computing without the GIL.
#pragma once

#include <Python.h>
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace convgrad::bindings {

/// The GIL is free while it lives. Whoever asks for it back after the interpreter has begun to end, such as a daemon
/// thread in the middle of a call, is ended by CPython before 3.14 with pthread_exit. That would unwind the stack and
/// destroy Python objects without the GIL, or meet a function that is noexcept and end the process with an error; so
/// such a thread sleeps here until the process is gone, as later versions let it.
class GilRelease {
 public:
  GilRelease() : thread_(PyEval_SaveThread()) {}
  ~GilRelease() {
#if defined(__unix__) || defined(__APPLE__)
    try {
      PyEval_RestoreThread(thread_);
    } catch (...) {  // nothing else comes out of a function in C
      for (;;) pause();
    }
#else
    PyEval_RestoreThread(thread_);
#endif
  }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* thread_;
};

}  // namespace convgrad::bindings
