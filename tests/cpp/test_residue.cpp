// The residues of grad_input against the definition: together they must meet every (position, tap, pixel) of equation
// (3) once.
#include <set>
#include <tuple>

#include "algorithms/common/residues.hpp"
#include "check.hpp"

using namespace convgrad;

int main() {
  for (Index stride = 1; stride <= 5; ++stride)
    for (Index dilation = 1; dilation <= 4; ++dilation)
      for (Index kernel = 1; kernel <= 6; ++kernel)
        for (Index padding = 0; padding <= 4; ++padding) {
          const Index input = 17;
          std::set<std::tuple<Index, Index, Index>> wanted;
          for (Index position = 0; position < input; ++position)
            for (Index tap = 0; tap < kernel; ++tap) {
              const Index distance = position + padding - tap * dilation;
              if (distance % stride == 0) wanted.insert({position, tap, distance / stride});
            }
          std::set<std::tuple<Index, Index, Index>> found;
          for (Index first = 0; first < smaller(stride, input); ++first) {
            const Residue r = find_residue(first, input, kernel, stride, dilation, padding);
            for (Index u = 0; u < r.count; ++u)
              for (Index i = 0; i < r.taps; ++i) {
                const Index position = r.first + u * stride;
                CHECK(position < input);
                CHECK(found.insert({position, r.first_tap + i * r.tap_step, u + r.reach - i * r.dilation}).second);
              }
          }
          CHECK(found == wanted);
        }
  return finish();
}
