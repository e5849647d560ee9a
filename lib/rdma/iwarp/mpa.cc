#include "lib/rdma/iwarp/mpa.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "lib/rdma/iwarp/big_endian.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::string_view kRequestKey = "MPA ID Req Frame";
constexpr std::string_view kReplyKey = "MPA ID Rep Frame";
static_assert(kRequestKey.size() == kKeyBytes && kReplyKey.size() == kKeyBytes);

constexpr unsigned kMarkers = 0x80, kCrc = 0x40, kReject = 0x20, kEnhanced = 0x10, kLargeSegments = 0x08;
constexpr unsigned kPeerToPeer = 0x8000, kZeroLengthRtr = 0x4000;  // beside IRD
constexpr unsigned kWriteRtr = 0x8000, kReadRtr = 0x4000;          // beside ORD
constexpr unsigned kDepthMask = 0x3fff;

std::string_view key_of(Greeting kind) {
    return kind == Greeting::request ? kRequestKey : kReplyKey;
}

unsigned flag(bool on, unsigned bit) {
    return on ? bit : 0;
}

std::uint8_t flags_of(const StartUp& frame) {
    return static_cast<std::uint8_t>(flag(frame.markers, kMarkers) | flag(frame.crc, kCrc) |
                                     flag(frame.reject, kReject) | flag(frame.has_enhanced, kEnhanced) |
                                     flag(frame.large_segments, kLargeSegments));
}

void encode_enhanced(const Enhanced& data, std::byte* at) {
    store_big(at, static_cast<std::uint16_t>((data.ird & kDepthMask) | flag(data.peer_to_peer, kPeerToPeer) |
                                             flag(data.zero_length_rtr, kZeroLengthRtr)));
    store_big(at + 2, static_cast<std::uint16_t>((data.ord & kDepthMask) | flag(data.write_rtr, kWriteRtr) |
                                                 flag(data.read_rtr, kReadRtr)));
}

}  // namespace

std::vector<std::byte> encode(const StartUp& frame) {
    std::vector<std::byte> bytes(kStartUpBytes + (frame.has_enhanced ? kEnhancedBytes : 0));
    std::memcpy(bytes.data(), key_of(frame.kind).data(), kKeyBytes);
    bytes[16] = static_cast<std::byte>(flags_of(frame));
    bytes[17] = static_cast<std::byte>(frame.revision);
    store_big(&bytes[18], static_cast<std::uint16_t>(bytes.size() - kStartUpBytes));
    if (frame.has_enhanced)
        encode_enhanced(frame.enhanced, &bytes[kStartUpBytes]);
    return bytes;
}

Result<StartUp> decode_start_up(std::span<const std::byte, kStartUpBytes> bytes, Greeting kind) {
    if (std::memcmp(bytes.data(), key_of(kind).data(), kKeyBytes) != 0)
        return fail(EPROTO, "the peer does not speak iWARP: its first bytes are not \"{}\"", key_of(kind));
    StartUp frame;
    const auto flags = std::to_integer<unsigned>(bytes[16]);
    frame.kind = kind;
    frame.markers = (flags & kMarkers) != 0;
    frame.crc = (flags & kCrc) != 0;
    frame.reject = (flags & kReject) != 0;
    frame.large_segments = (flags & kLargeSegments) != 0;
    frame.revision = std::to_integer<std::uint8_t>(bytes[17]);
    // Of the frames known here only those of revision 2 have the flag; elsewhere the bit is reserved.
    frame.has_enhanced = frame.revision >= 2 && (flags & kEnhanced) != 0;
    frame.private_bytes = load_big<std::uint16_t>(&bytes[18]);
    if (frame.private_bytes > kMaximumPrivate)
        return fail(
            EPROTO,
            "the peer's MPA start-up frame announces {} bytes of private data; at most {} are allowed",
            frame.private_bytes, kMaximumPrivate);
    if (frame.has_enhanced && frame.private_bytes < kEnhancedBytes)
        return fail(
            EPROTO,
            "the peer's MPA start-up frame has {} bytes of private data; its flags ask for at least {}",
            frame.private_bytes, kEnhancedBytes);
    return frame;
}

void decode_private(StartUp& frame, std::span<const std::byte> private_data) {
    if (!frame.has_enhanced || private_data.size() < kEnhancedBytes)
        return;
    const unsigned first = load_big<std::uint16_t>(&private_data[0]);
    const unsigned second = load_big<std::uint16_t>(&private_data[2]);
    frame.enhanced.ird = static_cast<std::uint16_t>(first & kDepthMask);
    frame.enhanced.ord = static_cast<std::uint16_t>(second & kDepthMask);
    frame.enhanced.peer_to_peer = (first & kPeerToPeer) != 0;
    frame.enhanced.zero_length_rtr = (first & kZeroLengthRtr) != 0;
    frame.enhanced.write_rtr = (second & kWriteRtr) != 0;
    frame.enhanced.read_rtr = (second & kReadRtr) != 0;
}

std::size_t ulpdu_for_segment(std::size_t segment_bytes) {
    constexpr std::size_t kFrame = kLengthBytes + kCrcBytes;
    const std::size_t room = segment_bytes / 4 * 4;
    return std::clamp(room < kFrame ? 0 : room - kFrame, kMinimumUlpdu, kMaximumUlpdu);
}

void store_crc(std::byte* at, std::uint32_t crc) {
    for (unsigned i = 0; i < kCrcBytes; ++i)
        at[i] = static_cast<std::byte>(crc >> (8 * i));
}

std::uint32_t load_crc(const std::byte* at) {
    std::uint32_t crc = 0;
    for (unsigned i = 0; i < kCrcBytes; ++i)
        crc |= std::to_integer<std::uint32_t>(at[i]) << (8 * i);
    return crc;
}

}  // namespace pmemckpt::rdma::iwarp
