// A run with a kept plan and a workspace allocates nothing. The linker sends every call that the library's objects make
// to malloc and its kin here (--wrap), and C++ lets a program replace operator new.
#include <atomic>
#include <cstddef>
#include <new>
#include <vector>

#include "check.hpp"

namespace {
std::atomic<long> allocations{0};
}

extern "C" {
void* __real_malloc(std::size_t bytes);
void* __real_calloc(std::size_t count, std::size_t bytes);
void* __real_realloc(void* memory, std::size_t bytes);
void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
int __real_posix_memalign(void** memory, std::size_t alignment, std::size_t bytes);
void* __wrap_malloc(std::size_t bytes) {
  ++allocations;
  return __real_malloc(bytes);
}
void* __wrap_calloc(std::size_t count, std::size_t bytes) {
  ++allocations;
  return __real_calloc(count, bytes);
}
void* __wrap_realloc(void* memory, std::size_t bytes) {
  ++allocations;
  return __real_realloc(memory, bytes);
}
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __real_aligned_alloc(alignment, bytes);
}
int __wrap_posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __real_posix_memalign(memory, alignment, bytes);
}
}

// malloc here is the wrapped one, so these count as well.
void* operator new(std::size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

using namespace convgrad;

namespace {

template <class Call>
long allocations_of(const Call& call) {
  const long before = allocations;
  CHECK(call().ok());
  return allocations - before;
}

struct Memory {
  explicit Memory(std::size_t bytes) : data(std::aligned_alloc(64, (bytes + 127) / 64 * 64)), size(bytes) {}
  ~Memory() { std::free(data); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] Workspace workspace() const { return {data, size}; }
  void* data;
  std::size_t size;
};

void test_layer(std::int64_t channels, std::int64_t out_channels, std::int64_t size, std::int64_t kernel_size,
                std::int64_t stride, int threads) {
  Problem problem;
  problem.in_channels = channels;
  problem.out_channels = out_channels;
  problem.input_size = {size, size};
  problem.kernel_size = {kernel_size, kernel_size};
  problem.stride = {stride, stride};
  PlanOptions options;
  options.threads = threads;
  Plan plan;
  CHECK(allocations_of([&] { return Plan::make(Pass::forward, problem, options, plan); }) > 0);
  const std::int64_t out = plan.output_size()[0];
  std::vector<float> V(static_cast<std::size_t>(channels * size * size));
  std::vector<float> K(static_cast<std::size_t>(out_channels * channels * kernel_size * kernel_size));
  std::vector<float> Z(static_cast<std::size_t>(out_channels * out * out));
  const View input{V.data(), {channels * size * size, size * size, size, 1}};
  const View kernel{K.data(), {channels * kernel_size * kernel_size, kernel_size * kernel_size, kernel_size, 1}};
  const View output{Z.data(), {out_channels * out * out, out * out, out, 1}};
  const ConstView V_view{V.data(), input.strides}, K_view{K.data(), kernel.strides}, G_view{Z.data(), output.strides};

  {
    const Memory memory(plan.workspace_bytes());
    CHECK(allocations_of([&] { return forward(plan, V_view, K_view, nullptr, 0, output, memory.workspace()); }) == 0);
    CHECK(allocations_of([&] { return forward(plan, V_view, K_view, nullptr, 0, output); }) > 0);
    PackedKernel packed;
    CHECK(PackedKernel::make(plan, K_view, packed).ok());
    CHECK(allocations_of([&] { return forward(plan, V_view, packed, nullptr, 0, output, memory.workspace()); }) == 0);
  }
  CHECK(Plan::make(Pass::grad_kernel, problem, options, plan).ok());
  {
    const Memory memory(plan.workspace_bytes());
    CHECK(allocations_of([&] { return grad_kernel(plan, G_view, V_view, kernel, memory.workspace()); }) == 0);
  }
  CHECK(Plan::make(Pass::grad_input, problem, options, plan).ok());
  {
    const Memory memory(plan.workspace_bytes());
    CHECK(allocations_of([&] { return grad_input(plan, G_view, K_view, input, memory.workspace()); }) == 0);
  }
  std::vector<float> db(static_cast<std::size_t>(out_channels));
  CHECK(allocations_of([&] {
          return grad_bias(DataType::float32, 2, 1, out_channels, {out, out, 1}, G_view, db.data(), 1, options);
        }) == 0);
}

}  // namespace

int main() {
  for (const int threads : {1, 2}) {
    test_layer(1, 1, 3, 2, 1, threads);
    test_layer(1, 8, 28, 5, 1, threads);
    test_layer(32, 48, 28, 3, 1, threads);
    test_layer(32, 48, 29, 3, 2, threads);
    test_layer(48, 160, 14, 1, 1, threads);
  }
  return finish();
}
