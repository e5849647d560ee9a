// All that a region holds, in order, and then what comes: generations, and the records of the log behind the
// newest.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "lib/client/calls.hh"

namespace pmemckpt::client {

namespace {

class Follower {
public:
    Follower(Client& client, const std::string& region, const FollowOptions& options, const Sink& sink)
        : client_(client), region_(region), options_(options), sink_(sink) {}

    Status run();

private:
    /// What a round has come to.
    enum class Round { nothing_new, again, stop };

    Result<Round> round();
    Status check_region(std::uint64_t region_id);
    Result<Round> read_generations();
    Result<Round> read_records();
    Result<Round> open_log();
    Result<Round> hand_out(const Item& item, std::uint64_t generation, std::uint64_t sequence);
    Status advance();
    Status wait();
    Status wait_period();

    Client& client_;
    const std::string& region_;
    const FollowOptions& options_;
    const Sink& sink_;
    wire::Cursor position_;   // what was handed out
    wire::Cursor cursor_at_;  // what the manager knows of that: after a clear it is ahead, and waits
    std::uint64_t region_id_ = 0;
    std::uint64_t log_id_ = 0;  // of the log that position_.sequence is of
    std::unique_ptr<LogReader> log_;
};

Status Follower::run() {
    if (!options_.cursor.empty())
        cursor_at_ = position_ = TRY(client_.cursor(region_, options_.cursor));
    for (;;) {
        const auto round = TRY(this->round());
        if (round == Round::stop || (round == Round::nothing_new && !options_.wait))
            return {};
        if (round == Round::nothing_new)
            TRY(wait());
    }
}

Result<Follower::Round> Follower::round() {
    const auto generations = TRY(read_generations());
    if (generations != Round::nothing_new)
        return generations;
    return read_records();
}

/// Names and numbers come again in a region that is destroyed and made anew: what was read is not of that
/// one.
Status Follower::check_region(std::uint64_t region_id) {
    if (region_id_ == 0)
        region_id_ = region_id;
    if (region_id_ != region_id)
        return fail(ENOENT, "region {} was destroyed, and made anew, while it was followed", region_);
    return {};
}

Result<Follower::Round> Follower::read_generations() {
    const auto state = TRY(client_.log_state(region_));
    TRY(check_region(state.region_id));
    if (state.generation <= position_.generation)
        return Round::nothing_new;
    const auto all = TRY(client_.generations(region_));
    for (const auto& generation : all) {
        if (generation.number <= position_.generation)
            continue;
        auto reader = client_.open(region_, generation.number);
        if (!reader && reader.error().code == ENOENT)
            continue;  // retention has dropped it since it was listed
        Item item;
        item.generation = TRY(std::move(reader));
        TRY(check_region(item.generation->generation().region_id));
        if (TRY(hand_out(item, generation.number, 0)) == Round::stop)
            return Round::stop;
    }
    return Round::again;
}

/// The log behind the generation that was read last, from where it was read to. nothing_new: there is none.
Result<Follower::Round> Follower::open_log() {
    auto log = client_.read_log(region_);
    if (!log && log.error().code == ENODATA)
        return Round::nothing_new;
    if (!log)
        return tl::unexpected(std::move(log).error());
    if ((*log)->generation() > position_.generation)
        return Round::again;  // sealed since: that one first
    const auto now = TRY(client_.log_state(region_));
    TRY(check_region(now.region_id));
    const bool other = log_id_ != 0 && log_id_ != (*log)->log_id();
    if ((*log)->generation() < position_.generation ||
        (other && (*log)->generation() == position_.generation)) {
        position_.generation = (*log)->generation();  // the region was cleared: this log is all new
        position_.sequence = 0;
    }
    const auto skipped = (*log)->skip_to(position_.sequence);
    if (!skipped && skipped.error().code == ESTALE)
        return Round::again;
    if (!skipped && skipped.error().code == ERANGE)
        return fail(ERANGE, "{} (was the region cleared? drop the cursor to read it from its start)",
                    skipped.error().message);
    TRY(Status(skipped));
    log_id_ = (*log)->log_id();
    log_ = std::move(*log);
    return Round::again;
}

Result<Follower::Round> Follower::read_records() {
    if (!log_) {
        const auto opened = TRY(open_log());
        if (!log_)
            return opened;
    }
    auto round = Round::nothing_new;
    for (;;) {
        auto next = log_->next();
        if (!next && next.error().code == ESTALE) {
            log_.reset();
            return Round::again;
        }
        auto record = TRY(std::move(next));
        if (!record)
            return round;
        Item item;
        item.record = std::move(record);
        if (TRY(hand_out(item, item.record->generation, item.record->sequence)) == Round::stop)
            return Round::stop;
        round = Round::again;
    }
}

Result<Follower::Round> Follower::hand_out(const Item& item, std::uint64_t generation,
                                           std::uint64_t sequence) {
    if (!TRY(sink_(item)))
        return Round::stop;
    position_.generation = generation;
    position_.sequence = sequence;
    if (item.generation)
        log_.reset();
    TRY(advance());
    return Round::again;
}

Status Follower::advance() {
    const bool is_ahead =
        position_.generation > cursor_at_.generation ||
        (position_.generation == cursor_at_.generation && position_.sequence > cursor_at_.sequence);
    if (options_.cursor.empty() || !options_.advance || !is_ahead)
        return {};
    position_.name = options_.cursor;
    const ReadFrom from{region_id_, position_.sequence == 0 ? 0 : log_id_};
    const auto status = client_.advance_cursor(region_, position_, from);
    if (status)
        cursor_at_ = position_;
    if (!status && status.error().code == ESTALE)
        return {};  // what was read is no more: the next look finds what is there now
    if (status || status.error().code != EINVAL)
        return status;
    // A log that ended while it was read: the generation that ended it comes next, and moves the cursor.
    const auto newest = client_.find_generation(region_);
    const bool has_ended = newest ? newest->number > position_.generation : newest.error().code == ENODATA;
    return has_ended ? Status() : status;
}

Status Follower::wait_period() {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + Milliseconds(options_.period_ms);
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
        TRY(client_.state());
        std::this_thread::sleep_for(std::min<Clock::duration>(end - now, kLookForLoss));
    }
    return client_.state();
}

Status Follower::wait() {
    if (options_.period_ms > 0)
        return wait_period();
    const auto region = TRY(client_.find_region(region_));
    if (region.newest > position_.generation)
        return {};
    wire::LogState after;
    after.generation = region.newest;
    after.log_id = log_ ? log_->log_id() : 0;
    after.records = log_ ? position_.sequence : 0;
    const auto told = client_.wait_log(region_, after, UINT32_MAX);
    if (!told)
        return tl::unexpected(told.error());
    return {};
}

}  // namespace

Status Client::follow(const std::string& region, const FollowOptions& options, const Sink& sink) {
    TRY(check_region(region));
    TRY(check_cursor(options.cursor));
    return Follower(*this, region, options, sink).run();
}

Status Client::read_all(const std::string& region, const Sink& sink) {
    FollowOptions options;
    options.wait = false;
    return follow(region, options, sink);
}

}  // namespace pmemckpt::client
