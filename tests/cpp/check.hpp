// The least that a test program needs: checks that say where they failed, and an exit code that counts them.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "convgrad/convgrad.hpp"

inline int failures = 0;

inline void check_that(bool holds, const char* what, const char* file, int line) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
}
#define CHECK(condition) check_that(static_cast<bool>(condition), #condition, __FILE__, __LINE__)

inline int finish() {
  if (failures > 0) std::fprintf(stderr, "%d failed\n", failures);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

constexpr int skipped = 77;

// Whether the instruction set that CONVGRAD_ISA names is the one in use.
inline bool forced_isa_runs() {
  const char* name = "";
  const convgrad::Status status = convgrad::active_isa(&name);
  const char* forced = std::getenv("CONVGRAD_ISA");
  if (!status.ok()) std::printf("%s\n", status.message());
  return status.ok() && (forced == nullptr || std::strcmp(forced, name) == 0);
}
