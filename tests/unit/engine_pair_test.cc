// Two engines of the kind that TEST_TRANSPORT names talk with each other: data against a model, both ways at
// once. time-limit: 180
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

constexpr std::size_t kPage = 4096;

struct EnginePair : Pair {
    EnginePair() : Pair({}, {}, transport(), host()) {}
};

void messages_go_both_ways() {
    EnginePair pair;
    ok(pair.client->send(bytes_of("hello")));
    CHECK(pair.server_ear->wait_messages(1)[0] == bytes_of("hello"));
    ok(pair.server->send(bytes_of("and hello")));
    ok(pair.server->send({}));
    const Bytes longest = random_bytes(rdma::kMaximumMessage);
    ok(pair.server->send(longest));
    const auto heard = pair.client_ear->wait_messages(3);
    CHECK(heard[0] == bytes_of("and hello") && heard[1].empty() && heard[2] == longest);
    contains(error(pair.client->send(Bytes(rdma::kMaximumMessage + 1)), EMSGSIZE), "16385");
}

/// The initiator has nothing to say: the responder's message goes all the same.
void the_responder_speaks_first() {
    if (over_siw())
        skip("siw, as the initiator, refuses what comes close behind the peer's start-up reply");
    Server server({}, host(), transport());
    server.accept_hook = [](const Accepted& accepted) { ok(accepted.connection->send(bytes_of("welcome"))); };
    auto engine = ok(rdma::make_engine(transport(), {}));
    auto ear = std::make_shared<Ear>();
    const auto connection = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
    CHECK(ear->wait_messages(1)[0] == bytes_of("welcome"));
}

/// Random writes at any byte, of any size, over pages that lie anywhere; reads of what was written; a model
/// beside.
void against_a_model() {
    Scattered memory(48, kPage);
    EnginePair pair;
    compare_with_a_model(pair, granted(*pair.server, *pair.client_ear, memory.translation(), Access::both),
                         memory);
}

/// Writes, reads and messages of both ends at the same time, through windows of both.
void both_ways_at_once() {
    constexpr std::size_t kBytes = 256 * 1024, kPiece = 10'000, kRounds = 200;
    struct Side {
        std::shared_ptr<rdma::Connection> connection;
        std::shared_ptr<Ear> ear;
        Scattered written{64, kBytes / 64}, readable{64, kBytes / 64};
        Bytes source = random_bytes(kBytes), back = Bytes(kBytes);
        rdma::Grant to_write, to_read;
    } sides[2];
    EnginePair pair;
    sides[0].connection = pair.server, sides[0].ear = pair.server_ear;
    sides[1].connection = pair.client, sides[1].ear = pair.client_ear;
    for (Side& side : sides) {
        side.readable.fill(random_bytes(kBytes));
        Ear& peer = side.ear == pair.server_ear ? *pair.client_ear : *pair.server_ear;
        side.to_write = granted(*side.connection, peer, side.written.translation(), Access::write);
        side.to_read = granted(*side.connection, peer, side.readable.translation(), Access::read);
    }
    const auto drive = [&](Side& self, Side& peer) {
        const auto local = ok(self.connection->register_memory(self.source));
        const auto into = ok(self.connection->register_memory(self.back));
        for (std::uint64_t i = 0; i < kRounds; ++i) {
            const Extent piece{{i * 7919 % (kBytes - kPiece)}, {kPiece}};
            ok(self.connection->write(local, piece, peer.to_write, piece.at, 2 * i));
            ok(self.connection->read(into, piece, peer.to_read, piece.at, 2 * i + 1));
            ok(self.connection->send(Bytes(i % 300, std::byte(i))));
            self.ear->wait_completions(i < 100 ? 0 : 2 * (i - 100));
        }
        self.ear->wait_completions(2 * kRounds);
        self.ear->wait_messages(kRounds);
    };
    std::exception_ptr failure;
    std::thread other([&] {
        try {
            drive(sides[0], sides[1]);
        } catch (...) {
            failure = std::current_exception();
        }
    });
    drive(sides[1], sides[0]);
    other.join();
    if (failure)
        std::rethrow_exception(failure);
    for (int i = 0; i < 2; ++i) {
        const Side &self = sides[i], &peer = sides[1 - i];
        for (std::uint64_t round = 0; round < kRounds; ++round) {
            const std::uint64_t at = round * 7919 % (kBytes - kPiece);
            CHECK(std::memcmp(&self.back[at], peer.readable.read(at, kPiece).data(), kPiece) == 0);
            CHECK(std::memcmp(&self.source[at], peer.written.read(at, kPiece).data(), kPiece) == 0);
        }
        CHECK(self.written.guards_whole() && self.readable.guards_whole());
        const auto heard = sides[i].ear->wait_messages(kRounds);
        for (std::uint64_t m = 0; m < kRounds; ++m)
            CHECK(heard[m] == Bytes(m % 300, std::byte(m)));
    }
}

