// "Are these two of one kind?": a threshold calibrated on one set of classes and judged on another, as face verification does.
#include <diva/core.hpp>
#include <diva/metrics.hpp>

#include <cstdio>

int main() {
  diva::Generator generator(1);
  const auto samples = [&](std::int64_t classes) {
    const auto labels = torch::arange(classes * 8).remainder(classes);
    const auto centres = generator.normal({classes, 32}).index_select(0, labels);
    return std::pair{diva::l2_normalize(centres + 0.6 * generator.normal({classes * 8, 32})), labels};
  };
  const auto [known, known_labels] = samples(50);
  const auto [unseen, unseen_labels] = samples(50);

  // The least strict threshold that lets at most one different pair in a thousand pass.
  const auto calibrated = diva::calibrate_to_false_match_rate(diva::verification_curve(known, known_labels, {}), 1e-3);
  const auto curve = diva::verification_curve(unseen, unseen_labels, {.thresholds = {calibrated.threshold}});
  const auto point = diva::operating_point(curve, calibrated.threshold);
  std::printf("threshold %.4f: FMR %.5f, FNMR %.4f; AUC %.5f, EER %.4f\n", point.threshold, point.false_match_rate,
              point.false_non_match_rate, diva::area_under_roc(curve), diva::equal_error_rate(curve));

  const auto distance = (unseen[0] - unseen[50]).norm().item<double>();  // 0 and 50 are of one class
  std::printf("samples 0 and 50 are at distance %.3f: %s\n", distance, distance <= point.threshold ? "match" : "no match");
  return point.false_match_rate < 3e-3 && diva::area_under_roc(curve) > 0.99 ? 0 : 1;
}
