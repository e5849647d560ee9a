// Logs, over real connections: opening, appending by RDMA, growing, reading, waiting, and what ends them.
// time-limit: 180
#include <cerrno>
#include <cstring>
#include <functional>

#include "lib/format/log_record.hh"
#include "lib/media/medium.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::Bytes;
using test::ManagerFixture;
using test::RawClient;

namespace {

constexpr const char* kRegion = "team/app";

struct Served : ManagerFixture {
    Served() {
        start();
        alice = open("alice");
        bob = open("bob");
        test::ok(alice->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
    }
    std::shared_ptr<RawClient> alice, bob;
};

/// As an appender of that epoch and term would write it.
Bytes record_of(const wire::LogGranted& log, std::uint64_t sequence, std::size_t payload_bytes) {
    const auto payload = test::random_bytes(payload_bytes);
    const auto header = format::log_record_header({log.log_id, log.epoch, log.term}, sequence, payload);
    Bytes record(format::log_record_bytes(payload.size()));
    std::memcpy(record.data(), &header, sizeof header);
    std::memcpy(record.data() + sizeof header, payload.data(), payload.size());
    return record;
}

/// Writes records as an appender does, over its windows' borders.
class Appending {
public:
    Appending(std::shared_ptr<RawClient> client, wire::LogGranted log)
        : client_(std::move(client)), log_(std::move(log)), end_(log_.end), next_(log_.next_sequence) {}

    void append(std::size_t payload_bytes) {
        auto record = record_of(log_, next_++, payload_bytes);
        write(record);
    }
    void add(const wire::LogGranted& more) {
        log_.segments.insert(log_.segments.end(), more.segments.begin(), more.segments.end());
    }
    std::uint64_t room() const {
        const auto& last = log_.segments.back();
        return last.start + last.window.size - end_;
    }
    const wire::LogGranted& log() const { return log_; }
    std::uint64_t end() const { return end_; }

private:
    /// On return it is durable: a read behind the writes was answered.
    void write(std::span<std::byte> record) {
        while (!record.empty()) {
            const auto& segment = segment_at(end_);
            const auto within = end_ - segment.start;
            const auto part = std::min<std::uint64_t>(record.size(), segment.window.size - within);
            test::ok(client_->write(segment.window, within, record.first(part)));
            record = record.subspan(part);
            end_ += part;
            if (record.empty())
                test::ok(client_->read(segment.window, within, 8));
        }
    }
    const wire::LogSegment& segment_at(std::uint64_t at) const {
        for (const auto& segment : log_.segments)
            if (at >= segment.start && at - segment.start < segment.window.size)
                return segment;
        test::fail_at(test::Place::current(), "the log is full");
    }

