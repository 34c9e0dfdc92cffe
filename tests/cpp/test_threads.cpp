// A program's own threads in place of OpenMP: every worker runs once, in the program's loop and nowhere else, and the
// results are those of one thread.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "check.hpp"

using namespace convgrad;

namespace {

// What a program might have: some threads that wait for work, and the caller helping.
class Pool {
 public:
  explicit Pool(int helpers) {
    for (int i = 0; i < helpers; ++i) threads_.emplace_back([this] { serve(); });
  }
  ~Pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void run(int workers, const std::function<void(int)>& body) {
    const std::lock_guard<std::mutex> one_at_a_time(callers_);
    std::unique_lock<std::mutex> lock(mutex_);
    body_ = &body;
    next_ = 0;
    count_ = unfinished_ = workers;
    changed_.notify_all();
    while (work(lock)) {
    }
    changed_.wait(lock, [this] { return unfinished_ == 0; });
  }

  [[nodiscard]] Parallel parallel() {
    return {[](void* context, int workers, void (*body)(void*, int), void* argument) {
              auto& pool = *static_cast<Pool*>(context);
              ++pool.loops;
              pool.run(workers, [&](int worker) { body(argument, worker); });
            },
            this};
  }

  std::atomic<int> loops{0};

 private:
  // One piece of work, if there is any; the lock is held before and after.
  bool work(std::unique_lock<std::mutex>& lock) {
    if (next_ >= count_) return false;
    const int worker = next_++;
    const std::function<void(int)>& body = *body_;
    lock.unlock();
    body(worker);
    lock.lock();
    if (--unfinished_ == 0) changed_.notify_all();
    return true;
  }
  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopping_)
      if (!work(lock)) changed_.wait(lock, [this] { return stopping_ || next_ < count_; });
  }

  std::mutex callers_, mutex_;
  std::condition_variable changed_;
  const std::function<void(int)>* body_ = nullptr;
  int next_ = 0, count_ = 0, unfinished_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

struct Operands {
  std::vector<float> V, K, G;
  ConstView input, kernel, grad_output;
};

Problem layer() {
  Problem problem;
  problem.batch = 2;
  problem.in_channels = 16;
  problem.out_channels = 24;
  problem.input_size = {40, 40};
  problem.kernel_size = {3, 3};
  return problem;
}

Operands operands() {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  const auto fill = [&](std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = normal(generator);
    return values;
  };
  Operands x{fill(2 * 16 * 40 * 40), fill(24 * 16 * 9), fill(2 * 24 * 38 * 38), {}, {}, {}};
  x.input = {x.V.data(), {16 * 1600, 1600, 40, 1}};
  x.kernel = {x.K.data(), {144, 9, 3, 1}};
  x.grad_output = {x.G.data(), {24 * 1444, 1444, 38, 1}};
  return x;
}

// Each has one loop at least; another one to pack weights or to join sums follows from the plan, and the bias is little
// enough for one thread.
constexpr int passes = 3;

// All three passes and the bias, one after the other.
std::vector<float> run_all(const Operands& x, const PlanOptions& options, bool several_wanted) {
  std::vector<float> results(x.G.size() + x.K.size() + x.V.size() + 24);
  float* Z = results.data();
  float* dK = Z + x.G.size();
  float* dV = dK + x.K.size();
  float* db = dV + x.V.size();
  Plan plan;
  CHECK(Plan::make(Pass::forward, layer(), options, plan).ok());
  CHECK((plan.threads() > 1) == several_wanted);
  CHECK(forward(plan, x.input, x.kernel, nullptr, 0, {Z, x.grad_output.strides}).ok());
  CHECK(Plan::make(Pass::grad_kernel, layer(), options, plan).ok());
  CHECK(grad_kernel(plan, x.grad_output, x.input, {dK, x.kernel.strides}).ok());
  CHECK(Plan::make(Pass::grad_input, layer(), options, plan).ok());
  CHECK(grad_input(plan, x.grad_output, x.kernel, {dV, x.input.strides}).ok());
  CHECK(grad_bias(DataType::float32, 2, 2, 24, {38, 38, 1}, x.grad_output, db, 1, options).ok());
  return results;
}

PlanOptions with_threads(int threads, const Parallel& parallel = {}) {
  PlanOptions options;
  options.threads = threads;
  options.parallel = parallel;
  return options;
}

void test_pool(const Operands& x, const std::vector<float>& expected) {
  Pool pool(3);
  CHECK(run_all(x, with_threads(4, pool.parallel()), true) == expected);
  CHECK(pool.loops >= passes);
  const int before = pool.loops;
  CHECK(run_all(x, with_threads(1, pool.parallel()), false) == expected);
  CHECK(pool.loops == before);
}

void test_two_callers_of_one_pool(const Operands& x, const std::vector<float>& expected) {
  Pool pool(2);
  std::vector<float> results[2];
  {
    std::thread other([&] { results[0] = run_all(x, with_threads(3, pool.parallel()), true); });
    results[1] = run_all(x, with_threads(3, pool.parallel()), true);
    other.join();
  }
  CHECK(results[0] == expected && results[1] == expected);
}

// Backwards, and all on one thread: the contract asks for no more.
void test_one_after_the_other(const Operands& x, const std::vector<float>& expected) {
  int loops = 0;
  const Parallel backwards{[](void* context, int workers, void (*body)(void*, int), void* argument) {
                             ++*static_cast<int*>(context);
                             for (int worker = workers - 1; worker >= 0; --worker) body(argument, worker);
                           },
                           &loops};
  CHECK(run_all(x, with_threads(5, backwards), true) == expected);
  CHECK(loops >= passes);
}

}  // namespace

int main() {
  const Operands x = operands();
  const std::vector<float> expected = run_all(x, with_threads(1), false);
  CHECK(run_all(x, with_threads(3), true) == expected);
  test_pool(x, expected);
  test_two_callers_of_one_pool(x, expected);
  test_one_after_the_other(x, expected);
  return finish();
}
