#include "tests/soak/run.hh"

#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

#include "tests/soak/failure.hh"
#include "tests/soak/report.hh"
#include "tests/soak/world.hh"

namespace soak {

namespace {

constexpr std::chrono::seconds kReportPeriod{10};
constexpr std::chrono::milliseconds kLookForEnd{100};
constexpr std::uint64_t kMostWorlds = 64;

std::atomic<bool> stopped{false};

void stop(int) {
    stopped = true;
}

/// 30s, 10m, 1h.
std::chrono::seconds duration_of(const std::string& text) {
    const std::string units = "smh";
    const auto unit = text.empty() ? std::string::npos : units.find(text.back());
    const auto number = text.substr(0, text.size() - (unit == std::string::npos ? 0 : 1));
    if (number.empty() || number.size() > 6 || number.find_first_not_of("0123456789") != std::string::npos)
        throw std::invalid_argument("time=" + text + " is none: 30s, 10m or 1h");
    constexpr int kSeconds[] = {1, 60, 3600};
    return std::chrono::seconds(std::stoll(number) * (unit == std::string::npos ? 1 : kSeconds[unit]));
}

std::uint64_t number_or(const Settings& settings, const std::string& name, std::uint64_t value) {
    return settings.has(name) ? settings.number(name) : value;
}

class Run {
public:
    explicit Run(const Settings& settings);
    int run();

private:
    Site site_of(std::uint64_t index) const;
    void live(std::uint64_t index);
    void live_in(World& world);
    void failed(const World& world, const std::exception& error);
    fs::path make_directory() const;
    void wait(const std::vector<std::jthread>& threads);

    const Settings& settings_;
    const std::uint64_t seed_;
    const std::chrono::seconds time_;
    const std::uint64_t worlds_;
    const Clock::time_point started_ = Clock::now();
    const fs::path directory_;
    Counts counts_;
    std::atomic<std::uint64_t> living_{0};
    std::mutex mutex_;  // one failure is printed at a time
};

Run::Run(const Settings& settings)
    : settings_(settings),
      seed_(number_or(settings, "seed",
                      mixed(static_cast<std::uint64_t>(Clock::now().time_since_epoch().count())) >> 40)),
      time_(duration_of(settings.has("time") ? settings.text("time") : "10m")),
      worlds_(number_or(settings, "worlds", 2)),
      directory_(make_directory()) {
    if (worlds_ == 0 || worlds_ > kMostWorlds)
        throw std::invalid_argument(fmt::format("worlds={}: it may be 1 to {}", worlds_, kMostWorlds));
}

fs::path Run::make_directory() const {
    std::string place = settings_.text("directory") + "/pmemckpt-soak.XXXXXX";
    if (!::mkdtemp(place.data()))
        throw std::system_error(errno, std::generic_category(), place);
    return place;
}

Site Run::site_of(std::uint64_t index) const {
    Site site;
    site.directory = directory_ / ("world-" + std::to_string(index));
    site.self = fs::read_symlink("/proc/self/exe");
    if (settings_.has("host"))
        site.host = settings_.text("host");
    site.port = free_port(seed_ ^ mixed(static_cast<std::uint64_t>(::getpid()) + index));
    site.slowness = static_cast<unsigned>(number_or(settings_, "slowness", 1));
    return site;
}

void Run::live(std::uint64_t index) {
    WorldSettings settings;
    settings.seed = mixed(seed_ ^ mixed(index));
    settings.pause_us = number_or(settings_, "pause_us", settings.pause_us);
    settings.kill_pause_ms = number_or(settings_, "kill_pause_ms", settings.kill_pause_ms);
    settings.with_mount = Mount::is_possible() && number_or(settings_, "mount", 1) != 0;
    World world(site_of(index), settings, counts_);
    try {
        live_in(world);
    } catch (const std::exception& error) {
        failed(world, error);
    }
}

void Run::live_in(World& world) {
    world.begin();
    const auto kills = number_or(settings_, "kills", 0);  // at least so many, if it takes longer than that
    while (!stopped && (Clock::now() - started_ < time_ || counts_.kills() < kills))
        world.live_a_moment();
    if (counts_.failures == 0)
        world.end();
}

void Run::failed(const World& world, const std::exception& error) {
    const std::lock_guard lock(mutex_);
    ++counts_.failures;
    stopped = true;
    world.write_history();
    std::printf("FAILED: %s\n  SEED=%llu; pool, logs and the last lines of all processes are in %s\n",
                error.what(), static_cast<unsigned long long>(seed_), world.directory().c_str());
    std::fflush(stdout);
}

void Run::wait(const std::vector<std::jthread>& threads) {
    auto due = Clock::now() + kReportPeriod;
    while (living_ != 0) {
        std::this_thread::sleep_for(kLookForEnd);
        if (Clock::now() < due)
            continue;
        due += kReportPeriod;
        print_progress(Clock::now() - started_, counts_);
    }
    static_cast<void>(threads);
}

int Run::run() {
    std::printf("SEED=%llu: what happens follows from it; when it happens, in real time, does not\n",
                static_cast<unsigned long long>(seed_));
    if (!Mount::is_possible())
        std::printf("no mount: this is not root, or there is no /dev/fuse\n");
    std::fflush(stdout);
    const auto open_before = open_descriptors();
    {
        std::vector<std::jthread> threads;
        living_ = worlds_;
        for (std::uint64_t index = 0; index < worlds_; ++index)
            threads.emplace_back([this, index] {
                live(index);
                --living_;
            });
        wait(threads);
    }
    if (counts_.failures == 0 && open_descriptors() != open_before) {
        std::printf("FAILED: %zu descriptors were open before, and %zu are\n", open_before,
                    open_descriptors());
        ++counts_.failures;
    }
    print_table(Clock::now() - started_, counts_);
    if (counts_.failures == 0)
        fs::remove_all(directory_);
    return counts_.failures == 0 ? 0 : 1;
}

}  // namespace

int run_worlds(const Settings& settings) {
    const auto programs = fs::absolute(settings.text("programs")).string();
    ::setenv("PATH", (programs + ":" + std::getenv("PATH")).c_str(), 1);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGINT, stop);
    ::signal(SIGTERM, stop);
    return Run(settings).run();
}

}  // namespace soak
