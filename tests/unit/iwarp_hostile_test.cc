// A peer that breaks each rule there is: what it hears, and that nothing outside its windows was changed or
// read. time-limit: 180
// not over devices: it is about the iWARP engine
#include <cerrno>
#include <functional>

#include "tests/support/hostile_peer.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;

namespace {

constexpr std::size_t kPage = 64, kPages = 4, kSize = kPage * kPages;

/// An engine with a hostile peer, and windows of it.
class Victim {
public:
    explicit Victim(bool crc = true) : server_(with_crc(crc)), peer(server_.address()) {
        peer.start_up({.ird = 16, .ord = 16, .private_data = {}});
        const Accepted accepted = server_.wait_accepted(0);
        connection = accepted.connection;
        ear = accepted.ear;
        content_ = random_bytes(kSize);
        memory.fill(content_);
        to_write = ok(connection->grant(memory.translation(), Access::write)).key;
        to_read = ok(connection->grant(memory.translation(), Access::read)).key;
        revoked = ok(connection->grant(memory.translation(), static_cast<Access>(3))).key;
        connection->revoke(revoked);
        // The stream's first message, so that each later one is one of many.
        peer.send(Untagged{.payload = bytes_of("hello")});
        ear->wait_messages(1);
    }

    /// The peer must hear of this rule, the handler too, and all memory be as it was.
    void must_end_with(const Named& rule, const Place& place = Place::current()) {
        const Named named = peer.receive_terminate(place);
        if (named != rule)
            fail_at(place, "told: " + to_string(named) + ", wanted: " + to_string(rule));
        const Error why = ear->wait_close(place);
        contains(why.message, to_string(rule), place);
        if (memory.content() != content_ || !memory.guards_whole())
            fail_at(place, "memory was changed");
        test::equal(ear->message_count(), messages, place);
        test::equal(ear->closes(), 1U, place);
    }

    static rdma::EngineOptions with_crc(bool crc) {
        rdma::EngineOptions options;
        options.crc = crc;
        return options;
    }

    Scattered memory{kPages, kPage};  // outlives the engine

private:
    Server server_;

public:
    HostilePeer peer;
    std::shared_ptr<rdma::Connection> connection;
    std::shared_ptr<Ear> ear;
    std::uint32_t to_write = 0, to_read = 0, revoked = 0;
    std::size_t messages = 1;

