#include "support/seed_flags.hpp"

#include "support/data.hpp"

#include <diva/backbones/backbone.hpp>
#include <diva/core/files.hpp>
#include <diva/core/json.hpp>
#include <diva/samplers/registry.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>

namespace program {
namespace {

using diva::detail::fail;
using diva::detail::fail_unknown;
using Json = nlohmann::ordered_json;

constexpr auto program_name = "diva_main";

// Sets one option in a text of JSON; `path` is as "greedy.measure".
void set(std::string& text, const std::string& path, const Json& value) {
  auto options = diva::parse_json(text, path);
  auto pointer = "/" + path;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  options[Json::json_pointer(pointer)] = value;
  text = options.dump();
}

void merge(std::string& text, const std::string& more, const std::string& flag) {
  const auto patch = diva::parse_json(more, flag);
  if (!patch.is_object()) fail<diva::OptionError>(program_name, flag, "a JSON object", more);
  auto options = diva::parse_json(text, flag);
  options.merge_patch(patch);
  text = options.dump();
}

// The name of a backbone, then words. The reference finds the words as substrings, and always normalises embeddings here.
void read_arch(const std::string& arch, diva::NetworkOptions& network) {
  const auto known = diva::backbone_names();
  network.backbone = "";
  for (const auto& name : known) {
    if ((arch + "_").starts_with(name + "_") && name.size() > network.backbone.size()) network.backbone = name;
  }
  if (network.backbone.empty()) fail_unknown(program_name, "--arch", arch.substr(0, arch.find('_')), known);
  auto& options = network.backbone_options;
  options.batch_norm = diva::BatchNorm::trainable;
  options.pooling = diva::Pooling::usual;
  const std::map<std::string, std::function<void()>> words = {
      {"normalize", [] {}},
      {"frozen", [&] { options.batch_norm = diva::BatchNorm::frozen_statistics; }},
      {"double", [&] { options.pooling = diva::Pooling::average_plus_max; }},
      {"gem", [&] { options.pooling = diva::Pooling::gem; }},
      {"max", [&] { options.pooling = diva::Pooling::max; }}};
  for (std::size_t at = network.backbone.size(); at < arch.size();) {
    const auto end = std::min(arch.find('_', at + 1), arch.size());
    const auto word = words.find(arch.substr(at + 1, end - at - 1));
    if (word == words.end()) {
      fail_unknown(program_name, "part of --arch", arch.substr(at + 1, end - at - 1),
                   {"frozen", "normalize", "double", "gem", "max"});
    }
    word->second();
    at = end;
  }
}

// Whether the sampler that a recipe names has this option.
bool sampler_has(const diva::SamplerOptions& sampler, const std::string& option) {
  const auto listings = diva::sampler_listings();
  const auto known = std::find_if(listings.begin(), listings.end(), [&](const auto& one) { return one.name == sampler.name; });
  if (known == listings.end()) fail_unknown(program_name, "--data_sampler", sampler.name, diva::sampler_names());
  return std::any_of(known->options.begin(), known->options.end(), [&](const auto& one) { return one.name == option; });
}

diva::ScheduleKind schedule_kind(const std::string& name) {
  if (name == "none") return diva::ScheduleKind::constant;
  if (name == "exp") return diva::ScheduleKind::exponential;
  for (const auto& [kind, known] : enumerators(diva::ScheduleKind{})) {
    if (name == known) return kind;
  }
  fail_unknown(program_name, "--scheduler", name, {"step", "none", "exp", "cosine", "plateau", "constant", "exponential"});
}

void gray_inputs(Recipe& r) {
  r.training.network.backbone_options.in_channels = 1;
  r.training.augmentation.channels = 1;
  r.training.augmentation.mean = {0.449};
  r.training.augmentation.standard_deviation = {0.226};
}

bool is_inception(const Recipe& r) {
  return r.training.network.backbone == "bninception" || r.training.network.backbone == "googlenet";
}

// Views by a recipe of that name, of the size and the planes that there are.
void augment_as(Recipe& r, const std::string& name) {
  const auto former = r.training.augmentation;
  auto& augmentation = r.training.augmentation;
  augmentation = diva::augmentation_recipe(name);
  augmentation.image_size = former.image_size;
  augmentation.evaluation_resize = former.evaluation_resize;
  if (former.channels == 1) {
    augmentation.channels = 1;
    augmentation.mean = former.mean;
    augmentation.standard_deviation = former.standard_deviation;
  }
}

// 0: as the reference, which resizes to 256 and crops to 224, or to 227 for Inceptions.
void image_size(Recipe& r, std::int64_t side) {
  const bool usual = side == 0;
  if (usual) side = is_inception(r) ? 227 : 224;
  r.training.network.backbone_options.image_size = side;
  r.training.augmentation.image_size = side;
  r.training.augmentation.evaluation_resize = usual ? 256 : side * 256 / 224;
}

}  // namespace

template <class Value, class Effect>
CLI::Option* RecipeFlags::flag(const std::string& name, Value value, const std::string& meaning, const Effect& effect,
                               const std::string& group) {
  const auto kept = std::make_shared<Value>(std::move(value));
  entries_.push_back({name, group, false, [kept, effect](Recipe& recipe) { effect(recipe, *kept); }});
  if constexpr (std::is_same_v<Value, bool>) {
    return app_.add_flag_function(
        name, [kept](std::int64_t count) { *kept = count > 0; }, meaning);
  } else {
    // The value outlives the parser in `kept`.
    return app_.add_option(name, *kept, meaning)->capture_default_str();
  }
}

template <class Value>
void RecipeFlags::loss_option(const std::string& name, Value value, const std::string& loss, const std::string& field,
                              const std::string& meaning) {
  flag(
      name, std::move(value), loss + " loss: " + meaning,
      [loss, field](Recipe& r, const Value& given) {
        if (r.training.objective.loss == loss) set(r.training.objective.loss_options, field, given);
      },
      "loss");
}

template <class Value>
void RecipeFlags::refused(const std::string& name, Value value, const std::string& why) {
  flag(name, std::move(value), "refused: " + why, [this, name, why](Recipe&, const Value&) {
    if (given(name)) fail<diva::OptionError>(program_name, name, "left out: " + why, "it");
  });
}

RecipeFlags::RecipeFlags(CLI::App& app) : app_(app) {
  app_.add_option("--recipe", file_, "file that --print_recipe wrote; flags beside it override what it says");
  declare();
  declare_criteria();
  declare_sampler();
}

Recipe RecipeFlags::recipe() const {
  Recipe recipe;
  std::set<std::string> renewed;
  if (!file_.empty()) {
    const auto bytes = diva::read_file(file_);
    diva::from_json(diva::parse_json({bytes.begin(), bytes.end()}, file_), recipe, file_);
    for (const auto& entry : entries_) {
      if (entry.chooses && given(entry.name)) renewed.insert(entry.group);
    }
  }
  for (const auto& entry : entries_) {
    if (file_.empty() || given(entry.name) || (!entry.group.empty() && renewed.contains(entry.group))) entry.apply(recipe);
  }
  return recipe;
}

void RecipeFlags::declare() {
  using Texts = std::vector<std::string>;
  using Integers = std::vector<std::int64_t>;
  using Reals = std::vector<double>;
  // What chooses a part begins that part's options anew, and is declared before the flags that set them.
  const auto chooses = [this](const std::string& group) {
    entries_.back().group = group;
    entries_.back().chooses = true;
  };

  flag("--dataset", std::string("cub200"), dataset_names() + " (diva_data list tells their layouts)",
       [](Recipe& r, const std::string& name) { r.dataset = name; });
  flag("--protocol", std::string("validation"),
       "what chooses the epoch: validation (classes held back), paper (the test side, as published) or kfold",
       [](Recipe& r, const std::string& name) {
         diva::from_json(Json{{"name", name}}, r.protocol, "--protocol");
       });
  flag("--train_val_split", 1.0, "share of the training side that trains, with --protocol validation; 1: 0.8",
       [](Recipe& r, double share) {
         if (!(share > 0 && share <= 1))
           fail<diva::OptionError>(program_name, "--train_val_split", "in (0, 1]", std::to_string(share));
         if (share < 1) r.protocol.train_share = share;
       });
  flag("--val_split_by", std::string("class"), "what is held back: whole classes (class), or images of each class (sample)",
       [](Recipe& r, const std::string& name) {
         diva::from_json(Json{{"hold_back", name}}, r.protocol, "--val_split_by");
       });
  flag("--folds", std::int64_t{4}, "with --protocol kfold", [](Recipe& r, std::int64_t count) { r.protocol.folds = count; });
  flag("--seeds", Integers{}, "one run for each, reported by mean and deviation",
       [](Recipe& r, const Integers& seeds) { r.protocol.seeds = seeds; });

  flag("--arch", std::string("resnet50_frozen_normalize"),
       "backbone (--list backbones), then _frozen (statistics of batch norm stay), _double (average and maximum pooling), _gem or "
       "_max (other poolings), and _normalize",
       [](Recipe& r, const std::string& arch) { read_arch(arch, r.training.network); });
  flag("--embed_dim", std::int64_t{128}, "dimension of each head",
       [](Recipe& r, std::int64_t dim) { r.training.network.embed_dim = dim; });
  flag("--weights", std::string(),
       "start weights of the backbone: a .pth or .safetensors file of torchvision, timm, pretrainedmodels or DINO",
       [](Recipe& r, const std::string& file) { r.training.weights = file; });
  flag("--not_pretrained", false, "draw the backbone's weights, which is what happens without --weights",
       [](Recipe& r, bool drawn) {
         if (drawn && !r.training.weights.empty())
           fail<diva::OptionError>(program_name, "--not_pretrained", "given without --weights", "both");
       });
  flag("--backbone_file", std::string(), "the program of --arch torchscript or aot_inductor",
       [](Recipe& r, const std::string& file) { r.training.network.backbone_options.file = file; });
  flag("--widths", Integers{64}, "channels of conv4's blocks: four, or one for all",
       [](Recipe& r, const Integers& widths) { r.training.network.backbone_options.widths = widths; });

  flag("--bs", std::int64_t{112}, "batch size", [](Recipe& r, std::int64_t size) {
    r.training.sampler.batch_size = size;
    r.training.evaluation.batch_size = size;
  });
  flag("--samples_per_class", std::int64_t{2}, "images of each class in a batch",
       [](Recipe& r, std::int64_t count) { r.training.sampler.samples_per_class = count; });
  flag("--n_epochs", std::int64_t{150}, "epochs", [](Recipe& r, std::int64_t count) { r.training.epochs = count; });
  flag("--seed", std::int64_t{1}, "seed of every draw", [](Recipe& r, std::int64_t seed) { r.training.seed = seed; });

  flag("--lr", 1e-5, "learning rate", [](Recipe& r, double rate) { r.training.optimizer.learning_rate = rate; });
  flag("--fc_lr", -1.0, "learning rate of the heads where not negative",
       [](Recipe& r, double rate) { r.training.optimizer.head_learning_rate = rate; });
  flag("--decay", 4e-4, "weight decay", [](Recipe& r, double decay) { r.training.optimizer.weight_decay = decay; });
  flag("--optimizer", std::string("adam"), "adam, adamw or sgd", [](Recipe& r, const std::string& kind) {
    diva::from_json(Json{{"kind", kind}}, r.training.optimizer, "--optimizer");
  });
  flag("--use_sgd", false, "sgd with a momentum of 0.9, the same as --optimizer sgd", [](Recipe& r, bool sgd) {
    if (sgd) r.training.optimizer.kind = diva::OptimizerKind::sgd;
  });
  flag("--scheduler", std::string("step"), "of the learning rate: step, none, exp, cosine or plateau",
       [](Recipe& r, const std::string& name) { r.training.optimizer.schedule.kind = schedule_kind(name); });
  flag("--tau", Integers{10000}, "epochs at which the rates are multiplied by gamma",
       [](Recipe& r, const Integers& epochs) { r.training.optimizer.schedule.milestones = epochs; });
  flag("--gamma", 0.3, "that factor", [](Recipe& r, double gamma) { r.training.optimizer.schedule.gamma = gamma; });
  flag("--warmup_epochs", 0.0, "first epochs over which the rates grow linearly",
       [](Recipe& r, double epochs) { r.training.optimizer.schedule.warmup_epochs = epochs; });
  flag("--clip_norm", 0.0, "largest L2 norm of all gradients together, where positive",
       [](Recipe& r, double norm) { r.training.optimizer.clip_norm = norm; });
  flag("--group_options", std::string("{}"), "JSON: learning_rate, weight_decay and schedule of groups of parameters that differ",
       [](Recipe& r, const std::string& json) { r.training.optimizer.groups = json; });
  flag("--precision", std::string("float32"), "of the backbone in training: float32, bfloat16, half",
       [](Recipe& r, const std::string& name) {
         diva::from_json(Json{{"precision", name}}, r.training, "--precision");
       });
  flag("--accumulate", std::int64_t{1}, "batches whose mean gradient makes one step",
       [](Recipe& r, std::int64_t count) { r.training.accumulate = count; });
  flag("--chunk_size", std::int64_t{0}, "images whose graph is in memory at once, where positive",
       [](Recipe& r, std::int64_t size) { r.training.chunk_size = size; });
  flag("--average_decay", 0.0, "memory of a moving average of the weights, where positive",
       [](Recipe& r, double decay) { r.training.average_decay = decay; });
  flag("--freeze", Texts{}, "parts that are not trained: PREFIX, or PREFIX:EPOCHS, such as backbone:5",
       [](Recipe& r, const Texts& parts) { r.training.frozen = parts; });
  flag("--cache_features", false, "train heads on features that the frozen backbone computes once",
       [](Recipe& r, bool on) { r.training.cache_features = on; });

  flag("--evaluation_metrics", Texts{"e_recall@1", "e_recall@2", "e_recall@4", "nmi", "f1", "mAP_c"}, "metrics (--list metrics)",
       [](Recipe& r, const Texts& names) { r.training.evaluation.metrics = names; });
  flag("--evaltypes", Texts{"discriminative"},
       "heads, Combined_HEAD_HEAD-WEIGHT-WEIGHT, or all, whose weights depend on the data set", [](Recipe& r, Texts names) {
         for (auto& name : names) {
           if (name == "all" && r.dataset == "online_products") name = "all_sop";
         }
         r.training.evaluation.combinations = std::move(names);
       });
  flag("--storage_metrics", Texts{"e_recall@1"},
       "what makes an evaluation the best, METRIC or COMBINATION:METRIC; one, since one epoch is kept",
       [](Recipe& r, const Texts& names) {
         if (names.size() != 1) fail<diva::OptionError>(program_name, "--storage_metrics", "one", std::to_string(names.size()));
         // The default is for the default metrics.
         const auto& metrics = r.training.evaluation.metrics;
         const bool known = std::find(metrics.begin(), metrics.end(), "e_recall@1") != metrics.end();
         r.training.evaluation.select = names.front() == "e_recall@1" && !known ? "" : names.front();
       });

  flag("--augmentation", std::string("by_arch"),
       "recipe of views: standard, realistic (the reference's), simclr, bn_inception; by_arch: bn_inception for bninception, "
       "standard "
       "for others",
       [](Recipe& r, const std::string& name) {
         const bool caffe = r.training.network.backbone == "bninception";
         augment_as(r, name != "by_arch" ? name : caffe ? "bn_inception" : "standard");
       });
  flag("--realistic_main_augmentation", false, "grey and colour jitter in training views; test views stay as they are",
       [](Recipe& r, bool on) {
         if (!on) return;
         const auto realistic = diva::augmentation_recipe("realistic");
         r.training.augmentation.grayscale = realistic.grayscale;
         r.training.augmentation.color_jitter = realistic.color_jitter;
       });
  refused("--realistic_augmentation", false,
          "both views of an image are made alike here; --realistic_main_augmentation changes them both");
  flag("--image_size", std::int64_t{0}, "side of the network's input; 0: 224, or 227 of bninception and googlenet",
       [](Recipe& r, std::int64_t side) { image_size(r, side); });
  flag("--gray", false, "read images as gray", [](Recipe& r, bool gray) {
    if (gray) gray_inputs(r);
  });

  flag("--diva_features", Texts{"discriminative"},
       "heads, any of: discriminative selfsimilarity shared intra dc imrot invariantspread",
       [](Recipe& r, const Texts& heads) { r.training.network.heads = heads; });
  flag("--diva_sharing", std::string("random"), "triplets of the shared head: random, standard, full",
       [](Recipe& r, const std::string& name) {
         diva::from_json(Json{{"sharing", name}}, r.training.objective.shared, "--diva_sharing");
       });
  flag("--diva_intra", std::string("random"), "triplets of the intra head: random", [](Recipe&, const std::string& name) {
    if (name != "random") fail<diva::OptionError>(program_name, "--diva_intra", "random", name);
  });
  flag("--diva_decorrelations", Texts{}, "edges SOURCE-TARGET; default: every other head to discriminative",
       [](Recipe& r, const Texts& edges) { r.training.objective.decorrelations = edges.empty() ? Texts{"default"} : edges; });
  flag("--diva_rho_decorrelation", Reals{1500}, "weight of each edge, or one for all",
       [](Recipe& r, const Reals& weights) { r.training.objective.rho = weights; });
  flag("--diva_decorrnet_dim", std::int64_t{512}, "hidden units of a decorrelation network",
       [](Recipe& r, std::int64_t dim) { r.training.objective.separation.hidden_dim = dim; });
  flag("--diva_decorrnet_lr", 1e-5, "its learning rate",
       [](Recipe& r, double rate) { r.training.objective.separation.learning_rate = rate; });
  flag("--diva_alpha_ssl", 0.3, "weight of the selfsimilarity head",
       [](Recipe& r, double alpha) { r.training.objective.alpha_ssl = alpha; });
  flag("--diva_alpha_shared", 0.3, "weight of the shared head",
       [](Recipe& r, double alpha) { r.training.objective.alpha_shared = alpha; });
  flag("--diva_alpha_intra", 0.3, "weight of the intra head",
       [](Recipe& r, double alpha) { r.training.objective.alpha_intra = alpha; });
  flag("--diva_alpha_dc", 1.0, "weight of the dc head", [](Recipe& r, double alpha) { r.training.objective.alpha_dc = alpha; });
  flag("--diva_alpha_imrot", 1.0, "weight of the imrot head",
       [](Recipe& r, double alpha) { r.training.objective.alpha_imrot = alpha; });
  flag("--diva_alpha_invariantspread", 1.0, "weight of the invariantspread head",
       [](Recipe& r, double alpha) { r.training.objective.alpha_invariantspread = alpha; });
  flag("--diva_instdiscr_temperature", 0.1, "temperature of the invariantspread head",
       [](Recipe& r, double value) { r.training.objective.invariantspread.temperature = value; });
  flag("--diva_dc_update_f", std::int64_t{2}, "epochs for which the dc head keeps its clusters",
       [](Recipe& r, std::int64_t epochs) { r.training.objective.cluster_epochs = epochs; });
  flag("--diva_dc_ncluster", std::int64_t{300}, "clusters of the dc head",
       [](Recipe& r, std::int64_t count) { r.training.objective.dc.clusters = count; });

  flag("--diva_ssl", std::string("fast_moco"), "criterion of the selfsimilarity head: fast_moco (DaNCE) or moco",
       [](Recipe& r, const std::string& name) {
         r.training.objective.ssl = name;
         r.training.objective.ssl_options = "{}";
       });
  chooses("ssl");
  const auto ssl_option = [this](const std::string& name, auto value, const std::string& field, bool dance_only,
                                 const std::string& meaning) {
    flag(
        name, value, meaning,
        [field, dance_only](Recipe& r, const auto& given) {
          if (!dance_only || r.training.objective.ssl != "moco") set(r.training.objective.ssl_options, field, given);
        },
        "ssl");
  };
  ssl_option("--diva_moco_temperature", 0.1, "temperature", false, "temperature");
  ssl_option("--diva_moco_trainable_temp", false, "learn_temperature", false, "train the temperature");
  ssl_option("--diva_moco_temp_lr", 5e-4, "temperature_learning_rate", false, "its learning rate");
  ssl_option("--diva_moco_lower_cutoff", 0.5, "lower_cutoff", true, "lower cut-off of DaNCE");
  ssl_option("--diva_moco_upper_cutoff", 1.4, "upper_cutoff", true, "upper cut-off of DaNCE");
  flag(
      "--diva_fixed", false,
      "what is right where the reference's code is not: the weights of DaNCE, and classifiers of dc and imrot that train their "
      "head",
      [](Recipe& r, bool fixed) {
        const auto variant = fixed ? diva::Variant::fixed : diva::Variant::repo;
        r.training.objective.pretext = variant;
        if (r.training.objective.ssl != "moco")
          set(r.training.objective.ssl_options, "variant", std::string(diva::to_string(variant)));
      },
      "ssl");
  flag("--diva_moco_momentum", 0.9, "momentum of the key network",
       [](Recipe& r, double value) { r.training.objective.key_momentum = value; });
  flag("--diva_moco_n_key_batches", std::int64_t{50}, "queue of keys, in batches",
       [](Recipe& r, std::int64_t count) { r.training.objective.key_batches = count; });

  flag("--loss", std::string("margin"), "criterion (--list losses, --list wrappers)", [](Recipe& r, const std::string& name) {
    r.training.objective.loss = name;
    r.training.objective.loss_options = "{}";
  });
  chooses("loss");
  flag("--batch_mining", std::string("distance"),
       "miner (--list miners); semihard means softhard, as in the reference, true_semihard what it says",
       [](Recipe& r, const std::string& name) {
         r.training.objective.miner = name == "semihard" ? "softhard" : name == "true_semihard" ? "semihard" : name;  // FIELD B27
         r.training.objective.miner_options = "{}";
       });
  chooses("miner");
  flag(
      "--miner_distance_lower_cutoff", 0.5, "distance-weighted mining: lower cut-off",
      [](Recipe& r, double cutoff) {
        auto& objective = r.training.objective;
        if (objective.miner == "distance") set(objective.miner_options, "lower_cutoff", cutoff);
        objective.shared.distance.lower_cutoff = cutoff;
      },
      "miner");
  flag(
      "--miner_distance_upper_cutoff", 1.4, "distance-weighted mining: upper cut-off, where given; the reference reads it nowhere",
      [this](Recipe& r, double cutoff) {
        if (!given("--miner_distance_upper_cutoff")) return;
        if (r.training.objective.miner == "distance") set(r.training.objective.miner_options, "upper_cutoff", cutoff);
        r.training.objective.shared.distance.upper_cutoff = cutoff;
      },
      "miner");
  flag("--miner_options", std::string("{}"), "more of the miner's options, as JSON",
       [](Recipe& r, const std::string& json) { merge(r.training.objective.miner_options, json, "--miner_options"); });
  flag("--extension", std::string("none"), "none; the reference reads it nowhere", [](Recipe&, const std::string& name) {
    if (name != "none") fail<diva::OptionError>(program_name, "--extension", "none, since the reference has no extension", name);
  });
}

void RecipeFlags::declare_criteria() {
  loss_option("--loss_margin_margin", 0.2, "margin", "margin", "alpha");
  loss_option("--loss_margin_beta", 1.2, "margin", "boundary", "initial beta");
  loss_option("--loss_margin_beta_lr", 5e-4, "margin", "boundary_learning_rate", "learning rate of beta");
  loss_option("--loss_margin_nu", 0.0, "margin", "boundary_penalty", "weight of the sum of beta");
  flag(
      "--loss_margin_beta_constant", false, "margin loss: one constant beta",
      [](Recipe& r, bool constant) {
        if (r.training.objective.loss == "margin") set(r.training.objective.loss_options, "learn_boundary", !constant);
      },
      "loss");
  loss_option("--loss_triplet_margin", 0.2, "triplet", "margin", "margin");
  loss_option("--loss_contrastive_pos_margin", 0.0, "contrastive", "positive_margin", "positive margin");
  loss_option("--loss_contrastive_neg_margin", 1.0, "contrastive", "negative_margin", "negative margin");
  loss_option("--loss_proxynca_lr", 5e-4, "proxynca", "proxies.learning_rate", "learning rate of the proxies");
  loss_option("--loss_npair_l2", 0.005, "npair", "norm_penalty", "weight of the embeddings' length");
  loss_option("--loss_angular_alpha", 36.0, "angular", "angle", "angle in degrees");
  loss_option("--loss_angular_npair_ang_weight", 2.0, "angular", "angular_weight", "weight beside the n-pair term");
  loss_option("--loss_angular_npair_l2", 0.005, "angular", "norm_penalty", "weight of the embeddings' length");
  loss_option("--loss_multisimilarity_pos_weight", 2.0, "multisimilarity", "positive_weight", "sharpness for positives");
  loss_option("--loss_multisimilarity_neg_weight", 40.0, "multisimilarity", "negative_weight", "sharpness for negatives");
  loss_option("--loss_multisimilarity_margin", 0.1, "multisimilarity", "margin", "slack of mined pairs");
  loss_option("--loss_multisimilarity_thresh", 0.5, "multisimilarity", "threshold", "similarity at which a pair weighs 1");
  loss_option("--loss_lifted_neg_margin", 1.0, "lifted", "negative_margin", "margin of negatives");
  loss_option("--loss_lifted_l2", 0.005, "lifted", "norm_penalty", "weight of the embeddings' length");
  loss_option("--loss_quadruplet_margin_alpha_1", 0.2, "quadruplet", "margin", "margin to the first negative");
  loss_option("--loss_quadruplet_margin_alpha_2", 0.2, "quadruplet", "second_margin", "margin between negatives");
  loss_option("--loss_softtriplet_n_centroids", std::int64_t{10}, "softtriplet", "centers", "centres of a class");
  loss_option("--loss_softtriplet_margin_delta", 0.01, "softtriplet", "margin", "margin");
  loss_option("--loss_softtriplet_gamma", 0.1, "softtriplet", "gamma", "temperature of the softmax over centres");
  loss_option("--loss_softtriplet_lambda", 20.0, "softtriplet", "lambda", "factor of the similarities");
  loss_option("--loss_softtriplet_reg_weight", 0.2, "softtriplet", "center_penalty", "weight of the centres' distances");
  loss_option("--loss_softtriplet_lr", 5e-4, "softtriplet", "proxies.learning_rate", "learning rate of the centres");
  loss_option("--loss_softmax_lr", 1e-5, "softmax", "proxies.learning_rate", "learning rate of the classes' weights");
  loss_option("--loss_softmax_temperature", 0.05, "softmax", "temperature", "temperature");
  loss_option("--loss_histogram_nbins", std::int64_t{51}, "histogram", "nodes", "nodes of the histogram");
  loss_option("--loss_snr_margin", 0.2, "snr", "margin", "margin");
  loss_option("--loss_snr_reg_lambda", 0.005, "snr", "regularizer", "weight of the regulariser");
  loss_option("--loss_snr_beta", 0.0, "snr", "boundary", "learned boundary; 0: none");
  loss_option("--loss_snr_beta_lr", 5e-4, "snr", "boundary_learning_rate", "learning rate of the boundary");
  loss_option("--loss_arcface_lr", 5e-4, "arcface", "proxies.learning_rate", "learning rate of the classes' weights");
  loss_option("--loss_arcface_angular_margin", 0.5, "arcface", "margin", "margin of the angle, in radians");
  loss_option("--loss_arcface_feature_scale", 64.0, "arcface", "scale", "factor of the cosines");
  for (const auto* part : {"pos_weight", "neg_weight", "margin", "thresh"}) {
    refused(std::string("--loss_binomial_") + part, 0.0,
            std::string("the reference has no binomial criterion; --loss multisimilarity, with --loss_multisimilarity_") + part +
                ", is the nearest");
  }
  refused("--loss_quadruplet_alpha1", 1.0, "the reference reads it nowhere; --loss_quadruplet_margin_alpha_1 is the margin");
  refused("--loss_quadruplet_alpha2", 0.5, "the reference reads it nowhere; --loss_quadruplet_margin_alpha_2 is the margin");
  flag("--loss_options", std::string("{}"), "more of the criterion's options, as JSON",
       [](Recipe& r, const std::string& json) { merge(r.training.objective.loss_options, json, "--loss_options"); });
}

void RecipeFlags::declare_sampler() {
  flag("--data_sampler", std::string("class_random"), "how batches are drawn (--list samplers)",
       [](Recipe& r, const std::string& name) {
         r.training.sampler.name = name;
         r.training.sampler.options = "{}";
       });
  entries_.back().group = "sampler";
  entries_.back().chooses = true;
  // Of all options that the flags set in some sampler, those that this one has.
  const auto option = [this](const std::string& name, auto value, const std::string& field, const std::string& meaning,
                             bool negated = false) {
    flag(
        name, std::move(value), meaning,
        [field, negated](Recipe& r, const auto& given) {
          if (!sampler_has(r.training.sampler, field)) return;
          if constexpr (std::is_same_v<std::decay_t<decltype(given)>, bool>) {
            set(r.training.sampler.options, field, given != negated);
          } else {
            set(r.training.sampler.options, field, given);
          }
        },
        "sampler");
  };
  option("--data_batchmatch_bigbs", std::int64_t{512}, "pool_size",
         "samples of the pool that a batch stands for, or is chosen from");
  option("--data_batchmatch_ncomps", std::int64_t{10}, "candidates", "candidates of a batch that are compared");
  option("--data_sampler_lowproj_dim", std::int64_t{-1}, "projection_dim",
         "samplers see random projections to so many dimensions, where positive");
  option("--data_sim_measure", std::string("euclidean"), "greedy.measure", "greedy coresets: euclidean, cosine or square");
  option("--data_gc_softened", false, "greedy.softened", "greedy coresets: draw among the farthest 3 %");
  option("--data_gc_coreset_lim", 1e-9, "greedy.limit", "greedy coresets: distance up to which the pool is covered");
  option("--data_d2_coreset_lambda", 1.0, "lambda", "d2_coreset: exponent of the distances");
  option("--data_storage_no_update", false, "store.update", "samplers keep the features of the first epoch", true);
  option("--data_idx_full_prec", false, "store.refresh", "samplers get the features of all samples anew before each epoch");
  option("--data_mb_mom", -1.0, "store.momentum", "with it: momentum of the features' movement, where positive");
  option("--data_mb_lr", 1.0, "store.learning_rate", "with it: share of that movement that is added");
  flag("--data_sampler_options", std::string("{}"), "further options of the sampler, JSON",
       [](Recipe& r, const std::string& json) { merge(r.training.sampler.options, json, "--data_sampler_options"); });
}

}  // namespace program
