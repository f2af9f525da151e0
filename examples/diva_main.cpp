// Trains DiVA on a folder of images, with the flags of the reference code.
#include "support/data.hpp"
#include "support/program.hpp"

#include <torch/cuda.h>
#include <diva/backbones/backbone.hpp>
#include <diva/core/json.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/reducer.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/regularizers.hpp>
#include <diva/losses/wrappers.hpp>
#include <diva/miners/registry.hpp>
#include <diva/samplers/registry.hpp>
#include <diva/ssl/registry.hpp>
#include <diva/training.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace {

// The reference's flags, with its defaults; those of ours that it does not have stand last.
struct Flags {
  std::string dataset = "cub200", source_path, save_path = "runs", savename;
  std::string arch = "resnet50_frozen_normalize";
  std::int64_t embed_dim = 128, bs = 112, samples_per_class = 2, n_epochs = 150, seed = 1, kernels = 0;
  double lr = 1e-5, fc_lr = -1, decay = 4e-4, gamma = 0.3;
  std::vector<std::int64_t> tau = {10000}, gpu;
  std::string loss = "margin", loss_options = "{}", batch_mining = "distance";
  std::vector<std::string> diva_features = {"discriminative"}, diva_decorrelations;
  std::vector<std::string> evaluation_metrics = {"e_recall@1", "e_recall@2", "e_recall@4", "nmi", "f1", "mAP_c"},
                           evaltypes = {"discriminative"};
  std::vector<double> diva_rho_decorrelation = {1500};
  std::string diva_ssl = "fast_moco", diva_sharing = "random", diva_intra = "random";
  double diva_alpha_ssl = 0.3, diva_alpha_shared = 0.3, diva_alpha_intra = 0.3;
  std::int64_t diva_decorrnet_dim = 512;
  double diva_decorrnet_lr = 1e-5;
  double diva_moco_momentum = 0.9, diva_moco_temperature = 0.1, diva_moco_temp_lr = 5e-4, diva_moco_lower_cutoff = 0.5,
         diva_moco_upper_cutoff = 1.4;
  std::int64_t diva_moco_n_key_batches = 50;
  bool diva_moco_trainable_temp = false, diva_fixed = false;
  double loss_margin_margin = 0.2, loss_margin_beta = 1.2, loss_margin_beta_lr = 5e-4, loss_margin_nu = 0;
  bool loss_margin_beta_constant = false;
  double loss_triplet_margin = 0.2, loss_contrastive_pos_margin = 0, loss_contrastive_neg_margin = 1;
  double miner_distance_lower_cutoff = 0.5;
  std::string data_sampler = "class_random", data_sim_measure = "euclidean";
  std::int64_t data_batchmatch_bigbs = 512, data_batchmatch_ncomps = 10, data_sampler_lowproj_dim = -1;
  double data_d2_coreset_lambda = 1, data_gc_coreset_lim = 1e-9, data_mb_mom = -1, data_mb_lr = 1;
  bool data_storage_no_update = false, data_gc_softened = false, data_idx_full_prec = false;

  std::string data_sampler_options = "{}";
  std::int64_t image_size = 224, checkpoint_steps = 0;
  std::vector<std::int64_t> widths = {64};
  double checkpoint_minutes = 10;
  bool gray = false, cache = false, reduced_decoding = false, print_recipe = false;
  std::string disk_cache, augmentation = "standard";
  double train_val_split = 1;
  std::string val_split_by = "class";
  std::string resume = "no", list, weights, backbone_file;
  bool markdown = false, not_pretrained = false;
};

