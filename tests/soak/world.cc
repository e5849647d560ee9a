#include "tests/soak/world.hh"

#include <poll.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "tests/soak/failure.hh"

namespace soak {

namespace {

using std::chrono::milliseconds;

constexpr int kEndsLimit = 60;     // seconds till all have noticed that the manager is dead
constexpr int kCatchUpLimit = 60;  // till a backup has read what a resting primary has written
constexpr int kViewSilence = 120;  // without a word of the mount's reader
constexpr std::uint64_t kViewPause_ms = 20;
constexpr unsigned kCheckPercent = 25, kCatchUpPercent = 10;  // of the manager's restarts
constexpr std::uint64_t kRestartsBetweenWipes = 40;           // on average
constexpr const char* kPoolSize = "128M";
constexpr const char* kPageSizes[] = {"16K", "64K", "256K", "1M"};

}  // namespace

World::World(Site site, const WorldSettings& settings, Counts& counts)
    : site_(std::move(site)),
      settings_(settings),
      counts_(counts),
      random_(settings.seed),
      manager_(site_, counts),
      mount_(site_, counts) {
    for (unsigned index = 0; index < settings_.regions; ++index)
        pairs_.push_back(std::make_unique<Pair>(site_, index, settings_.seed, settings_.pause_us, counts_));
}

void World::begin() {
    fs::create_directories(site_.mount_point());
    manager_.make_pool(kPoolSize, kPageSizes[random_.below(std::size(kPageSizes))]);
    manager_.start();
    next_wipe_ = random_.between(1, 2 * kRestartsBetweenWipes);
    if (!settings_.with_mount)
        return;
    mount_.start();
    start_view();
}

void World::start_view() {
    view_ = site_.start_role("view", "view",
                             Settings()
                                 .set("mount", site_.mount_point().string())
                                 .set("region_prefix", "r")
                                 .set("regions", settings_.regions)
                                 .set("writer", mixed(settings_.seed))
                                 .set("pause_ms", kViewPause_ms));
}

void World::pump_once(int wait_ms) {
    std::vector<int> outputs;
    for (const auto& pair : pairs_)
        pair->add_outputs(outputs);
    std::vector<pollfd> polled;
    for (const int output : outputs)
        polled.push_back({output, POLLIN, 0});
    ::poll(polled.data(), polled.size(), wait_ms);
    look_at_view();
    for (const auto& pair : pairs_)
        pair->drain();
    const auto of_view = view_told_.size();
    for (const auto& pair : pairs_)
        pair->take_marks();
    for (const auto& pair : pairs_)
        pair->drain();
    for (const auto& pair : pairs_)
        pair->process_marked();
    for (std::size_t left = of_view; left != 0; --left) {
        process_view(view_told_.front());
        view_told_.pop_front();
    }
}

void World::look_at_view() {
    if (!view_)
        return;
    if (const auto status = view_->ended())
        fail("the reader of the mount has ended by itself: {}", end_text(*status));
    view_->drain();
    std::move(view_->lines.begin(), view_->lines.end(), std::back_inserter(view_told_));
    view_->lines.clear();
    if (Clock::now() - view_->heard() > site_.limit(kViewSilence))
        fail("the reader of the mount, of which nothing was heard for {} s, hangs",
             site_.limit(kViewSilence).count());
}

void World::process_view(const Line& line) {
    if (line.verb == "error") {
        ++counts_.read_errors;
        return;
    }
    if (line.verb == "wrong" || line.verb == "trouble")
        fail("the mount: {}", line.text);
    ++counts_.files_read;
    auto& oracle = pairs_.at(line[0])->oracle();
    if (line.verb == "read-view")
        oracle.generation_read(line[1], {line[2], line[3]}, line[4]);
    else if (line.verb == "log-view")
        oracle.log_read(line[1], line[2], line[3]);
    else if (line.verb == "unread")
        oracle.unread_read(line[1], line[2], line[3]);
}

/// Lines are taken, who is missing is started, who has ended is looked at.
void World::pump(milliseconds time) {
    const auto end = Clock::now() + time;
    do {
        const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now()).count();
        pump_once(static_cast<int>(std::clamp<std::int64_t>(left, 0, 20)));
        for (const auto& pair : pairs_) {
            pair->keep_up(true);
            pair->check_patience();
        }
        if (std::any_of(pairs_.begin(), pairs_.end(), [](const auto& pair) { return pair->must_settle(); }))
            restart_manager();
        manager_.look();
        if (mount_.is_alive())
            mount_.look();
        std::this_thread::sleep_for(milliseconds(1));  // lines come in crowds
    } while (Clock::now() < end);
}