void large_transfers() {
    constexpr std::size_t kBytes = 64 * kMiB + 13;
    Bytes data(kBytes), target(kBytes), back(kBytes);
    EnginePair pair;
    for (std::size_t i = 0; i < kBytes; i += 8)
        std::memcpy(&data[i], &i, std::min<std::size_t>(8, kBytes - i));
    rdma::Translation translation;
    translation.medium = target;
    translation.page_size = kBytes;
    translation.pages = {0};
    translation.size = kBytes;
    const auto grant = granted(*pair.server, *pair.client_ear, std::move(translation), Access::both);
    ok(pair.client->write(ok(pair.client->register_memory(data)), {{0}, {kBytes}}, grant, {0}, 1));
    ok(pair.client->read(ok(pair.client->register_memory(back)), {{0}, {kBytes}}, grant, {0}, 2));
    pair.client_ear->wait_completions(2);
    CHECK(target == data && back == data);
    equal(pair.client->peer().bytes_sent, kBytes);
    equal(pair.client->peer().bytes_received, kBytes);
}

void empty_operations() {
    Scattered memory(2, kPage);
    Bytes data(8);
    EnginePair pair;
    const auto grant = granted(*pair.server, *pair.client_ear, memory.translation(), Access::both);
    const auto local = ok(pair.client->register_memory(data));
    const auto at_end = memory.size();
    ok(pair.client->write(local, {{8}, {0}}, grant, {at_end}, 1));
    ok(pair.client->read(local, {{0}, {0}}, grant, {at_end}, 2));
    const auto nothing = granted(*pair.server, *pair.client_ear, {}, Access::both);
    ok(pair.client->read(local, {{0}, {0}}, nothing, {0}, 3));
    pair.client_ear->wait_completions(3);
    for (const auto& done : pair.client_ear->completions())
        CHECK(done.status);
    error(pair.client->write(local, {{8}, {1}}, grant, {0}, 4), EINVAL);
    error(pair.client->read(local, {{UINT64_MAX}, {2}}, grant, {0}, 4), EINVAL);
    error(pair.client->write(nullptr, {{0}, {0}}, grant, {0}, 4), EINVAL);
    error(pair.client->write(local, {{0}, {1}}, {grant.key, 8}, {UINT64_MAX}, 4), EINVAL);
}

void invalidation_comes_before_the_message() {
    Scattered memory(2, kPage);
    Bytes data = random_bytes(64);
    EnginePair pair;
    const auto grant = granted(*pair.server, *pair.client_ear, memory.translation(), Access::both);
    const auto local = ok(pair.client->register_memory(data));
    ok(pair.client->write(local, {{0}, {64}}, grant, {0}, 1));
    ok(pair.client->send_with_invalidate(bytes_of("seal"), grant.key));
    eventually([&] { return pair.server_ear->message_count() != 0 || pair.server_ear->closed(); });
    if (pair.server_ear->closed())
        skip("this device takes no invalidation of what it has registered");
    CHECK(memory.read(0, 64) == data);
    pair.server->revoke(grant.key);  // of the dead, and of what never was: nothing happens
    pair.server->revoke(12345);
    ok(pair.client->write(local, {{0}, {64}}, grant, {0}, 2));
    equal(pair.client_ear->wait_close().code, EACCES);
    CHECK(memory.read(0, 64) == data);
}

