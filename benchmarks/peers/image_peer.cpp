// One side of images.py: makes views of the files that a list names, one thread, and prints seconds of processor and means as JSON.
#include <fmt/format.h>
#include <diva/core/files.hpp>
#include <diva/data/augmentation.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

namespace {

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

// image_peer LIST REPETITIONS
int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "image_peer LIST REPETITIONS\n");
    return 2;
  }
  std::vector<std::string> paths;
  std::ifstream list(argv[1]);
  for (std::string line; std::getline(list, line);) paths.push_back(line);

  const diva::AugmentationOptions options;
  std::vector<float> view(static_cast<std::size_t>(3 * options.image_size * options.image_size));
  std::vector<std::uint8_t> bytes(view.size());
  const auto open = [&](std::size_t i, bool reduce) {
    return diva::ImageSource(diva::read_file(paths[i]), paths[i], {.reduce = reduce});
  };
  const auto generator_of = [](std::size_t i) { return diva::Generator(1).fork(i); };
  double mean = 0;
  const std::vector<std::pair<std::string, std::function<void(std::size_t)>>> tasks = {
      {"training",
       [&](std::size_t i) {
         auto generator = generator_of(i);
         diva::augment(open(i, false), options, generator, view.data());
       }},
      {"training, bytes",
       [&](std::size_t i) {
         auto generator = generator_of(i);
         diva::augment(open(i, false), options, generator, bytes.data());
       }},
      {"training, whole image decoded",
       [&](std::size_t i) {
         auto generator = generator_of(i);
         diva::augment(diva::read_image(paths[i]), options, generator, view.data());
       }},
      {"training, reduced",
       [&](std::size_t i) {
         auto generator = generator_of(i);
         diva::augment(open(i, true), options, generator, view.data());
       }},
      {"evaluation",
       [&](std::size_t i) {
         diva::evaluation_view(open(i, false), options, view.data());
         double sum = 0;
         for (const float value : view) sum += value;
         mean += sum / static_cast<double>(view.size());
       }},
      {"decoding", [&](std::size_t i) { diva::read_image(paths[i]); }},
  };
  for (const auto& [name, work] : tasks) {
    double best = std::numeric_limits<double>::infinity();
    for (int repetition = 0; repetition < std::stoi(argv[2]); ++repetition) {
      mean = 0;
      const double start = processor_seconds();
      for (std::size_t i = 0; i < paths.size(); ++i) work(i);
      best = std::min(best, processor_seconds() - start);
    }
    std::cout << nlohmann::json{{"task", name}, {"seconds", best}, {"mean", mean / static_cast<double>(paths.size())}} << std::endl;
  }
}
