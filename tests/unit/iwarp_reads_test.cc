// RDMA Reads: as their initiator, with answers right and wrong, and as their responder, which persists first.
// time-limit: 120
// not over devices: it is about the iWARP engine
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/support/hostile_peer.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;

namespace {

constexpr auto kBoth = static_cast<Access>(3);

void a_read_and_its_responses() {
    Bytes local(100, std::byte{1});
    Initiator initiator(kEnhancedReply);
    auto into = ok(initiator.connection->register_memory(local));
    ok(initiator.connection->read(into, {{10}, {50}}, {0xabcd, 0}, {70}, 5));
    const Bytes request = initiator.peer->receive_fpdu();
    const std::uint32_t sink = sink_of(request);
    CHECK(sink != 0);
    CHECK(request == ulpdu(ReadFields{.sink = sink, .size = 50, .source = 0xabcd, .source_offset = 70}));
    const Bytes data = random_bytes(50);
    initiator.peer->send(Tagged{.opcode = kReadResponse,
                                .stag = sink,
                                .payload = Bytes(data.begin(), data.begin() + 20),
                                .last = false});
    initiator.peer->send(
        Tagged{.opcode = kReadResponse, .stag = sink, .offset = 20, .payload = {}, .last = false});
    initiator.peer->send(Tagged{.opcode = kReadResponse,
                                .stag = sink,
                                .offset = 20,
                                .payload = Bytes(data.begin() + 20, data.end())});
    const auto done = initiator.ear->wait_completions(1);
    CHECK(done[0].tag == 5 && done[0].status);
    CHECK(Bytes(local.begin() + 10, local.begin() + 60) == data);
    CHECK(Bytes(local.begin(), local.begin() + 10) == Bytes(10, std::byte{1}));
    CHECK(Bytes(local.begin() + 60, local.end()) == Bytes(40, std::byte{1}));
}

void responses_that_miss() {
    struct Case {
        const char* name;
        std::function<void(HostilePeer&, std::uint32_t sink)> answer;
        Named rule;
    };
    const auto response = [](std::uint32_t stag_change, std::uint64_t offset, std::size_t size, bool last) {
        return [=](HostilePeer& peer, std::uint32_t sink) {
            peer.send(Tagged{.opcode = kReadResponse,
                             .stag = sink ^ stag_change,
                             .offset = offset,
                             .payload = Bytes(size, std::byte{9}),
                             .last = last});
        };
    };
    const Case cases[] = {
        {"wrong STag", response(1, 0, 50, true), {1, 1, 0}},
        {"offset out of order", response(0, 10, 10, false), {1, 1, 1}},
        {"offset that wraps", response(0, UINT64_MAX, 10, false), {1, 1, 1}},
        {"too much", response(0, 0, 51, true), {1, 1, 1}},
        {"last too early", response(0, 0, 49, true), {0, 2, 7}},
        {"last missing", response(0, 0, 50, false), {0, 2, 7}},
        {"a Write to the sink",
         [](HostilePeer& peer, std::uint32_t sink) { peer.send(Tagged{.stag = sink, .payload = Bytes(8)}); },
         {1, 1, 0}},
        {"after its end",
         [=](HostilePeer& peer, std::uint32_t sink) {
             response(0, 0, 50, true)(peer, sink);
             response(0, 50, 1, true)(peer, sink);
         },
         {1, 1, 0}},
    };
    for (const Case& c : cases) {
        Bytes local(100, std::byte{1});
        Initiator initiator(kEnhancedReply);
        auto into = ok(initiator.connection->register_memory(local));
        ok(initiator.connection->read(into, {{10}, {50}}, {0xabcd, 0}, {0}, 5));
        const Bytes request = initiator.peer->receive_fpdu();
        c.answer(*initiator.peer, sink_of(request));
        const Named named = initiator.peer->receive_terminate();
        if (named != c.rule)
            throw Failure(fmt::format("{}: told {}", c.name, to_string(named)));
        initiator.ear->wait_close();
        const bool completed = std::string(c.name) == "after its end";
        equal(initiator.ear->completions().size(), 1U);
        equal(initiator.ear->completions()[0].status.has_value(), completed);
        // Outside the read's own bytes nothing was placed.
        CHECK(Bytes(local.begin(), local.begin() + 10) == Bytes(10, std::byte{1}));
        CHECK(Bytes(local.begin() + 60, local.end()) == Bytes(40, std::byte{1}));
    }
}

void one_read_at_a_time_without_negotiation() {
    Bytes local(30);
    Initiator initiator(kPlainReply);
    auto into = ok(initiator.connection->register_memory(local));
    for (std::uint64_t i = 0; i < 3; ++i)
        ok(initiator.connection->read(into, {{10 * i}, {10}}, {7, 0}, {10 * i}, i));
    ok(initiator.connection->send(bytes_of("behind them")));
    for (std::uint32_t i = 0; i < 3; ++i) {
        const Bytes request = initiator.peer->receive_fpdu();
        CHECK(request[1] == std::byte{0x41});
        CHECK(i == 2 || initiator.peer->is_silent(30));  // the message is behind the last of them
        initiator.peer->send(
            Tagged{.opcode = kReadResponse, .stag = sink_of(request), .payload = Bytes(10, std::byte(i))});
    }
    CHECK(initiator.peer->receive_fpdu() == ulpdu(Untagged{.payload = bytes_of("behind them")}));
    initiator.ear->wait_completions(3);
    CHECK(local[5] == std::byte{0} && local[15] == std::byte{1} && local[25] == std::byte{2});
    Initiator none({.reply = true, .ird = 0, .ord = 0, .private_data = {}});
    error(none.connection->read(into, {{0}, {10}}, {7, 0}, {0}, 0), EOPNOTSUPP);
}

/// Many more than may be outstanding, of all sizes, beside writes.
void many_reads_at_once() {
    rdma::EngineOptions options;
    options.outstanding_reads = 4;
    Scattered memory(64, 4096);
    constexpr std::size_t kReads = 500, kLargest = 40'000;
    Bytes local(kReads * kLargest);
    Pair pair(options);
    memory.fill(random_bytes(memory.size()));
    const Bytes content = memory.content();
    const auto grant = ok(pair.server->grant(memory.translation(), Access::read));
    auto into = ok(pair.client->register_memory(local));
    struct Range {
        std::uint64_t at, size;
    };
    std::vector<Range> ranges;
    for (std::size_t i = 0; i < kReads; ++i) {
        const std::uint64_t size = i % 50 == 0 ? 0 : generator()() % kLargest;
        ranges.push_back({generator()() % (content.size() - size), size});
        ok(pair.client->read(into, {{i * kLargest}, {size}}, grant, {ranges[i].at}, i));
    }
    const auto done = pair.client_ear->wait_completions(kReads);
    for (std::size_t i = 0; i < kReads; ++i) {
        CHECK(done[i].tag == i && done[i].status);
        CHECK(std::equal(local.begin() + static_cast<std::ptrdiff_t>(i * kLargest),
                         local.begin() + static_cast<std::ptrdiff_t>(i * kLargest + ranges[i].size),
                         content.begin() + static_cast<std::ptrdiff_t>(ranges[i].at)));
    }
}

/// Notes what is persisted, as the medium would.
class Persisted {
public:
    void watch(rdma::Translation& translation) {
        translation.persist = [this, size = translation.medium.size()](Extent extent) -> Status {
            while (held_)
                std::this_thread::yield();
            const std::lock_guard<std::mutex> lock(mutex_);
            marks_.resize(size);
            for (std::uint64_t i = 0; i < extent.size.bytes; ++i)
                marks_.at(extent.at.bytes + i) = true;
            return fails_ ? fail(EIO, "the medium is broken") : Status();
        };
    }
    std::size_t bytes() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return static_cast<std::size_t>(std::count(marks_.begin(), marks_.end(), true));
    }
    bool all_written_are(const std::vector<std::byte>& mapping, std::byte mark) {
        const std::lock_guard<std::mutex> lock(mutex_);
        marks_.resize(mapping.size());
        for (std::size_t i = 0; i < mapping.size(); ++i)
            if (mapping[i] == mark && !marks_[i])
                return false;
        return true;
    }
    void hold(bool held) { held_ = held; }
    void break_it() { fails_ = true; }

private:
    std::mutex mutex_;
    std::vector<bool> marks_;
    std::atomic<bool> held_{false}, fails_{false};
};

