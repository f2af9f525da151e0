// Finds the nearest neighbours of features, exactly or by an index.
#include "support/features.hpp"
#include "support/options.hpp"
#include "support/program.hpp"

#include <diva/core/json.hpp>
#include <diva/io.hpp>
#include <diva/search.hpp>
#include <diva/training/progress.hpp>

#include <ATen/Parallel.h>

#include <optional>

namespace {

constexpr auto name = "diva_search";
constexpr auto examples = R"(Examples:
  diva_search --gallery photos.safetensors --k 5                      # each photo's neighbours among the others, as CSV
  diva_search --gallery g.npy --names g.paths.json --query q.npy --similarity cosine --out found.csv
  diva_search --gallery g.npy --query q.npy --k 100 --out found.safetensors   # indices [Q, k] int64 and distances [Q, k]
  diva_search --gallery g.npy --index g.index --kind hnsw            # builds an index of the gallery and writes it
  diva_search --index g.index --query q.npy --k 10                   # searches it later, without the gallery

Rows are numbered from 0 on. A list that is shorter than k ends with index -1 in .safetensors and .npy files, and just ends in CSV.
Status: 0, 1 when something is wrong with the data, 2 with the flags.)";

constexpr std::int64_t block = 4096;  // queries searched between two signs of progress

struct Flags {
  std::string gallery, query, index, names, out = "-", features_name;
  std::int64_t k = 10, threads = 0;
  diva::IndexOptions options;
};

void declare(CLI::App& app, Flags& f) {
  app.footer(examples);
  app.add_option("--gallery", f.gallery, "features that are searched, .npy or .safetensors");
  app.add_option("--query", f.query, "features whose neighbours are wanted; default: those of the gallery, each among the others");
  app.add_option("--k", f.k, "neighbours of each")->capture_default_str();
  app.add_option("--names", f.names,
                 "a name for each row of the gallery: .json, .csv, .npy or text; default: `paths` of a safetensors file");
  app.add_option("--features_name", f.features_name,
                 "tensor of a safetensors file; default: features, embeddings, or the only matrix");
  app.add_option("--index", f.index, "file of an index: with --gallery it is built and written, without it is searched");
  program::add_options(app, f.options);
  app.add_option("--out", f.out, "file to write: .csv, .safetensors, or .npy (indices only); - for CSV to the output stream")
      ->capture_default_str();
  app.add_option("--threads", f.threads, "threads of the computation; 0: one for each core. No result depends on them")
      ->capture_default_str();
}

/// Names of the gallery's rows; empty where there are none.
std::vector<std::string> gallery_names(const Flags& f, const program::FeatureFile& gallery, std::int64_t rows) {
  std::vector<std::string> names;
  if (!f.names.empty()) {
    const auto lists = diva::read_labels({f.names});
    const auto* labels = lists.labels[0].data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < lists.labels[0].size(0); ++i) {
      names.push_back(lists.class_names.empty() ? std::to_string(labels[i])
                                                : lists.class_names[static_cast<std::size_t>(labels[i])]);
    }
  } else if (const auto paths = gallery.others.texts.find("paths"); paths != gallery.others.texts.end()) {
    for (const auto& path : diva::parse_json(paths->second, f.gallery)) names.push_back(path.get<std::string>());
  }
  if (!names.empty() && static_cast<std::int64_t>(names.size()) != rows) {
    diva::detail::fail<diva::ShapeError>(name, "--names", fmt::format("{}, one a row of the gallery", gallery.features.size(0)),
                                         fmt::format("{}", names.size()));
  }
  return names;
}

diva::CsvTable table(const diva::Neighbours& found, const std::vector<std::string>& names) {
  diva::CsvTable result{.columns = {"query", "rank", "index", "distance"}, .rows = {}};
  if (!names.empty()) result.columns.emplace_back("name");
  const auto distances = found.distances.to(torch::kFloat64);
  const auto indices = found.indices.accessor<std::int64_t, 2>();
  const auto values = distances.accessor<double, 2>();
  for (std::int64_t q = 0; q < indices.size(0); ++q) {
    for (std::int64_t rank = 0; rank < indices.size(1) && indices[q][rank] >= 0; ++rank) {
      auto& row = result.rows.emplace_back();
      for (const auto number : {q, rank + 1, indices[q][rank]}) row.push_back(std::to_string(number));
      row.push_back(fmt::format("{:.6g}", values[q][rank]));
      if (!names.empty()) row.push_back(names[static_cast<std::size_t>(indices[q][rank])]);
    }
  }
  return result;
}

