// The tasks of every pass cover each result once, and workers that take one after the other finish together, from 1 to
// 128 of them: simulated with the multiplications of each task, for every instruction set that the library has here.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>
#include <vector>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/residues.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/common/visit_way.hpp"
#include "algorithms/gemm/correlation.hpp"
#include "algorithms/gemm/grad_input/choose_columns.hpp"
#include "algorithms/gemm/grad_input/grad_input.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel.hpp"
#include "check.hpp"
#include "core/geometry.hpp"
#include "plan/isa.hpp"

using namespace convgrad;
using namespace convgrad::gemm;

namespace {

constexpr int most_threads = 128;

struct Layer {
  const char* name;
  Index batch, in_channels, out_channels, groups;
  int rank;
  Index size[3], kernel[3], stride, dilation, padding;
};

constexpr Layer square(const char* name, Index batch, Index in, Index size, Index out, Index kernel, Index stride = 1,
                       Index padding = 0, Index groups = 1, Index dilation = 1) {
  return {name, batch, in, out, groups, 2, {size, size, 1}, {kernel, kernel, 1}, stride, dilation, padding};
}

// Those of bench/layers.py that differ in kind.
constexpr Layer layers[] = {
    square("mnist", 32, 1, 28, 32, 5),
    square("mnist-1", 1, 1, 28, 8, 5),
    square("lenet-conv2", 32, 6, 14, 16, 5),
    square("cifar", 32, 32, 32, 64, 3, 1, 1),
    square("cifar-resnet-8", 32, 64, 8, 64, 3, 1, 1),
    square("resnet-conv1", 4, 3, 224, 64, 7, 2, 3),
    square("resnet-56", 4, 64, 56, 64, 3, 1, 1),
    square("resnet-56-s2", 4, 128, 56, 128, 3, 2, 1),
    square("resnet-14", 4, 256, 14, 256, 3, 1, 1),
    square("resnet-14, one image", 1, 256, 14, 256, 3, 1, 1),
    square("resnet-7", 4, 512, 7, 512, 3, 1, 1),
    square("resnet-7, one image", 1, 512, 7, 512, 3, 1, 1),
    square("resnet-56-1x1", 4, 64, 56, 256, 1),
    square("resnet-14-1x1", 4, 1024, 14, 256, 1),
    square("resnet-7-1x1", 4, 512, 7, 2048, 1),
    square("resnet-56-1x1-s2", 4, 256, 56, 512, 1, 2),
    square("alexnet-conv1", 4, 3, 224, 64, 11, 4, 2),
    square("yolo-208", 1, 32, 416, 64, 3, 2, 1),
    square("vgg-conv1", 1, 3, 224, 64, 3, 1, 1),
    square("vgg", 1, 256, 56, 256, 3, 1, 1),
    square("vgg-conv5", 1, 512, 14, 512, 3, 1, 1),
    square("inception", 4, 48, 35, 64, 5, 1, 2),
    square("inception-s2", 4, 288, 35, 384, 3, 2),
    square("dcgan", 4, 128, 32, 256, 4, 2, 1),
    square("dcgan-64", 4, 64, 64, 128, 4, 2, 1),
    square("resnet-28-s2", 4, 128, 28, 256, 3, 2, 1),
    square("googlenet-3a-3x3", 4, 96, 28, 128, 3, 1, 1),
    square("densenet-1x1", 4, 512, 14, 128, 1),
    square("densenet-3x3", 4, 128, 28, 32, 3, 1, 1),
    square("aspp", 1, 256, 33, 256, 3, 1, 6, 1, 6),
    square("unet-first", 1, 1, 572, 64, 3),
    square("unet-up", 1, 1024, 28, 512, 3),
    square("unet-last", 1, 64, 388, 2, 1),
    square("vit-patches", 1, 3, 224, 768, 16, 16),
    square("image-filter", 1, 1, 512, 1, 9),
    square("large", 1, 8, 128, 8, 31, 1, 15),
    square("convnext", 4, 96, 56, 96, 7, 1, 3, 96),
    square("mobilenet", 4, 144, 56, 144, 3, 1, 1, 144),
    square("resnext", 4, 128, 56, 128, 3, 1, 1, 32),
    {"wavenet-d64", 1, 64, 128, 1, 1, {16064, 1, 1}, {2, 1, 1}, 1, 64, 0},
    {"wav2vec-first", 1, 1, 512, 1, 1, {80000, 1, 1}, {10, 1, 1}, 5, 1, 0},
    {"wav2vec-second", 1, 512, 512, 1, 1, {4001, 1, 1}, {3, 1, 1}, 2, 1, 0},
    {"c3d-conv1", 1, 3, 64, 1, 3, {16, 112, 112}, {3, 3, 3}, 1, 1, 1},
    {"c3d-conv3", 1, 128, 256, 1, 3, {8, 28, 28}, {3, 3, 3}, 1, 1, 1},
    {"c3d-conv5", 1, 512, 512, 1, 3, {2, 7, 7}, {3, 3, 3}, 1, 1, 1},
};

Geometry geometry_of(const Layer& layer) {
  Problem problem;
  problem.spatial_rank = layer.rank;
  problem.batch = layer.batch;
  problem.in_channels = layer.in_channels;
  problem.out_channels = layer.out_channels;
  problem.groups = layer.groups;
  for (std::size_t a = 0; a < static_cast<std::size_t>(layer.rank); ++a) {
    problem.input_size[a] = layer.size[a];
    problem.kernel_size[a] = layer.kernel[a];
    problem.stride[a] = layer.stride;
    problem.dilation[a] = layer.dilation;
    problem.padding_before[a] = problem.padding_after[a] = layer.padding;
  }
  Geometry geometry;
  CHECK(make_geometry(problem, geometry).ok());
  return geometry;
}

// What a parallel region does, task by task.
struct Region {
  std::vector<double> work;
  int workers;
};

// When all workers are done, if each takes the next task as soon as it is free.
double makespan(const Region& region) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  for (int worker = 0; worker < region.workers; ++worker) free_at.push(0);
  double last = 0;
  for (const double work : region.work) {
    const double done = free_at.top() + work;
    free_at.pop();
    free_at.push(done);
    last = std::max(last, done);
  }
  return last;
}