    std::shared_ptr<RawClient> client_;
    wire::LogGranted log_;
    std::uint64_t end_, next_;
};

Appending open_log(const std::shared_ptr<RawClient>& client, std::uint64_t room = kMiB) {
    return {client, test::ok(client->ask<wire::LogGranted>(wire::OpenLog{kRegion, room, 0}))};
}
Result<wire::LogOpened> read_log(RawClient& client) {
    return client.ask<wire::LogOpened>(wire::ReadLog{kRegion});
}
wire::WaitLog wait_from(const wire::LogGranted& log, std::uint64_t after,
                        std::uint32_t timeout_ms = UINT32_MAX) {
    return {kRegion, log.generation, log.log_id, after, timeout_ms};
}
Result<wire::Generation> save(RawClient& client) {
    const auto draft = test::ok(client.ask<wire::Begun>(wire::Begin{kRegion, 4096}));
    return client.ask<wire::Generation>(wire::Seal{draft.draft_id, 4096, 0, 0});
}

void records_are_read_back() {
    Served served;
    test::error(read_log(*served.bob), ENODATA);
    auto log = open_log(served.alice);
    test::equal(log.log().end, 0U);
    test::equal(log.log().next_sequence, 1U);
    CHECK(log.log().log_id != 0 && log.room() >= kMiB);
    for (const std::size_t size : {1U, 8U, 100U, 70'000U})
        log.append(size);
    const auto opened = test::ok(read_log(*served.bob));
    test::equal(opened.records, 4U);
    test::equal(opened.bytes, log.end());
    test::equal(opened.log_id, log.log().log_id);
    test::equal(opened.generation, 0U);
    CHECK(test::ok(served.bob->read(opened.segments.at(0).window, 0, 4)) ==
          (Bytes{std::byte{'P'}, std::byte{'L'}, std::byte{'O'}, std::byte{'G'}}));
    test::equal(test::ok(served.bob->ask<wire::Region>(wire::FindRegion{kRegion})).log_records, 4U);
    test::ok(served.bob->ask<wire::Empty>(wire::CloseGeneration{opened.handle}));
    CHECK(!served.bob->read(opened.segments.at(0).window, 0, 4));
}

void read_windows_are_for_reading() {
    Served served;
    open_log(served.alice).append(10);
    const auto opened = test::ok(read_log(*served.bob));
    served.bob->write_refused(opened.segments.at(0).window);
    test::equal(test::ok(read_log(*served.open())).records, 1U);
}

void one_appender_at_a_time() {
    Served served;
    auto log = open_log(served.alice);
    log.append(10);
    const auto why = test::error(served.bob->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}), EBUSY);
    test::contains(why, "alice from " + test::host() + ":");
    test::error(served.bob->ask<wire::Empty>(wire::CloseLog{kRegion}), ENOENT);
    test::ok(served.alice->ask<wire::Empty>(wire::CloseLog{kRegion}));
    const auto next = open_log(served.bob);
    test::equal(next.log().log_id, log.log().log_id);
    test::equal(next.log().term, log.log().term + 1);
    test::equal(next.log().next_sequence, 2U);
    test::equal(next.log().end, log.end());
    served.alice->write_refused(log.log().segments.at(0).window);
}

// Nor is it read: what others appended is theirs, to the byte.
void who_appends_reaches_nothing_of_before() {
    Served served;
    auto log = open_log(served.alice);
    log.append(100);
    log.append(70'000);
    test::ok(served.alice->ask<wire::Empty>(wire::CloseLog{kRegion}));
    const auto content = [&] {
        const auto reader = served.open();
        const auto opened = test::ok(read_log(*reader));
        auto bytes = test::ok(reader->read(opened.segments.at(0).window, 0, opened.bytes));
        reader->close();
        return bytes;
    };
    for (const bool writes : {true, false}) {
        const auto bob = served.open("bob");
        const auto before = content();
        const auto his = open_log(bob);
        test::equal(his.log().segments.at(0).start, before.size());
        auto window = his.log().segments.at(0).window;
        window.base -= 8;
        writes ? bob->write_refused(window) : bob->read_refused(window);
        CHECK(content() == before);
        const auto next = served.open("bob");
        test::eventually([&] {
            return next->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}).has_value();
        });
        next->close();
        test::eventually([&] { return served.ask_admin().find(R"("windows":[])") != std::string::npos; });
    }
}

void put(RawClient& appender, const wire::LogGranted& log, std::uint64_t at, Bytes bytes) {
    const auto& [start, window] = log.segments.at(0);
    test::ok(appender.write(window, at - start, bytes));
    test::ok(appender.read(window, 0, 8));
}

// Of an appender that is gone nothing counts but what is good then, and what he left behind it is blank: else
// he could be read, take records of the next one with him, or have some of his own taken for that one's.
void check_left_behind(const std::function<void(RawClient&, const wire::LogGranted&)>& leave) {
    Served served;
    auto first = open_log(served.alice);
    first.append(10);
    test::ok(served.alice->ask<wire::Empty>(wire::CloseLog{kRegion}));
    leave(*served.bob, open_log(served.bob).log());
    test::ok(served.bob->ask<wire::Empty>(wire::CloseLog{kRegion}));

    auto next = open_log(served.alice);
    test::equal(next.log().end, first.end());
    test::equal(next.log().next_sequence, 2U);
    CHECK(test::ok(served.alice->read(next.log().segments.at(0).window, 0, 10'000)) == Bytes(10'000));
    next.append(10);
    test::equal(test::ok(read_log(*served.open())).records, 2U);
    served.alice.reset();
    served.bob.reset();
    served.manager.reset();
    served.start();
    test::equal(test::ok(read_log(*served.open())).records, 2U);
}

void own_records_that_are_changed_later() {
    check_left_behind([](RawClient& bob, const wire::LogGranted& log) {
        put(bob, log, log.end, record_of(log, log.next_sequence, 100));
        test::equal(test::ok(bob.ask<wire::Region>(wire::FindRegion{kRegion})).log_records, 2U);
        put(bob, log, log.end, Bytes(64));
    });
}

void records_of_the_next_term() {
    check_left_behind([](RawClient& bob, wire::LogGranted log) {
        ++log.term;
        put(bob, log, log.end, record_of(log, log.next_sequence, 100));
        put(bob, log, log.end + 5000, record_of(log, log.next_sequence + 1, 100));
    });
}

void a_torn_record() {
    check_left_behind([](RawClient& bob, const wire::LogGranted& log) {
        auto record = record_of(log, log.next_sequence, 3000);
        record[100] ^= std::byte{1};
        put(bob, log, log.end, record);
    });
}

void no_record_is_of_an_epoch_that_has_no_appender() {
    Served served;
    const auto log = open_log(served.bob).log();
    auto forged = log;
    ++forged.epoch;
    auto record = record_of(forged, 1, 100);
    test::ok(served.bob->write(log.segments.at(0).window, 0, record));
    test::ok(served.bob->read(log.segments.at(0).window, 0, 8));
    test::equal(test::ok(served.alice->ask<wire::TakenOver>(wire::TakeOver{kRegion, ""})).region.log_records,
                0U);
    test::equal(test::ok(read_log(*served.open())).records, 0U);
}

void opened_again_by_the_same_session() {
    Served served;
    const auto first = open_log(served.alice);
    auto second = open_log(served.alice);
    test::equal(second.log().term, first.log().term + 1);
    second.append(5);
    test::error(
        served.alice->ask<wire::LogGranted>(wire::GrowLog{kRegion, first.log().log_id, first.log().term, 1}),
        ESTALE);
    served.alice->write_refused(first.log().segments.at(0).window);
}

void a_disconnect_closes_it() {
    Served served;
    open_log(served.alice).append(10);
    served.alice->close();
    test::eventually([&] {
        return served.bob->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}).has_value();
    });
}

