#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/training/run_log.hpp>

#include <filesystem>

namespace diva {
namespace {

// Drops rows after `last` in a numeric column, so that a resumed run can write them again.
void truncate_after(const std::string& path, const std::string& column, std::int64_t last) {
  if (!std::filesystem::exists(path)) return;
  auto table = read_csv(path);
  const auto index = table.index_of(column);
  std::erase_if(table.rows, [&](const std::vector<std::string>& row) { return std::stoll(row[index]) > last; });
  write_csv(path, table);
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
  events_->scalar("train/images_per_second", step_, event.images_per_second);
}

void RunLog::on(const EvaluationEvent& event) {
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

}  // namespace diva
