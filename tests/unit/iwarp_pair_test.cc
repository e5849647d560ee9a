// Two engines that talk with each other: data against a model, both ways at once, under all start-up choices.
// time-limit: 180
// not over devices: it is about the iWARP engine
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "lib/rdma/verbs/engine.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;

namespace {

constexpr auto kBoth = static_cast<Access>(3);

rdma::EngineOptions with_crc(bool crc) {
    rdma::EngineOptions options;
    options.crc = crc;
    return options;
}

void transports() {
    equal(std::string(ok(rdma::make_engine("iwarp", {}))->name()), std::string("iwarp"));
    if (rdma::verbs::devices().empty()) {
        equal(std::string(ok(rdma::make_engine("auto", {}))->name()), std::string("iwarp"));
        contains(error(rdma::make_engine("verbs", {}), ENODEV), "no RDMA device");
    }
    contains(error(rdma::make_engine("carrier pigeon", {}), EINVAL), "carrier pigeon");
    rdma::EngineOptions options;
    options.threads = 0;
    error(rdma::make_engine("iwarp", options), EINVAL);
    options = {};
    options.outstanding_reads = 0x3fff;
    contains(error(rdma::make_engine("iwarp", options), EINVAL), "16382");
}

void names_and_addresses() {
    for (const auto& [host, shown] :
         {std::pair{"127.0.0.1", "127.0.0.1:"}, {"::1", "[::1]:"}, {"localhost", ":"}, {"", ":"}}) {
        Server server({}, host);
        equal(server.address().host, std::string(host));
        CHECK(server.address().port != 0);
        auto engine = ok(rdma::make_engine("iwarp", {}));
        auto ear = std::make_shared<Ear>();
        const auto connection = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
        contains(connection->peer().address, fmt::format("{}{}", shown, server.address().port));
        equal(connection->peer().engine, std::string("iwarp"));
        const Accepted accepted = server.wait_accepted(0);
        contains(accepted.connection->peer().address, shown);
        CHECK(!accepted.connection->peer().address.ends_with(fmt::format(":{}", server.address().port)));
    }
    Server first;
    auto engine = ok(rdma::make_engine("iwarp", {}));
    contains(error(engine->listen(first.address(), [](auto) { return nullptr; }), EADDRINUSE),
             format_address(first.address()));
}

void against_a_model(bool server_crc, bool client_crc, std::size_t page_size) {
    const std::size_t pages = std::max<std::size_t>(4, 200'000 / page_size / 8 * 8);
    Scattered memory(pages, page_size);
    Pair pair(with_crc(server_crc), with_crc(client_crc));
    compare_with_a_model(pair, ok(pair.server->grant(memory.translation(), kBoth)), memory);
    equal(pair.server->peer().bytes_received, pair.client->peer().bytes_sent);
    equal(pair.server->peer().bytes_sent, pair.client->peer().bytes_received);
    equal(pair.server->peer().refused, 0U);
}

void model_without_crc() {
    against_a_model(false, false, 4096);
}
void model_with_crc() {
    against_a_model(true, true, 4096);
}
void model_where_one_asks_for_crc() {
    against_a_model(true, false, 1024);
    against_a_model(false, true, 1024);
}
void model_with_tiny_pages() {
    against_a_model(true, true, 64);
}
void model_with_odd_pages() {
    against_a_model(true, true, 999);
}

void large_transfers() {
    for (const bool crc : {false, true}) {
        constexpr std::size_t kBytes = 64 * kMiB + 13;
        Bytes data(kBytes), target(kBytes), back(kBytes);
        Pair pair(with_crc(crc), with_crc(crc));
        for (std::size_t i = 0; i < kBytes; i += 8)
            std::memcpy(&data[i], &i, std::min<std::size_t>(8, kBytes - i));
        rdma::Translation translation;
        translation.medium = target;
        translation.page_size = kBytes;
        translation.pages = {0};
        translation.size = kBytes;
        const auto grant = ok(pair.server->grant(std::move(translation), kBoth));
        ok(pair.client->write(ok(pair.client->register_memory(data)), {{0}, {kBytes}}, grant, {0}, 1));
        ok(pair.client->read(ok(pair.client->register_memory(back)), {{0}, {kBytes}}, grant, {0}, 2));
        pair.client_ear->wait_completions(2);
        CHECK(target == data && back == data);
        equal(pair.server->peer().bytes_received, kBytes);
        equal(pair.client->peer().bytes_received, kBytes);
    }
}

void empty_operations() {
    Scattered memory(2, 64);
    Bytes data(8);
    Pair pair;
    const auto grant = ok(pair.server->grant(memory.translation(), kBoth));
    const auto local = ok(pair.client->register_memory(data));
    const auto at_end = memory.size();
    ok(pair.client->write(local, {{8}, {0}}, grant, {at_end}, 1));
    ok(pair.client->read(local, {{0}, {0}}, grant, {at_end}, 2));
    const auto nothing = ok(pair.server->grant({}, kBoth));
    ok(pair.client->read(local, {{0}, {0}}, nothing, {0}, 3));
    pair.client_ear->wait_completions(3);
    for (const auto& done : pair.client_ear->completions())
        CHECK(done.status);
    error(pair.client->write(local, {{8}, {1}}, grant, {0}, 4), EINVAL);
    error(pair.client->read(local, {{UINT64_MAX}, {2}}, grant, {0}, 4), EINVAL);
    error(pair.client->write(nullptr, {{0}, {0}}, grant, {0}, 4), EINVAL);
    error(pair.client->write(local, {{0}, {1}}, {grant.key, 8}, {UINT64_MAX}, 4), EINVAL);
    // A place that is not in the window: the peer finds out, and both ends hear of it.
    ok(pair.client->write(local, {{0}, {8}}, grant, {at_end - 7}, 5));
    equal(pair.client_ear->wait_close().code, EACCES);
    contains(pair.client_ear->wait_close().message, "past the window's end");
    equal(pair.server_ear->wait_close().code, EACCES);
    equal(pair.server->peer().refused, 1U);
    equal(pair.client->peer().refused, 0U);
}

void invalidation_comes_before_the_message() {
    Scattered memory(2, 64);
    Bytes data = random_bytes(64);
    std::atomic<unsigned> windows{0};
    Pair pair;
    const auto grant = ok(pair.server->grant(memory.translation(), kBoth));
    const auto local = ok(pair.client->register_memory(data));
    pair.server_ear->message_hook = [&](std::span<const std::byte>) {
        // With the window gone there is room for exactly one more than there would be with it.
        while (pair.server->grant(memory.translation(), kBoth))
            ++windows;
    };
    ok(pair.client->write(local, {{0}, {64}}, grant, {0}, 1));
    ok(pair.client->send_with_invalidate(bytes_of("seal"), grant.key));
    CHECK(pair.server_ear->wait_messages(1)[0] == bytes_of("seal"));
    CHECK(memory.read(0, 64) == data);
    eventually([&] { return windows == rdma::kMaximumWindows; });
    pair.server->revoke(grant.key);  // of the dead, and of what never was: nothing happens
    pair.server->revoke(12345);
    ok(pair.client->write(local, {{0}, {64}}, grant, {0}, 2));
    equal(pair.client_ear->wait_close().code, EACCES);
    CHECK(memory.read(0, 64) == data);
}

}  // namespace

int main() {
    return run("iwarp_pair",
               {{"transports", transports},
                {"names and addresses", names_and_addresses},
                {"model without CRC", model_without_crc},
                {"model with CRC", model_with_crc},
                {"model where one asks for CRC", model_where_one_asks_for_crc},
                {"model with tiny pages", model_with_tiny_pages},
                {"model with odd pages", model_with_odd_pages},
                {"large transfers", large_transfers},
                {"empty operations", empty_operations},
                {"invalidation comes before the message", invalidation_comes_before_the_message}});
}
