#pragma once

#include <diva/losses/multiple_losses.hpp>

namespace diva::inline v0_1::detail {

/// The criterion inside another one: parameters, buffers and state under `loss.`, as a sum of one has them. Refuses a missing one.
inline MultipleLosses sum_of_one(const std::shared_ptr<Loss>& loss) { return MultipleLosses({{.name = "loss", .loss = loss}}); }

}  // namespace diva::inline v0_1::detail
