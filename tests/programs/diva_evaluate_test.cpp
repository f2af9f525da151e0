#include <diva/core/json.hpp>
#include <diva/io.hpp>
#include <diva/metrics.hpp>

#include "programs/run.hpp"

#include <string_view>

using namespace std::string_view_literals;

namespace {

const std::string program = DIVA_EVALUATE;

/// At 0, 1, 3, 7 with classes a a b b: the nearest are 1, 0, 1, 3, so recall@1 is 3/4.
struct Line : Shell {
  Line() {
    diva::write_npy(*this / "x.npy", torch::tensor({0.0F, 1.0F, 3.0F, 7.0F}).unsqueeze(1));
    diva::write_npy(*this / "y.npy", torch::tensor({0, 0, 1, 1}, torch::kInt64));
  }
  [[nodiscard]] double recall(const std::string& arguments) const {
    const auto result = run(program, arguments + " --metrics recall@1 --json -");
    INFO(arguments << "\n" << result.error);
    REQUIRE(result.status == 0);
    return diva::parse_json(result.out, "out").at("rows").at(0).at("metrics").at("recall@1").get<double>();
  }
};

}  // namespace

TEST_CASE("diva_evaluate prints a table and writes JSON and CSV of what evaluate computes") {
  const Shell shell;
  diva::Generator data(1);
  const auto labels = torch::arange(200).remainder(10);
  const auto features = torch::eye(10).index_select(0, labels) + 0.3 * data.normal({200, 10});
  diva::write_npy(shell / "x.npy", features);
  diva::write_npy(shell / "y.npy", labels);
  const auto result = shell.run(
      program, "--features x.npy --labels y.npy --metrics recall@1,map@r,nmi --k 2,4 --seed 7 --json out.json --csv out.csv");
  INFO(result.error);
  REQUIRE(result.status == 0);
  diva::Generator generator(7);
  const auto expected = diva::evaluate(features, labels, {"recall@2", "recall@4", "recall@1", "map@r", "nmi"}, generator);
  const auto json = diva::parse_json(shell.text("out.json"), "out.json");
  CHECK(json.at("queries") == 200);
  CHECK(json.at("features") == "x.npy");
  const auto csv = diva::read_csv(shell / "out.csv");
  REQUIRE(csv.rows.size() == 1);
  for (const auto& [name, value] : expected) {
    CHECK(json.at("rows").at(0).at("metrics").at(name).get<double>() == value);
    CHECK(std::stod(csv.rows[0][csv.index_of(name)]) == value);
    CHECK(result.out.find(name) != std::string::npos);
    CHECK(result.out.find(fmt::format("{:.4f}", value)) != std::string::npos);
  }
  // Threads change nothing.
  REQUIRE(
      shell.run(program, "--features x.npy --labels y.npy --metrics recall@1,map@r,nmi --k 2,4 --seed 7 --threads 1 --csv one.csv")
          .status == 0);
  CHECK(shell.text("one.csv") == shell.text("out.csv"));
}

TEST_CASE("diva_evaluate takes labels, ids and sequences from every kind of file") {
  const Line line;
  CHECK(line.recall("--features x.npy --labels y.npy") == 0.75);
  line.write("y.txt", "a\na\nb\nb\n");
  CHECK(line.recall("--features x.npy --labels y.txt") == 0.75);
  line.write("y.csv", "path,label\np,a\nq,a\nr,b\ns,b\n");
  CHECK(line.recall("--features x.npy --labels y.csv") == 0.75);
  diva::State state;
  state.put("features", torch::tensor({0.0F, 1.0F, 3.0F, 7.0F}).unsqueeze(1).to(torch::kFloat16));
  state.put("labels", torch::tensor({0, 0, 1, 1}, torch::kInt64));
  diva::write_safetensors(line / "all.safetensors", state);
  CHECK(line.recall("--features all.safetensors") == 0.75);
  CHECK(line.recall("--features x.npy --labels all.safetensors") == 0.75);
  CHECK(line.recall("--features all.safetensors --labels y.txt --features_name features") == 0.75);
  // 0, 1 and 3, 7 are one sample each: 0 and 1 find 3, 3 and 7 find 1.
  line.write("pairs.json", "[5, 5, 6, 6]");
  CHECK(line.recall("--features x.npy --labels y.npy --ids pairs.json") == 0);
  CHECK(line.recall("--features x.npy --labels y.npy --sequences pairs.json") == 0);
  line.write("loners.json", "[-1, -1, -1, -1]");
  CHECK(line.recall("--features x.npy --labels y.npy --sequences loners.json") == 0.75);
  // Queries 0 and 1 in the gallery 1, 3, 7: 0 finds 1 (a), 1 finds 3 (b).
  line.write("is_query.txt", "1\n1\n0\n0\n");
  line.write("is_gallery.txt", "0\n1\n1\n1\n");
  CHECK(line.recall("--features x.npy --labels y.npy --is_query is_query.txt --is_gallery is_gallery.txt") == 0.5);
  // 0 has no direction.
  line.refuses(program, "--features x.npy --labels y.npy --similarity cosine", 1, "diva_evaluate: ");
}

