// Once revoke has returned nothing lands and nothing is read, whatever is in flight.
// time-limit: 180
// not over devices: it is about the iWARP engine
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;

namespace {

constexpr int kRounds = 150;

/// Writes in flight, large and small, while the window dies at a random moment.
void nothing_lands_after_a_revoke() {
    Server server;
    auto engine = ok(rdma::make_engine("iwarp", {}));
    int cut_short = 0;
    for (int round = 0; round < kRounds; ++round) {
        auto ear = std::make_shared<Ear>();
        const auto client = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
        const Accepted accepted = server.wait_accepted(static_cast<std::size_t>(round));
        Scattered memory(32, 8192);
        const auto grant = ok(accepted.connection->grant(memory.translation(), Access::write));
        Bytes data = random_bytes(memory.size());
        const auto local = ok(client->register_memory(data));
        const std::uint64_t size = round % 3 == 0 ? 64 : memory.size();
        for (std::uint64_t i = 0; i < 200; ++i)
            ok(client->write(local, {{i}, {size - i % size}}, grant, {0}, i));
        const auto moment = generator()() % (size * 100);
        while (accepted.connection->peer().bytes_received < moment && !accepted.ear->closed())
            std::this_thread::yield();
        accepted.connection->revoke(grant.key);
        const Bytes then = memory.content();
        cut_short += accepted.connection->peer().bytes_received < 200 * size;
        // The writes that are still on their way end the connection.
        ear->wait_completions(200);
        static_cast<void>(client->send(bytes_of("behind them all")));
        eventually([&] { return accepted.ear->closed() || accepted.ear->message_count() != 0; });
        CHECK(memory.content() == then && memory.guards_whole());
        client->close({ECANCELED, "next"});
        ear->wait_close();
    }
    CHECK(cut_short > kRounds / 10);
}

/// Memory may be given to others once revoke has returned: a reader of the old window never sees what they
/// put there.
void nothing_is_read_after_a_revoke() {
    Server server;
    auto engine = ok(rdma::make_engine("iwarp", {}));
    for (int round = 0; round < kRounds / 2; ++round) {
        auto ear = std::make_shared<Ear>();
        const auto client = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
        const Accepted accepted = server.wait_accepted(static_cast<std::size_t>(round));
        Scattered memory(32, 8192);
        memory.fill(Bytes(memory.size(), std::byte{1}));
        const auto grant = ok(accepted.connection->grant(memory.translation(), Access::read));
        constexpr std::size_t kReads = 40;
        Bytes back(kReads * memory.size());
        const auto into = ok(client->register_memory(back));
        for (std::uint64_t i = 0; i < kReads; ++i)
            ok(client->read(into, {{i * memory.size()}, {memory.size()}}, grant, {0}, i));
        const auto moment = generator()() % (kReads * memory.size());
        while (accepted.connection->peer().bytes_sent < moment && !accepted.ear->closed())
            std::this_thread::yield();
        accepted.connection->revoke(grant.key);
        memory.fill(Bytes(memory.size(), std::byte{2}));
        ear->wait_completions(kReads);
        client->close({ECANCELED, "next"});
        ear->wait_close();
        CHECK(std::find(back.begin(), back.end(), std::byte{2}) == back.end());
    }
}

/// From many threads at once, and while windows come and go.
void windows_come_and_go_under_traffic() {
    Scattered steady(16, 4096), passing(4, 256);
    std::atomic<bool> stop{false};
    Bytes data = random_bytes(steady.size()), back(steady.size());
    Pair pair;
    const auto grant = ok(pair.server->grant(steady.translation(), static_cast<Access>(3)));
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            while (!stop) {
                const auto one = ok(pair.server->grant(passing.translation(), Access::read));
                std::thread same([&] { pair.server->revoke(one.key); });
                pair.server->revoke(one.key);
                same.join();
            }
        });
    const auto local = ok(pair.client->register_memory(data)), into = ok(pair.client->register_memory(back));
    for (std::uint64_t i = 0; i < 100; ++i) {
        ok(pair.client->write(local, {{0}, {data.size()}}, grant, {0}, 2 * i));
        ok(pair.client->read(into, {{0}, {data.size()}}, grant, {0}, 2 * i + 1));
        pair.client_ear->wait_completions(2 * i + 2);
        CHECK(back == data);
    }
    stop = true;
    for (auto& thread : threads)
        thread.join();
}

}  // namespace

int main() {
    return run("iwarp_revoke", {{"nothing lands after a revoke", nothing_lands_after_a_revoke},
                                {"nothing is read after a revoke", nothing_is_read_after_a_revoke},
                                {"windows come and go under traffic", windows_come_and_go_under_traffic}});
}
