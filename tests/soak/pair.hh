#pragma once
// A region's processes: its primary, its backup, and those that were fenced and have not noticed yet.
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/soak/counts.hh"
#include "tests/soak/random.hh"
#include "tests/soak/region_oracle.hh"
#include "tests/soak/site.hh"

namespace soak {

/// A process of the pair, and what it has told and is not looked at yet.
struct Worker {
    std::unique_ptr<Child> child;
    Writer writer;
    std::deque<Line> told;
    std::string cursor;
    std::uint64_t life = 0;  ///< when it was started
    bool recovered = false;  ///< so it has opened the region, and a takeover fences it
    bool is_backup = false;
    bool ordered = false, taking = false, resting = false;
    Clock::time_point fenced_at{};
    Cursor position{0, 0};      ///< that a backup has read to
    Cursor last{0, 0};          ///< what it has read last
    Cursor acknowledged{0, 0};  ///< its cursor, when it was started
};

class Pair {
public:
    Pair(const Site& site, std::uint64_t index, std::uint64_t seed, std::uint64_t pause_us, Counts& counts);

    RegionOracle& oracle() { return oracle_; }
    /// The pipes to wait on.
    void add_outputs(std::vector<int>& outputs) const;
    void drain();
    /// What was drained before the last drain; so all that was begun before is known.
    void take_marks();
    void process_marked();

    /// Whoever is missing is started; whoever has ended is looked at.
    void keep_up(bool manager_is_alive);
    bool has_primary() const { return primary_ != nullptr; }
    bool has_backup() const { return backup_ != nullptr; }
    /// The region's state must be settled by an audit, with nobody there.
    bool must_settle() const { return !primary_ && oracle_.is_unsettled(); }
    bool is_taking() const { return primary_ && primary_->taking; }

    void kill_primary();
    void kill_backup();
    /// The backup becomes the primary; the old one goes on till it notices, or was killed.
    void take_over(bool kill_old);
    /// Clear, remake, retention or a pin; when nothing else is going on.
    void order_change();
    /// The primary finishes what it does, and then does nothing more.
    void rest();
    bool is_resting() const { return primary_ && primary_->resting; }
    bool has_caught_up();
    bool can_catch_up() const { return oracle_.exists() && oracle_.clears() == 0 && primary_ && backup_; }
    std::string state() const;
    /// An audit has found what is there.
    void settled() { others_may_write_ = false; }
    /// The last lines of all of them.
    void write_history(std::ostream& output) const;

    /// The manager is dead: all end by themselves. Empty: they have; else a space before each name.
    std::string who_has_not_ended();
    void check_patience() const;

private:
    std::unique_ptr<Worker> start(const std::string& role, Settings settings);
    void start_primary();
    void start_backup();
    void process(Worker& worker, const Line& line);
    void check_order(Worker& worker, const Cursor& now);
    void check_first(const Worker& worker, const Cursor& now) const;
    void remember_read(const Worker& worker, const Cursor& now);
    void remember(const Worker& worker, const Line& line);
    void taken(Worker& taker);
    void settle_lines();
    void ended(std::unique_ptr<Worker>& worker, bool manager_is_alive);
    void look_at_end(const Worker& worker, int status, bool manager_is_alive) const;
    bool may_end_so(const Worker& worker, int status, bool manager_is_alive) const;
    void kill_and_forget(std::unique_ptr<Worker>& worker);
    std::vector<Worker*> workers() const;

    const Site& site_;
    const std::string region_;
    const std::uint64_t seed_;
    const std::uint64_t pause_us_;
    Counts& counts_;
    Random random_;
    RegionOracle oracle_;
    std::uint64_t started_ = 0;
    bool others_may_write_ = false;  ///< one was killed since the last audit: what it had in flight may come
    std::unique_ptr<Worker> primary_, backup_;
    std::vector<std::unique_ptr<Worker>> fenced_;
    std::vector<std::pair<Worker*, std::size_t>> marks_;
    std::deque<std::string> history_;
    std::map<std::string, Cursor> read_to_;  ///< by a cursor's backups, in the tenure that follows
    std::pair<std::uint64_t, std::uint64_t> read_in_{0, 0};  ///< life and clears
};

}  // namespace soak
