// Tells which data sets there are, and whether the files of one are whole.
#include "support/data.hpp"
#include "support/program.hpp"

#include <unistd.h>

namespace {

constexpr auto name = "diva_data";
constexpr auto examples = R"(Examples:
  diva_data list
  diva_data check CUB_200_2011
  diva_data check photos --dataset folder --decode

check reads the lists and folders of a data set, counts both sides of its protocol, and with --decode decodes every image. It names each
fault in a line and goes on. The last line tells whether the counts are those of the published set; other images in the same layout are
no fault. Status: 0, 1 when something is wrong with the data, 2 with the flags.)";

struct Flags {
  std::string command, directory, dataset;
  bool decode = false;
  std::int64_t threads = 0;
};

void declare(CLI::App& app, Flags& f) {
  app.footer(examples);
  app.add_option("command", f.command, "list, or check DIR")->check(CLI::IsMember({"list", "check"}))->required();
  app.add_option("dir", f.directory, "the data set's folder, or the table of csv");
  app.add_option("--dataset", f.dataset, program::dataset_names() + "; default: what the layout looks like");
  app.add_flag("--decode", f.decode, "decode every image");
  app.add_option("--threads", f.threads, "threads that decode; 0: one for each core")->capture_default_str();
}

std::string text_of(const diva::SplitCounts& counts) {
  return fmt::format("{} images of {} classes to train on, {} of {} to test", counts.train_images, counts.train_classes,
                     counts.test_images, counts.test_classes);
}

int list() {
  for (const auto& known : diva::known_datasets()) {
    fmt::print("{:<16} {}\n", known.name, known.layout);
    if (known.published != diva::SplitCounts{}) fmt::print("{:<16} {}\n", "", text_of(known.published));
  }
  return 0;
}

// How many queries and gallery images the test has, where they are told apart.
std::string roles_of(const diva::Dataset& test) {
  std::int64_t queries = 0, gallery = 0;
  for (const auto& sample : test.samples) {
    queries += sample.is_query ? 1 : 0;
    gallery += sample.is_gallery ? 1 : 0;
  }
  if (queries == test.size() && gallery == test.size()) return {};
  return fmt::format(" ({} queries in a gallery of {})", queries, gallery);
}

int check(const Flags& f) {
  if (f.directory.empty()) diva::detail::fail<diva::OptionError>(name, "dir", "given", "nothing");
  const auto dataset = f.dataset.empty() ? diva::guess_dataset(f.directory) : f.dataset;
  const auto split = diva::read_dataset(dataset, f.directory, {.tolerant = true});
  auto faults = split.train.faults;
  faults.insert(faults.end(), split.test.faults.begin(), split.test.faults.end());
  for (const auto& fault : faults) fmt::print("{}\n", fault);
  auto count = static_cast<std::int64_t>(faults.size());

  if (f.decode) {
    const bool shown = isatty(STDERR_FILENO) == 1;
    const auto broken = diva::undecodable_images(diva::join(split), [&](std::int64_t done, std::int64_t total) {
      if (shown && (done % 100 == 0 || done == total))
        fmt::print(stderr, "\r{} of {} images{}", done, total, done == total ? "\n" : "");
    });
    for (const auto& fault : broken) fmt::print("{}\n", fault.message);
    count += static_cast<std::int64_t>(broken.size());
  }

  const auto ignored = split.train.ignored_files.size() + split.test.ignored_files.size();
  const auto counts = diva::counts_of(split);
  fmt::print("{}: {}{}; {} other files\n", dataset, text_of(counts), roles_of(split.test), ignored);
  for (const auto& known : diva::known_datasets()) {
    if (known.name != dataset || known.published == diva::SplitCounts{}) continue;
    fmt::print("{}\n", known.published == counts ? "The counts are those of the published set."
                                                 : "The published set has " + text_of(known.published) + ".");
  }
  fmt::print("{}\n", count == 0 ? std::string("No fault.") : fmt::format("{} faults.", count));
  return count == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Lists the known data sets and checks the files of one.", name);
  Flags flags;
  declare(app, flags);
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  program::use_threads(flags.threads);
  return program::guarded(name, [&] { return flags.command == "list" ? list() : check(flags); });
}
