#include <diva/core/json.hpp>

#include "programs/run.hpp"

#include <sstream>

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

TEST_CASE("diva_main knows all 112 flags of the reference") {
  const Shell shell;
  const auto help = shell.run(program, "--help").out;
  const std::string names =
      "dataset train_val_split lr fc_lr n_epochs kernels bs seed scheduler gamma decay tau use_sgd loss batch_mining extension"
      " embed_dim arch not_pretrained evaluation_metrics evaltypes storage_metrics realistic_augmentation"
      " realistic_main_augmentation gpu savename source_path save_path diva_ssl diva_sharing diva_intra diva_features"
      " diva_decorrelations diva_rho_decorrelation diva_decorrnet_dim diva_decorrnet_lr diva_instdiscr_temperature diva_dc_update_f"
      " diva_dc_ncluster diva_moco_momentum diva_moco_temperature diva_moco_n_key_batches diva_moco_lower_cutoff"
      " diva_moco_upper_cutoff diva_moco_temp_lr diva_moco_trainable_temp diva_alpha_ssl diva_alpha_shared diva_alpha_intra"
      " diva_fixed log_online wandb_key project group loss_contrastive_pos_margin loss_contrastive_neg_margin loss_triplet_margin"
      " loss_margin_margin loss_margin_beta_lr loss_margin_beta loss_margin_nu loss_margin_beta_constant loss_proxynca_lr"
      " loss_npair_l2 loss_angular_alpha loss_angular_npair_ang_weight loss_angular_npair_l2 loss_multisimilarity_pos_weight"
      " loss_multisimilarity_neg_weight loss_multisimilarity_margin loss_multisimilarity_thresh loss_lifted_neg_margin"
      " loss_lifted_l2 loss_binomial_pos_weight loss_binomial_neg_weight loss_binomial_margin loss_binomial_thresh"
      " loss_quadruplet_alpha1 loss_quadruplet_alpha2 loss_softtriplet_n_centroids loss_softtriplet_margin_delta"
      " loss_softtriplet_gamma loss_softtriplet_lambda loss_softtriplet_reg_weight loss_softtriplet_lr loss_softmax_lr"
      " loss_softmax_temperature loss_histogram_nbins loss_snr_margin loss_snr_reg_lambda loss_snr_beta loss_snr_beta_lr"
      " loss_arcface_lr loss_arcface_angular_margin loss_arcface_feature_scale loss_quadruplet_margin_alpha_1"
      " loss_quadruplet_margin_alpha_2 miner_distance_lower_cutoff miner_distance_upper_cutoff data_sampler samples_per_class"
      " data_batchmatch_bigbs data_batchmatch_ncomps data_storage_no_update data_d2_coreset_lambda data_gc_coreset_lim"
      " data_sampler_lowproj_dim data_sim_measure data_gc_softened data_idx_full_prec data_mb_mom data_mb_lr";
  std::istringstream words(names);
  std::size_t count = 0;
  for (std::string word; words >> word; ++count) {
    INFO(word);
    CHECK((help.find("--" + word + " ") != std::string::npos || help.find("--" + word + ",") != std::string::npos));
  }
  CHECK(count == 112);
}

TEST_CASE("diva_main gives a criterion the flags that are its own, by the criterion's names") {
  const Shell shell;
  const auto options = [&](const std::string& flags) {
    return diva::parse_json(recipe(shell, flags)["objective"]["loss_options"].get<std::string>(), "loss");
  };
  CHECK(options("--loss softtriplet --loss_softtriplet_n_centroids 3 --loss_softtriplet_lr 0.1 --loss_arcface_lr 7") ==
        diva::parse_json(R"({"centers": 3, "margin": 0.01, "gamma": 0.1, "lambda": 20.0, "center_penalty": 0.2,
                             "proxies": {"learning_rate": 0.1}})",
                         "softtriplet"));
  CHECK(options("--loss arcface --loss_arcface_angular_margin 0.25")["margin"] == 0.25);
  CHECK(options("--loss quadruplet --loss_quadruplet_margin_alpha_2 0.5")["second_margin"] == 0.5);
  CHECK(options("--loss snr --loss_snr_beta 0.5")["boundary"] == 0.5);
  CHECK(options("--loss circle --loss_options '{\"margin\": 0.3}'") == diva::parse_json(R"({"margin": 0.3})", "circle"));
  CHECK(options("--loss_margin_beta_constant")["learn_boundary"] == false);
}

