// The ways of the gemm algorithm by name: csrc/README.md draws them.
#pragma once

namespace convgrad::gemm {

enum class Way : int {
  automatic,
  // forward, and each residue of grad_input:
  channels_by_tile,
  channels_by_pixel,
  pixels_from_panels,
  pixels_from_strip,
  pixel_rows,
  groups_by_lane,
  // grad_input:
  patches,
  columns,
  group_residues,
  // grad_kernel:
  channel_sums,
  channel_sums_swapped,
  pixel_sums,
  group_sums,
  unknown
};

inline constexpr int ways = static_cast<int>(Way::unknown);

inline constexpr const char* way_names[ways] = {"auto",
                                                "channels_by_tile",
                                                "channels_by_pixel",
                                                "pixels_from_panels",
                                                "pixels_from_strip",
                                                "pixel_rows",
                                                "groups_by_lane",
                                                "patches",
                                                "columns",
                                                "group_residues",
                                                "channel_sums",
                                                "channel_sums_swapped",
                                                "pixel_sums",
                                                "group_sums"};

// Whether it is one of forward's, which each residue of grad_input can take, too.
inline bool is_of_correlation(Way way) noexcept { return way < Way::patches; }

inline const char* name_of(Way way) noexcept { return way_names[static_cast<int>(way)]; }

}  // namespace convgrad::gemm