void it_grows() {
    Served served;
    auto log = open_log(served.alice, 1);
    const auto first = log.room();
    const auto more = test::ok(
        served.alice->ask<wire::LogGranted>(wire::GrowLog{kRegion, log.log().log_id, log.log().term, kMiB}));
    CHECK(!more.segments.empty());
    test::equal(more.segments.at(0).start, first);
    log.add(more);
    log.append(first - 100);  // the next one straddles the border
    log.append(1000);
    log.append(3);
    const auto opened = test::ok(read_log(*served.bob));
    test::equal(opened.records, 3U);
    test::equal(opened.bytes, log.end());
    test::equal(opened.segments.size(), 1U);  // side by side they are one window
    test::error(served.alice->ask<wire::LogGranted>(
                    wire::GrowLog{kRegion, log.log().log_id, log.log().term + 1, kMiB}),
                ESTALE);
    test::error(
        served.alice->ask<wire::LogGranted>(wire::GrowLog{kRegion, log.log().log_id, log.log().term, kTiB}),
        ENOSPC);
}

void waiting_for_records() {
    Served served;
    auto log = open_log(served.alice);
    test::error(served.bob->ask<wire::LogState>(wait_from(log.log(), 0, 1)), ETIMEDOUT);
    const auto id = served.bob->post(wait_from(log.log(), 0));
    log.append(10);  // nobody is told: the manager looks
    const auto state =
        test::ok(served.bob->answer<wire::LogState>(served.bob->receive(), wire::Type::wait_log, id));
    test::equal(state.records, 1U);
    test::equal(state.bytes, log.end());
    test::equal(test::ok(served.bob->ask<wire::LogState>(wait_from(log.log(), 0, 0))).records,
                1U);  // at once
    const auto next = served.bob->post(wait_from(log.log(), 1));
    log.append(20);
    test::ok(served.alice->ask<wire::Empty>(wire::LogHint{kRegion}));
    test::equal(
        test::ok(served.bob->answer<wire::LogState>(served.bob->receive(), wire::Type::wait_log, next))
            .records,
        2U);
}