TEST_CASE("diva_main means by the reference's flags what the engine has for them") {
  const Shell shell;
  const auto made =
      recipe(shell,
             "--use_sgd --scheduler exp --gamma 0.9 --diva_features dc imrot invariantspread --diva_dc_ncluster 7"
             " --diva_dc_update_f 3 --diva_instdiscr_temperature 0.2 --miner_distance_upper_cutoff 1.3 --train_val_split 0.7"
             " --batch_mining semihard --realistic_main_augmentation");
  CHECK(made["optimizer"]["kind"] == "sgd");
  CHECK(made["optimizer"]["schedule"]["kind"] == "exponential");
  CHECK(made["objective"]["dc"]["clusters"] == 7);
  CHECK(made["objective"]["cluster_epochs"] == 3);
  CHECK(made["objective"]["invariantspread"]["temperature"] == 0.2);
  CHECK(made["objective"]["shared"]["distance"]["upper_cutoff"] == 1.3);
  CHECK(made["objective"]["miner"] == "softhard");
  CHECK(made["protocol"]["name"] == "validation");
  CHECK(made["protocol"]["train_share"] == 0.7);
  CHECK(made["augmentation"]["grayscale"] == 0.2);
  CHECK(recipe(shell, "--scheduler none")["optimizer"]["schedule"]["kind"] == "constant");
  CHECK(recipe(shell, "--arch googlenet")["augmentation"]["image_size"] == 227);
  CHECK(recipe(shell, "--arch bninception --augmentation simclr")["augmentation"]["channel_order"] == "rgb");
}

TEST_CASE("diva_main ends with a reason where a flag of the reference cannot mean anything") {
  const Shell shell;
  shell.refuses(program, "--loss_binomial_margin 0.1", 1, "no binomial criterion");
  shell.refuses(program, "--loss_quadruplet_alpha1 1", 1, "--loss_quadruplet_margin_alpha_1");
  shell.refuses(program, "--extension mixup", 1, "no extension");
  shell.refuses(program, "--realistic_augmentation", 1, "--realistic_main_augmentation");
  shell.refuses(program, "--diva_intra hard", 1, "--diva_intra");
  shell.refuses(program, "--scheduler stepp", 1, "did you mean 'step'");
  shell.refuses(program, "--train_val_split 1.5", 1, "(0, 1]");
  shell.refuses(program, "--protocol papr", 1, "paper");
  shell.refuses(program, "--diva_fetures shared", 2, "--diva_features");
  shell.refuses(program, "--print_recipe --recipe nowhere.json", 1, "nowhere.json");
}

TEST_CASE("diva_main's flags override a recipe where they are given, and a new criterion begins its options anew") {
  const Shell shell;
  shell.write("r.json", shell.run(program, "--print_recipe --loss margin --loss_margin_beta 0.6 --lr 0.5 --seed 7").out);
  const auto kept = recipe(shell, "--recipe r.json --seed 8");
  CHECK(kept["seed"] == 8);
  CHECK(kept["optimizer"]["learning_rate"] == 0.5);
  CHECK(diva::parse_json(kept["objective"]["loss_options"].get<std::string>(), "loss")["boundary"] == 0.6);
  const auto usual = recipe(shell, "--recipe r.json --lr 1e-5");  // the default, but given
  CHECK(usual["optimizer"]["learning_rate"] == 1e-5);
  const auto triplet = recipe(shell, "--recipe r.json --loss triplet");
  CHECK(diva::parse_json(triplet["objective"]["loss_options"].get<std::string>(), "loss") ==
        diva::parse_json(R"({"margin": 0.2})", "triplet"));
  shell.write("wrong.json", R"({"optimiser": {}})");
  shell.refuses(program, "--print_recipe --recipe wrong.json", 1, "did you mean 'optimizer'");
}