// Counts how often each (row, column) of a matrix of results is written.
class Coverage {
 public:
  Coverage(Index rows, Index columns) : columns_(columns), count_(static_cast<std::size_t>(rows * columns)) {}
  void add(Index row, Index first_column, Index columns) {
    for (Index c = first_column; c < first_column + columns; ++c)
      ++count_[static_cast<std::size_t>(row * columns_ + c)];
  }
  [[nodiscard]] bool once() const {
    return std::all_of(count_.begin(), count_.end(), [](unsigned char count) { return count == 1; });
  }

 private:
  Index columns_;
  std::vector<unsigned char> count_;
};

// All pixels of a block as their numbers among all of the pass.
template <class Visit>
void for_each_pixel(const Geometry& g, const PixelBlock& block, const Visit& visit) {
  for (Index n = block.first_image; n < block.first_image + block.images; ++n)
    for (Index i = block.first[0]; i < block.first[0] + block.size[0]; ++i)
      for (Index j = block.first[1]; j < block.first[1] + block.size[1]; ++j)
        for (Index k = block.first[2]; k < block.first[2] + block.size[2]; ++k)
          visit(((n * g.output[0] + i) * g.output[1] + j) * g.output[2] + k);
}

template <class Lanes>
Region region_of(const Geometry& g, const Lanes& lanes, bool check_coverage) {
  const CorrelationTasks& tasks = lanes.tasks();
  Region region{{}, lanes.threads()};
  for (Index i = 0; i < tasks.count(); ++i) region.work.push_back(tasks.multiplications(tasks.task(i)));
  if (!check_coverage) return region;
  Coverage coverage(g.batch * g.output_pixels(), tasks.groups() * g.out_channels);
  for (Index i = 0; i < tasks.count(); ++i) {
    const CorrelationTask task = tasks.task(i);
    for_each_pixel(g, task.pixels, [&](Index pixel) {
      coverage.add(pixel, task.group * g.out_channels + task.first_channel, task.channels);
    });
  }
  CHECK(coverage.once());
  return region;
}

