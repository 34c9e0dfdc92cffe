// Scratch memory for an algorithm. An area is a struct of nothing but pointers, each of which is declared once, there,
// and measured once, by `reserve`:
//
//     struct Area { float* strip; Index* offsets; };
//     layout.reserve(&Area::strip, elements);     when the plan is made
//     const Area area = layout.at(memory);        when it runs
#pragma once

#include <cstring>
#include <type_traits>

#include "core/workspace.hpp"

namespace convgrad {

template <class Area>
class AreaLayout {
  static_assert(std::is_trivially_copyable_v<Area>);

 public:
  template <class Element>
  void reserve(Element* Area::* piece, std::int64_t count) noexcept {
    offsets_.*piece = reinterpret_cast<Element*>(bytes_.template reserve<Element>(count));
  }
  // The pieces of a part that has a layout of its own.
  template <class Part>
  void include(Part Area::* part, const AreaLayout<Part>& inner) noexcept {
    offsets_.*part =
        inner.at(reinterpret_cast<void*>(bytes_.template reserve<char>(static_cast<std::int64_t>(inner.bytes()))));
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.bytes(); }

  // The area at this memory: every offset becomes an address.
  [[nodiscard]] Area at(void* memory) const noexcept {
    if constexpr (std::is_empty_v<Area>) {
      return {};
    } else {
      static_assert(sizeof(Area) % sizeof(std::uintptr_t) == 0);
      std::uintptr_t pieces[sizeof(Area) / sizeof(std::uintptr_t)];
      std::memcpy(pieces, &offsets_, sizeof pieces);
      for (std::uintptr_t& piece : pieces) piece += reinterpret_cast<std::uintptr_t>(memory);
      Area area;
      std::memcpy(&area, pieces, sizeof pieces);
      return area;
    }
  }

 private:
  Area offsets_{};
  WorkspaceLayout bytes_;
};

struct NoArea {};

// One area that all workers share, and one of each worker's own.
template <class Own, class Shared = NoArea>
struct WorkAreas {
  AreaLayout<Shared> shared;
  AreaLayout<Own> own;
  int workers = 1;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return shared.bytes() + static_cast<std::size_t>(workers) * own.bytes();
  }
  [[nodiscard]] Shared shared_in(void* workspace) const noexcept { return shared.at(workspace); }
  [[nodiscard]] Own own_in(void* workspace, int worker) const noexcept {
    return own.at(static_cast<char*>(workspace) + shared.bytes() + static_cast<std::size_t>(worker) * own.bytes());
  }
};

}  // namespace convgrad
