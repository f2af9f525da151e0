#pragma once

#include <diva/core/generator.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1::detail {

/// The least number of rounds of `per_round` different owners in which owner i occurs at least parts[i] times:
/// max(⌈Σ parts / per_round⌉, max parts). At least `per_round` owners.
std::int64_t cover_rounds(const std::vector<std::int64_t>& parts, std::int64_t per_round);

/// Who occurs in each of these rounds, at random, `per_round` different ones a round: owner i at least parts[i] times, and the
/// places left over go to all evenly.
///
/// How: h_i ≤ R and Σ h_i = R·per_round hold for the occurrences h that are left and the rounds R that are left. A round takes all
/// owners with h_i = R, of which there are at most per_round, and others with chances in proportion to h_i; then both hold again.
std::vector<std::vector<std::int64_t>> cover(std::vector<std::int64_t> parts, std::int64_t per_round, Generator& generator);

}  // namespace diva::inline v0_1::detail