// One sum of dK, over all pixels, is one result here: parts must cover the pixels, items the rest.
template <class Lanes>
Region grad_kernel_region_of(const Geometry& g, const Lanes& lanes, bool check_coverage) {
  const GradKernelTasks& tasks = lanes.tasks();
  Region region{{}, lanes.threads()};
  for (Index i = 0; i < tasks.count(); ++i)
    region.work.push_back(tasks.multiplications(tasks.item(i / tasks.parts()), tasks.part(i % tasks.parts())));
  if (!check_coverage) return region;
  Coverage sums(tasks.groups() * g.out_channels, g.in_channels * g.taps_per_channel());
  for (Index i = 0; i < tasks.items(); ++i) {
    const GradKernelItem item = tasks.item(i);
    for (Index channel = item.first_channel; channel < item.first_channel + item.channels; ++channel)
      sums.add(item.group * g.out_channels + channel, item.taps.first_tap, item.taps.count());
  }
  CHECK(sums.once());
  Coverage pixels(g.batch * g.output_pixels(), 1);
  for (Index p = 0; p < tasks.parts(); ++p)
    for (Index b = tasks.part(p).first_block; b < tasks.part(p).end_block; ++b)
      for_each_pixel(g, tasks.blocking().pixel_block(b), [&](Index pixel) { pixels.add(pixel, 0, 1); });
  CHECK(pixels.once());
  return region;
}

// Each task owns positions of dV, whatever it computes besides.
Region columns_region_of(const Geometry& g, const ColumnTasks& tasks, int threads, bool check_coverage) {
  Region region{{}, threads};
  for (Index i = 0; i < tasks.count(); ++i) region.work.push_back(tasks.multiplications(tasks.task(i)));
  if (!check_coverage) return region;
  Coverage coverage(g.batch * g.input[0] * g.input[1] * g.input[2], g.groups * g.in_channels);
  for (Index t = 0; t < tasks.count(); ++t) {
    const ColumnTask task = tasks.task(t);
    for (Index n = task.first_image; n < task.first_image + task.images; ++n)
      for (Index i = task.begin[0]; i < task.end[0]; ++i)
        for (Index j = task.begin[1]; j < task.end[1]; ++j)
          for (Index k = task.begin[2]; k < task.end[2]; ++k)
            coverage.add(((n * g.input[0] + i) * g.input[1] + j) * g.input[2] + k,
                         task.group * g.in_channels + task.first_channel, task.channels);
  }
  CHECK(coverage.once());
  return region;
}

// The correlations that grad_input runs one after the other.
std::vector<Geometry> residues_of(const Geometry& g) {
  std::vector<Geometry> parts;
  for_each_residue(g, [&](const Residue(&residue)[axes]) { parts.push_back(residue_geometry(g, residue)); });
  return parts;
}

// All layers and passes, by number of threads: how much later the last worker is done than if each did an equal share
// of what one alone does.
struct Balance {
  double again = 0;  // of the work, what tasks may do twice
  std::vector<double> lateness[most_threads + 1];

  [[nodiscard]] double worst(int threads) const {
    return *std::max_element(lateness[threads].begin(), lateness[threads].end());
  }
  [[nodiscard]] double mean(int threads) const {
    const auto& all = lateness[threads];
    return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
  }
};

// Where a map has few pixels, smaller tasks would cost more in copies than some idle threads do, so a few layers may be
// later than the others for some numbers of threads; for the usual ones none is by much.
struct Allowed {
  double mean, nearly_all, any;
};
constexpr double nearly_all = 0.9;

Allowed allowed(int threads) {
  const bool usual = (threads & (threads - 1)) == 0;
  if (threads <= 16) return {1.07, 1.18, usual ? 1.3 : 1.8};
  if (threads <= 64) return {1.17, 1.45, usual ? 1.8 : 2.3};
  return {1.25, 1.6, usual ? 1.8 : 2.8};
}

// `make_regions(threads, check_coverage)` are those of a pass, one after the other.
template <class MakeRegions>
void judge(const char* what, const Geometry& geometry, Balance& balance, const MakeRegions& make_regions) {
  double alone = 0;
  for (int threads = 1; threads <= most_threads; ++threads) {
    double together = 0;
    std::size_t tasks = 0;
    for (const Region& region : make_regions(threads, threads <= 2 || threads == 7 || threads == 64)) {
      CHECK(region.workers >= 1 && region.workers <= threads);
      together += makespan(region);
      tasks += region.work.size();
    }
    // With less to do, it is not worth starting them all.
    if (useful_threads(tuning_of(kernels::SetName::avx512), geometry, threads) < threads) break;
    if (threads == 1) alone = together;
    const double lateness = together * threads / alone;
    balance.lateness[threads].push_back(lateness);
    if (lateness <= allowed(threads).any) continue;
    ++failures;
    std::fprintf(stderr, "%s, %d threads: %.2f with %zu tasks\n", what, threads, lateness, tasks);
  }
}