void declare(CLI::App& app, Flags& f) {
  app.add_option("--dataset", f.dataset, program::dataset_names() + " (diva_data list tells their layouts)")->capture_default_str();
  app.add_option("--source_path", f.source_path, "folder of the data set, or the one that holds a folder named as it");
  app.add_option("--save_path", f.save_path, "folder for runs")->capture_default_str();
  app.add_option("--savename", f.savename, "name of the run's folder; default: the data set and the seed");
  app.add_option(
         "--arch", f.arch,
         "backbone (--list backbones), then _frozen (statistics of batch norm stay), _double (average and maximum pooling), "
         "_gem or _max (other poolings), and _normalize")
      ->capture_default_str();
  app.add_option("--embed_dim", f.embed_dim, "dimension of each head")->capture_default_str();
  app.add_option("--bs", f.bs, "batch size")->capture_default_str();
  app.add_option("--samples_per_class", f.samples_per_class, "images of each class in a batch")->capture_default_str();
  app.add_option("--n_epochs", f.n_epochs, "epochs")->capture_default_str();
  app.add_option("--seed", f.seed, "seed of every draw")->capture_default_str();
  app.add_option("--kernels", f.kernels, "loader threads; 0: one for each core")->capture_default_str();
  app.add_option("--gpu", f.gpu, "number of the CUDA device; the CPU where there is none");
  app.add_option("--lr", f.lr, "learning rate")->capture_default_str();
  app.add_option("--fc_lr", f.fc_lr, "learning rate of the heads where not negative")->capture_default_str();
  app.add_option("--decay", f.decay, "weight decay")->capture_default_str();
  app.add_option("--tau", f.tau, "epochs at which the rates are multiplied by gamma")->capture_default_str();
  app.add_option("--gamma", f.gamma, "that factor")->capture_default_str();
  app.add_option("--loss", f.loss, "criterion (--list losses, --list wrappers)")->capture_default_str();
  app.add_option("--loss_options", f.loss_options, "more of its options, as JSON")->capture_default_str();
  app.add_option("--batch_mining", f.batch_mining, "miner (--list miners); semihard means softhard, as in the reference")
      ->capture_default_str();
  app.add_option("--diva_features", f.diva_features, "heads: discriminative selfsimilarity shared intra")->capture_default_str();
  app.add_option("--diva_ssl", f.diva_ssl, "criterion of the selfsimilarity head: fast_moco (DaNCE) or moco")
      ->capture_default_str();
  app.add_option("--diva_sharing", f.diva_sharing, "triplets of the shared head: random, standard, full")->capture_default_str();
  app.add_option("--diva_intra", f.diva_intra, "triplets of the intra head: random")->capture_default_str();
  app.add_option("--diva_decorrelations", f.diva_decorrelations,
                 "edges SOURCE-TARGET; default: every other head to discriminative");
  app.add_option("--diva_rho_decorrelation", f.diva_rho_decorrelation, "weight of each edge, or one for all")
      ->capture_default_str();
  app.add_option("--diva_decorrnet_dim", f.diva_decorrnet_dim, "hidden units of a decorrelation network")->capture_default_str();
  app.add_option("--diva_decorrnet_lr", f.diva_decorrnet_lr, "its learning rate")->capture_default_str();
  app.add_option("--diva_alpha_ssl", f.diva_alpha_ssl, "weight of the selfsimilarity head")->capture_default_str();
  app.add_option("--diva_alpha_shared", f.diva_alpha_shared, "weight of the shared head")->capture_default_str();
  app.add_option("--diva_alpha_intra", f.diva_alpha_intra, "weight of the intra head")->capture_default_str();
  app.add_option("--diva_moco_momentum", f.diva_moco_momentum, "momentum of the key network")->capture_default_str();
  app.add_option("--diva_moco_temperature", f.diva_moco_temperature, "temperature")->capture_default_str();
  app.add_option("--diva_moco_temp_lr", f.diva_moco_temp_lr, "its learning rate")->capture_default_str();
  app.add_flag("--diva_moco_trainable_temp", f.diva_moco_trainable_temp, "train the temperature");
  app.add_option("--diva_moco_n_key_batches", f.diva_moco_n_key_batches, "queue of keys, in batches")->capture_default_str();
  app.add_option("--diva_moco_lower_cutoff", f.diva_moco_lower_cutoff, "lower cut-off of DaNCE")->capture_default_str();
  app.add_option("--diva_moco_upper_cutoff", f.diva_moco_upper_cutoff, "upper cut-off of DaNCE")->capture_default_str();
  app.add_flag("--diva_fixed", f.diva_fixed, "the corrected weighting of DaNCE");
  app.add_option("--evaluation_metrics", f.evaluation_metrics, "metrics")->capture_default_str();
  app.add_option("--evaltypes", f.evaltypes, "heads, Combined_HEAD_HEAD-WEIGHT-WEIGHT, or all")->capture_default_str();
  app.add_option("--loss_margin_margin", f.loss_margin_margin, "margin loss: alpha")->capture_default_str();
  app.add_option("--loss_margin_beta", f.loss_margin_beta, "margin loss: initial beta")->capture_default_str();
  app.add_option("--loss_margin_beta_lr", f.loss_margin_beta_lr, "margin loss: learning rate of beta")->capture_default_str();
  app.add_option("--loss_margin_nu", f.loss_margin_nu, "margin loss: weight of the sum of beta")->capture_default_str();
  app.add_flag("--loss_margin_beta_constant", f.loss_margin_beta_constant, "margin loss: one constant beta");
  app.add_option("--loss_triplet_margin", f.loss_triplet_margin, "triplet loss: margin")->capture_default_str();
  app.add_option("--loss_contrastive_pos_margin", f.loss_contrastive_pos_margin, "contrastive loss: positive margin")
      ->capture_default_str();
  app.add_option("--loss_contrastive_neg_margin", f.loss_contrastive_neg_margin, "contrastive loss: negative margin")
      ->capture_default_str();
  app.add_option("--miner_distance_lower_cutoff", f.miner_distance_lower_cutoff, "distance-weighted mining: lower cut-off")
      ->capture_default_str();

  app.add_flag("--not_pretrained", f.not_pretrained, "draw the backbone's weights, which is what happens without --weights");

  app.add_option("--weights", f.weights,
                 "start weights of the backbone: a .pth or .safetensors file of torchvision, timm, pretrainedmodels or DINO");
  app.add_option("--backbone_file", f.backbone_file, "the program of --arch torchscript or aot_inductor");
  app.add_option("--data_sampler", f.data_sampler, "how batches are drawn (--list samplers)")->capture_default_str();
  app.add_option("--data_batchmatch_bigbs", f.data_batchmatch_bigbs,
                 "samples of the pool that a batch stands for, or is chosen from")
      ->capture_default_str();
  app.add_option("--data_batchmatch_ncomps", f.data_batchmatch_ncomps, "candidates of a batch that are compared")
      ->capture_default_str();
  app.add_flag("--data_storage_no_update", f.data_storage_no_update, "samplers keep the features of the first epoch");
  app.add_flag("--data_idx_full_prec", f.data_idx_full_prec, "samplers get the features of all samples anew before each epoch");
  app.add_option("--data_mb_mom", f.data_mb_mom, "with it: momentum of the features' movement, where positive")
      ->capture_default_str();
  app.add_option("--data_mb_lr", f.data_mb_lr, "with it: share of that movement that is added")->capture_default_str();
  app.add_option("--data_sampler_lowproj_dim", f.data_sampler_lowproj_dim,
                 "samplers see random projections to so many dimensions, where positive")
      ->capture_default_str();
  app.add_option("--data_sim_measure", f.data_sim_measure, "greedy coresets: euclidean, cosine or square")->capture_default_str();
  app.add_flag("--data_gc_softened", f.data_gc_softened, "greedy coresets: draw among the farthest 3 %");
  app.add_option("--data_gc_coreset_lim", f.data_gc_coreset_lim, "greedy coresets: distance up to which the pool is covered")
      ->capture_default_str();
  app.add_option("--data_d2_coreset_lambda", f.data_d2_coreset_lambda, "d2_coreset: exponent of the distances")
      ->capture_default_str();

  app.add_option("--data_sampler_options", f.data_sampler_options, "further options of the sampler, JSON")->capture_default_str();
  app.add_option("--image_size", f.image_size, "side of the network's input")->capture_default_str();
  app.add_option("--widths", f.widths, "channels of conv4's blocks: four, or one for all")->capture_default_str();
  app.add_flag("--gray", f.gray, "read images as gray");
  app.add_flag("--cache", f.cache, "keep all decoded images in memory");
  app.add_option("--train_val_split", f.train_val_split,
                 "share of the training side that trains; below 1 the rest takes the test's place")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--val_split_by", f.val_split_by, "the rest is of other classes (class), or images of each class (sample)")
      ->check(CLI::IsMember({"class", "sample"}))
      ->capture_default_str();
  app.add_option("--disk_cache", f.disk_cache, "folder that keeps decoded images from run to run");
  app.add_flag("--reduced_decoding", f.reduced_decoding,
               "decode large JPEGs at a fraction of their size where a view needs no more");
  app.add_option("--augmentation", f.augmentation, "recipe of views: standard, realistic (the reference's), simclr, bn_inception")
      ->capture_default_str();
  app.add_option("--resume", f.resume, "auto: go on from the run's checkpoint where there is one")
      ->check(CLI::IsMember({"auto", "no"}))
      ->capture_default_str();
  app.add_option("--checkpoint_minutes", f.checkpoint_minutes, "minutes between checkpoints; one is also written after each epoch")
      ->capture_default_str();
  app.add_option("--checkpoint_steps", f.checkpoint_steps, "steps between checkpoints, where positive")->capture_default_str();
  app.add_flag("--print_recipe", f.print_recipe, "print the recipe that the flags mean, as JSON, and end");
  app.add_option("--list", f.list,
                 "print names and end: losses, wrappers, miners, samplers, distances, reducers, ssl, metrics, backbones");
  app.add_flag("--markdown", f.markdown, "with --list: with formulas, sources and options, as the documentation has them");
}

