// Followers that look every so often, instead of being told.
#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>

#include "tests/unit/client_log_fixture.hh"

namespace {

using namespace pmemckpt;
using test::bytes_of;
using test::ManagerHere;
using test::save;

constexpr std::uint32_t kHour_ms = 3'600'000;

/// A follower in a thread of its own: what it was handed, and how it ended.
class Following {
public:
    Following(std::shared_ptr<client::Client> client, std::uint32_t period_ms, std::size_t until = SIZE_MAX)
        : client_(std::move(client)), period_ms_(period_ms), until_(until), thread_([this] { run(); }) {}
    std::size_t count() const { return count_; }
    bool is_over() const { return is_over_; }
    Status end() {
        thread_.join();
        return ended_;
    }
    /// When it is over.
    const std::vector<std::string>& seen() const { return seen_; }

private:
    void run() {
        client::FollowOptions options;
        options.cursor = "periodic";
        options.period_ms = period_ms_;
        ended_ = client_->follow("region", options, [this](const client::Item& item) -> Result<bool> {
            seen_.push_back(item.record ? "record " + test::text_of(item.record->bytes)
                                        : fmt::format("generation {}", item.generation->generation().number));
            count_ = seen_.size();
            return seen_.size() < until_;
        });
        is_over_ = true;
    }

    std::shared_ptr<client::Client> client_;
    const std::uint32_t period_ms_;
    const std::size_t until_;
    std::vector<std::string> seen_;
    std::atomic<std::size_t> count_ = 0;
    Status ended_;
    std::atomic<bool> is_over_ = false;
    std::jthread thread_;  // goes first
};

/// Each portion once and in order, while the primary goes on.
void each_period_brings_what_is_new() {
    ManagerHere here;
    const auto primary = here.connect();
    test::ok(primary->create_region("region", {}, true));
    Following following(here.connect("bob"), 20, 9);
    for (std::size_t round = 0; round < 3; ++round) {
        save(*primary, "region", bytes_of("state"));
        test::eventually([&] { return following.is_over() || following.count() >= round * 3 + 1; });
        const auto appender = test::ok(primary->open_log("region"));
        for (const auto* record : {"a", "b"})
            test::ok(appender->append(bytes_of(record)));
        test::ok(appender->flush());
        test::eventually([&] { return following.is_over() || following.count() >= round * 3 + 3; });
    }
    test::ok(following.end());
    std::string all;
    for (const auto& name : following.seen())
        all += name + ", ";
    test::equal(all,
                "generation 1, record a, record b, generation 2, record a, record b, "
                "generation 3, record a, record b, ");
    const auto cursor = test::ok(primary->cursor("region", "periodic"));  // the last one was not taken
    CHECK(cursor.generation == 3 && cursor.sequence == 1);
}

/// Between two looks nothing is asked, and nothing comes.
void nothing_comes_before_the_period_is_over() {
    ManagerHere here;
    const auto primary = here.connect();
    test::ok(primary->create_region("region", {}, true));
    save(*primary, "region", bytes_of("state"));
    Following following(here.connect("bob"), kHour_ms);
    test::eventually([&] { return following.count() == 1; });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it has looked once more, and waits
    save(*primary, "region", bytes_of("state"));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    test::equal(following.count(), 1U);
    here.end();
    test::eventually([&] { return following.is_over(); });
    CHECK(!following.end());
}

/// Not at the next look, which may be far away.
void a_lost_connection_is_noticed_at_once() {
    ManagerHere here;
    test::ok(here.connect()->create_region("region", {}, true));
    for (const auto period_ms : {kHour_ms, UINT32_MAX}) {
        Following following(here.connect("bob"), period_ms);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        here.end();
        test::eventually([&] { return following.is_over(); });
        const auto ended = following.end();
        CHECK(!ended);
        test::contains(ended.error().message, "was lost");
        here.start();
    }
}

void append(client::Client& client, const std::string& prefix, int count) {
    const auto appender = test::ok(client.open_log("region"));
    for (int at = 1; at <= count; ++at)
        test::ok(appender->append(bytes_of(fmt::format("{}{}", prefix, at))));
    test::ok(appender->flush());
}

/// All there is for the cursor "spare"; `meanwhile` runs when so many items were seen.
std::string read_unread(client::Client& client, std::size_t when, const std::function<void()>& meanwhile,
                        Status& ended) {
    client::FollowOptions options;
    options.cursor = "spare";
    options.wait = false;
    std::string seen;
    std::size_t count = 0;
    ended = client.follow("region", options, [&](const client::Item& item) -> Result<bool> {
        seen += item.record ? test::text_of(item.record->bytes) + " "
                            : fmt::format("@{} ", item.generation->generation().number);
        if (++count == when)
            meanwhile();
        return true;
    });
    return seen;
}

/// A clear takes the log away while a record of it is in a backup's hands, and another one has its numbers.
void a_clear_in_the_middle_loses_nothing() {
    ManagerHere here;
    const auto primary = here.connect(), backup = here.connect("bob");
    test::ok(primary->create_region("region", {}, true));
    append(*primary, "A", 5);
    Status ended;
    const auto clear = [&] {
        test::ok(primary->clear("region"));
        append(*primary, "B", 8);
    };
    const auto first = read_unread(*backup, 3, clear, ended);
    test::ok(Status(ended));
    const auto second = read_unread(
        *backup, 0, [] {}, ended);
    test::ok(Status(ended));
    test::contains(first + second, "B1 B2 B3 B4 B5 B6 B7 B8 ");
    test::equal(first.substr(0, 9), "A1 A2 A3 ");
    test::equal(test::ok(backup->cursor("region", "spare")).sequence, 8U);
}

/// What is there under the name is nobody's continuation.
void a_region_made_anew_ends_it() {
    ManagerHere here;
    const auto primary = here.connect(), backup = here.connect("bob");
    test::ok(primary->create_region("region", {}, true));
    for (int count = 0; count < 3; ++count)
        save(*primary, "region", bytes_of("old"));
    append(*primary, "A", 2);
    Status ended;
    const auto make_anew = [&] {
        const auto other = here.connect();
        test::ok(other->destroy_region("region"));
        test::ok(other->create_region("region", {}, true));
        for (int count = 0; count < 5; ++count)
            save(*other, "region", bytes_of("new"));
        append(*other, "B", 4);
    };
    test::equal(read_unread(*backup, 2, make_anew, ended).substr(0, 6), "@1 @2 ");
    test::error(ended, ENOENT);
    test::equal(read_unread(
                    *here.connect("bob"), 0, [] {}, ended),
                "@1 @2 @3 @4 @5 B1 B2 B3 B4 ");
    test::ok(Status(ended));
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run("client follow",
                     {{"each period brings what is new", each_period_brings_what_is_new},
                      {"nothing comes before the period is over", nothing_comes_before_the_period_is_over},
                      {"a clear in the middle loses nothing", a_clear_in_the_middle_loses_nothing},
                      {"a region made anew ends it", a_region_made_anew_ends_it},
                      {"a lost connection is noticed at once", a_lost_connection_is_noticed_at_once}});
}
