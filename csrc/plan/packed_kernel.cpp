// A kernel kept for one plan: what its recipe packs, and a dense copy where the recipe reads weights in place.
#include <new>
#include <utility>

#include "core/parallel.hpp"
#include "plan/plan_data.hpp"

namespace convgrad {

namespace {

template <class T>
Tensor<const T> copy_dense(const Geometry& g, const Tensor<const T>& kernel, T* to) noexcept {
  Tensor<const T> dense;
  dense.data = to;
  dense.axis[2] = 1;
  dense.axis[1] = g.kernel[2];
  dense.axis[0] = dense.axis[1] * g.kernel[1];
  dense.inner = dense.axis[0] * g.kernel[0];
  dense.outer = dense.inner * g.in_channels;
  for (Index o = 0; o < g.groups * g.out_channels; ++o)
    for (Index c = 0; c < g.in_channels; ++c)
      for (Index i = 0; i < g.kernel[0]; ++i)
        for (Index j = 0; j < g.kernel[1]; ++j)
          for (Index k = 0; k < g.kernel[2]; ++k)
            *to++ = kernel.data[o * kernel.outer + c * kernel.inner + i * kernel.axis[0] + j * kernel.axis[1] +
                                k * kernel.axis[2]];
  return dense;
}

template <class T>
ConstView view_of(const Tensor<const T>& tensor, int spatial_rank) noexcept {
  ConstView view;
  view.data = tensor.data;
  view.strides[0] = tensor.outer;
  view.strides[1] = tensor.inner;
  for (int a = 0; a < spatial_rank; ++a)
    view.strides[static_cast<std::size_t>(2 + a)] = tensor.axis[axes - spatial_rank + a];
  return view;
}

template <class T>
Status pack(const Plan::Data& plan, const ConstView& kernel, PackedKernel::Data*& made) noexcept {
  const Recipe<T>& recipe = plan.recipe<T>();
  const Geometry& g = plan.geometry;
  const Index elements = g.groups * g.out_channels * g.in_channels * g.taps_per_channel();
  if (Status status = check_pointer("kernel", kernel.data, elements); !status.ok()) return status;

  WorkspaceLayout layout;
  const std::size_t packed = layout.reserve<char>(static_cast<Index>(recipe.packed_bytes()));
  const std::size_t dense = layout.reserve<T>(recipe.reads_kernel_in_place() ? elements : 0);
  made = new (std::nothrow) PackedKernel::Data(plan.number, layout.bytes());
  void* memory = made == nullptr ? nullptr : made->memory.data();
  if (made == nullptr || (memory == nullptr && layout.bytes() > 0)) {
    delete std::exchange(made, nullptr);  // not once more by the caller
    return Status::out_of_memory(layout.bytes());
  }
  const Tensor<const T> from = make_tensor<const T>(kernel, plan.problem.spatial_rank);
  if (recipe.packed_bytes() > 0) {
    const ParallelScope scope(plan.parallel);
    made->packed = at_offset<void>(memory, packed);
    recipe.pack(from, at_offset<void>(memory, packed));
  }
  if (recipe.reads_kernel_in_place() && elements > 0)
    made->in_place = view_of(copy_dense(g, from, at_offset<T>(memory, dense)), plan.problem.spatial_rank);
  return {};
}

}  // namespace

PackedKernel::PackedKernel() noexcept = default;
PackedKernel::~PackedKernel() { delete data_; }
PackedKernel::PackedKernel(PackedKernel&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
PackedKernel& PackedKernel::operator=(PackedKernel&& other) noexcept {
  PackedKernel taken(std::move(other));
  std::swap(data_, taken.data_);
  return *this;
}

Status PackedKernel::make(const Plan& plan, const ConstView& kernel, PackedKernel& packed) noexcept {
  if (plan.data() == nullptr) return Status::invalid("plan: an empty plan has no kernel; make one with Plan::make");
  if (plan.pass() == Pass::grad_kernel) return Status::invalid("plan: grad_kernel has no kernel to pack");
  PackedKernel made;
  const Plan::Data& data = *plan.data();
  const Status status = data.problem.data_type == DataType::float32 ? pack<float>(data, kernel, made.data_)
                                                                    : pack<double>(data, kernel, made.data_);
  if (status.ok()) packed = std::move(made);
  return status;
}

std::size_t PackedKernel::bytes() const noexcept { return data_ == nullptr ? 0 : data_->size; }

}  // namespace convgrad