std::string loss_options(const Flags& f) {
  nlohmann::json options = nlohmann::json::object();
  if (f.loss == "margin") {
    options = {{"boundary", f.loss_margin_beta},
               {"margin", f.loss_margin_margin},
               {"learn_boundary", !f.loss_margin_beta_constant},
               {"boundary_learning_rate", f.loss_margin_beta_lr},
               {"boundary_penalty", f.loss_margin_nu}};
  } else if (f.loss == "triplet") {
    options = {{"margin", f.loss_triplet_margin}};
  } else if (f.loss == "contrastive") {
    options = {{"positive_margin", f.loss_contrastive_pos_margin}, {"negative_margin", f.loss_contrastive_neg_margin}};
  }
  const nlohmann::json more = diva::parse_json(f.loss_options, "--loss_options");
  if (!more.is_object()) diva::detail::fail<diva::OptionError>("diva_main", "--loss_options", "a JSON object", f.loss_options);
  options.update(more);
  return options.dump();
}

std::string ssl_options(const Flags& f) {
  nlohmann::json options = {{"temperature", f.diva_moco_temperature},
                            {"learn_temperature", f.diva_moco_trainable_temp},
                            {"temperature_learning_rate", f.diva_moco_temp_lr}};
  if (f.diva_ssl != "moco") {
    options["lower_cutoff"] = f.diva_moco_lower_cutoff;
    options["upper_cutoff"] = f.diva_moco_upper_cutoff;
    options["variant"] = f.diva_fixed ? "fixed" : "repo";
  }
  return options.dump();
}