    Server& server() { return server_; }

private:
    Bytes content_;
};

struct Violation {
    const char* name;
    std::function<void(Victim&)> commit;
    Named rule;
    int code;
    unsigned refused = 0;  // counted with the connection
};

/// Each against an engine of its own.
void run_all(const std::vector<Violation>& violations) {
    for (const Violation& violation : violations)
        for (const bool crc : {true, false}) {
            try {
                Victim victim(crc);
                violation.commit(victim);
                victim.must_end_with(violation.rule);
                equal(victim.ear->wait_close().code, violation.code);
                equal(victim.connection->peer().refused, violation.refused);
            } catch (const Failure& failure) {
                throw Failure(
                    fmt::format("{} (CRC {}): {}", violation.name, crc ? "on" : "off", failure.what()));
            }
        }
}

auto write_of(std::uint32_t Victim::*key, std::uint64_t offset, std::size_t size) {
    return [=](Victim& victim) {
        victim.peer.send(Tagged{.stag = victim.*key, .offset = offset, .payload = random_bytes(size)});
    };
}

auto read_of(std::uint32_t Victim::*key, std::uint64_t offset, std::uint32_t size) {
    return [=](Victim& victim) {
        victim.peer.send(ReadFields{.size = size, .source = victim.*key, .source_offset = offset});
    };
}

template <class S>
auto sending(S segment) {
    return [=](Victim& victim) { victim.peer.send(segment); };
}

void writes_that_miss() {
    constexpr auto window = &Victim::to_write;
    run_all({
        {"unknown STag", sending(Tagged{.stag = 0x12345678, .payload = Bytes(8)}), {1, 1, 0}, EACCES, 1},
        {"STag 0", sending(Tagged{.stag = 0, .payload = Bytes(8)}), {1, 1, 0}, EACCES, 1},
        {"empty, unknown STag", sending(Tagged{.stag = 0x12345678, .payload = {}}), {1, 1, 0}, EACCES, 1},
        {"revoked", write_of(&Victim::revoked, 0, 8), {1, 1, 0}, EACCES, 1},
        {"on a window to read", write_of(&Victim::to_read, 0, 8), {0, 1, 2}, EACCES, 1},
        {"one byte past the end", write_of(window, kSize - 7, 8), {1, 1, 1}, EACCES, 1},
        {"begins at the end", write_of(window, kSize, 1), {1, 1, 1}, EACCES, 1},
        {"one byte more than all", write_of(window, 0, kSize + 1), {1, 1, 1}, EACCES, 1},
        {"far beyond", write_of(window, 1ULL << 40, 8), {1, 1, 1}, EACCES, 1},
        {"empty, past the end", write_of(window, kSize + 1, 0), {1, 1, 1}, EACCES, 1},
        {"wraps around", write_of(window, UINT64_MAX - 3, 8), {1, 1, 3}, EACCES, 1},
        {"wraps into the window", write_of(window, UINT64_MAX - 63, 64 + 8), {1, 1, 3}, EACCES, 1},
        {"large, past the end", write_of(window, 1, 60'000), {1, 1, 1}, EACCES, 1},
    });
}

void reads_that_miss() {
    constexpr auto window = &Victim::to_read;
    run_all({
        {"unknown STag", sending(ReadFields{.size = 8, .source = 0x12345678}), {0, 1, 0}, EACCES, 1},
        {"empty, unknown STag", sending(ReadFields{.size = 0, .source = 0x12345678}), {0, 1, 0}, EACCES, 1},
        {"revoked", read_of(&Victim::revoked, 0, 8), {0, 1, 0}, EACCES, 1},
        {"on a window to write", read_of(&Victim::to_write, 0, 8), {0, 1, 2}, EACCES, 1},
        {"one byte past the end", read_of(window, kSize - 7, 8), {0, 1, 1}, EACCES, 1},
        {"begins at the end", read_of(window, kSize, 1), {0, 1, 1}, EACCES, 1},
        {"4 GiB - 1", read_of(window, 0, UINT32_MAX), {0, 1, 1}, EACCES, 1},
        {"empty, past the end", read_of(window, kSize + 1, 0), {0, 1, 1}, EACCES, 1},
        {"wraps around", read_of(window, UINT64_MAX - 3, 8), {0, 1, 4}, EACCES, 1},
    });
}

void headers_that_are_wrong() {
    const Bytes some(8);
    run_all({
        {"DDP version 2, tagged", sending(Tagged{.payload = some, .ddp_version = 2}), {1, 1, 4}, EPROTO},
        {"DDP version 0, untagged",
         sending(Untagged{.number = 2, .payload = some, .ddp_version = 0}),
         {1, 2, 6},
         EPROTO},
        {"RDMAP version 0",
         sending(Untagged{.number = 2, .payload = some, .rdmap_version = 0}),
         {0, 2, 5},
         EPROTO},
        {"RDMAP version 2, tagged", sending(Tagged{.payload = some, .rdmap_version = 2}), {0, 2, 5}, EPROTO},
        {"queue 4", sending(Untagged{.queue = 4, .payload = some}), {1, 2, 1}, EPROTO},
        {"queue 2^32 - 1", sending(Untagged{.queue = UINT32_MAX, .payload = some}), {1, 2, 1}, EPROTO},
        {"Send on the queue of reads", sending(Untagged{.queue = 1, .payload = some}), {0, 2, 6}, EPROTO},
        {"Read Request on that of sends",
         sending(Untagged{.opcode = kReadRequest, .number = 2, .payload = Bytes(28)}),
         {0, 2, 6},
         EPROTO},
        {"immediate data",
         sending(Untagged{.opcode = kImmediate, .number = 2, .payload = some}),
         {0, 2, 6},
         EPROTO},
        {"atomic",
         sending(Untagged{.opcode = kAtomicRequest, .queue = 1, .payload = Bytes(52)}),
         {0, 2, 6},
         EPROTO},
        {"atomic's answer",
         sending(Untagged{.opcode = kAtomicResponse, .queue = 3, .payload = Bytes(12)}),
         {0, 2, 6},
         EPROTO},
        {"opcode 15", sending(Untagged{.opcode = 15, .number = 2, .payload = some}), {0, 2, 6}, EPROTO},
        {"Send, tagged", sending(Tagged{.opcode = kSend, .payload = some}), {0, 2, 6}, EPROTO},
        {"Write, untagged",
         sending(Untagged{.opcode = kWrite, .number = 2, .payload = some}),
         {0, 2, 6},
         EPROTO},
        {"message number again", sending(Untagged{.number = 1, .payload = some}), {1, 2, 3}, EPROTO},
        {"message number left out", sending(Untagged{.number = 3, .payload = some}), {1, 2, 3}, EPROTO},
        {"message number 0", sending(Untagged{.number = 0, .payload = some}), {1, 2, 3}, EPROTO},
        {"first read is not 1", sending(ReadFields{.number = 2}), {1, 2, 3}, EPROTO},
        {"message offset", sending(Untagged{.number = 2, .offset = 1, .payload = some}), {1, 2, 4}, EPROTO},
        {"read with an offset",
         sending(Untagged{.opcode = kReadRequest, .queue = 1, .offset = 4, .payload = Bytes(28)}),
         {1, 2, 4},
         EPROTO},
        {"unasked Read Response",
         sending(Tagged{.opcode = kReadResponse, .stag = 1, .payload = some}),
         {1, 1, 0},
         EACCES,
         1},
    });
}

void messages_that_are_wrong() {
    const auto in_parts = [](std::size_t first, std::size_t second, unsigned opcode) {
        return [=](Victim& victim) {
            victim.peer.send(Untagged{.number = 2, .payload = Bytes(first), .last = false});
            victim.peer.send(Untagged{.opcode = opcode,
                                      .number = 2,
                                      .offset = static_cast<std::uint32_t>(first),
                                      .payload = Bytes(second)});
        };
    };
    run_all({
        {"too long",
         sending(Untagged{.number = 2, .payload = Bytes(rdma::kMaximumMessage + 1)}),
         {1, 2, 5},
         EPROTO},
        {"too long in parts", in_parts(rdma::kMaximumMessage, 1, kSend), {1, 2, 5}, EPROTO},
        {"another opcode in its middle", in_parts(8, 8, kSendSolicited), {0, 2, 6}, EPROTO},
        {"offset with a hole",
         [](Victim& victim) {
             victim.peer.send(Untagged{.number = 2, .payload = Bytes(8), .last = false});
             victim.peer.send(Untagged{.number = 2, .offset = 9, .payload = Bytes(8)});
         },
         {1, 2, 4},
         EPROTO},
        {"invalidates what never was",
         sending(Untagged{.opcode = kSendInvalidate, .number = 2, .payload = Bytes(4), .invalidate = 99}),
         {0, 1, 9},
         EACCES,
         1},
        {"Read Request too short",
         sending(Untagged{.opcode = kReadRequest, .queue = 1, .payload = Bytes(27)}),
         {0, 2, 0xff},
         EPROTO},
        {"Read Request too long",
         sending(Untagged{.opcode = kReadRequest, .queue = 1, .payload = Bytes(29)}),
         {1, 2, 5},
         EPROTO},
        {"Read Request in parts",
         sending(Untagged{.opcode = kReadRequest, .queue = 1, .payload = Bytes(28), .last = false}),
         {0, 2, 0xff},
         EPROTO},
    });
}

void framing_that_is_wrong() {
    run_all({
        {"no ULPDU",
         [](Victim& v) { v.peer.send_raw(Wire().u16(0).u16(0).u32(0).bytes); },
         {2, 0, 3},
         EPROTO},
        {"ULPDU of 13 bytes",
         [](Victim& v) { v.peer.send_raw(Wire().u16(13).u8(0xc1).bytes); },
         {2, 0, 3},
         EPROTO},
        {"untagged ULPDU of 17 bytes",
         [](Victim& v) { v.peer.send_raw(Wire().u16(17).u8(0x41).bytes); },
         {2, 0, 3},
         EPROTO},
    });
}

void wrong_crc() {
    // Of a damaged header, payload, pad and CRC; the window is not touched by the last three either: they are
    // Sends.
    const auto good = fpdu(ulpdu(Untagged{.number = 2, .payload = Bytes(5)}), true);
    for (const std::size_t at : {std::size_t{10}, std::size_t{22}, good.size() - 5, good.size() - 1}) {
        Victim victim(true);
        auto bad = good;
        bad[at] ^= std::byte{1};
        victim.peer.send_raw(bad);
        const Named named = victim.peer.receive_terminate();
        // A message number is looked at before its CRC can be.
        CHECK(named == (Named{2, 0, 2}) || (at == 10 && named.layer == 1));
        equal(victim.ear->wait_close().code, EPROTO);
        equal(victim.ear->message_count(), 1U);
    }
    // Where no CRC was agreed it may be anything.
    Victim trusting(false);
    auto unchecked = fpdu(ulpdu(Untagged{.number = 2, .payload = bytes_of("fine")}), false);
    unchecked.back() = std::byte{77};
    trusting.peer.send_raw(unchecked);
    CHECK(trusting.ear->wait_messages(2)[1] == bytes_of("fine"));
}

void stag_of_another_connection() {
    Victim victim;
    HostilePeer other(victim.server().address());
    other.start_up({.private_data = {}});
    const Accepted accepted = victim.server().wait_accepted(1);
    other.send(Tagged{.stag = victim.to_write, .offset = 0, .payload = random_bytes(8)});
    // Which keys others have can't be found out by trying: it is the same answer.
    CHECK(other.receive_terminate() == (Named{1, 1, 0}));
    equal(accepted.ear->wait_close().code, EACCES);

    HostilePeer third(victim.server().address());
    third.start_up({.private_data = {}});
    const Accepted accepted_too = victim.server().wait_accepted(2);
    third.send(ReadFields{.size = 8, .source = victim.to_read});
    CHECK(third.receive_terminate() == (Named{0, 1, 0}));
    equal(accepted_too.ear->wait_close().code, EACCES);
    CHECK(victim.memory.guards_whole() && !victim.ear->closed());
    // Another's misdeeds are no harm to this one.
    victim.peer.send(Tagged{.stag = victim.to_write, .offset = 0, .payload = bytes_of("mine")});
    victim.peer.send(Untagged{.number = 2, .payload = {}});
    victim.ear->wait_messages(2);
    CHECK(victim.memory.read(0, 4) == bytes_of("mine"));
}

void terminate_shows_the_segment() {
    Victim victim(false);
    const Tagged bad{.stag = victim.to_write, .offset = kSize, .payload = Bytes(5)};
    victim.peer.send(bad);
    auto ulpdu_seen = victim.peer.receive_fpdu();
    const auto header = ulpdu(Tagged{.stag = victim.to_write, .offset = kSize, .payload = {}});
    CHECK(Bytes(ulpdu_seen.begin() + 18, ulpdu_seen.end()) ==
          Wire().u8(0x11).u8(1).u8(0xc0).u8(0).u16(14 + 5).data(header).bytes);

    Victim reading(false);
    const auto request =
        ulpdu(ReadFields{.sink = 5, .size = 9, .source = reading.to_read, .source_offset = kSize});
    reading.peer.send_raw(fpdu(request, false));
    ulpdu_seen = reading.peer.receive_fpdu();
    CHECK(Bytes(ulpdu_seen.begin() + 18, ulpdu_seen.end()) ==
          Wire().u8(0x01).u8(1).u8(0xe0).u8(0).u16(18 + 28).data(request).bytes);
}

/// Only where the peer puts fewer bytes than its reads ask for can many be outstanding.
void too_many_reads() {
    rdma::EngineOptions options;
    options.outstanding_reads = 4;
    std::mutex gate;
    Scattered memory(1, 64);
    Server server(options);
    HostilePeer peer(server.address());
    auto translation = memory.translation();
    translation.persist = [&](Extent) -> Status {
        const std::lock_guard<std::mutex> wait(gate);
        return {};
    };
    peer.start_up({.private_data = {}});
    const Accepted accepted = server.wait_accepted(0);
    const auto key = ok(accepted.connection->grant(translation, static_cast<Access>(3))).key;
    {
        // Answers wait for a persist that does not end: so all of these are outstanding.
        const std::lock_guard<std::mutex> hold(gate);
        peer.send(Tagged{.stag = key, .payload = Bytes(8)});
        for (std::uint32_t number = 1; number <= 5; ++number)
            peer.send(ReadFields{.size = 8, .source = key, .number = number});
        CHECK(peer.receive_terminate() == (Named{1, 2, 2}));
    }
    contains(accepted.ear->wait_close().message, "too many");
}

void ends_in_the_middle() {
    const auto whole = fpdu(ulpdu(Untagged{.number = 2, .payload = Bytes(100)}), true);
    for (std::size_t size = 1; size < whole.size(); size += 13) {
        Victim victim;
        victim.peer.send_raw(std::span(whole).first(size));
        victim.peer.close();
        equal(victim.ear->wait_close().code, ECONNRESET);
        equal(victim.ear->message_count(), 1U);
    }
    // In the middle of a write: what came of it may lie in the window, and nowhere else.
    Victim victim;
    const auto write =
        fpdu(ulpdu(Tagged{.stag = victim.to_write, .offset = 30, .payload = random_bytes(100)}), true);
    victim.peer.send_raw(std::span(write).first(60));
    victim.peer.close();
    equal(victim.ear->wait_close().code, ECONNRESET);
    CHECK(victim.memory.guards_whole());
    Victim orderly;
    orderly.peer.close();
    equal(orderly.ear->wait_close().code, ESHUTDOWN);
}

void garbage_and_fuzz() {
    for (int round = 0; round < 60; ++round) {
        Victim victim(round % 2 == 0);
        if (round % 3 == 0) {
            victim.peer.send_raw(random_bytes(1 + generator()() % 5000));
        } else {
            // Headers that are nearly right get further.
            for (int i = 0; i < 20; ++i) {
                auto bytes = ulpdu(Tagged{.opcode = static_cast<unsigned>(generator()() % 3),
                                          .stag = victim.to_write,
                                          .offset = generator()() % (2 * kSize),
                                          .payload = random_bytes(generator()() % kSize)});
                if (generator()() % 4 == 0)
                    bytes[generator()() % bytes.size()] ^= static_cast<std::byte>(1U << generator()() % 8);
                victim.peer.send_raw(fpdu(bytes, victim.peer.crc));
            }
        }
        victim.peer.finish_sending();
        victim.ear->wait_close();
        CHECK(victim.memory.guards_whole());
        equal(victim.ear->closes(), 1U);
    }
}

/// A window that dies when half of a Write is there: the rest is not placed.
void revoked_in_mid_fpdu() {
    Victim victim;
    const Bytes payload(kSize, std::byte{0xee});
    const auto write = fpdu(ulpdu(Tagged{.stag = victim.to_write, .offset = 0, .payload = payload}), true);
    victim.peer.send_raw(std::span(write).first(16 + 100));
    eventually([&] { return victim.connection->peer().bytes_received == 100; });
    victim.connection->revoke(victim.to_write);
    const Bytes then = victim.memory.content();
    victim.peer.send_raw(std::span(write).subspan(16 + 100));
    CHECK(victim.peer.receive_terminate() == (Named{1, 1, 0}));
    CHECK(victim.memory.content() == then && victim.memory.guards_whole());
    CHECK(victim.memory.read(0, 100) == Bytes(100, std::byte{0xee}));
    equal(victim.ear->wait_close().code, EACCES);
}

}  // namespace

int main() {
    return run("iwarp_hostile", {{"writes that miss", writes_that_miss},
                                 {"reads that miss", reads_that_miss},
                                 {"headers that are wrong", headers_that_are_wrong},
                                 {"messages that are wrong", messages_that_are_wrong},
                                 {"framing that is wrong", framing_that_is_wrong},
                                 {"wrong CRC", wrong_crc},
                                 {"STag of another connection", stag_of_another_connection},
                                 {"Terminate shows the segment", terminate_shows_the_segment},
                                 {"too many reads", too_many_reads},
                                 {"ends in the middle", ends_in_the_middle},
                                 {"garbage and fuzz", garbage_and_fuzz},
                                 {"revoked in mid-FPDU", revoked_in_mid_fpdu}});
}
