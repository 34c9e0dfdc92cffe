// The loop over a correlation's tasks, for every way.
#pragma once

#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/tasks/correlation_operands.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"

namespace convgrad::gemm {

// One task of a run.
template <class T>
struct CorrelationStep {
  const CorrelationOperands<T>& operands;
  Index index;
  CorrelationTask task;
  CorrelationTask next;  // what this worker, or another soon, does after it
};

// Calls run(step, the worker's own area) for every task. When it returns, the task's results are complete where they
// belong, and still in a cache: what is to be done to them besides belongs here.
template <class T, class Own, class Shared, class Run>
void run_correlation(const CorrelationTasks& tasks, const WorkAreas<Own, Shared>& areas,
                     const CorrelationOperands<T>& operands, void* workspace, const Run& run) noexcept {
  run_tasks(tasks, areas, workspace, [&](Index index, Index next, const Own& area) {
    run(CorrelationStep<T>{operands, index, tasks.task(index), tasks.task(next)}, area);
  });
}

}  // namespace convgrad::gemm
