#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace diva::inline v0_1 {

/// Base of everything that diva throws. The message reads `function: argument must be EXPECTED, got GOT`.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option outside its range, of the wrong type, or unknown.
class OptionError : public Error {
 public:
  using Error::Error;
};

/// A tensor whose shape, type or device is not what the function takes.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// Values that cannot be used: labels out of range, features that are not finite, a data set without a class.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A file that is missing, truncated, malformed or cannot be written; the message names it.
class IoError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// The one form of message: `function: argument must be EXPECTED, got GOT`.
std::string error_text(std::string_view function, std::string_view argument, std::string_view expected, std::string_view got);

template <class Kind>
[[noreturn]] void fail(std::string_view function, std::string_view argument, std::string_view expected, std::string_view got) {
  throw Kind(error_text(function, argument, expected, got));
}

}  // namespace detail
}  // namespace diva::inline v0_1
