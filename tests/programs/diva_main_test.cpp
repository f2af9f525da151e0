#include <diva/core/json.hpp>

#include "programs/run.hpp"

using Catch::Matchers::Contains;

namespace {

const std::string program = DIVA_MAIN;

// The recipe that flags mean, and the options of its sampler.
nlohmann::ordered_json recipe(const Shell& shell, const std::string& flags) {
  const auto result = shell.run(program, "--print_recipe " + flags);
  INFO(result.error);
  REQUIRE(result.status == 0);
  return diva::parse_json(result.out, "recipe");
}

nlohmann::ordered_json sampler_options(const Shell& shell, const std::string& flags) {
  return diva::parse_json(recipe(shell, flags)["sampler"]["options"].get<std::string>(), "sampler");
}

}  // namespace

TEST_CASE("diva_main draws by classes when no flag says otherwise") {
  const Shell shell;
  const auto sampler = recipe(shell, "--bs 60 --samples_per_class 3")["sampler"];
  CHECK(sampler ==
        nlohmann::ordered_json({{"batch_size", 60}, {"samples_per_class", 3}, {"name", "class_random"}, {"options", "{}"}}));
}

TEST_CASE("diva_main passes the reference's flags to the sampler that they are for, and only those") {
  const Shell shell;
  CHECK(recipe(shell, "--data_sampler d2_coreset")["sampler"]["name"] == "d2_coreset");
  const std::string flags =
      " --data_batchmatch_bigbs 256 --data_batchmatch_ncomps 7 --data_storage_no_update --data_idx_full_prec --data_mb_mom 0.5"
      " --data_mb_lr 2 --data_sampler_lowproj_dim 16 --data_sim_measure cosine --data_gc_softened --data_gc_coreset_lim 0.25"
      " --data_d2_coreset_lambda 3";
  const auto store = diva::parse_json(R"({"update": false, "refresh": true, "momentum": 0.5, "learning_rate": 2})", "store");
  const auto coreset = sampler_options(shell, "--data_sampler greedy_coreset" + flags);
  CHECK(coreset["pool_size"] == 256);
  CHECK(coreset["projection_dim"] == 16);
  CHECK(coreset["lambda"] == 3);
  CHECK(coreset["greedy"] == diva::parse_json(R"({"measure": "cosine", "softened": true, "limit": 0.25})", "greedy"));
  CHECK(coreset["store"] == store);
  CHECK_FALSE(coreset.contains("candidates"));
  const auto matching = sampler_options(shell, "--data_sampler fid_batchmatch" + flags);
  CHECK(matching["candidates"] == 7);
  CHECK(matching["pool_size"] == 256);
  CHECK(matching["store"] == store);
  CHECK_FALSE(matching.contains("greedy"));
  CHECK(sampler_options(shell, "--data_sampler m_per_class" + flags).empty());
  CHECK(sampler_options(shell, R"(--data_sampler m_per_class --data_sampler_options '{"small_classes": "exclude"}')") ==
        diva::parse_json(R"({"small_classes": "exclude"})", "options"));
}

TEST_CASE("diva_main lists the samplers and says which name is near") {
  const Shell shell;
  const auto list = shell.run(program, "--list samplers");
  REQUIRE(list.status == 0);
  CHECK(list.out.starts_with("class_random\n"));
  CHECK_THAT(list.out, Contains("\nfull_greedy_coreset\n"));
  const auto table = shell.run(program, "--list samplers --markdown");
  REQUIRE(table.status == 0);
  CHECK_THAT(table.out, Contains("`greedy.measure`") && Contains("euclidean, cosine, square"));
  const auto wrong = shell.run(program, "--print_recipe --data_sampler m_per_clas");
  CHECK(wrong.status == 1);
  CHECK_THAT(wrong.error, Contains("m_per_class"));
}