// Of all options that the flags set in some sampler, those that this one has.
std::string sampler_options(const Flags& f) {
  const std::vector<std::pair<std::string, nlohmann::ordered_json>> fields = {
      {"pool_size", f.data_batchmatch_bigbs},         {"candidates", f.data_batchmatch_ncomps},
      {"projection_dim", f.data_sampler_lowproj_dim}, {"greedy.measure", f.data_sim_measure},
      {"greedy.softened", f.data_gc_softened},        {"greedy.limit", f.data_gc_coreset_lim},
      {"lambda", f.data_d2_coreset_lambda},           {"store.update", !f.data_storage_no_update},
      {"store.refresh", f.data_idx_full_prec},        {"store.momentum", f.data_mb_mom},
      {"store.learning_rate", f.data_mb_lr},
  };
  auto options = nlohmann::ordered_json::object();
  const auto listings = diva::sampler_listings();
  const auto known =
      std::find_if(listings.begin(), listings.end(), [&](const auto& listing) { return listing.name == f.data_sampler; });
  if (known == listings.end()) diva::detail::fail_unknown("diva_main", "--data_sampler", f.data_sampler, diva::sampler_names());
  for (const auto& [name, value] : fields) {
    const bool has =
        std::any_of(known->options.begin(), known->options.end(), [&](const auto& option) { return option.name == name; });
    auto pointer = "/" + name;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    if (has) options[nlohmann::ordered_json::json_pointer(pointer)] = value;
  }
  options.merge_patch(diva::parse_json(f.data_sampler_options, "--data_sampler_options"));
  return options.dump();
}

