#pragma once

#include <diva/losses/registry.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// The names of criteria around other criteria, which make_loss takes too. What such a criterion is made of is nested in its
/// options: a name, or an object with the name as `loss` beside the options of that criterion.
///
///   make_loss("sub_dimensions", shape, R"({"dims": [32, 128], "of": {"loss": "triplet", "margin": 0.1}})", generator)
///   make_loss("multiple", shape, R"({"of": [{"loss": "softmax", "weight": 0.5},
///                                           {"loss": "mined", "miner": "semihard", "of": "triplet"}],
///                                    "regularizers": [{"regularizer": "center_invariant", "on": "softmax.proxies"}]})", generator)
///
/// cross_batch_memory and self_supervised   `of`, a criterion
/// mined                                    `of`, and `miner`: a name, or an object with it as `miner` beside its options
/// sub_dimensions                           `of`, made once for each of `dims`, with so many dimensions
/// multiple                                 `of`, a list; each may have a `weight` and a `name` for its state, which is that of the
///                                          criterion otherwise, with _2, _3, … where it occurs again. `regularizers`, a list of
///                                          objects with a name as `regularizer`, a `weight`, and the name of a parameter as `on`:
///                                          without it the embeddings
///
/// GradCache is no criterion, since it runs the network: see grad_cache.hpp.
std::vector<std::string> wrapper_names();

/// The names with formula, source, cost and options, for documentation.
std::vector<Listing> wrapper_listings();

namespace detail {

/// The criterion of a name among wrapper_names, otherwise nothing.
std::unique_ptr<Loss> make_wrapper(std::string_view name, const LossShape& shape, const std::string& options, Generator& generator);

}  // namespace detail
}  // namespace diva::inline v0_1
