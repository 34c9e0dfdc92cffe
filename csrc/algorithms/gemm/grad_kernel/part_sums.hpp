// What both orders of grad_kernel's sums share: a task makes one part of an item's sums, and parts are added up in a
// fixed tree.
//
//     for each task (item, part):
//         make the part's sums; of a single part, these are the results
//     for each item of several parts:
//         add them up; these are the results
#pragma once

#include <algorithm>

#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "core/phases.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// Room for all sums of all parts, and none if items have one part each.
template <class T>
struct PartSums {
  T* sums;
};

// Adds up `parts` arrays of so many elements, `pitch` apart, into the first: neighbors, then the neighbors among these
// sums, and so on, as in ((0 + 1) + (2 + 3)) + (4 + 5). Bits depend on this order: a change of it is one of
// `bits_version`.
template <class T>
void add_parts(T* first, Index parts, Index pitch, Index elements) noexcept {
  for (Index distance = 1; distance < parts; distance *= 2)
    for (Index i = 0; i + distance < parts; i += 2 * distance) {
      T* sum = first + i * pitch;
      const T* other = sum + distance * pitch;
      for (Index e = 0; e < elements; ++e) sum[e] += other[e];
    }
}

// The lanes' sums of some values, added up in a fixed tree, too: the upper half to the lower, and so on, of several
// values at once. `sums` may be `lanes`.
template <class T>
void add_lanes(const kernels::KernelSet<T>& kernels, const T* lanes, Index values, T* sums) noexcept {
  constexpr Index count = kernels::sum_lanes<T>;
  T transposed[count * count] = {};
  for (Index done = 0; done < values; done += count) {
    const Index some = smaller(count, values - done);
    kernels.transpose_padded(lanes + done * count, count, some, count, transposed, count);
    for (Index half = count / 2; half > 0; half /= 2)
      for (Index i = 0; i < half; ++i)
        for (Index value = 0; value < count; ++value)
          transposed[i * count + value] += transposed[(i + half) * count + value];
    std::copy_n(transposed, some, sums + done);
  }
}

// Calls make(task, the next task, area, where its sums belong: null if they are the results), and then, where there are
// several parts, finish(item, the first part's sums, area). The sums of a part take `pitch` elements.
template <class T, class Area, class Make, class Finish>
void run_parts(const GradKernelTasks& tasks, const WorkAreas<Area, PartSums<T>>& areas, Index pitch, void* workspace,
               const Make& make, const Finish& finish) noexcept {
  const Index parts = tasks.parts();
  T* all = parts > 1 ? areas.shared_in(workspace).sums : nullptr;
  run_tasks(tasks, areas, workspace, [&](Index task, Index next, const Area& area) {
    make(task, next, area, parts > 1 ? all + task * pitch : nullptr);
  });
  if (parts == 1) return;
  const PhaseTimer timer(Phase::adding_sums);
  parallel_for(areas.workers, tasks.items(), [&](Index item, int worker) {
    finish(tasks.item(item), all + item * parts * pitch, areas.own_in(workspace, worker));
  });
}

}  // namespace convgrad::gemm
