// The passes as one call each: vectors, pointers, strides and mdspans, with a batch axis and without, and what is
// refused.
#include <convgrad/tensor.hpp>
#include <vector>

#include "check.hpp"

using namespace convgrad;

namespace {

// As much of std::mdspan as the views ask for, so that the test needs no C++23.
template <class T>
struct Matrix {
  using index_type = int;
  T* elements;
  int rows, columns, row_stride;
  [[nodiscard]] T* data_handle() const { return elements; }
  static constexpr std::size_t rank() { return 4; }
  [[nodiscard]] int extent(std::size_t axis) const { return axis == 2 ? rows : axis == 3 ? columns : 1; }
  [[nodiscard]] int stride(std::size_t axis) const { return axis == 2 ? row_stride : 1; }
};

void test_worked_example() {
  const std::vector<double> V{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<double> K{1, 2, 3, 4};
  const std::vector<double> G{2, 3, 5, 7};
  std::vector<double> Z(4), dK(4), dV(9), db(1);
  CHECK(forward({V, {1, 3, 3}}, {K, {1, 1, 2, 2}}, {Z, {1, 2, 2}}).ok());
  CHECK((Z == std::vector<double>{37, 47, 67, 77}));
  CHECK(grad_kernel({G, {1, 2, 2}}, {V, {1, 3, 3}}, {dK, {1, 1, 2, 2}}).ok());
  CHECK(dK[0] == 1 * 2 + 2 * 3 + 4 * 5 + 5 * 7);
  CHECK(grad_input({G, {1, 2, 2}}, {K, {1, 1, 2, 2}}, {dV, {1, 3, 3}}).ok());
  CHECK(dV[0] == 1 * 2 && dV[4] == 4 * 2 + 3 * 3 + 2 * 5 + 1 * 7);
  CHECK(grad_bias({G, {1, 1, 2, 2}}, {db, {1}}).ok());
  CHECK(db[0] == 17);

  const double bias[] = {100};
  CHECK(forward({V.data(), {1, 1, 3, 3}}, {K.data(), {1, 1, 2, 2}}, {Z.data(), {1, 1, 2, 2}}, {}, {bias, {1}}).ok());
  CHECK(Z[0] == 137 && Z[3] == 177);
}

void test_options() {
  const std::vector<float> V{1, 2, 3, 4, 5};
  const std::vector<float> K{1, 10};
  std::vector<float> Z(4);
  LayerOptions options;
  options.pad(1).stride = 2;
  CHECK(forward({V, {1, 5}}, {K, {1, 1, 2}}, {Z, {1, 3}}, options).ok());
  CHECK((Z == std::vector<float>{10, 32, 54, 0}));
  options = {};
  options.padding_after = 2;
  options.dilation = {2};
  options.stride = {2};
  CHECK(forward({V, {1, 5}}, {K, {1, 1, 2}}, {Z, {1, 3}}, options).ok());
  CHECK((Z == std::vector<float>{31, 53, 5, 0}));

  // Two groups: the output channels of one see the input channels of one.
  const std::vector<float> two{1, 2, 3, 10, 20, 30};
  options = {};
  options.groups = 2;
  CHECK(forward({two, {2, 3}}, {K, {2, 1, 1}}, {Z.data(), {2, 3}, {1, 1}}, options).code() == StatusCode::ok);
}

void test_layouts() {
  // Rows of a wider matrix, and as an mdspan.
  std::vector<float> wide{1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0};
  std::vector<float> K{1, 2, 3, 4};
  std::vector<float> Z(4, 0), again(6, 0);
  CHECK(forward({wide.data(), {1, 3, 3}, {12, 4, 1}}, {K, {1, 1, 2, 2}}, {Z, {1, 2, 2}}).ok());
  CHECK((Z == std::vector<float>{37, 47, 67, 77}));
  const Matrix<const float> input{wide.data(), 3, 3, 4};
  const Matrix<float> kernel{K.data(), 2, 2, 2};
  const Matrix<float> output{again.data(), 2, 2, 3};
  CHECK(forward(input, kernel, output).ok());
  CHECK((again == std::vector<float>{37, 47, 0, 67, 77, 0}));
}

void check_refused(const Status& status, const char* text) {
  CHECK(status.code() == StatusCode::invalid);
  if (std::strstr(status.message(), text) == nullptr) std::fprintf(stderr, "message: %s\n", status.message());
  CHECK(std::strstr(status.message(), text) != nullptr);
}

void test_refused() {
  const std::vector<float> V(9), K(4);
  const std::vector<double> wrong_type(4);
  std::vector<float> Z(4, -1);
  const TensorView output(Z, {1, 2, 2});
  check_refused(forward({V, {3, 3}}, {K, {1, 1, 2, 2}}, output), "input: expected 3 to 4 axes, got 2");
  check_refused(forward({V, {1, 3, 3}}, {K, {2, 2}}, output), "kernel: expected 3 to 5 axes, got 2");
  check_refused(forward({V, {1, 1, 1, 1, 3, 3}}, {K, {1, 1, 2, 2}}, output), "input: expected 3 to 4 axes, got more");
  check_refused(forward({V, {1, 3, 4}}, {K, {1, 1, 2, 2}}, output), "input: its container holds fewer");
  check_refused(forward({V, {1, 3, 3}}, {wrong_type, {1, 1, 2, 2}}, output), "kernel: expected the data type");
  check_refused(forward({V, {1, 3, 3}}, {K, {1, 2, 2, 1}}, output),
                "kernel: expected input channels per group 1, got 2");
  check_refused(forward({V, {1, 3, 3}}, {K, {1, 1, 1, 2}}, output), "output: expected a spatial size of 3, got 2");
  check_refused(forward({V, {1, 3, 3}}, {K, {2, 1, 2, 1}}, output),
                "output: expected a number of channels of 2, got 1");
  check_refused(forward({V, {1, -3, 3}}, {K, {1, 1, 2, 2}}, output), "input: expected sizes of at least 0, got -3");
  check_refused(forward({V.data(), {1, 3, 3}, {1}}, {K, {1, 1, 2, 2}}, output), "input: expected a stride for each");
  check_refused(forward({V, {1, 3, 3}}, {K, {1, 1, 2, 2}}, output, {}, {V.data(), {3}}), "bias: expected a number");
  const float* nothing = nullptr;
  check_refused(forward({V, {1, 3, 3}}, {K, {1, 1, 2, 2}}, output, {}, {nothing, {1}}), "bias: the pointer is null");
  check_refused(forward({nothing, {1, 3, 3}}, {K, {1, 1, 2, 2}}, output), "input: the pointer is null");
  check_refused(forward({V, {1, 3, 3}}, {nothing, {1, 1, 2, 2}}, output), "kernel: the pointer is null");
  LayerOptions options;
  options.stride = {1, 1, 1};
  check_refused(forward({V, {1, 3, 3}}, {K, {1, 1, 2, 2}}, output, options), "stride: expected one value or one for");
  CHECK((Z == std::vector<float>(4, -1)));
}

}  // namespace

int main() {
  test_worked_example();
  test_options();
  test_layouts();
  test_refused();
  return finish();
}
