// Followers that look every so often, instead of being told.
#include <atomic>
#include <cerrno>
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

}  // namespace

int main() {
    test::clear_environment();
    return test::run("client follow",
                     {{"each period brings what is new", each_period_brings_what_is_new},
                      {"nothing comes before the period is over", nothing_comes_before_the_period_is_over},
                      {"a lost connection is noticed at once", a_lost_connection_is_noticed_at_once}});
}
