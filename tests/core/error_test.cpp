#include "support/catch.hpp"

#include <diva/core/error.hpp>

TEST_CASE("error message names function, argument, expected and got") {
  try {
    diva::detail::fail<diva::ShapeError>("MarginLoss::forward", "labels", "[batch]=[112] int64", "[111] int64");
    FAIL("nothing thrown");
  } catch (const diva::ShapeError& error) {
    CHECK(std::string(error.what()) == "MarginLoss::forward: labels must be [batch]=[112] int64, got [111] int64");
  }
}

TEST_CASE("every error is a diva::Error and a std::runtime_error") {
  CHECK_THROWS_AS(diva::detail::fail<diva::OptionError>("f", "a", "b", "c"), diva::Error);
  CHECK_THROWS_AS(diva::detail::fail<diva::IoError>("f", "a", "b", "c"), std::runtime_error);
  CHECK_THROWS_AS(diva::detail::fail<diva::DataError>("f", "a", "b", "c"), diva::Error);
}
