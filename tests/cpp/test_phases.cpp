// Where the time of runs goes: scopes within scopes, one thread's share and no other's, every way of computing, and the
// same bits as without. How long anything takes is never tested.
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

#include "check.hpp"
#include "core/phases.hpp"

using namespace convgrad;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void wait(double seconds) {
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
  }
}

double sum(const PhaseSeconds& seconds) {
  return seconds.packing_weights + seconds.packing_input + seconds.multiplying + seconds.storing + seconds.adding_sums +
         seconds.other;
}

// Whatever the machine does meanwhile, a phase takes at least as long as it waits, and all together no longer than it
// all takes. The clock's own rounding is far below the allowance.
void test_scopes() {
  constexpr double step = 0.002;
  constexpr double allowance = 1e-6;
  PhaseSeconds seconds;
  CHECK(record_phases(&seconds) == nullptr);
  wait(step);  // in no scope
  const auto begin = Clock::now();
  {
    PhaseTimer outer(Phase::multiplying);
    wait(step);
    {
      const PhaseTimer inner(Phase::storing);
      wait(2 * step);
    }
    wait(step);
    outer.next(Phase::packing_input);
    wait(step);
    {
      const PhaseTimer same(Phase::packing_input);
      wait(step);
    }
  }
  const double inside = seconds_since(begin);
  wait(step);
  CHECK(record_phases(nullptr) == &seconds);
  const PhaseSeconds found = seconds;
  {
    const PhaseTimer nobody_asks(Phase::other);
    wait(step);
  }
  CHECK(sum(seconds) == sum(found));
  CHECK(found.multiplying > 2 * step - allowance);
  CHECK(found.storing > 2 * step - allowance);
  CHECK(found.packing_input > 2 * step - allowance);
  CHECK(found.packing_weights == 0 && found.adding_sums == 0 && found.other == 0);
  CHECK(sum(found) < inside + allowance);
}

void test_recording_that_changes_within_a_scope() {
  PhaseSeconds first, second;
  record_phases(&first);
  {
    const PhaseTimer outer(Phase::multiplying);
    wait(0.001);
    CHECK(record_phases(&second) == &first);
    const double until_then = first.multiplying;
    CHECK(until_then > 0);
    wait(0.001);
    CHECK(first.multiplying == until_then);
    record_phases(nullptr);
    CHECK(second.multiplying > 0);
  }
  record_phases(&first);
  const double before = first.multiplying;
  wait(0.001);
  {
    const PhaseTimer timer(Phase::storing);
    wait(0.001);
  }
  // Nothing is open any more: every phase but the new one is what it was, to the last bit.
  CHECK(first.multiplying == before && first.storing > 0);
  CHECK(first.packing_weights == 0 && first.packing_input == 0 && first.adding_sums == 0 && first.other == 0);
  record_phases(nullptr);
}

// A layer, its plan for one pass and memory for the three tensors.
struct Layer {
  Problem problem;
  Pass pass;
  Plan plan;
  std::array<std::int64_t, 3> sizes{};  // elements of V, K, Z

  Layer(Pass wanted, std::int64_t batch, std::int64_t in, std::int64_t size, std::int64_t out, std::int64_t kernel,
        std::int64_t stride, std::int64_t groups)
      : pass(wanted) {
    problem.batch = batch;
    problem.in_channels = in;
    problem.out_channels = out;
    problem.groups = groups;
    problem.input_size = {size, size};
    problem.kernel_size = {kernel, kernel};
    problem.stride = {stride, stride};
    PlanOptions options;
    options.threads = 1;
    CHECK(Plan::make(pass, problem, options, plan).ok());
    const std::int64_t output = plan.output_size()[0];
    sizes = {batch * in * size * size, out * in / groups * kernel * kernel, batch * out * output * output};
  }

  [[nodiscard]] std::vector<float> run() const {
    const std::int64_t output = plan.output_size()[0];
    const std::int64_t size = problem.input_size[0];
    const std::int64_t kernel = problem.kernel_size[0];
    const std::int64_t channels = problem.in_channels / problem.groups;
    std::vector<float> data[3];
    for (std::size_t i = 0; i < 3; ++i)
      for (std::int64_t e = 0; e < sizes[i]; ++e) data[i].push_back(static_cast<float>((e * 7 + 3) % 11) - 5);
    const std::array<std::int64_t, max_rank> strides[3] = {
        {problem.in_channels * size * size, size * size, size, 1},
        {channels * kernel * kernel, kernel * kernel, kernel, 1},
        {problem.out_channels * output * output, output * output, output, 1}};
    const ConstView V{data[0].data(), strides[0]};
    const ConstView K{data[1].data(), strides[1]};
    const ConstView Z{data[2].data(), strides[2]};
    const std::size_t result = pass == Pass::forward ? 2 : pass == Pass::grad_kernel ? 1 : 0;
    std::vector<float> to(data[result].size(), std::numeric_limits<float>::quiet_NaN());
    const View view{to.data(), strides[result]};
    const Status status = pass == Pass::forward       ? forward(plan, V, K, nullptr, 0, view)
                          : pass == Pass::grad_kernel ? grad_kernel(plan, Z, V, view)
                                                      : grad_input(plan, Z, K, view);
    CHECK(status.ok());
    return to;
  }
};

// Layers that take each way of laying work over lanes, and strided ones.
void test_runs() {
  for (const Pass pass : {Pass::forward, Pass::grad_kernel, Pass::grad_input})
    for (const Layer& layer :
         {Layer(pass, 1, 16, 12, 32, 5, 1, 1), Layer(pass, 2, 64, 7, 128, 1, 1, 1), Layer(pass, 1, 8, 20, 8, 3, 1, 8),
          Layer(pass, 1, 1, 28, 8, 5, 1, 1), Layer(pass, 2, 4, 15, 6, 3, 2, 2), Layer(pass, 2, 16, 28, 32, 1, 3, 1)}) {
      const std::vector<float> wanted = layer.run();
      PhaseSeconds seconds;
      record_phases(&seconds);
      const auto start = Clock::now();
      const std::vector<float> found = layer.run();
      const double all = seconds_since(start);
      record_phases(nullptr);
      CHECK(found == wanted);
      CHECK(seconds.multiplying > 0);
      CHECK(sum(seconds) < all);
    }
}

void test_other_threads_are_not_recorded() {
  const Layer layer(Pass::forward, 1, 4, 10, 4, 3, 1, 1);
  PhaseSeconds seconds;
  record_phases(&seconds);
  std::thread([&] { CHECK(!layer.run().empty()); }).join();
  record_phases(nullptr);
  CHECK(sum(seconds) == 0);
}

}  // namespace

int main() {
  test_scopes();
  test_recording_that_changes_within_a_scope();
  test_runs();
  test_other_threads_are_not_recorded();
  return finish();
}