// The name of a backbone, then words. The reference finds the words as substrings, and always normalises embeddings here.
void read_arch(const Flags& f, diva::NetworkOptions& network) {
  const auto known = diva::backbone_names();
  network.backbone = "";
  for (const auto& name : known) {
    if ((f.arch + "_").starts_with(name + "_") && name.size() > network.backbone.size()) network.backbone = name;
  }
  if (network.backbone.empty()) diva::detail::fail_unknown("diva_main", "--arch", f.arch.substr(0, f.arch.find('_')), known);
  auto& options = network.backbone_options;
  const std::map<std::string, std::function<void()>> words = {
      {"normalize", [] {}},
      {"frozen", [&] { options.batch_norm = diva::BatchNorm::frozen_statistics; }},
      {"double", [&] { options.pooling = diva::Pooling::average_plus_max; }},
      {"gem", [&] { options.pooling = diva::Pooling::gem; }},
      {"max", [&] { options.pooling = diva::Pooling::max; }}};
  for (std::size_t at = network.backbone.size(); at < f.arch.size();) {
    const auto end = std::min(f.arch.find('_', at + 1), f.arch.size());
    const auto word = words.find(f.arch.substr(at + 1, end - at - 1));
    if (word == words.end()) {
      diva::detail::fail_unknown("diva_main", "part of --arch", f.arch.substr(at + 1, end - at - 1),
                                 {"frozen", "normalize", "double", "gem", "max"});
    }
    word->second();
    at = end;
  }
  options.in_channels = f.gray ? 1 : 3;
  options.widths = f.widths;
  options.image_size = f.image_size;
  options.file = f.backbone_file;
}

diva::TrainingOptions recipe(const Flags& f) {
  diva::TrainingOptions options;
  read_arch(f, options.network);
  options.network.heads = f.diva_features;
  options.network.embed_dim = f.embed_dim;

  auto& objective = options.objective;
  objective.loss = f.loss;
  objective.loss_options = loss_options(f);
  objective.miner = f.batch_mining == "semihard" ? "softhard" : f.batch_mining;  // the reference's semihard (FIELD B27)
  const nlohmann::json cutoff = {{"lower_cutoff", f.miner_distance_lower_cutoff}};
  if (f.batch_mining == "distance") objective.miner_options = cutoff.dump();
  diva::from_json({{"sharing", f.diva_sharing}, {"distance", cutoff}}, objective.shared, "--diva_sharing");
  if (f.diva_intra != "random") diva::detail::fail<diva::OptionError>("diva_main", "--diva_intra", "random", f.diva_intra);
  objective.ssl = f.diva_ssl;
  objective.ssl_options = ssl_options(f);
  objective.alpha_ssl = f.diva_alpha_ssl;
  objective.alpha_shared = f.diva_alpha_shared;
  objective.alpha_intra = f.diva_alpha_intra;
  objective.key_momentum = f.diva_moco_momentum;
  objective.key_batches = f.diva_moco_n_key_batches;
  if (!f.diva_decorrelations.empty()) objective.decorrelations = f.diva_decorrelations;
  objective.rho = f.diva_rho_decorrelation;
  objective.separation = {.hidden_dim = f.diva_decorrnet_dim, .learning_rate = f.diva_decorrnet_lr};

  options.optimizer = {
      .learning_rate = f.lr, .head_learning_rate = f.fc_lr, .weight_decay = f.decay, .milestones = f.tau, .gamma = f.gamma};
  options.sampler = {
      .batch_size = f.bs, .samples_per_class = f.samples_per_class, .name = f.data_sampler, .options = sampler_options(f)};
  options.augmentation = diva::augmentation_recipe(f.augmentation);
  options.augmentation.image_size = f.image_size;
  options.augmentation.evaluation_resize = f.image_size * 256 / 224;
  if (f.gray) {
    options.augmentation.channels = 1;
    options.augmentation.mean = {0.449};
    options.augmentation.standard_deviation = {0.226};
  }
  options.evaluation = {.metrics = f.evaluation_metrics, .combinations = f.evaltypes, .batch_size = f.bs};
  options.epochs = f.n_epochs;
  options.seed = f.seed;
  if (f.not_pretrained && !f.weights.empty()) {
    diva::detail::fail<diva::OptionError>("diva_main", "--not_pretrained", "given without --weights", "both");
  }
  options.weights = f.weights;
  return options;
}