TEST_CASE("diva_evaluate searches queries in a gallery, with labels in one numbering") {
  const Line line;
  // The query 2 (of a) finds 1 (of a), the query 6 (of b) finds 7 (of b), the query -5 (of b) finds 0 (of a).
  diva::write_npy(line / "q.npy", torch::tensor({2.0, 6.0, -5.0}, torch::kFloat64).unsqueeze(1).to(torch::kFloat32));
  line.write("q.txt", "a\nb\nb\n");
  line.write("g.txt", "a\na\nb\nb\n");
  CHECK(line.recall("--query q.npy --query_labels q.txt --gallery x.npy --gallery_labels g.txt") == Approx(2.0 / 3));
  line.write("qi.txt", "1\n8\n9\n");  // now 2 is the 1 of the gallery and finds 3 (of b) instead
  line.write("gi.txt", "0\n1\n2\n3\n");
  CHECK(line.recall(
            "--query q.npy --query_labels q.txt --gallery x.npy --gallery_labels g.txt --query_ids qi.txt --gallery_ids gi.txt") ==
        Approx(1.0 / 3));
  line.refuses(program, "--query q.npy --query_labels q.txt --gallery x.npy", 1, "--gallery_labels");
  line.refuses(program, "--query q.npy --query_labels q.txt", 1, "--gallery");
}

TEST_CASE("diva_evaluate refuses what it cannot use, in one line") {
  const Line line;
  line.refuses(program, "", 1, "--features");
  line.refuses(program, "--features x.npy", 1, "--labels");
  line.refuses(program, "--features none.npy --labels y.npy", 1, "none.npy");
  line.refuses(program, "--features x.npy --labels y.npy --metrics recal@1", 1, "recall@");
  line.refuses(program, "--features x.npy --labels y.npy --similarity near", 2, "--similarity");
  line.refuses(program, "--features x.npy --labels y.npy --seeds 1", 2, "did you mean --seed?");
  line.refuses(program, "--features x.npy --labels y.npy --seed x", 2, "--seed");
  line.refuses(program, "--features x.npy --labels y.npy --json /no/such/folder/out.json --csv -", 1, "/no/such/folder");
  line.write("short.txt", "1\n2\n");
  line.refuses(program, "--features x.npy --labels short.txt", 1, "short.txt");
  line.write("cut.npy", "\x93NUMPY\x01\x00v\x00{'descr'"sv);
  line.refuses(program, "--features cut.npy --labels y.npy", 1, "cut.npy");
  diva::write_npy(line / "nan.npy", torch::full({4, 1}, NAN));
  line.refuses(program, "--features nan.npy --labels y.npy", 1, "finite");
  line.refuses(program, "--checkpoint x.npy --data .", 1, "x.npy");
  line.refuses(program, "--checkpoint x.npy", 1, "--data");
  line.refuses(program, "--features x.npy --labels y.npy --gallery x.npy", 1, "more than one");
}

TEST_CASE("diva_evaluate explains itself") {
  const Shell shell;
  const auto help = shell.run(program, "--help"), list = shell.run(program, "--list");
  CHECK(help.status == 0);
  CHECK(help.out.find("Examples:") != std::string::npos);
  CHECK(list.status == 0);
  CHECK(list.out.find("recall@K") != std::string::npos);
}
