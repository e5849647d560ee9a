#pragma once
// MPA (RFC 5044, RFC 6581): the frames that start a connection, and the framing of every message after them.
//
//   start-up frame  key 16 | flags 1 | revision 1 | private data length 2 | private data (at most 512)
//   FPDU            ULPDU length 2 | ULPDU | 0 to 3 zero bytes, to a multiple of 4 | CRC-32C 4
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/result.hh"

namespace pmemckpt::rdma::iwarp {

inline constexpr std::size_t kStartUpBytes = 20;
inline constexpr std::size_t kMaximumPrivate = 512;
inline constexpr std::size_t kEnhancedBytes = 4;
inline constexpr std::uint16_t kMaximumNegotiable = 0x3ffe;  ///< reads; 0x3fff means "not negotiated"

/// The first four bytes of the private data of a revision 2 frame (RFC 6581, section 9).
struct Enhanced {
    bool peer_to_peer = false;
    bool zero_length_rtr = false, write_rtr = false,
         read_rtr = false;  ///< which first message makes a responder ready
    std::uint16_t ird = 0,
                  ord = 0;  ///< reads its sender takes at once, and wants to have outstanding at once
};

enum class Greeting : std::uint8_t { request, reply };

struct StartUp {
    Greeting kind = Greeting::request;
    bool markers = false, crc = false, reject = false;
    bool large_segments =
        false;  ///< 0x08, of siw and of ours: FPDUs larger than a TCP segment are understood
    std::uint8_t revision = 1;
    bool has_enhanced = false;  ///< the flag S; `enhanced` holds once the private data was decoded
    Enhanced enhanced;
    std::uint16_t private_bytes = 0;  ///< on the wire, the enhanced data included
};

/// With no private data but the enhanced one.
std::vector<std::byte> encode(const StartUp& frame);
/// The fixed part. EPROTO when it is no start-up frame of this kind, or is longer than one may be.
Result<StartUp> decode_start_up(std::span<const std::byte, kStartUpBytes> bytes, Greeting kind);
/// Adds what the private data says; all else in it belongs to nobody here and is ignored.
void decode_private(StartUp& frame, std::span<const std::byte> private_data);

inline constexpr std::size_t kLengthBytes = 2;
inline constexpr std::size_t kCrcBytes = 4;
inline constexpr std::size_t kMaximumPad = 3;
inline constexpr std::size_t kMaximumUlpdu = 65535;
/// No smaller whatever TCP says: a header and some payload have to fit.
inline constexpr std::size_t kMinimumUlpdu = 128;

constexpr std::size_t pad_bytes(std::size_t ulpdu) {
    return (4 - (kLengthBytes + ulpdu) % 4) % 4;
}
static_assert(pad_bytes(0) == 2 && pad_bytes(1) == 1 && pad_bytes(2) == 0 && pad_bytes(3) == 3);

/// The largest ULPDU whose FPDU fits one TCP segment (RFC 5044, section 4.4 without markers).
std::size_t ulpdu_for_segment(std::size_t segment_bytes);

/// The CRC stands on the wire least significant byte first.
void store_crc(std::byte* at, std::uint32_t crc);
std::uint32_t load_crc(const std::byte* at);

}  // namespace pmemckpt::rdma::iwarp
