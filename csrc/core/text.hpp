// Lines of text for a person to read, in memory of the caller's.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace convgrad {

// Like snprintf: what does not fit is left out, and `length` says how much there was.
class Text {
 public:
  Text(char* to, std::size_t size) noexcept : to_(to), size_(size) {
    if (size > 0) to[0] = '\0';
  }

  [[gnu::format(printf, 3, 4)]] void line(const char* label, const char* format, ...) noexcept {
    add("%-10s ", label);
    va_list arguments;
    va_start(arguments, format);
    add_list(format, arguments);
    va_end(arguments);
    add("%s", "\n");
  }
  [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    add_list(format, arguments);
    va_end(arguments);
  }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }

 private:
  void add_list(const char* format, va_list arguments) noexcept {
    const std::size_t left = length_ < size_ ? size_ - length_ : 0;
    const int added = std::vsnprintf(left > 0 ? to_ + length_ : nullptr, left, format, arguments);
    if (added > 0) length_ += static_cast<std::size_t>(added);
  }

  char* to_;
  std::size_t size_;
  std::size_t length_ = 0;
};

}  // namespace convgrad
