#include <fcntl.h>
#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/json.hpp>
#include <diva/training/run_log.hpp>

#include <chrono>
#include <filesystem>
#include <sstream>

namespace diva::inline v0_1 {
namespace {

// The finished lines of a file, none where there is no file: a kill may end a write where a page of memory ends.
std::string whole_lines(const std::string& path) {
  if (!std::filesystem::exists(path)) return {};
  const auto bytes = read_file(path);
  std::string text(bytes.begin(), bytes.end());
  text.resize(text.rfind('\n') + 1);
  return text;
}

// Drops rows after `last` in a numeric column, so that a resumed run can write them again.
void truncate_after(const std::string& path, const std::string& column, std::int64_t last) {
  const auto text = whole_lines(path);
  if (text.empty()) {
    std::filesystem::remove(path);
    return;
  }
  auto table = parse_csv(text, path);
  const auto index = table.index_of(column);
  std::erase_if(table.rows, [&](const std::vector<std::string>& row) { return std::stoll(row[index]) > last; });
  write_csv(path, table);
}

using Json = nlohmann::ordered_json;

// Keeps the lines up to the step and the epoch where a run goes on.
void truncate_lines(const std::string& path, std::int64_t step, std::int64_t epoch) {
  std::istringstream text(whole_lines(path));
  std::string kept;
  for (std::string line; std::getline(text, line);) {
    const auto json = Json::parse(line, nullptr, false);
    if (!json.is_object() || json.value("step", std::int64_t{0}) > step) continue;
    if (json.value("event", "") == "evaluation" && json.value("epoch", std::int64_t{0}) > epoch) continue;
    kept.append(line).push_back('\n');
  }
  write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()});
}

double seconds_since_1970() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

template <class Values>
Json numbers(const Values& values) {
  auto result = Json::object();
  for (const auto& [name, value] : values) result[name] = detail::number(value);
  return result;
}

// The event files of TensorBoard that an earlier run left in the folder of a new one.
void remove_events(const std::string& folder) {
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) std::filesystem::remove(entry.path());
  }
}

}  // namespace

RunLog::RunLog(std::string folder, std::int64_t resumed_step, std::int64_t resumed_epoch)
    : folder_(std::move(folder)), step_(resumed_step) {
  if (resumed_step == 0) remove_events(folder_);
  events_.emplace(folder_, resumed_step > 0 ? resumed_step + 1 : 0);
  for (const auto& [file, column, last] :
       {std::tuple{"/train.csv", "step", resumed_step}, {"/evaluation.csv", "epoch", resumed_epoch}}) {
    if (resumed_step > 0) {
      truncate_after(folder_ + file, column, last);
    } else {
      std::filesystem::remove(folder_ + file);
    }
  }
  const auto lines = folder_ + "/events.jsonl";
  if (resumed_step > 0) {
    truncate_lines(lines, resumed_step, resumed_epoch);
  } else {
    std::filesystem::remove(lines);
  }
  lines_.emplace("RunLog", lines, O_WRONLY | O_CREAT | O_APPEND, "writable");
}

void RunLog::append_line(const std::string& text) {
  const auto line = text + "\n";
  detail::append_whole("RunLog", folder_ + "/events.jsonl", lines_->get(),
                       {reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
}

void RunLog::on(const StepEvent& event) {
  if (!steps_) {
    std::vector<std::string> columns = {"step", "epoch", "loss"};
    for (const auto& [name, value] : event.terms) columns.push_back(name);
    columns.emplace_back("learning_rate");
    steps_.emplace(folder_ + "/train.csv", columns, CsvMode::append);
  }
  std::vector<CsvValue> row = {event.step, event.epoch, event.loss};
  for (const auto& [name, value] : event.terms) row.emplace_back(value);
  row.emplace_back(event.learning_rate);
  steps_->append(row);

  step_ = event.step;
  events_->scalar("train/loss", step_, event.loss);
  for (const auto& [name, value] : event.terms) events_->scalar("terms/" + name, step_, value);
  events_->scalar("train/learning_rate", step_, event.learning_rate);
  events_->scalar("system/images_per_second", step_, event.images_per_second);
  events_->scalar("system/memory_gib", step_, static_cast<double>(event.memory) / (1 << 30));
  append_line(Json{{"event", "step"},
                   {"time", seconds_since_1970()},
                   {"step", event.step},
                   {"epoch", event.epoch},
                   {"batch", event.batch},
                   {"loss", detail::number(event.loss)},
                   {"terms", numbers(event.terms)},
                   {"learning_rate", event.learning_rate},
                   {"images_per_second", detail::number(event.images_per_second)},
                   {"memory", event.memory}}
                  .dump());
}

void RunLog::on(const CheckpointEvent& event) {
  append_line(Json{{"event", "checkpoint"}, {"time", seconds_since_1970()}, {"step", event.step}, {"path", event.path}}.dump());
}

void RunLog::on(const WarningEvent& event) {
  append_line(Json{{"event", "warning"}, {"time", seconds_since_1970()}, {"step", step_}, {"text", event.text}}.dump());
}

void RunLog::on(const EvaluationEvent& event) {
  auto rows = Json::array();
  for (const auto& [combination, values] : event.rows) rows.push_back({{"combination", combination}, {"metrics", numbers(values)}});
  append_line(Json{
      {"event", "evaluation"},
      {"time", seconds_since_1970()},
      {"step", step_},
      {"epoch", event.epoch},
      {"seconds", event.seconds},
      {"rows",
       rows}}.dump());
  for (const auto& [combination, values] : event.rows) {
    if (!evaluations_) {
      std::vector<std::string> columns = {"epoch", "combination"};
      for (const auto& [name, value] : values) columns.push_back(name);
      evaluations_.emplace(folder_ + "/evaluation.csv", columns, CsvMode::append);
    }
    std::vector<CsvValue> row = {event.epoch, combination};
    for (const auto& [name, value] : values) row.emplace_back(value);
    evaluations_->append(row);
    for (const auto& [name, value] : values) events_->scalar(fmt::format("{}/{}", name, combination), step_, value);
  }
}

}  // namespace diva::inline v0_1