void waiting_ends_with_the_log() {
    Served served;
    const auto log = open_log(served.alice);
    const auto id = served.bob->post(wait_from(log.log(), 0));
    test::ok(save(*served.alice));
    const auto state =
        test::ok(served.bob->answer<wire::LogState>(served.bob->receive(), wire::Type::wait_log, id));
    test::equal(state.generation, 1U);
    test::equal(state.log_id, 0U);
    const auto last = served.bob->post(wire::WaitLog{kRegion, 1, 0, 0, UINT32_MAX});
    test::ok(served.alice->ask<wire::Empty>(wire::DestroyRegion{kRegion}));
    test::error(served.bob->answer<wire::LogState>(served.bob->receive(), wire::Type::wait_log, last),
                ENOENT);
}

void waits_are_bounded() {
    Served served;
    driver::Limits limits;
    const auto log = open_log(served.alice);
    for (unsigned count = 0; count < limits.waiters_per_session; ++count)
        if (count % 2 == 0)
            served.bob->post(wait_from(log.log(), 0));
        else
            served.bob->post(wire::Watch{kRegion, UINT64_MAX, UINT32_MAX});
    test::contains(test::error(served.bob->ask<wire::LogState>(wait_from(log.log(), 0)), EMFILE), "64");
    served.bob->close();
}

void a_seal_ends_the_log() {
    Served served;
    auto log = open_log(served.alice);
    log.append(100);
    const auto before = test::ok(read_log(*served.bob));
    test::ok(save(*served.alice));
    test::error(read_log(*served.bob), ENODATA);
    test::error(
        served.alice->ask<wire::LogGranted>(wire::GrowLog{kRegion, log.log().log_id, log.log().term, 1}),
        ESTALE);
    // Who has it open reads on what there was.
    test::ok(served.bob->read(before.segments.at(0).window, 0, before.bytes));
    const auto next = open_log(served.open());
    CHECK(next.log().log_id != log.log().log_id);
    test::equal(next.log().generation, 1U);
    test::equal(next.log().next_sequence, 1U);
    served.alice->write_refused(log.log().segments.at(0).window);
}

void clear_empties_the_region() {
    Served served;
    test::ok(save(*served.alice));
    auto log = open_log(served.alice);
    log.append(100);
    test::ok(served.bob->ask<wire::Empty>(wire::Clear{kRegion}));
    test::error(read_log(*served.bob), ENODATA);
    const auto region = test::ok(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}));
    test::equal(region.generations, 0U);
    test::equal(region.log_id, 0U);
    const auto client = served.open();
    test::equal(test::ok(save(*client)).number, 2U);
    served.alice->write_refused(log.log().segments.at(0).window);
}

wire::FlushLog flush_of(const Appending& log) {
    return {kRegion, log.log().log_id, log.log().term, log.log().end, log.end()};
}

