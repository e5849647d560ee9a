// FPDUs, DDP segments and RDMAP messages of a hostile peer, as a connection receives and answers them: its
// real Receiver and Transmitter, its windows on scattered pages, two reads of its own under way.
//
// input: settings, bytes of a piece; then the peer's stream. A message that begins with a byte below
// kWindows has that window revoked.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/crc32c.hh"
#include "lib/rdma/iwarp/big_endian.hh"
#include "lib/rdma/iwarp/receive.hh"
#include "lib/rdma/iwarp/transmit.hh"
#include "lib/wire/codec.hh"
#include "tests/fuzz/input.hh"
#include "tests/fuzz/socket_pair.hh"
#include "tests/support/hostile_peer.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma;
using namespace pmemckpt::rdma::iwarp;

namespace {

using fuzz::Bytes;

constexpr std::uint64_t kPage = 256, kPages = 12;
constexpr std::uint64_t kReadBytes = 300;  // of each read of this end's
constexpr std::size_t kSettingsBytes = 3;
/// What lies on pages that the peer may not read. Nothing that is sent has it.
constexpr std::array<unsigned char, 8> kSecret{0x5e, 0xc2, 0xe7, 0x91, 0x3b, 0x88, 0xd4, 0x0f};

struct Settings {
    bool crc = true, peer_to_peer = true;
    std::uint8_t piece_bytes = 255;
};

/// What the peer may reach.
struct Reach {
    std::vector<std::uint64_t> pages;  // by their numbers; kNoPage: a hole
    std::uint64_t size;
    Access access;
};
const std::vector<Reach>& reaches() {
    static const std::vector<Reach> all{
        {{3, 1, 7}, 3 * kPage - 20, Access::both},
        {{2, kNoPage, 9}, 3 * kPage, Access::read},
        {{4}, 100, Access::write},
        {{5}, kPage, Access::both},  // revoked at once
    };
    return all;
}
constexpr std::size_t kWindows = 4;

/// A connection's end that was told to receive, without a reactor.
class End final : private Inbound {
public:
    explicit End(const Settings& settings);

    void say(std::span<const std::byte> stream, std::size_t piece_bytes);
    const std::vector<Key>& keys() const { return keys_; }
    const Bytes& sent() const { return sent_; }
    Key sink(std::size_t index) { return transmitter_.outstanding().at(index).sink; }
    void check_memory() const;

private:
    static Bytes first_memory();
    void grant_all();
    void post_reads();
    bool take_turn();
    void stop(const Stop& stop);
    void persist();
    void transmit();

    void on_message(std::span<const std::byte> message) override;
    void on_read_complete() override;
    void on_read_request(InboundRead read) override { responses_.push(std::move(read)); }
    bool closing() const override { return false; }