void write(const Flags& f, const diva::Neighbours& found, const std::vector<std::string>& names) {
  if (f.out.ends_with(".safetensors")) {
    diva::State state;
    state.put("indices", found.indices);
    state.put("distances", found.distances);
    diva::write_safetensors(f.out, state);
  } else if (f.out.ends_with(".npy")) {
    diva::write_npy(f.out, found.indices);
  } else {
    program::write_text(f.out, diva::csv_text(table(found, names), f.out));
  }
}

/// Calls `work(first, count)` for blocks of `total` rows, with the progress on the error stream where there is more than one.
template <class Work>
void in_blocks(const char* doing, std::int64_t total, Work&& work) {
  diva::StatusLine line;
  for (std::int64_t done = 0; done < total; done += block) {
    const auto count = std::min(block, total - done), now = done + count;
    work(done, count);
    if (total > block)
      line.show(fmt::format("{}: {} {} {}/{}", name, doing, diva::progress_bar(now, total), now, total), now == total);
  }
}

/// An index of the gallery whose ids are its rows, written to the file.
diva::Index build(const Flags& f, const torch::Tensor& gallery) {
  diva::Index index(gallery.size(1), f.options);
  if (!index.trained()) index.train(gallery);
  in_blocks("adding", gallery.size(0), [&](std::int64_t first, std::int64_t count) {
    index.add(gallery.narrow(0, first, count), torch::arange(first, first + count));
  });
  index.save(f.index);
  fmt::print(stderr, "{}: {} of {} rows of {} values, {}\n", f.index, diva::to_string(f.options.kind), gallery.size(0),
             gallery.size(1), diva::to_string(f.options.similarity));
  return index;
}

int run(const Flags& f) {
  if (f.gallery.empty() && f.index.empty()) diva::detail::fail<diva::OptionError>(name, "--gallery or --index", "given", "neither");
  if (f.gallery.empty() && f.query.empty())
    diva::detail::fail<diva::OptionError>(name, "--query", "given with an index", "nothing");
  program::use_threads(f.threads);
  const auto gallery = f.gallery.empty() ? program::FeatureFile{} : program::read_features(f.gallery, f.features_name);
  std::optional<diva::Index> index;
  if (!f.index.empty()) index.emplace(f.gallery.empty() ? diva::Index::load(f.index) : build(f, gallery.features));
  const bool own = f.query.empty();
  if (index && own) return 0;
  const auto names = gallery_names(f, gallery, index ? index->size() : gallery.features.size(0));
  const auto queries = own ? gallery.features : program::read_features(f.query, f.features_name).features;

  // Of no queries too, so that there is something to join.
  std::vector<torch::Tensor> indices = {torch::empty({0, std::max<std::int64_t>(f.k, 0)}, torch::kInt64)},
                             distances = {indices[0].to(queries.scalar_type())};
  const auto ids = own ? torch::arange(queries.size(0)) : torch::Tensor();
  in_blocks("searching", queries.size(0), [&](std::int64_t first, std::int64_t count) {
    const auto rows = queries.narrow(0, first, count);
    auto found = index ? index->search(rows, f.k)
                       : diva::nearest_neighbours(rows, gallery.features, f.k, own ? ids.narrow(0, first, count) : ids, ids,
                                                  {.similarity = f.options.similarity});
    indices.push_back(found.indices);
    distances.push_back(found.distances);
  });
  write(f, {torch::cat(indices), torch::cat(distances)}, names);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Nearest neighbours of features, exact or by an index.", name);
  Flags flags;
  declare(app, flags);
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  return program::guarded(name, [&] { return run(flags); });
}
