// A thread of the user's attends a connection: it handles what comes itself, or the engine's threads do,
// never both; nothing is lost when it comes, goes, or when the connection ends meanwhile. time-limit: 180
#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;
using Clock = std::chrono::steady_clock;
using Kind = rdma::OneSided::Kind;

namespace {

constexpr std::size_t kPage = 4096;
constexpr auto kLong = std::chrono::seconds(60);
constexpr auto kShort = std::chrono::milliseconds(20);

rdma::EngineOptions polling(unsigned poll_us) {
    rdma::EngineOptions options;
    options.poll_us = poll_us;
    return options;
}

/// A pair whose client has a window of one page at the server's.
struct Ends : Pair {
    explicit Ends(unsigned poll_us = 0) : Pair({}, polling(poll_us), transport(), host()) {
        grant = granted(*server, *client_ear, memory.translation(), Access::both);
        local = ok(client->register_memory(source));
        into = ok(client->register_memory(back));
    }
    /// A write, and a read behind it of what it wrote.
    Status write_and_read(std::uint64_t offset, std::uint64_t first_tag) {
        const std::array both{
            rdma::OneSided{Kind::write, local, {{offset}, {8}}, grant, {offset}, first_tag},
            rdma::OneSided{Kind::read, into, {{offset}, {8}}, grant, {offset}, first_tag + 1}};
        return client->post(both);
    }

    Scattered memory{1, kPage};
    Bytes source = random_bytes(kPage), back = Bytes(kPage);
    rdma::Grant grant;
    std::shared_ptr<rdma::Registration> local, into;
};

bool knows_attendance() {
    return transport() == "verbs";
}

void who_attends_handles_it_himself(unsigned poll_us) {
    Ends ends(poll_us);
    std::atomic<std::size_t> here = 0, elsewhere = 0;
    const auto self = std::this_thread::get_id();
    ends.client_ear->completion_hook = [&](std::uint64_t, const Status& status) {
        CHECK(status);
        ++(std::this_thread::get_id() == self ? here : elsewhere);
    };
    constexpr std::size_t kRounds = 200;
    for (std::size_t round = 0; round < kRounds; ++round) {
        const rdma::Attending attending(ends.client);
        ok(ends.write_and_read(8 * round, 2 * round));
        ends.client->serve([&] { return here + elsewhere == 2 * round + 2; }, Clock::now() + kLong);
        ends.client_ear->wait_completions(2 * round + 2);
    }
    CHECK(std::equal(ends.back.begin(), ends.back.begin() + 8 * kRounds, ends.source.begin()));
    const auto done = ends.client_ear->completions();
    for (std::size_t i = 0; i < done.size(); ++i)
        equal(done[i].tag, i);
    if (knows_attendance())
        CHECK(here > elsewhere);  // the engine's thread has it for a moment after the start
    else
        equal(here.load(), 0U);
}

/// When it does not come in time, the engine's threads go on with it.
void who_has_waited_long_enough_goes() {
    Ends ends;
    const auto begun = Clock::now();
    CHECK(!ends.client->serve([] { return false; }, begun + kShort));
    CHECK(Clock::now() < begun + kLong);
    {
        const rdma::Attending attending(ends.client);
        CHECK(!ends.client->serve([] { return false; }, Clock::now() + kShort));
        ok(ends.server->send(bytes_of("late")));  // in the scope of an attendance that has ended
        CHECK(ends.client_ear->wait_messages(1)[0] == bytes_of("late"));
    }
    ok(ends.server->send(bytes_of("and later")));
    CHECK(ends.client_ear->wait_messages(2)[1] == bytes_of("and later"));
}

/// Who has slept while he served leaves the connection to the engine's threads as they expect it.
void who_leaves_is_followed() {
    Ends ends;
    std::atomic<std::size_t> heard = 0;
    ends.client_ear->message_hook = [&](auto) { ++heard; };
    for (std::size_t i = 0; i < 50; ++i) {
        std::jthread later([&] {
            std::this_thread::sleep_for(kShort);
            ok(ends.server->send(bytes_of("one")));
        });
        ends.client->serve([&] { return heard == 2 * i + 1; }, Clock::now() + kLong);
        later.join();
        ok(ends.server->send(bytes_of("two")));
        ends.client_ear->wait_messages(2 * i + 2);
    }
}

/// Who attends again and again, and does not look what came, keeps nothing back.
void who_does_not_look_keeps_nothing_back() {
    Ends ends;
    std::atomic<std::size_t> heard = 0;
    ends.client_ear->message_hook = [&](auto) { ++heard; };
    std::jthread busy([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const rdma::Attending attending(ends.client);
            ends.client->serve([] { return true; }, Clock::now() + kLong);
        }
    });
    for (std::size_t i = 1; i <= 5; ++i) {
        const auto sent = Clock::now();
        ok(ends.server->send(bytes_of("one")));
        eventually([&] { return heard == i; });
        CHECK(Clock::now() < sent + std::chrono::seconds(1));
    }
}

