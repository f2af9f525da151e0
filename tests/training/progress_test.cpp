#include "support/catch.hpp"

#include <diva/training/progress.hpp>

#include <cstdio>
#include <string>

namespace {

std::string written_by(const std::function<void(std::FILE*)>& body) {
  std::FILE* file = std::tmpfile();
  body(file);
  std::string text(static_cast<std::size_t>(std::ftell(file)), ' ');
  std::rewind(file);
  REQUIRE(std::fread(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
  return text;
}

}  // namespace

TEST_CASE("durations are minutes and seconds, hours when needed") {
  CHECK(diva::format_duration(0) == "0:00");
  CHECK(diva::format_duration(65.4) == "1:05");
  CHECK(diva::format_duration(7389) == "2:03:09");
  CHECK(diva::format_duration(NAN) == "?");
}

TEST_CASE("the bar fills with the work") {
  CHECK(diva::progress_bar(0, 4, 4) == "[    ]");
  CHECK(diva::progress_bar(2, 4, 4) == "[==> ]");
  CHECK(diva::progress_bar(4, 4, 4) == "[====]");
  CHECK(diva::progress_bar(0, 0, 4) == "[    ]");
}

TEST_CASE("without a terminal progress is plain lines with terms, rate and time left") {
  const auto text = written_by([](std::FILE* file) {
    diva::ProgressObserver progress("DiVA", file, 0);
    progress.on(diva::StepEvent{.epoch = 1,
                                .epochs = 3,
                                .batch = 4,
                                .batches = 10,
                                .step = 15,
                                .loss = 0.5,
                                .terms = {{"discriminative", 0.25}, {"shared", 0.125}},
                                .images_per_second = 1234,
                                .seconds_left = 90});
    progress.on(diva::EvaluationEvent{.epoch = 2, .epochs = 3, .rows = {{"shared", {{"recall@1", 0.75}}}}});
    progress.on(diva::WarningEvent{"careful"});
  });
  for (const auto* part :
       {"epoch 2/3", "5/10", "1234 images/s", "1:30 left", "loss 0.500", "discriminative 0.250", "recall@1 0.7500", "careful"}) {
    CHECK_THAT(text, Catch::Matchers::Contains(part));
  }
  CHECK(text.find('\r') == std::string::npos);
  CHECK(text.find('\033') == std::string::npos);
}

TEST_CASE("lines are spaced in time, the last one always comes") {
  const auto text = written_by([](std::FILE* file) {
    diva::StatusLine line(file, 1000);
    line.show("first");
    line.show("second");
    line.show("last", true);
  });
  CHECK(text == "first\nlast\n");
}
