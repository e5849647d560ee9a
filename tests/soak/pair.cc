#include "tests/soak/pair.hh"

#include <algorithm>

#include "tests/soak/failure.hh"

namespace soak {

namespace {

constexpr int kSilence = 60;      // seconds without a word of a primary
constexpr int kFencedLimit = 60;  // seconds till a fenced one has noticed
constexpr std::uint64_t kMostKept = 4;
constexpr std::size_t kHistory = 5000;  // lines
// Exit statuses: pmemckpt(7).
constexpr int kMissing = 3, kConnection = 6, kStartUp = 7, kFenced = 8;

}  // namespace

Pair::Pair(const Site& site, std::uint64_t index, std::uint64_t seed, std::uint64_t pause_us, Counts& counts)
    : site_(site),
      region_("r" + std::to_string(index)),
      seed_(mixed(seed ^ mixed(index))),
      pause_us_(pause_us),
      counts_(counts),
      random_(seed_),
      oracle_(region_, counts) {}

std::vector<Worker*> Pair::workers() const {
    std::vector<Worker*> all;
    for (const auto& one : fenced_)
        all.push_back(one.get());
    for (const auto* one : {&primary_, &backup_})
        if (*one)
            all.push_back(one->get());
    return all;
}

void Pair::add_outputs(std::vector<int>& outputs) const {
    for (const auto* worker : workers())
        outputs.push_back(worker->child->output());
}

void Pair::drain() {
    for (auto* worker : workers()) {
        worker->child->drain();
        for (auto& line : worker->child->lines) {
            remember(*worker, line);
            if (RegionOracle::is_beginning(line.verb))
                oracle_.begin(worker->writer, line);
            else
                worker->told.push_back(std::move(line));
        }
        worker->child->lines.clear();
    }
}

void Pair::remember(const Worker& worker, const Line& line) {
    history_.push_back(
        fmt::format("{} {:016x}: {}", worker.child->name(), worker.writer.id, line.to_string()));
    if (history_.size() > kHistory)
        history_.pop_front();
}

void Pair::write_history(std::ostream& output) const {
    for (const auto& line : history_)
        output << line << '\n';
}

void Pair::take_marks() {
    marks_.clear();
    for (auto* worker : workers())
        marks_.emplace_back(worker, worker->told.size());
}

void Pair::process_marked() {
    for (const auto& [worker, count] : marks_)
        for (std::size_t left = count; left != 0; --left) {
            const auto line = std::move(worker->told.front());
            worker->told.pop_front();
            process(*worker, line);
        }
    marks_.clear();
}

void Pair::settle_lines() {
    drain();
    take_marks();
    drain();
    process_marked();
}

void Pair::process(Worker& worker, const Line& line) {
    if (line.verb == "wrong" || line.verb == "trouble")
        fail("{}: {}", worker.child->name(), line.text);
    if (line.verb == "read") {
        oracle_.generation_read(line[0], {line[1], line[2]}, line[3]);
        worker.position = std::max(worker.position, {line[0], 0});
        worker.last = {line[0], 0};
        remember_read(worker, worker.last);
    } else if (line.verb == "record") {
        check_order(worker, {line[0], line[1]});
        oracle_.record_read(line[0], line[1], {line[2], line[3]});
        worker.position = std::max(worker.position, {line[0], line[1]});
    } else if (line.verb == "done") {
        worker.ordered = false;
    } else if (line.verb == "resting") {
        worker.resting = true;
    } else if (line.verb == "full") {
        ++counts_.full;
    } else {
        oracle_.tell(worker.writer, line);
        worker.recovered = worker.recovered || line.verb == "recovered";
        worker.is_backup = worker.is_backup && line.verb != "taken";
        if (line.verb == "dropping")
            worker.last = worker.acknowledged = {0, 0};  // it reads from the start again
        if (line.verb == "taken")
            taken(worker);
    }
}

/// What follows is handed out once, in order. Generation 0 is none: after a clear its log begins again.
void Pair::check_order(Worker& worker, const Cursor& now) {
    if (worker.is_backup && now.first != 0 && worker.last == Cursor{0, 0})
        check_first(worker, now);
    else if (worker.is_backup && now.first != 0 && now.first == worker.last.first &&
             now.second != worker.last.second + 1)
        fail("{} has read record {} behind generation {}, and then {}", worker.child->name(),
             worker.last.second, now.first, now.second);
    worker.last = now;
    remember_read(worker, now);
}

/// It goes on where its cursor was: nothing that it has not read is left out, nothing that it has told is
/// read again.
void Pair::check_first(const Worker& worker, const Cursor& now) const {
    if (read_in_ != std::pair{worker.life, oracle_.clears()} || oracle_.life_number() != worker.life)
        return;
    const auto before = read_to_.find(worker.cursor);
    const Cursor read_to = before == read_to_.end() ? Cursor{0, 0} : before->second;
    if (Cursor{now.first, now.second - 1} > read_to || now <= worker.acknowledged)
        fail(
            "{} has begun with record {} behind generation {}; its cursor was at {}, {} or behind that, and "
            "it had "
            "read to {}, {}",
            worker.child->name(), now.second, now.first, worker.acknowledged.first,
            worker.acknowledged.second, read_to.first, read_to.second);
}

void Pair::remember_read(const Worker& worker, const Cursor& now) {
    if (!worker.is_backup || worker.life != oracle_.life_number())
        return;
    const std::pair here{worker.life, oracle_.clears()};
    if (read_in_ != here)
        read_to_.clear();
    read_in_ = here;
    auto& read_to = read_to_[worker.cursor];
    read_to = std::max(read_to, now);
}

void Pair::taken(Worker& taker) {
    taker.taking = false;
    for (const auto& old : fenced_)
        if (!old->writer.fence) {
            oracle_.fence(old->writer, taker.writer);
            old->fenced_at = Clock::now();
        }
}

std::unique_ptr<Worker> Pair::start(const std::string& role, Settings settings) {
    auto worker = std::make_unique<Worker>();
    worker->writer.id = mixed(seed_ ^ mixed(++started_));
    worker->life = oracle_.life_number();
    settings.set("region", region_)
        .set("life", oracle_.life_number())
        .set("clears", oracle_.clears())
        .set("writer", worker->writer.id)
        .set("pause_us", pause_us_);
    worker->child = site_.start_role(role, region_ + "." + role, settings);
    ++counts_.starts;
    return worker;
}

void Pair::start_primary() {
    Settings settings;
    if (!oracle_.exists())
        settings.set("create_keep", random_.between(1, kMostKept));
    Writer expected;
    oracle_.expect(expected);
    primary_ = start("primary", settings);
    expected.id = primary_->writer.id;
    primary_->writer = expected;
}

void Pair::start_backup() {
    const std::string cursor = random_.percent(50) ? "explicit" : "moved";
    backup_ = start("backup", Settings().set("cursor", cursor));
    backup_->cursor = cursor;
    backup_->is_backup = true;
    backup_->acknowledged = oracle_.cursor(cursor).value_or(Cursor{0, 0});
}

void Pair::keep_up(bool manager_is_alive) {
    for (auto* worker : {&primary_, &backup_})
        if (*worker && (*worker)->child->ended())
            ended(*worker, manager_is_alive);
    for (auto& worker : fenced_)
        if (worker->child->ended())
            ended(worker, manager_is_alive);
    std::erase(fenced_, nullptr);
    if (!manager_is_alive || must_settle())
        return;
    if (!primary_)
        start_primary();
    if (!backup_ && oracle_.exists() && !is_taking())
        start_backup();
}

void Pair::ended(std::unique_ptr<Worker>& worker, bool manager_is_alive) {
    settle_lines();
    const auto status = worker->child->ended().value();
    look_at_end(*worker, status, manager_is_alive);
    if (worker->writer.fence) {
        oracle_.forget(worker->writer);
        ++counts_.fenced;
    } else {
        others_may_write_ = true;
    }
    worker.reset();
}

void Pair::look_at_end(const Worker& worker, int status, bool manager_is_alive) const {
    if (!may_end_so(worker, status, manager_is_alive))
        fail("{} has ended by itself, with {}; its last words: {}", worker.child->name(), end_text(status),
             site_.last_words(worker.child->name()));
}

bool Pair::may_end_so(const Worker& worker, int status, bool manager_is_alive) const {
    if (exited_with(status, kConnection) || exited_with(status, kStartUp))
        return !manager_is_alive;
    if (exited_with(status, kFenced))
        return worker.writer.fence || others_may_write_ || oracle_.may_have_been_taken_over();
    if (exited_with(status, kMissing))
        return worker.life != oracle_.life_number() || oracle_.is_unsettled();
    return false;
}

void Pair::kill_and_forget(std::unique_ptr<Worker>& worker) {
    worker->child->kill();
    settle_lines();
    if (worker->writer.fence)
        oracle_.forget(worker->writer);
    else
        others_may_write_ = true;
    worker.reset();
}

/// With a takeover under way, the one that is to be fenced too: nobody can tell whether it was.
void Pair::kill_primary() {
    const bool taking = primary_->taking;
    kill_and_forget(primary_);
    ++counts_.primary_kills;
    if (!taking)
        return;
    for (auto& old : fenced_)
        if (!old->writer.fence) {
            kill_and_forget(old);
            ++counts_.primary_kills;
        }
    std::erase(fenced_, nullptr);
}

void Pair::kill_backup() {
    kill_and_forget(backup_);
    ++counts_.backup_kills;
}

void Pair::take_over(bool kill_old) {
    if (!primary_ || !backup_ || primary_->ordered || primary_->taking || !oracle_.exists() ||
        oracle_.is_unsettled())
        return;
    if (kill_old || !primary_->recovered) {
        kill_and_forget(primary_);
        ++counts_.primary_kills;
    } else {
        fenced_.push_back(std::move(primary_));
    }
    const auto id = backup_->writer.id;
    oracle_.expect(backup_->writer);
    backup_->writer.id = id;
    backup_->taking = true;
    backup_->child->order("take " + std::to_string(oracle_.life_number()) + " " +
                          std::to_string(oracle_.clears()));
    primary_ = std::move(backup_);
}

void Pair::order_change() {
    if (!primary_ || primary_->ordered || primary_->taking || !oracle_.exists())
        return;
    const auto kind = random_.below(100);
    std::string order = "pin";
    if (kind < 15)
        order = "clear";
    else if (kind < 35)
        order = "remake " + std::to_string(random_.between(1, kMostKept));
    else if (kind < 65)
        order = "keep " + std::to_string(random_.between(1, kMostKept));
    primary_->ordered = true;
    primary_->child->order(order);
}

void Pair::rest() {
    if (primary_->ordered)
        return;
    primary_->ordered = true;
    primary_->child->order("rest");
}

/// Asks the backup how far it is, too: what it has read before it was started, it does not read again.
bool Pair::has_caught_up() {
    const std::pair<std::uint64_t, std::uint64_t> wanted{oracle_.newest(), oracle_.certain_records()};
    if (backup_->position >= wanted)
        return true;
    backup_->child->order("tell");
    const auto known = oracle_.cursor(backup_->cursor);
    return known && *known >= wanted;
}

std::string Pair::state() const {
    const auto position = backup_ ? backup_->position : std::pair<std::uint64_t, std::uint64_t>{};
    return fmt::format("{}: newest {}, {} records; the backup has read to generation {}, record {}", region_,
                       oracle_.newest(), oracle_.certain_records(), position.first, position.second);
}

std::string Pair::who_has_not_ended() {
    keep_up(false);
    std::string names;
    for (const auto* worker : workers())
        names += " " + worker->child->name();
    return names;
}

void Pair::check_patience() const {
    const auto now = Clock::now();
    if (primary_ && !primary_->resting && now - primary_->child->heard() > site_.limit(kSilence))
        fail("{}, of which nothing was heard for {} s, hangs", primary_->child->name(),
             site_.limit(kSilence).count());
    for (const auto& old : fenced_)
        if (old->writer.fence && now - old->fenced_at > site_.limit(kFencedLimit))
            fail("{} was fenced, and has not noticed within {} s", old->child->name(),
                 site_.limit(kFencedLimit).count());
}

}  // namespace soak
