#include "tests/hostile/attacker.hh"

#include <sys/socket.h>
#include <sys/time.h>

#include "tests/support/transport.hh"

namespace pmemckpt::hostile {

namespace {

constexpr std::size_t kTaggedHeader = 14, kUntaggedHeader = 18;
constexpr unsigned kAnswer_s = 15;  // for an answer, or an end, that has to come

unsigned opcode_of(const Bytes& ulpdu) {
    return std::to_integer<unsigned>(ulpdu.at(1)) & 0xf;
}
bool is_last(const Bytes& ulpdu) {
    return (std::to_integer<unsigned>(ulpdu.at(0)) & 0x40) != 0;
}

void append(Bytes& to, const Bytes& ulpdu, std::size_t header) {
    to.insert(to.end(), ulpdu.begin() + static_cast<std::ptrdiff_t>(header), ulpdu.end());
}

}  // namespace

Attacker::Attacker(const Address& address, const test::StartUpFrame& start_up) : peer(address) {
    const timeval limit{static_cast<time_t>(kAnswer_s * test::time_limit_factor()), 0};
    ::setsockopt(peer.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    peer.start_up(start_up);
}

Bytes Attacker::message_frame(std::span<const std::byte> message) {
    return fpdu(ulpdu(test::Untagged{.number = ++sent_, .payload = Bytes(message.begin(), message.end())}),
                peer.crc);
}

Bytes Attacker::write_frame(std::uint32_t stag, std::uint64_t offset, Bytes payload) const {
    return fpdu(ulpdu(test::Tagged{.stag = stag, .offset = offset, .payload = std::move(payload)}), peer.crc);
}

Bytes Attacker::read_frame(std::uint32_t stag, std::uint64_t offset, std::uint32_t size) {
    return fpdu(ulpdu(test::ReadFields{
                    .sink = kSink, .size = size, .source = stag, .source_offset = offset, .number = ++read_}),
                peer.crc);
}

void Attacker::send(std::span<const std::byte> message) {
    peer.send_raw(message_frame(message));
}

Bytes Attacker::receive() {
    Bytes message;
    for (bool last = false; !last;) {
        const auto ulpdu = peer.receive_fpdu();
        if (opcode_of(ulpdu) != test::kSend)
            test::fail_at(Place::current(),
                          "no message, but " + test::hexadecimal(std::span(ulpdu).first(
                                                   std::min<std::size_t>(40, ulpdu.size()))));
        append(message, ulpdu, kUntaggedHeader);
        last = is_last(ulpdu);
    }
    return message;
}

void Attacker::write(std::uint32_t stag, std::uint64_t offset, Bytes payload) {
    peer.send_raw(write_frame(stag, offset, std::move(payload)));
}

void Attacker::read(std::uint32_t stag, std::uint64_t offset, std::uint32_t size, std::uint32_t sink,
                    std::uint64_t sink_offset) {
    peer.send(test::ReadFields{.sink = sink,
                               .sink_offset = sink_offset,
                               .size = size,
                               .source = stag,
                               .source_offset = offset,
                               .number = ++read_});
}

Bytes Attacker::fetch(const wire::Window& window, std::uint64_t offset, std::uint32_t size,
                      std::uint32_t sink, std::uint64_t sink_offset) {
    read(window.key, window.base + offset, size, sink, sink_offset);
    Bytes bytes;
    for (bool last = false; !last;) {
        const auto ulpdu = peer.receive_fpdu();
        const auto header = test::Wire()
                                .u8(is_last(ulpdu) ? 0xc1U : 0x81U)
                                .u8(0x42)
                                .u32(sink)
                                .u64(sink_offset + bytes.size())
                                .bytes;
        if (ulpdu.size() < header.size() || !std::equal(header.begin(), header.end(), ulpdu.begin()))
            test::fail_at(Place::current(), "this is no answer to the read: " + test::hexadecimal(ulpdu));
        append(bytes, ulpdu, kTaggedHeader);
        last = is_last(ulpdu);
    }
    test::equal(bytes.size(), std::size_t{size});
    return bytes;
}

test::Named Attacker::hear_terminate(const Place& place) {
    for (;;) {
        const auto ulpdu = peer.receive_fpdu(place);
        if (opcode_of(ulpdu) != test::kTerminate)
            continue;
        if (ulpdu.size() < kUntaggedHeader + 4)
            test::fail_at(place, "a Terminate that is cut short: " + test::hexadecimal(ulpdu));
        peer.receive_end(place);
        const auto first = std::to_integer<unsigned>(ulpdu[kUntaggedHeader]);
        return {first >> 4, first & 0xf, std::to_integer<unsigned>(ulpdu[kUntaggedHeader + 1])};
    }
}

void Attacker::hear_end(const Place& place) {
    std::array<std::byte, 65536> nobody_reads;
    for (;;) {
        const ssize_t got = ::recv(peer.descriptor(), nobody_reads.data(), nobody_reads.size(), 0);
        if (got > 0 || (got < 0 && errno == EINTR))
            continue;
        if (got < 0 && errno != ECONNRESET)
            test::fail_at(place, "the manager does not end the connection");
        return;
    }
}

void reset(test::HostilePeer& peer) {
    const linger at_once{1, 0};
    ::setsockopt(peer.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    peer.close();
}

}  // namespace pmemckpt::hostile
