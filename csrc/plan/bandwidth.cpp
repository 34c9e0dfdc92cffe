// The machine's other limit, measured: how fast memory delivers what no cache holds.
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <chrono>

#include "core/parallel.hpp"
#include "core/workspace.hpp"
#include "plan/isa.hpp"

namespace convgrad {

namespace {

constexpr int rounds = 10;
// Of one array, of three: last-level caches have up to a few hundred mebibytes, those of whole servers together more.
constexpr Index fewest_bytes = Index{128} << 20;
constexpr Index most_bytes = Index{512} << 20;
constexpr Index bytes_per_thread = Index{16} << 20;
constexpr std::size_t huge_page = std::size_t{2} << 20;

Index array_elements(int threads) noexcept {
  return smaller(most_bytes, larger(fewest_bytes, threads * bytes_per_thread)) / Index{sizeof(float)};
}

// Asks for large pages, as NumPy does for its arrays: with small ones this would measure, in part, how fast addresses
// are translated.
void* prepare(void* memory, std::size_t bytes) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  void* const begin = at_offset<char>(memory, (huge_page - address % huge_page) % huge_page);
#if defined(__linux__)
  madvise(begin, bytes, MADV_HUGEPAGE);
#else
  (void)bytes;
#endif
  return begin;
}

// The same part for the same worker each time: memory then lies with the processor that first wrote to it.
struct Streams {
  const kernels::KernelSet<float>& kernels;
  int threads;
  Index elements;
  float* sum;
  float* left;
  float* right;

  template <class Visit>
  void visit_part(int worker, const Visit& visit) noexcept {
    constexpr Index line = Index{workspace_alignment} / Index{sizeof(float)};
    const Index first = elements / line * worker / threads * line;
    const Index last = elements / line * (worker + 1) / threads * line;
    visit(first, last - first);
  }
  static void fill(void* context, int worker) noexcept {
    auto& streams = *static_cast<Streams*>(context);
    streams.visit_part(worker, [&](Index first, Index count) {
      for (Index i = first; i < first + count; ++i) {
        streams.sum[i] = 0;
        streams.left[i] = 1;
        streams.right[i] = 2;
      }
    });
  }
  static void add(void* context, int worker) noexcept {
    auto& streams = *static_cast<Streams*>(context);
    streams.visit_part(worker, [&](Index first, Index count) {
      streams.kernels.triad(streams.left + first, streams.right + first, 0.5F, count, streams.sum + first);
    });
  }
};

}  // namespace

Status measure_bandwidth(int threads, double& bytes_per_second) noexcept {
  using Clock = std::chrono::steady_clock;
  if (Status status = check_threads(threads); !status.ok()) return status;
  const kernels::IsaTable* table = nullptr;
  if (Status status = active_isa_table(table); !status.ok()) return status;

  WorkspaceLayout layout;
  const Index elements = array_elements(threads);
  const std::size_t sum = layout.reserve<float>(elements);
  const std::size_t left = layout.reserve<float>(elements);
  const std::size_t right = layout.reserve<float>(elements);
  const OwnedWorkspace memory(layout.bytes() + huge_page);
  if (memory.data() == nullptr) return Status::out_of_memory(layout.bytes());
  void* const begin = prepare(memory.data(), layout.bytes());
  Streams streams{table->float32,
                  threads,
                  elements,
                  at_offset<float>(begin, sum),
                  at_offset<float>(begin, left),
                  at_offset<float>(begin, right)};
  run_workers(threads, Streams::fill, &streams);

  bytes_per_second = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    run_workers(threads, Streams::add, &streams);
    const double rate =
        static_cast<double>(layout.bytes()) / std::chrono::duration<double>(Clock::now() - start).count();
    if (rate > bytes_per_second) bytes_per_second = rate;
  }
  return {};
}

}  // namespace convgrad