void judge_all(const char* passes, const Balance& balance) {
  std::printf("%s\n  threads  mean  worst  layers\n", passes);
  for (int threads = 2; threads <= most_threads; ++threads) {
    const std::vector<double>& all = balance.lateness[threads];
    CHECK(!all.empty());
    const Allowed limit = allowed(threads);
    const double most = limit.nearly_all + balance.again;
    const auto within = std::count_if(all.begin(), all.end(), [&](double x) { return x <= most; });
    CHECK(static_cast<double>(within) >= nearly_all * static_cast<double>(all.size()));
    CHECK(balance.mean(threads) <= limit.mean + balance.again);
    if ((threads & (threads - 1)) == 0)
      std::printf("  %7d  %.2f   %.2f %7zu\n", threads, balance.mean(threads), balance.worst(threads), all.size());
  }
}

template <class T>
void test_layer(const Layer& layer, const kernels::IsaTable& table, Balance& forward, Balance& columns,
                Balance& grad_kernel) {
  const kernels::KernelSet<T>& set = kernels::kernel_set<T>(table);
  const Geometry geometry = geometry_of(layer);
  char what[80];
  const auto name = [&](const char* pass) {
    std::snprintf(what, sizeof what, "%s, %s, %s, float%zu", layer.name, pass, table.name, 8 * sizeof(T));
    return what;
  };
  using Regions = std::vector<Region>;
  const auto test_correlations = [&](const char* pass, const std::vector<Geometry>& parts, WeightOrder order) {
    judge(name(pass), geometry, forward, [&](int threads, bool check_coverage) {
      Regions regions;
      for (const Geometry& part : parts) {
        const Correlation<T> correlation(part, set, order, threads);
        regions.push_back(
            visit_way(correlation.way(), [&](const auto& way) { return region_of(part, way, check_coverage); }));
      }
      return regions;
    });
  };
  test_correlations("forward", {geometry}, WeightOrder::lanes_first);
  if (ChannelsByPixel<T>::applies(geometry, set))
    judge(name("forward to NHWC"), geometry, forward, [&](int threads, bool check_coverage) {
      return Regions{region_of(geometry, ChannelsByPixel<T>(geometry, set, threads), check_coverage)};
    });
  if (has_patches(geometry))
    judge(name("grad_input"), geometry, forward, [&](int threads, bool check_coverage) {
      using Patches = ChannelsByTile<T, PatchSink<T>>;
      const Geometry product = patch_product(geometry);
      return Regions{region_of(product, Patches(product, set, threads, PatchSink<T>(geometry, set)), check_coverage)};
    });
  else if (prefers_columns(geometry))
    judge(name("grad_input"), geometry, columns, [&](int threads, bool check_coverage) {
      const GradInputColumns<T> pass(geometry, set, threads);
      return Regions{columns_region_of(geometry, pass.tasks(), pass.threads(), check_coverage)};
    });
  else
    test_correlations("grad_input", residues_of(geometry), WeightOrder::channels_first);
  judge(name("grad_kernel"), geometry, grad_kernel, [&](int threads, bool check_coverage) {
    const GradKernel<T> pass(geometry, set, threads, Way::automatic);
    Geometry g = geometry;
    if (pass.swapped()) std::swap(g.in_channels, g.out_channels);
    return Regions{
        visit_way(pass.lanes(), [&](const auto& lanes) { return grad_kernel_region_of(g, lanes, check_coverage); })};
  });
}

}  // namespace

int main() {
  if (!forced_isa_runs()) return skipped;
  const kernels::IsaTable* table = nullptr;
  CHECK(active_isa_table(table).ok());
  Balance forward, columns, grad_kernel;
  columns.again = 0.2;
  for (const Layer& layer : layers) {
    test_layer<float>(layer, *table, forward, columns, grad_kernel);
    test_layer<double>(layer, *table, forward, columns, grad_kernel);
  }
  judge_all("forward and grad_input", forward);
  judge_all("grad_input by columns", columns);
  judge_all("grad_kernel", grad_kernel);
  return finish();
}