void several_threads_at_one_connection() {
    Ends ends;
    std::atomic<int> inside = 0;
    std::atomic<bool> at_once = false;
    constexpr std::size_t kThreads = 4, kRounds = 100;
    std::array<std::atomic<std::size_t>, kThreads> done{};
    ends.client_ear->completion_hook = [&](std::uint64_t tag, const Status& status) {
        at_once = at_once || ++inside != 1 || !status;
        ++done[tag / (2 * kRounds)];
        --inside;
    };
    const auto drive = [&](std::size_t number) {
        for (std::size_t round = 0; round < kRounds; ++round) {
            const rdma::Attending attending(ends.client);
            ok(ends.write_and_read(8 * number, 2 * (number * kRounds + round)));
            const auto mine = [&] { return done[number] == 2 * round + 2; };
            const auto limit = Clock::now() + kLong;
            while (!ends.client->serve(mine, Clock::now() + kShort) && Clock::now() < limit)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            CHECK(mine());
        }
    };
    std::vector<std::thread> threads;
    std::atomic<int> failures = 0;
    for (std::size_t number = 0; number < kThreads; ++number)
        threads.emplace_back([&, number] {
            try {
                drive(number);
            } catch (...) {
                ++failures;
            }
        });
    for (auto& thread : threads)
        thread.join();
    equal(failures.load(), 0);
    CHECK(!at_once);
}

/// Serves till the connection has ended, while `end` does something; what the handler heard.
template <class End>
Error serve_through(Ends& ends, End&& end) {
    std::atomic<bool> serves = false;
    std::jthread other([&] {
        const auto limit = Clock::now() + kLong;
        while (!ends.client_ear->closed() && Clock::now() < limit) {
            const rdma::Attending attending(ends.client);
            serves = true;
            ends.client->serve([&] { return ends.client_ear->closed(); }, limit);
        }
    });
    eventually([&] { return serves.load(); });
    end();
    const auto why = ends.client_ear->wait_close();
    other.join();
    equal(ends.client_ear->closes(), 1U);
    CHECK(!ends.client_ear->called_after_close());
    return why;
}

void a_close_reaches_who_serves() {
    Ends ends;
    const auto why = serve_through(ends, [&] { ends.client->close({ECANCELED, "enough"}); });
    equal(why.code, ECANCELED);
}

void the_peers_end_reaches_who_serves() {
    Ends ends;
    const auto why = serve_through(ends, [&] { ends.server->close({ESHUTDOWN, "good night"}); });
    equal(why.code, ESHUTDOWN);
}

void a_refusal_reaches_who_serves() {
    Ends ends;
    const auto why = serve_through(ends, [&] {
        ok(ends.client->write(ends.local, {{0}, {8}}, {ends.grant.key ^ 0x5a, ends.grant.base}, {0}, 1));
    });
    // siw ends the connection, and does not always say why.
    CHECK(why.code == EACCES || why.code == ECONNRESET || why.code == ESHUTDOWN);
    // Over iWARP a write is complete when it is sent.
    CHECK(transport() == "iwarp" || over_siw() || !ends.client_ear->wait_completions(1)[0].status);
}

void the_engines_end_reaches_who_serves() {
    Ends ends;
    const auto why = serve_through(ends, [&] { ends.client_engine.reset(); });
    equal(why.code, ESHUTDOWN);
}

/// What can't be taken whole is not taken at all.
void a_chain_is_taken_whole_or_not_at_all() {
    Ends ends;
    const auto wrong = rdma::OneSided{Kind::read, ends.into, {{kPage - 4}, {8}}, ends.grant, {0}, 2};
    const std::array both{rdma::OneSided{Kind::write, ends.local, {{0}, {8}}, ends.grant, {0}, 1}, wrong};
    error(ends.client->post(both), EINVAL);
    ok(ends.client->read(ends.into, {{0}, {8}}, ends.grant, {0}, 3));
    equal(ends.client_ear->wait_completions(1)[0].tag, 3U);
    CHECK(ends.memory.read(0, 8) == Bytes(8));

    std::vector<rdma::OneSided> too_many(rdma::kMaximumQueued + 1, both[0]);
    error(ends.client->post(too_many), EAGAIN);
    CHECK(ends.memory.read(0, 8) == Bytes(8));
    equal(ends.client_ear->completions().size(), 1U);
}

}  // namespace

int main() {
    return run("engine_serve",
               {{"who attends handles it himself", [] { who_attends_handles_it_himself(0); }},
                {"who polls handles it himself", [] { who_attends_handles_it_himself(300); }},
                {"who has waited long enough goes", who_has_waited_long_enough_goes},
                {"who leaves is followed", who_leaves_is_followed},
                {"who does not look keeps nothing back", who_does_not_look_keeps_nothing_back},
                {"several threads at one connection", several_threads_at_one_connection},
                {"a close reaches who serves", a_close_reaches_who_serves},
                {"the peer's end reaches who serves", the_peers_end_reaches_who_serves},
                {"a refusal reaches who serves", a_refusal_reaches_who_serves},
                {"the engine's end reaches who serves", the_engines_end_reaches_who_serves},
                {"a chain is taken whole or not at all", a_chain_is_taken_whole_or_not_at_all}});
}