    fuzz::SocketPair sockets_;
    Bytes memory_ = first_memory();
    std::array<Bytes, 2> read_into_;
    Link link_;
    Completions completions_;
    ResponseQueue responses_;
    Transmitter transmitter_{link_, responses_, completions_};
    Receiver receiver_{link_, *this, transmitter_.outstanding(), responses_};
    std::vector<Key> keys_;
    Bytes sent_;
    bool stopped_ = false;
};

Bytes End::first_memory() {
    Bytes memory(kPage * kPages);
    for (std::size_t at = 0; at < memory.size(); ++at)
        memory[at] = static_cast<std::byte>(kSecret[at % kSecret.size()]);
    for (const auto& reach : reaches())
        for (const auto page : reach.pages)
            if (page != kNoPage && reach.access != Access::write)
                std::fill_n(memory.begin() + static_cast<std::ptrdiff_t>(page * kPage), kPage,
                            std::byte{'.'});
    return memory;
}

End::End(const Settings& settings) {
    link_.socket = std::move(sockets_.own);
    link_.agreed = {settings.crc, true, settings.peer_to_peer, 3, 2};
    transmitter_.start(settings.crc ? kMaximumUlpdu : kMinimumUlpdu, false);
    grant_all();
    post_reads();
}

void End::grant_all() {
    for (const auto& reach : reaches()) {
        Translation translation;
        translation.medium = memory_;
        translation.page_size = kPage;
        for (const auto page : reach.pages)
            translation.pages.push_back(page == kNoPage ? kNoPage : page * kPage);
        translation.size = reach.size;
        if (reach.access != Access::read)
            translation.persist = [&reach](Extent extent) -> Status {
                CHECK(extent.size.bytes > 0 && extent.at.bytes % kPage + extent.size.bytes <= kPage);
                CHECK(std::ranges::count(reach.pages, extent.at.bytes / kPage) == 1);
                return {};
            };
        keys_.push_back(test::ok(link_.windows.grant(std::move(translation), reach.access)).key);
    }
    link_.windows.revoke(keys_.back());
}

/// They go out when the peer's first FPDU was there.
void End::post_reads() {
    for (auto& into : read_into_) {
        into.resize(kReadBytes);
        Operation read;
        read.kind = Operation::Kind::read;
        read.local = into;
        read.key = 7;
        read.ticket = completions_.expect(1);
        transmitter_.push(std::move(read));
    }
}

void End::on_message(std::span<const std::byte> message) {
    CHECK(message.size() <= kMaximumMessage);
    if (!message.empty() && std::to_integer<std::size_t>(message[0]) < kWindows)
        link_.windows.revoke(keys_[std::to_integer<std::size_t>(message[0])]);
}

void End::on_read_complete() {
    auto& outstanding = transmitter_.outstanding();
    completions_.complete(outstanding.front().ticket);
    outstanding.pop_front();
}

void End::persist() {
    while (const auto dirty = responses_.start_persist()) {
        for (const auto& [window, extents] : *dirty)
            test::ok(window->persist(extents));
        responses_.persist_done();
    }
}

void End::transmit() {
    for (auto progress = transmitter_.run();; progress = transmitter_.run()) {
        const auto heard = sockets_.heard();
        sent_.insert(sent_.end(), heard.begin(), heard.end());
        if (progress.state == Transmitter::State::ended && !stopped_)
            stop(*progress.stop);
        if (progress.state == Transmitter::State::idle || progress.state == Transmitter::State::ended)
            return;
    }
}

/// As a connection does: the peer hears why, if it can still be said.
void End::stop(const Stop& stop) {
    CHECK(!stop.why.message.empty() && stop.why.code > 0);
    stopped_ = true;
    if (!stop.answer)
        return;
    responses_.clear();
    transmitter_.drop_all_for(*stop.answer);
    transmit();
    CHECK(transmitter_.idle());
}

/// Whether there is a next one.
bool End::take_turn() {
    if (const auto stopped = receiver_.run()) {
        stop(*stopped);
        return false;
    }
    persist();
    transmit();
    return !stopped_;
}

void End::say(std::span<const std::byte> stream, std::size_t piece_bytes) {
    fuzz::Input said(stream);
    const int socket = link_.socket.get();
    while (!said.empty() && !stopped_) {
        sockets_.say(said.piece(piece_bytes));
        for (auto waiting = fuzz::waiting_at(socket); waiting > 0 && take_turn();
             waiting = fuzz::waiting_at(socket))
            CHECK(fuzz::waiting_at(socket) < waiting);
    }
    sockets_.end_saying();
    if (!stopped_)
        CHECK(!take_turn());
}

/// Of pages that the peer could not write to nothing was changed.
void End::check_memory() const {
    Bytes wanted = first_memory();
    for (const auto& reach : reaches())
        for (std::size_t i = 0; i < reach.pages.size() && reach.access != Access::read; ++i) {
            const auto at = static_cast<std::ptrdiff_t>(reach.pages[i] * kPage);
            const auto within = static_cast<std::ptrdiff_t>(std::min(kPage, reach.size - i * kPage));
            std::copy_n(memory_.begin() + at, &reach == &reaches().back() ? 0 : within, wanted.begin() + at);
        }
    CHECK(memory_ == wanted);
}

bool has_secret(std::span<const std::byte> bytes) {
    const auto secret = std::as_bytes(std::span(kSecret));
    return std::search(bytes.begin(), bytes.end(), secret.begin(), secret.end()) != bytes.end();
}

/// What was sent is whole FPDUs, but for the last one.
void check_frames(std::span<const std::byte> sent, bool crc) {
    while (sent.size() >= kLengthBytes) {
        const std::size_t ulpdu = load_big<std::uint16_t>(sent.data());
        const std::size_t checked = kLengthBytes + ulpdu + pad_bytes(ulpdu);
        CHECK(ulpdu >= kTaggedBytes);
        if (sent.size() < checked + kCrcBytes)
            return;
        CHECK(load_crc(sent.data() + checked) == (crc ? crc32c(sent.first(checked)) : 0));
        sent = sent.subspan(checked + kCrcBytes);
    }
}

Settings settings_of(fuzz::Input& input) {
    Settings settings;
    settings.crc = input.byte() % 2 == 1;
    settings.peer_to_peer = input.byte() % 2 == 1;
    settings.piece_bytes = input.byte();
    return settings;
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    const auto settings = settings_of(input);
    const auto stream = input.rest();
    End end(settings);
    end.say(stream, 1 + settings.piece_bytes);
    end.check_memory();
    CHECK(!has_secret(end.sent()) || has_secret(stream));
    check_frames(end.sent(), settings.crc);
}

/// Message numbers and offsets as they have to be.
class Numbers {
public:
    void set(std::span<std::byte> ulpdu) {
        if (ulpdu.size() < kUntaggedBytes || is_tagged(ulpdu[0]))
            return;
        auto segment = decode_segment(ulpdu.data());
        if (segment.queue >= kQueues)
            return;
        auto& [number, offset] = queues_[segment.queue];
        segment.number = number;
        segment.offset = offset;
        encode(segment, ulpdu.data());
        offset += static_cast<std::uint32_t>(ulpdu.size() - kUntaggedBytes);
        if (segment.last)
            ++number, offset = 0;
    }

private:
    struct Queue {
        std::uint32_t number = 1, offset = 0;
    };
    std::array<Queue, kQueues> queues_{};
};

/// The CRC of each FPDU, and the length of the last one; of every other input message numbers, too.
void mend(Bytes& input, unsigned seed) {
    if (input.size() < kSettingsBytes)
        return;
    Numbers numbers;
    auto left = std::span(input).subspan(kSettingsBytes);
    while (left.size() > kLengthBytes + kMaximumPad + kCrcBytes + kTaggedBytes) {
        std::size_t ulpdu = load_big<std::uint16_t>(left.data());
        if (kLengthBytes + ulpdu + pad_bytes(ulpdu) + kCrcBytes > left.size())
            ulpdu = std::min(kMaximumUlpdu, left.size() - kLengthBytes - kMaximumPad - kCrcBytes);
        store_big(left.data(), static_cast<std::uint16_t>(ulpdu));
        if (seed % 2 == 0)
            numbers.set(left.subspan(kLengthBytes, ulpdu));
        const auto checked = kLengthBytes + ulpdu + pad_bytes(ulpdu);
        store_crc(left.data() + checked, crc32c(left.first(checked)));
        left = left.subspan(checked + kCrcBytes);
    }
}

class Script {
public:
    explicit Script(bool crc = true) : crc_(crc) {
        for (const std::uint8_t setting : {std::uint8_t{crc}, std::uint8_t{1}, std::uint8_t{255}})
            input_(setting);
    }
    template <class Segment>
    Script& say(const Segment& segment) {
        input_.append(test::fpdu(test::ulpdu(segment), crc_));
        return *this;
    }
    Bytes bytes() { return input_.bytes(); }

private:
    const bool crc_;
    wire::Encoder input_;
};

Bytes text(std::size_t size) {
    return Bytes(size, std::byte{'x'});
}

std::vector<fuzz::Seed> seeds() {
    End end({});
    const auto keys = end.keys();
    const auto first = Script().say(test::Tagged{}).bytes();
    end.say(std::span(first).subspan(kSettingsBytes), first.size());
    const auto sink = [&](std::size_t index) { return end.sink(index); };

    const auto writes = [&](bool crc) {
        return Script(crc)
            .say(test::Tagged{})
            .say(test::Tagged{.stag = keys[0], .offset = 200, .payload = text(300)})
            .say(test::Tagged{.stag = keys[2], .offset = 10, .payload = text(90)})
            .say(test::ReadFields{.size = 400, .source = keys[0], .source_offset = 100})
            .say(test::ReadFields{.size = 40, .source = keys[1], .source_offset = 600, .number = 2})
            .bytes();
    };
    const auto revoked = Script()
                             .say(test::Untagged{.payload = {std::byte{0}}})
                             .say(test::Tagged{.stag = keys[0], .payload = text(10)})
                             .bytes();
    const auto sends =
        Script()
            .say(test::Untagged{.payload = text(20), .last = false})
            .say(test::Untagged{.offset = 20, .payload = text(30)})
            .say(test::Untagged{
                .opcode = test::kSendInvalidate, .number = 2, .payload = text(7), .invalidate = keys[1]})
            .say(test::Untagged{.opcode = test::kSendSolicited, .number = 3, .payload = {}})
            .bytes();
    const auto responses =
        Script()
            .say(test::Tagged{})
            .say(test::Tagged{
                .opcode = test::kReadResponse, .stag = sink(0), .payload = text(100), .last = false})
            .say(test::Tagged{
                .opcode = test::kReadResponse, .stag = sink(0), .offset = 100, .payload = text(200)})
            .say(test::Tagged{.opcode = test::kReadResponse, .stag = sink(1), .payload = text(300)})
            .bytes();
    const auto terminate =
        Script()
            .say(test::Untagged{
                .opcode = test::kTerminate, .queue = 2, .payload = {std::byte{0x11}, {}, {}, {}}})
            .bytes();
    return {{"writes-and-reads", writes(true)},
            {"without-crc", writes(false)},
            {"revoked", revoked},
            {"sends", sends},
            {"responses", responses},
            {"terminate", terminate}};
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
