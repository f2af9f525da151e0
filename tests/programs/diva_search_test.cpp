#include <diva/io.hpp>
#include <diva/search.hpp>

#include "programs/run.hpp"

namespace {

const std::string program = DIVA_SEARCH;

struct Line : Shell {
  Line() {
    diva::write_npy(*this / "g.npy", torch::tensor({0.0F, 1.0F, 3.0F, 7.0F}).unsqueeze(1));
    diva::write_npy(*this / "q.npy", torch::tensor({2.5F, 100.0F}).unsqueeze(1));
  }
};

}  // namespace

TEST_CASE("diva_search lists neighbours, their distances and names") {
  const Line line;
  line.write("names.txt", "zero\none\nthree\n\"seven\"\n");
  const auto result = line.run(program, "--gallery g.npy --query q.npy --k 2 --names names.txt");
  INFO(result.error);
  REQUIRE(result.status == 0);
  CHECK(result.out ==
        "query,rank,index,distance,name\n0,1,2,0.5,three\n0,2,1,1.5,one\n1,1,3,93,\"\"\"seven\"\"\"\n1,2,2,97,three\n");
  // Among themselves, no row finds itself; three others are all there are.
  const auto own = line.run(program, "--gallery g.npy --k 5");
  REQUIRE(own.status == 0);
  CHECK(diva::parse_csv(own.out, "out").rows.size() == 12);
  CHECK(own.out.starts_with("query,rank,index,distance\n0,1,1,1\n0,2,2,3\n0,3,3,7\n1,1,0,1\n"));
}

TEST_CASE("diva_search writes arrays, the same as the library's for many queries") {
  const Shell shell;
  diva::Generator generator(4);
  const auto gallery = generator.normal({300, 5}), queries = generator.normal({4200, 5});  // more than one block
  diva::write_npy(shell / "g.npy", gallery);
  diva::write_npy(shell / "q.npy", queries);
  for (const std::string similarity : {"euclidean", "cosine", "dot"}) {
    REQUIRE(shell.run(program, "--gallery g.npy --query q.npy --k 3 --out a.safetensors --similarity " + similarity).status == 0);
    REQUIRE(shell.run(program, "--gallery g.npy --query q.npy --k 3 --out a.npy --similarity " + similarity).status == 0);
    diva::NeighbourOptions options;
    options.similarity = similarity == "cosine" ? diva::Similarity::cosine
                         : similarity == "dot"  ? diva::Similarity::dot
                                                : diva::Similarity::euclidean;
    const auto expected = diva::nearest_neighbours(queries, gallery, 3, {}, {}, options);
    const auto found = diva::read_safetensors(shell / "a.safetensors");
    CHECK(found.tensor("indices").equal(expected.indices));
    CHECK(torch::allclose(found.tensor("distances"), expected.distances));
    CHECK(diva::read_npy(shell / "a.npy").equal(expected.indices));
  }
}

TEST_CASE("diva_search builds an index once and searches it later, without the gallery") {
  const Line line;
  line.write("names.txt", "zero\none\nthree\nseven\n");
  for (const std::string kind : {"flat", "ivf --lists 2 --probes 2", "hnsw --links 4"}) {
    const auto built = line.run(program, "--gallery g.npy --index g.index --kind " + kind);
    INFO(built.error);
    REQUIRE(built.status == 0);
    CHECK(built.out.empty());
    CHECK(built.error.find("4 rows of 1 values") != std::string::npos);
    const auto found = line.run(program, "--index g.index --query q.npy --k 2 --names names.txt");
    INFO(found.error);
    REQUIRE(found.status == 0);
    CHECK(found.out == "query,rank,index,distance,name\n0,1,2,0.5,three\n0,2,1,1.5,one\n1,1,3,93,seven\n1,2,2,97,three\n");
  }
  line.refuses(program, "--index g.index", 1, "--query");
  line.refuses(program, "--index none.index --query q.npy", 1, "none.index");
  line.refuses(program, "--index g.npy --query q.npy", 1, "g.npy");
  line.refuses(program, "--gallery g.npy --index new.index --kind tree", 2, "--kind");
  line.refuses(program, "--gallery g.npy --index new.index --kind ivf --lists 100", 1, "diva_search: ");
}

TEST_CASE("diva_search refuses what it cannot use, in one line") {
  const Line line;
  line.refuses(program, "", 1, "--gallery");
  line.refuses(program, "--gallery none.npy", 1, "none.npy");
  line.refuses(program, "--gallery g.npy --k 0", 1, "k");
  line.refuses(program, "--gallery g.npy --kk 1", 2, "--k");
  line.write("names.txt", "one\n");
  line.refuses(program, "--gallery g.npy --names names.txt", 1, "--names");
  diva::write_npy(line / "wide.npy", torch::ones({2, 3}));
  line.refuses(program, "--gallery g.npy --query wide.npy", 1, "diva_search");
  diva::write_npy(line / "flat.npy", torch::ones({2}));
  line.refuses(program, "--gallery flat.npy", 1, "flat.npy");
  line.refuses(program, "--gallery g.npy --similarity cosine", 1, "diva_search: ");  // the row of length 0 has no direction
  CHECK(line.run(program, "--help").out.find("Examples:") != std::string::npos);
}