int run(const Flags& f) {
  const auto options = recipe(f);
  if (f.print_recipe) {
    fmt::print("{}\n", diva::to_json(options).dump(2));
    return 0;
  }
  if (f.source_path.empty()) diva::detail::fail<diva::OptionError>("diva_main", "--source_path", "given", "nothing");
  auto split = diva::read_dataset(f.dataset, f.source_path);
  if (f.train_val_split < 1) {
    const diva::Generator generator(static_cast<std::uint64_t>(f.seed));
    split = f.val_split_by == "class" ? diva::validation_split(split.train, 1 - f.train_val_split, generator)
                                      : diva::validation_split_by_sample(split.train, 1 - f.train_val_split, generator);
  }
  const auto& test_samples = split.test.samples;
  const auto queries = std::count_if(test_samples.begin(), test_samples.end(), [](const auto&sample) { return sample.is_query; }),
             gallery = std::count_if(test_samples.begin(), test_samples.end(), [](const auto&sample) { return sample.is_gallery; });
  const bool all_are_both = std::min(queries, gallery) == split.test.size();
  fmt::print(stderr, "{}: {} images of {} classes to train on, {} of {} others to test{}\n", f.dataset, split.train.size(),
             split.train.num_classes(), split.test.size(), split.test.num_classes(),
             all_are_both ? "" : fmt::format(", {} queries in a gallery of {}", queries, gallery));
  const diva::ImageStoreOptions store{
      .channels = f.gray ? 1 : 3, .cache = f.cache, .disk_cache = f.disk_cache, .reduce = f.reduced_decoding};
  const auto train = std::make_shared<const diva::ImageStore>(split.train, store),
             test = std::make_shared<const diva::ImageStore>(split.test, store);

  const auto name = f.savename.empty() ? fmt::format("{}_s{}", f.dataset, f.seed) : f.savename;
  const auto folder = f.save_path + "/" + name;
  const bool resume = f.resume == "auto";
  const auto progress = resume ? diva::checkpoint_progress(folder) : diva::Progress{};
  diva::RunLog log(folder, progress.step, progress.epoch);
  diva::ProgressObserver bar(name);
  const diva::StopSignal stop;
  const auto result = diva::train(options, train, test,
                                  {.folder = folder,
                                   .resume = resume,
                                   .checkpoint_minutes = f.checkpoint_minutes,
                                   .checkpoint_steps = f.checkpoint_steps,
                                   .device = program::device("diva_main", f.gpu),
                                   .loader = {.threads = f.kernels},
                                   .stop = diva::StopSignal::requested,
                                   .observers = {&log, &bar}});
  fmt::print(stderr, "{} after {} steps; see {}\n", result.finished ? "finished" : "stopped", result.steps, folder);
  return result.finished ? 0 : 130;
}

std::vector<diva::Listing> metric_listings() {
  std::vector<diva::Listing> listings;
  for (const auto& form : diva::metric_forms()) listings.push_back({form.name, {.formula = form.meaning.c_str()}, {}});
  return listings;
}

// What --list and --markdown print, by its word.
int list(const std::string& word, bool markdown) {
  struct Registry {
    std::string word;
    std::string title;
    std::vector<diva::Listing> (*listings)();
    std::vector<diva::OptionText> common = {};
  };
  const std::vector<Registry> registries = {
      {"losses", "Losses", diva::loss_listings},
      {"wrappers", "Criteria around others", diva::wrapper_listings},
      {"miners", "Miners", diva::miner_listings},
      {"samplers", "Samplers", diva::sampler_listings},
      {"distances", "Distances", diva::distance_listings, diva::option_texts(diva::DistanceOptions{})},
      {"reducers", "Reducers", diva::reducer_listings, diva::option_texts(diva::ReducerOptions{})},
      {"regularizers", "Regularisers", diva::regularizer_listings},
      {"ssl", "Self-supervised tasks", diva::ssl_listings},
      {"metrics", "Metrics", metric_listings},
      {"backbones", "Backbones", diva::backbone_listings, diva::option_texts(diva::BackboneOptions{})},
  };
  std::vector<std::string> words;
  words.reserve(registries.size());
  for (const auto& registry : registries) words.push_back(registry.word);
  for (const auto& registry : registries) {
    if (registry.word != word) continue;
    const auto listings = registry.listings();
    if (markdown) {
      fmt::print("{}", diva::to_markdown(registry.title, listings, registry.common));
    } else {
      for (const auto& listing : listings) fmt::print("{}\n", listing.name);
    }
    return 0;
  }
  diva::detail::fail_unknown("diva_main", "--list", word, words);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains DiVA on a folder of images and evaluates it on classes never seen in training.", "diva_main");
  Flags flags;
  declare(app, flags);
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  program::use_threads();
  return program::guarded("diva_main", [&] { return flags.list.empty() ? run(flags) : list(flags.list, flags.markdown); });
}