/// A read at the end of a burst tells nothing of the writes before it: they are told all the same.
void a_read_ends_a_burst() {
    Scattered memory(256, kPage);  // so large that they wait for each other
    Bytes data = random_bytes(memory.size()), back(8);
    EnginePair pair;
    const auto grant = granted(*pair.server, *pair.client_ear, memory.translation(), Access::both);
    const auto local = ok(pair.client->register_memory(data)), into = ok(pair.client->register_memory(back));
    std::uint64_t posted = 0;
    for (const std::uint64_t writes : {131, 140, 150}) {
        for (std::uint64_t i = 0; i < writes; ++i)
            ok(pair.client->write(local, {{0}, {data.size()}}, grant, {0}, posted++));
        ok(pair.client->read(into, {{0}, {8}}, grant, {0}, posted++));
        CHECK(pair.client_ear->wait_completions(posted).back().status);
    }
}

void the_end_reaches_both() {
    EnginePair pair;
    ok(pair.client->send(bytes_of("last words")));
    pair.client->close({ECANCELED, "done"});
    equal(pair.client_ear->wait_close().code, ECANCELED);
    equal(pair.server_ear->wait_close().code, ESHUTDOWN);
    CHECK(pair.server_ear->wait_messages(1)[0] == bytes_of("last words"));
    error(pair.client->send(bytes_of("too late")), ENOTCONN);
    error(pair.server->send(bytes_of("too late")), ENOTCONN);
}

void nobody_there() {
    auto engine = ok(rdma::make_engine(transport(), {}));
    auto ear = std::make_shared<Ear>();
    contains(error(engine->connect({host(), 1}, ear, kConnectTimeout_ms), ECONNREFUSED), host() + ":1");
    CHECK(!ear->closed());
}

void many_connections_at_once() {
    Server server({}, host(), transport());
    auto engine = ok(rdma::make_engine(transport(), {}));
    auto ear = std::make_shared<Ear>();
    std::vector<std::shared_ptr<rdma::Connection>> connections;
    for (std::size_t i = 0; i < 12; ++i) {
        connections.push_back(ok(engine->connect(server.address(), ear, kConnectTimeout_ms)));
        ok(connections.back()->send(bytes_of("hello")));
        const auto accepted = server.wait_accepted(i);
        accepted.ear->wait_messages(1);
        ok(accepted.connection->send(bytes_of("welcome")));
    }
    ear->wait_messages(connections.size());
}

void more_posts_than_a_device_takes() {
    Scattered memory(4, kPage);
    Bytes data = random_bytes(memory.size());
    EnginePair pair;
    const auto grant = granted(*pair.server, *pair.client_ear, memory.translation(), Access::both);
    const auto local = ok(pair.client->register_memory(data));
    std::uint64_t posted = 0, refused = 0;
    while (posted < 3000) {
        const auto at = posted % (data.size() - 8);
        const auto taken = pair.client->write(local, {{at}, {8}}, grant, {at}, posted);
        if (!taken && taken.error().code != EAGAIN)
            fail_at(Place::current(), pair.client_ear->wait_close().message);
        ++(taken ? posted : refused);
        if (refused != 0)
            pair.client_ear->wait_completions(posted / 2);
    }
    const auto done = pair.client_ear->wait_completions(posted);
    for (std::uint64_t i = 0; i < posted; ++i)
        CHECK(done[i].tag == i && done[i].status);
}

}  // namespace

int main() {
    return run("engine_pair",
               {{"messages go both ways", messages_go_both_ways},
                {"the responder speaks first", the_responder_speaks_first},
                {"against a model", against_a_model},
                {"both ways at once", both_ways_at_once},
                {"large transfers", large_transfers},
                {"empty operations", empty_operations},
                {"invalidation comes before the message", invalidation_comes_before_the_message},
                {"many connections at once", many_connections_at_once},
                {"more posts than a device takes", more_posts_than_a_device_takes},
                {"a read ends a burst", a_read_ends_a_burst},
                {"the end reaches both", the_end_reaches_both},
                {"nobody there", nobody_there}});
}
