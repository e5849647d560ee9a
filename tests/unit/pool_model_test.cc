// time-limit: 400
// Random lives of pools, each compared with a model of plain maps: after every step what the step can have
// touched, at times everything. The same SEED gives the same lives; STEPS in the environment makes them more.
#include <cstdlib>

#include "tests/unit/pool_life.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

constexpr std::uint64_t kStepsOfOneLife = 20'000;
constexpr std::uint64_t kStepsBetweenAll = 64;
constexpr std::uint64_t kRecordingLives = 5;  // one of so many

std::uint64_t steps_to_go() {
    return test::steps(2'000'000, 100'000, 500);
}

struct Tally {
    std::uint64_t tried = 0, done = 0;
};

/// So that each is drawn by its weight.
std::vector<std::size_t> lots() {
    std::vector<std::size_t> drawn;
    for (std::size_t index = 0; index < Life::operations().size(); ++index)
        drawn.insert(drawn.end(), Life::operations()[index].weight, index);
    return drawn;
}

void live(Life& life, std::uint64_t number, std::uint64_t steps, std::vector<Tally>& tallies) {
    static const auto kLots = lots();
    for (std::uint64_t step = 1; step <= steps; ++step) {
        const auto index = kLots[test::generator()() % kLots.size()];
        const auto& operation = Life::operations()[index];
        try {
            ++tallies[index].tried;
            tallies[index].done += life.run(operation, step % kStepsBetweenAll == 0 || step == steps);
        } catch (const std::exception& failure) {
            throw test::Failure(
                fmt::format("life {}, step {}, {}: {}", number, step, operation.name, failure.what()));
        }
    }
}

void lives_as_the_model_says() {
    const auto image = test::fresh_image(kMinimumPoolSize, kPageSize);
    const auto steps = steps_to_go();
    std::vector<Tally> tallies(Life::operations().size());
    std::uint64_t number = 0;
    for (std::uint64_t left = steps; left > 0; ++number) {
        const auto part = std::min(left, kStepsOfOneLife);
        Life life(image, number % kRecordingLives == 0);
        live(life, number, part, tallies);
        left -= part;
    }
    fmt::print("{} steps in {} lives: operations tried, and done\n", steps, number);
    for (std::size_t index = 0; index < tallies.size(); ++index) {
        const auto& [tried, done] = tallies[index];
        fmt::print("  {:24} {:9} {:9}\n", Life::operations()[index].name, tried, done);
        CHECK(done > 0 || steps < 100'000);
    }
}

}  // namespace

int main() {
    return test::run("pool_model", {{"lives_as_the_model_says", lives_as_the_model_says}});
}