/// Over a device, or where the administrator wants it: the manager is asked.
void a_log_is_flushed_by_request() {
    ManagerFixture served;
    served.config.gpspm_alone = true;
    served.start();
    const auto alice = served.open("alice"), bob = served.open("bob");
    test::ok(alice->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
    auto log = open_log(alice, 5 * kMiB);
    test::equal(log.log().flush_by, static_cast<std::uint8_t>(wire::FlushBy::request));
    // Of a plain file it is msync all the same.
    test::equal(log.log().durability, static_cast<std::uint8_t>(media::Durability::page));
    log.append(3 * kMiB);  // of two pages
    log.append(100);
    test::ok(alice->ask<wire::Empty>(flush_of(log)));
    auto everything = flush_of(log);
    everything.from = 0, everything.to = UINT64_MAX;
    test::ok(alice->ask<wire::Empty>(everything));
    auto other = flush_of(log);
    other.term += 1;
    test::contains(test::error(alice->ask<wire::Empty>(other), ESTALE), "not open for append");
    test::error(bob->ask<wire::Empty>(flush_of(log)), ESTALE);
    test::ok(bob->ask<wire::TakenOver>(wire::TakeOver{kRegion, ""}));
    test::contains(test::error(alice->ask<wire::Empty>(flush_of(log)), ESTALE), "fenced");
}

void cursors() {
    Served served;
    test::ok(save(*served.alice));
    auto log = open_log(served.alice);
    log.append(100);
    log.append(100);
    auto& bob = *served.bob;
    test::equal(test::ok(bob.ask<wire::Cursor>(wire::CursorGet{kRegion, "new"})).generation, 0U);
    test::ok(bob.ask<wire::Empty>(wire::CursorAdvance{kRegion, {"b", 1, 1}}));
    test::ok(bob.ask<wire::Empty>(wire::CursorAdvance{kRegion, {"a", 1, 2}}));
    test::error(bob.ask<wire::Empty>(wire::CursorAdvance{kRegion, {"b", 1, 0}}), EINVAL);
    test::error(bob.ask<wire::Empty>(wire::CursorAdvance{kRegion, {"b", 1, 3}}), EINVAL);
    test::error(bob.ask<wire::Empty>(wire::CursorAdvance{kRegion, {"b", 2, 0}}), EINVAL);
    test::error(bob.ask<wire::Empty>(wire::CursorAdvance{kRegion, {"a/b", 1, 0}}), EINVAL);
    test::equal(test::ok(bob.ask<wire::Cursor>(wire::CursorGet{kRegion, "a"})).sequence, 2U);
    const auto list = test::ok(bob.ask<wire::CursorList>(wire::CursorListRequest{kRegion, ""}));
    test::equal(list.cursors.size(), 2U);
    test::equal(list.cursors.at(0).name, "a");
    test::equal(test::ok(bob.ask<wire::CursorList>(wire::CursorListRequest{kRegion, "a"})).cursors.size(),
                1U);
    test::ok(bob.ask<wire::Empty>(wire::CursorDrop{kRegion, "a"}));
    test::equal(test::ok(bob.ask<wire::CursorList>(wire::CursorListRequest{kRegion, ""})).cursors.size(), 1U);
}

}  // namespace

int main() {
    return test::run(
        "log_requests",
        {{"records are read back", records_are_read_back},
         {"read windows are for reading", read_windows_are_for_reading},
         {"one appender at a time", one_appender_at_a_time},
         {"who appends reaches nothing of before", who_appends_reaches_nothing_of_before},
         {"own records that are changed later", own_records_that_are_changed_later},
         {"records of the next term", records_of_the_next_term},
         {"a torn record", a_torn_record},
         {"no record is of an epoch that has no appender", no_record_is_of_an_epoch_that_has_no_appender},
         {"opened again by the same session", opened_again_by_the_same_session},
         {"a disconnect closes it", a_disconnect_closes_it},
         {"it grows", it_grows},
         {"waiting for records", waiting_for_records},
         {"waiting ends with the log", waiting_ends_with_the_log},
         {"waits are bounded", waits_are_bounded},
         {"a log is flushed by request", a_log_is_flushed_by_request},
         {"a seal ends the log", a_seal_ends_the_log},
         {"clear empties the region", clear_empties_the_region},
         {"cursors", cursors}});
}