void World::live_a_moment() {
    pump(milliseconds(random_.below(2 * settings_.kill_pause_ms + 1)));
    disturb();
    if (random_.percent(40))  // into the middle of what was ordered
        pump(milliseconds(random_.below(6)));
    else
        pump(milliseconds(random_.below(settings_.kill_pause_ms + 1)));
    kill_something();
}

void World::disturb() {
    auto& pair = any_pair();
    if (random_.percent(35))
        pair.take_over(random_.percent(40));
    else if (random_.percent(50))
        pair.order_change();
}

void World::kill_something() {
    const auto kind = random_.below(100);
    auto& pair = any_pair();
    if (kind < 24)
        restart_manager();
    else if (kind < 49 && pair.has_primary())
        pair.kill_primary();
    else if (kind < 75 && pair.has_backup())
        pair.kill_backup();
    else if (kind >= 75 && mount_.is_alive())
        kill_mount();
}

void World::kill_mount() {
    mount_.kill();
    pump(milliseconds(0));
    mount_.start();
}

void World::restart_manager() {
    if (random_.percent(kCatchUpPercent))
        catch_up();
    manager_.kill();
    wait_for_ends();
    if (random_.percent(kCheckPercent))
        manager_.check_pool();
    manager_.start();
    const bool wipe = ++restarts_ >= next_wipe_;
    audit(wipe);
    if (wipe)
        next_wipe_ = restarts_ + random_.between(1, 2 * kRestartsBetweenWipes);
}

/// The manager is dead, and whoever used it must notice.
void World::wait_for_ends() {
    const auto end = Clock::now() + site_.limit(kEndsLimit);
    for (;;) {
        pump_once(2);
        std::string left;
        for (const auto& pair : pairs_)
            left += pair->who_has_not_ended();
        if (left.empty())
            return;
        if (Clock::now() > end)
            fail("the manager is dead, and within {} s it was not noticed by{}",
                 site_.limit(kEndsLimit).count(), left);
    }
}

/// The backup reads all that the primary has written, when that one rests.
void World::catch_up() {
    auto& pair = any_pair();
    if (!pair.can_catch_up() || pair.is_taking())
        return;
    const auto end = Clock::now() + site_.limit(kCatchUpLimit);
    const auto restarts = restarts_;
    while (!pair.is_resting() || !pair.has_caught_up()) {
        pair.rest();
        pump(milliseconds(20));
        if (!pair.can_catch_up() || pair.is_taking() || restarts != restarts_)
            return;  // something else has happened
        if (Clock::now() > end)
            fail("the backup has not read all within {} s: {}", site_.limit(kCatchUpLimit).count(),
                 pair.state());
    }
    ++counts_.catch_ups;
}

void World::write_history() const {
    std::ofstream output(site_.directory / "lines");
    for (const auto& pair : pairs_)
        pair->write_history(output);
}

void World::end() {
    manager_.kill();
    wait_for_ends();
    manager_.check_pool();
    manager_.start();
    audit(true);
    view_.reset();
    if (mount_.is_alive())
        mount_.stop();
    manager_.stop();
    manager_.check_pool();
}

}  // namespace soak
