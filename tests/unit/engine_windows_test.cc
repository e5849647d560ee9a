// What a window does not have is refused, whatever the engine and its device: nothing moves, the session that
// tried it ends, and others go on. time-limit: 180
#include <cerrno>
#include <chrono>
#include <thread>

#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;
using rdma::Grant;

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::byte kPoison{0xee};
constexpr std::uint64_t kSkipped = 24, kAfter = 10;  // of the memory, before and behind the window

/// There is nothing else in those than what the peer himself wrote, or might read in any case.
bool device_reads_what_is_for_writing() {
    return over_siw();
}

struct Session {
    std::shared_ptr<Ear> ear = std::make_shared<Ear>();
    std::shared_ptr<rdma::Connection> client;
    Accepted end;
};

/// A listener with one honest session, whose window begins and ends in the middle of a page, and sessions of
/// attackers.
class Scene {
public:
    Scene() : honest_(connect()), honest_grant_(grant(honest_)) {
        memory_.fill(random_bytes(memory_.size()));
    }

    Session connect() {
        Session session;
        session.client = ok(engine_->connect(server_.address(), session.ear, kConnectTimeout_ms));
        session.end = server_.wait_accepted(number_++);
        return session;
    }
    Grant grant(const Session& session, Access access = Access::both) {
        auto translation = memory_.translation();
        translation.skipped = kSkipped;
        translation.size = size();
        return granted(*session.end.connection, *session.ear, translation, access);
    }
    const Grant& honest_grant() const { return honest_grant_; }
    std::uint64_t size() const { return memory_.size() - kSkipped - kAfter; }

