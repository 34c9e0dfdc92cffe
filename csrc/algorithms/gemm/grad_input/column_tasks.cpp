#include "algorithms/gemm/grad_input/column_tasks.hpp"

#include <cmath>

#include "algorithms/common/sharing.hpp"

namespace convgrad::gemm {

namespace {

Index clip(Index value, Index low, Index high) noexcept { return larger(low, smaller(value, high)); }

}  // namespace

ColumnTasks::ColumnTasks(const Tuning& tuning, const Geometry& geometry, const Vectors& vectors, Index workers) noexcept
    : geometry_(geometry), tuning_(&tuning), vectors_(vectors), most_images_(geometry.batch) {
  choose_block();
  choose_chunk();
  channels_per_task_ = round_up(larger(1, geometry.in_channels), chunk_);
  if (workers > 1) share(workers);
}

// How many times so many elements fit.
Index ColumnTasks::fitting(Index bytes, Index elements) const noexcept {
  return bytes / vectors_.element_bytes / elements;
}

Index ColumnTasks::run_channels() const noexcept {
  const Index most = tuning_->columns_run_channels;
  const Index channels = has_single_tile() ? fitting(tuning_->columns_single_tile_panel_bytes, most_pixels()) : most;
  return even_piece(geometry_.out_channels, clip(channels, tuning_->columns_run_fewest_channels, most));
}

// Of one row of dV for a block's pixels.
Index ColumnTasks::sum_elements(Index channels) const noexcept {
  return saturating_product(positions_of(geometry_, 2, size_[2]), channels);
}

// Whole rows first, then planes and images, as many as the cache holds of G, and of the products of one channel.
void ColumnTasks::choose_block() noexcept {
  const Index taps = geometry_.taps_per_channel();
  Index target = smaller(tuning_->columns_block_pixels, fitting(tuning_->columns_product_bytes, larger(1, taps)));
  // Of a single tile, all channels together; otherwise as many as a chunk will have.
  const bool single_tile = tuning_->columns_single_tile != 0 && geometry_.in_channels * taps <= vectors_.tile_rows;
  const Index channels = single_tile ? geometry_.in_channels : chunk_;
  if (!single_tile) target = smaller(target, fitting(tuning_->columns_panel_bytes, larger(1, geometry_.out_channels)));
  for (target = larger(1, target);; target /= 2) {
    Index left = target;
    for (int a = axes - 1; a >= 0; --a) {
      const Index pixels = box_pixels(a);
      size_[a] = even_piece(pixels, left);
      left = size_[a] < pixels ? 1 : left / size_[a];
    }
    images_ = even_piece(most_images_, left);
    if (target == 1 || sum_elements(channels) <= fitting(tuning_->columns_sums_bytes, 1)) return;
  }
}

// As many channels as make the fewest tiles, since one of half the height takes nearly as long; the more the better.
void ColumnTasks::choose_chunk() noexcept {
  const Index taps = geometry_.taps_per_channel();
  const Index by_rows =
      smaller(tuning_->columns_chunk_rows, fitting(tuning_->columns_chunk_bytes, product_pitch())) / taps;
  const Index by_sums = fitting(tuning_->columns_sums_bytes, sum_elements(1));
  const Index most = larger(1, smaller(geometry_.in_channels, smaller(by_rows, by_sums)));
  const auto tiles_of = [&](Index channels) { return divide_up(channels * taps, vectors_.tile_rows); };
  Index fewest = INT64_MAX;
  for (Index channels = 1; channels <= most; ++channels) {
    const Index tiles =
        geometry_.in_channels / channels * tiles_of(channels) + tiles_of(geometry_.in_channels % channels);
    if (tiles > fewest) continue;
    fewest = tiles;
    chunk_ = channels;
  }
}

// Tries fewer images, boxes of single ones, and ranges of channels.
void ColumnTasks::share(Index workers) noexcept {
  SoonestCut<ColumnTasks> search(*tuning_, workers);
  search.offer(*this);
  const Index most_tasks = tuning_->columns_most_rounds * workers;
  for (Index parts = image_ranges();; parts = smaller(next_ranges(parts), geometry_.batch)) {
    ColumnTasks attempt = *this;
    attempt.images_ = larger(1, divide_up(geometry_.batch, larger(1, parts)));
    for (Index ranges = 1; ranges <= geometry_.in_channels; ++ranges) {
      if (ranges > 1) {
        const Index before = attempt.channels_per_task_;
        attempt.cut_channels(ranges, chunk_);
        if (attempt.channels_per_task_ == before) continue;
        if (attempt.count() > most_tasks) break;
      }
      search.offer(attempt);
      if (attempt.images_ == 1) attempt.offer_boxes(workers, most_tasks, search);
    }
    if (parts >= geometry_.batch || geometry_.groups * parts > most_tasks) break;
  }
  *this = search.best();
}

// Ranges of whole chunks: the packed weights know no others.
void ColumnTasks::cut_channels(Index ranges, Index most_of_chunk) noexcept {
  const Index channels = divide_up(geometry_.in_channels, ranges);
  const Index chunks = divide_up(channels, most_of_chunk);
  chunk_ = divide_up(channels, chunks);
  channels_per_task_ = chunks * chunk_;
}

// Along the two outermost axes with more than one pixel: whole rows are in place in memory, if G is contiguous.
void ColumnTasks::offer_boxes(Index workers, Index most_tasks, SoonestCut<ColumnTasks>& search) const noexcept {
  int outer = 0;
  while (outer + 1 < axes && geometry_.output[outer] == 1) ++outer;
  int inner = outer + 1;
  while (inner < axes && geometry_.output[inner] == 1) ++inner;
  const auto most = [&](int axis) { return larger(1, geometry_.output[axis] - pixels_again(axis)); };
  ColumnTasks attempt = *this;
  attempt.most_images_ = 1;
  for (Index across = 1; across <= (inner < axes ? most(inner) : 1); across = next_ranges(across)) {
    if (inner < axes) attempt.boxes_[inner] = across;
    attempt.boxes_[outer] = 1;
    const Index tasks = attempt.count();
    if (tasks > most_tasks) return;
    // As many as give every worker the same number.
    Index before = 0;
    for (Index rounds = 1; rounds <= tuning_->columns_most_rounds; ++rounds) {
      const Index down = smaller(rounds * workers / tasks, most(outer));
      if (down == before) continue;
      before = attempt.boxes_[outer] = down;
      attempt.choose_block();
      search.offer(attempt);
    }
  }
}

// Of those before a box, how many meet its first positions.
Index ColumnTasks::pixels_again(int axis) const noexcept {
  return divide_up(extent_of(geometry_, axis), geometry_.stride[axis]) - 1;
}

// The most that meet a box.
Index ColumnTasks::box_pixels(int axis) const noexcept {
  const Index output = geometry_.output[axis];
  if (boxes_[axis] == 1) return output;
  const Index again = pixels_again(axis);
  return divide_up(output - again, boxes_[axis]) + again;
}

// In multiplications: those that a task does, lanes without a result counted, and what else takes time, as measured by
// running the tasks of many workers one after the other.
double ColumnTasks::largest_cost() const noexcept {
  const Tuning& cost = *tuning_;
  const auto columns = static_cast<double>(size_[2]);
  const bool cut_rows = boxes_[2] > 1 && geometry_.output[0] * geometry_.output[1] > 1;
  const double product = cost.columns_cost_of_product + cost.columns_cost_of_product_row / columns;
  const double copy = cost.columns_cost_of_copy +
                      (cut_rows ? cost.columns_cost_of_cut_copy + cost.columns_cost_of_cut_row / columns : 0);
  const double sum = cost.columns_cost_of_sum + cost.columns_cost_of_sum_row / columns;
  double pixels = static_cast<double>(images_);
  double sums = static_cast<double>(images_);
  double blocks = 1;
  for (int a = 0; a < axes; ++a) {
    const Index all = box_pixels(a);
    const Index pieces = divide_up(all, size_[a]);
    blocks *= static_cast<double>(pieces);
    pixels *= static_cast<double>(all);
    sums *= static_cast<double>(all * geometry_.stride[a] + pieces * (extent_of(geometry_, a) - 1));
  }
  const Index channels = smaller(channels_per_task_, larger(1, geometry_.in_channels));
  const auto rows = static_cast<double>(channels * geometry_.taps_per_channel());
  const auto tiles = static_cast<double>(divide_up(channels, chunk_) *
                                         divide_up(chunk_ * geometry_.taps_per_channel(), vectors_.tile_rows));
  const auto out_channels = static_cast<double>(geometry_.out_channels);
  const double computed =
      blocks * static_cast<double>(round_up(static_cast<Index>(std::ceil(pixels / blocks)), vectors_.lanes));
  return (rows + tiles * cost.columns_cost_of_tile) * computed * out_channels +
         rows * (pixels * product + blocks * out_channels * cost.columns_cost_of_weight) +
         pixels * out_channels * copy + static_cast<double>(channels) * sums * sum +
         static_cast<double>(vectors_.tile_rows * run_channels()) * cost.columns_cost_of_offset;
}

void ColumnTasks::describe(Text& text) const noexcept {
  text.line("pixels", "blocks of %lld x (%lld x %lld x %lld)", static_cast<long long>(images_),
            static_cast<long long>(size_[0]), static_cast<long long>(size_[1]), static_cast<long long>(size_[2]));
  text.line("tasks", "%lld, boxes %lld x %lld x %lld, %lld channels each, chunks of %lld",
            static_cast<long long>(count()), static_cast<long long>(boxes_[0]), static_cast<long long>(boxes_[1]),
            static_cast<long long>(boxes_[2]), static_cast<long long>(channels_per_task_),
            static_cast<long long>(chunk_));
}

ColumnTask ColumnTasks::task(Index index) const noexcept {
  ColumnTask task;
  task.first_channel = index % channel_ranges() * channels_per_task_;
  task.channels = smaller(channels_per_task_, geometry_.in_channels - task.first_channel);
  index /= channel_ranges();
  for (int a = axes - 1; a >= 0; --a) {
    place(a, index % boxes_[a], task);
    index /= boxes_[a];
  }
  task.first_image = index % image_ranges() * images_;
  task.images = smaller(images_, geometry_.batch - task.first_image);
  task.group = index / image_ranges();
  return task;
}

// The first box computes nothing again, and is larger by that.
void ColumnTasks::place(int axis, Index box, ColumnTask& task) const noexcept {
  const Index output = geometry_.output[axis];
  const Index input = geometry_.input[axis];
  const Index stride = geometry_.stride[axis];
  const Index padding = geometry_.padding[axis];
  const Index boxes = boxes_[axis];
  const Index again = pixels_again(axis);
  const auto first_of = [&](Index i) {
    return i == 0 ? 0 : i == boxes ? output : again + (output - again) * i / boxes;
  };
  task.end_pixel[axis] = first_of(box + 1);
  task.begin[axis] = box == 0 ? 0 : clip(first_of(box) * stride - padding, 0, input);
  task.end[axis] = box + 1 == boxes ? input : clip(task.end_pixel[axis] * stride - padding, 0, input);
  // The first pixel that reaches the box; with a gap between the sums of one pixel and the next, the one before the
  // gap.
  const Index out_of_reach = task.begin[axis] + padding - extent_of(geometry_, axis);
  const Index reaching = out_of_reach < 0 ? 0 : out_of_reach / stride + 1;
  task.first_pixel[axis] = smaller(smaller(reaching, (task.begin[axis] + padding) / stride), task.end_pixel[axis] - 1);
}

SumSpan ColumnTasks::span(int axis, const ColumnTask& task, const PixelBlock& block) const noexcept {
  const Index stride = geometry_.stride[axis];
  const Index padding = geometry_.padding[axis];
  const Index low = task.begin[axis];
  const Index high = task.end[axis];
  // Where the sums of the pixels before `pixel` end: at their last tap, or where the next pixel's begin.
  const auto end_before = [&](Index pixel) {
    return clip(pixel * stride - padding + larger(0, extent_of(geometry_, axis) - stride), low, high);
  };
  const Index first = block.first[axis];
  const Index end = first + block.size[axis];
  SumSpan span{};
  span.origin = first * stride - padding;
  const bool is_first = first == task.first_pixel[axis];
  span.begin = is_first ? low : clip(span.origin, low, high);
  span.begun = is_first ? low : end_before(first);
  span.end = end == task.end_pixel[axis] ? high : end_before(end);
  return span;
}

double ColumnTasks::multiplications(const ColumnTask& task) const noexcept {
  if (task.empty()) return 0;
  Index pixels = 0;
  for_each_block(task, [&](const PixelBlock& block) { pixels += round_up(block.count(), vectors_.lanes); });
  return static_cast<double>(pixels) * static_cast<double>(task.channels * geometry_.taps_per_channel()) *
         static_cast<double>(geometry_.out_channels);
}

}  // namespace convgrad::gemm
