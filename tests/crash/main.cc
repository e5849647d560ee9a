// Plays the crash scenarios and prints what was tried. `make check-crash`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "lib/base/log.hh"
#include "tests/crash/report.hh"
#include "tests/crash/scenarios.hh"

using namespace pmemckpt;
using namespace pmemckpt::crash;

namespace {

struct Options {
    Limits limits;
    unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    std::uint64_t seed = 1;
    std::string only;
};

std::set<std::string> groups() {
    std::set<std::string> names;
    for (const auto& scenario : scenarios())
        names.insert(scenario.group);
    return names;
}

int run(const Options& options) {
    fmt::print("SEED={} (draws the images of the moments that have too many to visit all)\n", options.seed);
    const auto started = std::chrono::steady_clock::now();
    const auto report = play_all(scenarios(), options.only, options.limits, options.jobs, options.seed);
    if (report.scenarios == 0) {
        fmt::print(stderr, "crash: no scenario has \"{}\" in its group or name; the groups are:\n",
                   options.only);
        for (const auto& group : groups())
            fmt::print(stderr, "    {}\n", group);
        return EXIT_FAILURE;
    }
    print(report, std::chrono::steady_clock::now() - started);
    return report.total.failures.empty() && report.total.images > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Cuts the power at every moment of what can be done to a pool, and compares what is recovered.");
    app.add_option("--images", options.limits.images,
                   "At a moment: up to so many all are visited, else drawn")
        ->capture_default_str();
    app.add_option("--jobs", options.jobs, "Scenarios at a time")->capture_default_str();
    app.add_option("--seed", options.seed, "Draws the images of the moments that have too many to visit all")
        ->envname("SEED")
        ->capture_default_str();
    app.add_option("--only", options.only, "Scenarios whose group or name has this in it");
    CLI11_PARSE(app, argc, argv);
    log::set_level(log::Level::error);  // each torn tail is a notice
    return run(options);
}