void a_read_persists_what_was_written() {
    constexpr std::byte kMark{0x5a};
    Scattered memory(32, 512), quiet(2, 64);
    Persisted persisted;
    Bytes data(2000, kMark), one(1);
    Pair pair;
    memory.fill(Bytes(memory.size()));
    auto translation = memory.translation();
    persisted.watch(translation);
    const auto grant = ok(pair.server->grant(translation, kBoth));
    const auto other = ok(pair.server->grant(quiet.translation(), Access::read));
    auto local = ok(pair.client->register_memory(data));
    auto into = ok(pair.client->register_memory(one));
    std::size_t tags = 0;
    for (int round = 0; round < 30; ++round) {
        for (int i = 0; i < 5; ++i) {
            const std::uint64_t size = 1 + generator()() % 1999;
            ok(pair.client->write(local, {{0}, {size}}, grant, {generator()() % (memory.size() - size)},
                                  ++tags));
        }
        // A read of any window of the connection will do, and so will an empty one.
        const bool empty = round % 3 == 0;
        ok(pair.client->read(into, {{0}, {empty ? 0U : 1U}}, round % 2 == 0 ? grant : other, {5}, ++tags));
        pair.client_ear->wait_completions(tags);
        CHECK(persisted.all_written_are(Bytes(memory.mapping().begin(), memory.mapping().end()), kMark));
        equal(persisted.bytes(),
              static_cast<std::size_t>(std::count(memory.mapping().begin(), memory.mapping().end(), kMark)));
    }
}

