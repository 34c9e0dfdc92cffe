#include "plan/isa.hpp"

#include <cstdlib>
#include <cstring>

#include "core/cpu.hpp"

namespace convgrad {

namespace {

struct Candidate {
  const kernels::IsaTable* table;
  bool supported;
};

// As many as any processor family has, and room for a few more.
constexpr std::size_t most_candidates = 8;

struct Candidates {
  Candidate list[most_candidates] = {};  // best first
  std::size_t count = 0;
  char built[64] = {};
  char supported[64] = {};

  Candidates() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    add(kernels::avx512, cpu_has_avx512());
    add(kernels::avx2, cpu_has_avx2());
#elif defined(__aarch64__)
    add(kernels::neon, true);
#endif
    add(kernels::baseline, true);
  }

 private:
  static void append(char (&text)[64], const char* name) noexcept {
    if (text[0] != '\0') std::strcat(text, ", ");
    std::strcat(text, name);
  }
  void add(const kernels::IsaTable& table, bool runs_here) noexcept {
    list[count++] = {&table, runs_here};
    append(built, table.name);
    if (runs_here) append(supported, table.name);
  }
};

const Candidates& candidates() noexcept {
  static const Candidates instance;
  return instance;
}

struct Choice {
  const kernels::IsaTable* table = nullptr;
  Status status;

  Choice() noexcept {
    if (!cache_limit_is_usable()) {
      status = Status::invalid("CONVGRAD_CACHE_MIB: expected a number of mebibytes, 0 or more, got '%.64s'",
                               std::getenv("CONVGRAD_CACHE_MIB"));
      return;
    }
    const Candidates& all = candidates();
    const char* forced = std::getenv("CONVGRAD_ISA");
    for (std::size_t i = 0; i < all.count; ++i) {
      const Candidate& candidate = all.list[i];
      const bool named = forced != nullptr && std::strcmp(forced, candidate.table->name) == 0;
      if (named && !candidate.supported) {
        status = Status::invalid("CONVGRAD_ISA: this processor cannot run '%s'; it runs: %s", forced, all.supported);
        return;
      }
      if (candidate.supported && (named || forced == nullptr || forced[0] == '\0')) {
        table = candidate.table;
        return;
      }
    }
    status =
        Status::invalid("CONVGRAD_ISA: unknown kernel set '%.64s'; this processor runs: %s", forced, all.supported);
  }
};

}  // namespace

Status active_isa_table(const kernels::IsaTable*& table) noexcept {
  static const Choice choice;
  table = choice.table;
  return choice.status;
}

Status active_isa(const char** name) noexcept {
  const kernels::IsaTable* table = nullptr;
  Status status = active_isa_table(table);
  *name = table == nullptr ? "" : table->name;
  return status;
}

const char* built_isas() noexcept { return candidates().built; }
const char* supported_isas() noexcept { return candidates().supported; }

}  // namespace convgrad
