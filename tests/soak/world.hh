#pragma once
// A pool, its manager, its regions' processes, a mount and its reader; and what kills them.
#include <memory>
#include <vector>

#include "tests/soak/counts.hh"
#include "tests/soak/manager.hh"
#include "tests/soak/mount.hh"
#include "tests/soak/pair.hh"

namespace soak {

struct WorldSettings {
    std::uint64_t seed = 0;
    unsigned regions = 2;
    std::uint64_t pause_us = 4000;      ///< of a primary, between two operations
    std::uint64_t kill_pause_ms = 150;  ///< between two kills, on average
    bool with_mount = true;
};

class World {
public:
    World(Site site, const WorldSettings& settings, Counts& counts);

    void begin();
    /// Something random, and a kill.
    void live_a_moment();
    /// All is audited and destroyed; all pages are free; all processes end.
    void end();
    /// What the processes told last, for whoever looks into a failure.
    void write_history() const;
    const fs::path& directory() const { return site_.directory; }

private:
    void pump(std::chrono::milliseconds time);
    void pump_once(int wait_ms);
    void look_at_view();
    void process_view(const Line& line);
    void start_view();
    void disturb();
    void kill_something();
    void kill_mount();
    void restart_manager();
    void wait_for_ends();
    void audit(bool wipe);
    void process_audit(const Line& line);
    void compare_files(const Line& line) const;
    void catch_up();
    Pair& any_pair() { return *pairs_[random_.below(pairs_.size())]; }

    const Site site_;
    const WorldSettings settings_;
    Counts& counts_;
    Random random_;
    Manager manager_;
    Mount mount_;
    std::vector<std::unique_ptr<Pair>> pairs_;
    std::unique_ptr<Child> view_;
    std::deque<Line> view_told_;
    std::uint64_t restarts_ = 0, next_wipe_ = 0;
    std::vector<std::optional<FoundRegion>> found_;
    bool wipe_is_complete_ = false;
};

}  // namespace soak