void others_go_on_while_one_persists() {
    rdma::EngineOptions one_thread;
    one_thread.threads = 1;
    Scattered memory(2, 64);
    Persisted persisted;
    Bytes data = random_bytes(64), back(64);
    Pair pair(one_thread);
    auto other_ear = std::make_shared<Ear>();
    auto other = ok(pair.client_engine->connect(pair.listening.address(), other_ear, kConnectTimeout_ms));
    persisted.hold(true);
    auto translation = memory.translation();
    persisted.watch(translation);
    const auto grant = ok(pair.server->grant(translation, kBoth));
    auto local = ok(pair.client->register_memory(data)), into = ok(pair.client->register_memory(back));
    ok(pair.client->write(local, {{0}, {64}}, grant, {3}, 1));
    ok(pair.client->read(into, {{0}, {64}}, grant, {3}, 2));
    ok(pair.client->send(bytes_of("behind the read")));
    ok(other->send(bytes_of("another")));
    pair.server_ear->wait_messages(1);
    pair.listening.wait_accepted(1).ear->wait_messages(1);
    ok(pair.server->send(bytes_of("before the answer")));
    pair.client_ear->wait_messages(1);
    equal(pair.client_ear->completions().size(), 1U);
    persisted.hold(false);
    pair.client_ear->wait_completions(2);
    CHECK(back == data && persisted.bytes() == 64);
}

void a_persist_that_fails_ends_the_connection() {
    Scattered memory(2, 64);
    Persisted persisted;
    Bytes data(8), back(8);
    Pair pair;
    persisted.break_it();
    auto translation = memory.translation();
    persisted.watch(translation);
    const auto grant = ok(pair.server->grant(translation, kBoth));
    ok(pair.client->write(ok(pair.client->register_memory(data)), {{0}, {8}}, grant, {3}, 1));
    ok(pair.client->read(ok(pair.client->register_memory(back)), {{0}, {8}}, grant, {3}, 2));
    const auto done = pair.client_ear->wait_completions(2);
    CHECK(done[0].status && !done[1].status);
    const Error why = pair.client_ear->wait_close();
    equal(why.code, EPROTO);
    contains(why.message, "layer 0, type 0, code 0");
    contains(pair.server_ear->wait_close().message, "the medium is broken");
}

/// What the owner of a window frees after on_close is not touched any more: on_close waits for a persist.
void the_end_waits_for_a_persist() {
    for (const bool lost : {true, false}) {
        Scattered memory(2, 64);
        Persisted persisted;
        std::atomic<bool> inside{false};
        Bytes data(8), back(8);
        Pair pair;
        persisted.hold(true);
        auto translation = memory.translation();
        persisted.watch(translation);
        translation.persist = [&, inner = translation.persist](Extent extent) {
            inside = true;
            auto status = inner(extent);
            inside = false;
            return status;
        };
        pair.server_ear->close_hook = [&](const Error&) { CHECK(!inside); };
        const auto grant = ok(pair.server->grant(translation, kBoth));
        ok(pair.client->write(ok(pair.client->register_memory(data)), {{0}, {8}}, grant, {3}, 1));
        ok(pair.client->read(ok(pair.client->register_memory(back)), {{0}, {8}}, grant, {3}, 2));
        eventually([&] { return inside.load(); });
        if (lost)
            pair.client_engine.reset();
        else
            pair.server->close({ECANCELED, "enough"});
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        CHECK(!pair.server_ear->closed());
        persisted.hold(false);
        pair.server_ear->wait_close();
        pair.client_ear->wait_close();
    }
}

}  // namespace

int main() {
    return run("iwarp_reads",
               {{"a read and its responses", a_read_and_its_responses},
                {"responses that miss", responses_that_miss},
                {"one read at a time without negotiation", one_read_at_a_time_without_negotiation},
                {"many reads at once", many_reads_at_once},
                {"a read persists what was written", a_read_persists_what_was_written},
                {"others go on while one persists", others_go_on_while_one_persists},
                {"a persist that fails ends the connection", a_persist_that_fails_ends_the_connection},
                {"the end waits for a persist", the_end_waits_for_a_persist}});
}