    /// The place that `remote` names is not the attacker's: the device refuses, and nothing has moved.
    void refused(const std::string& what, const Session& attacker, bool writes, const Grant& remote,
                 std::size_t bytes) {
        const auto before = memory_.content();
        Bytes poison(bytes, kPoison);
        const auto local = ok(attacker.client->register_memory(poison));
        ok(writes ? attacker.client->write(local, {{0}, {bytes}}, remote, {0}, 1)
                  : attacker.client->read(local, {{0}, {bytes}}, remote, {0}, 1));
        wait_for_end(attacker);
        if (memory_.content() != before || !memory_.guards_whole() || poison != Bytes(bytes, kPoison))
            fail_at(Place::current(), what + (writes ? ", written" : ", read") + ": something has moved");
    }
    void honest_goes_on() {
        Bytes data = random_bytes(size());
        const auto local = ok(honest_.client->register_memory(data));
        ok(honest_.client->write(local, {{0}, {size()}}, honest_grant_, {0}, 1));
        ok(honest_.client->send(bytes_of("still here")));
        honest_.end.ear->wait_messages(1);
        CHECK(honest_.ear->wait_completions(1)[0].status);
        CHECK(memory_.read(kSkipped, size()) == data && memory_.guards_whole());
    }

private:
    static void wait_for_end(const Session& attacker) {
        const auto end = std::chrono::steady_clock::now() + kSiwTime;
        while (over_siw() && !attacker.ear->closed() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (over_siw())
            attacker.client->close({ECANCELED, "it was told nothing"});
        attacker.ear->wait_close();
    }

    Scattered memory_{4, kPage};
    Server server_{{}, host(), transport()};
    std::unique_ptr<rdma::Engine> engine_ = ok(rdma::make_engine(transport(), {}));
    std::size_t number_ = 0;
    Session honest_;
    Grant honest_grant_;
};

void places_outside() {
    Scene scene;
    struct Miss {
        const char* what;
        std::uint64_t at;
        std::size_t bytes;
    };
    for (const auto& [what, at, bytes] : {Miss{"one past the end", scene.size(), 1},
                                          {"over the end", scene.size() - 7, 8},
                                          {"over the end of addresses", UINT64_MAX - 3, 8},
                                          {"far away", 1ULL << 40, 8},
                                          {"a byte before the beginning", UINT64_MAX, 1}})
        for (const bool writes : {true, false}) {
            const auto attacker = scene.connect();
            const auto own = scene.grant(attacker);
            scene.refused(what, attacker, writes, {own.key, own.base + at}, bytes);
        }
    scene.honest_goes_on();
}

void keys_of_others_and_of_nobody() {
    Scene scene;
    for (const bool writes : {true, false}) {
        scene.refused("another session's key", scene.connect(), writes, scene.honest_grant(), 8);
        const auto guessing = scene.connect();
        auto own = scene.grant(guessing);
        own.key += 0x100;
        scene.refused("a guessed key", guessing, writes, own, 8);
        scene.refused("key 0", scene.connect(), writes, {0, own.base}, 8);
    }
    scene.honest_goes_on();
}

void keys_that_have_died() {
    Scene scene;
    for (const bool writes : {true, false}) {
        const auto attacker = scene.connect();
        const auto own = scene.grant(attacker);
        attacker.end.connection->revoke(own.key);
        scene.refused("a stale key", attacker, writes, own, 8);
    }
    scene.honest_goes_on();
}

void rights_that_were_not_given() {
    Scene scene;
    const auto writer = scene.connect();
    scene.refused("a window for reading", writer, true, scene.grant(writer, Access::read), 8);
    if (!device_reads_what_is_for_writing()) {
        const auto reader = scene.connect();
        scene.refused("a window for writing", reader, false, scene.grant(reader, Access::write), 8);
    }
    scene.honest_goes_on();
}

/// A hole is not part of the window: the engine refuses it, or what is written there reaches nobody.
void holes_reach_nothing() {
    Server server({}, host(), transport());
    auto engine = ok(rdma::make_engine(transport(), {}));
    auto ear = std::make_shared<Ear>();
    const auto client = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
    const auto end = server.wait_accepted(0);
    Scattered memory(4, kPage);
    memory.fill(random_bytes(memory.size()));
    auto translation = memory.translation();
    translation.pages[1] = translation.pages[3] = rdma::kNoPage;
    const auto grant = granted(*end.connection, *ear, translation, Access::write);
    const auto before = memory.content();
    Bytes data = random_bytes(memory.size());
    const auto local = ok(client->register_memory(data));
    for (const std::uint64_t page : {0, 2})
        ok(client->write(local, {{page * kPage}, {kPage}}, grant, {page * kPage}, page));
    for (const auto& done : ear->wait_completions(2))
        CHECK(done.status);
    ok(client->write(local, {{kPage}, {kPage}}, grant, {kPage}, 5));
    // Where the first was refused the connection may have ended by now.
    static_cast<void>(client->write(local, {{3 * kPage}, {kPage}}, grant, {3 * kPage}, 6));
    static_cast<void>(client->send(bytes_of("behind them")));
    eventually([&] { return end.ear->closed() || end.ear->message_count() != 0; });
    for (const std::uint64_t page : {0, 1, 2, 3})
        CHECK(
            memory.read(page * kPage, kPage) ==
            Bytes((page % 2 == 0 ? data : before).begin() + static_cast<std::ptrdiff_t>(page * kPage),
                  (page % 2 == 0 ? data : before).begin() + static_cast<std::ptrdiff_t>((page + 1) * kPage)));
    CHECK(memory.guards_whole());
}

/// Writes in flight while the window dies at a random moment.
void nothing_lands_after_a_revoke() {
    Server server({}, host(), transport());
    auto engine = ok(rdma::make_engine(transport(), {}));
    for (std::size_t round = 0; round < 30; ++round) {
        auto ear = std::make_shared<Ear>();
        const auto client = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
        const Accepted accepted = server.wait_accepted(round);
        Scattered memory(16, kPage);
        const auto grant = granted(*accepted.connection, *ear, memory.translation(), Access::write);
        Bytes data = random_bytes(memory.size());
        const auto local = ok(client->register_memory(data));
        for (std::uint64_t i = 0; i < 200; ++i)
            ok(client->write(local, {{i}, {memory.size() - i}}, grant, {0}, i));
        ear->wait_completions(generator()() % 40);
        accepted.connection->revoke(grant.key);
        const Bytes then = memory.content();
        ear->wait_completions(200);
        static_cast<void>(client->send(bytes_of("behind them all")));
        eventually([&] { return accepted.ear->closed() || accepted.ear->message_count() != 0; });
        CHECK(memory.content() == then && memory.guards_whole());
        client->close({ECANCELED, "next"});
        ear->wait_close();
    }
}

}  // namespace

int main() {
    return run("engine_windows", {{"places outside", places_outside},
                                  {"keys of others and of nobody", keys_of_others_and_of_nobody},
                                  {"keys that have died", keys_that_have_died},
                                  {"rights that were not given", rights_that_were_not_given},
                                  {"holes reach nothing", holes_reach_nothing},
                                  {"nothing lands after a revoke", nothing_lands_after_a_revoke}});
}
