#pragma once
// Headers of DDP segments (RFC 5041) with the RDMAP control byte in them (RFC 5040, section 4).
//
//   tagged, 14 bytes    DDP control 1 | RDMAP control 1 | STag 4 | tagged offset 8
//   untagged, 18 bytes  DDP control 1 | RDMAP control 1 | STag to invalidate 4 | queue 4 | message number 4 |
//   offset 4
#include <cstddef>
#include <cstdint>
#include <span>

namespace pmemckpt::rdma::iwarp {

enum class Opcode : std::uint8_t {
    write = 0,
    read_request = 1,
    read_response = 2,
    send = 3,
    send_invalidate = 4,
    send_solicited = 5,
    send_solicited_invalidate = 6,
    terminate = 7,
};

enum Queue : std::uint32_t { kSendQueue = 0, kReadQueue = 1, kTerminateQueue = 2, kAtomicResponseQueue = 3 };
inline constexpr std::uint32_t kQueues = 4;

inline constexpr std::size_t kControlBytes = 2;
inline constexpr std::size_t kTaggedBytes = 14;
inline constexpr std::size_t kUntaggedBytes = 18;
inline constexpr std::size_t kReadRequestBytes = 28;
inline constexpr unsigned kDdpVersion = 1, kRdmapVersion = 1;

/// A header as it stands on the wire: nothing in it is checked. The fields of the other form are zero.
struct Segment {
    bool tagged = false, last = false;
    unsigned ddp_version = kDdpVersion, rdmap_version = kRdmapVersion;
    Opcode opcode = Opcode::send;  ///< may be a value that has no name
    std::uint32_t stag = 0;        ///< tagged: the window; untagged: the STag to invalidate
    std::uint64_t offset = 0;      ///< tagged offset; untagged: the message offset
    std::uint32_t queue = 0;
    std::uint32_t number = 0;  ///< of the message in its queue, from 1
};

constexpr std::size_t header_bytes(bool tagged) {
    return tagged ? kTaggedBytes : kUntaggedBytes;
}
/// From a header's first byte.
bool is_tagged(std::byte ddp_control);
/// `at` has room for header_bytes(segment.tagged), which is returned.
std::size_t encode(const Segment& segment, std::byte* at);
/// `at` holds header_bytes(is_tagged(*at)).
Segment decode_segment(const std::byte* at);

struct ReadRequest {
    std::uint32_t sink = 0;
    std::uint64_t sink_offset = 0;
    std::uint32_t size = 0;
    std::uint32_t source = 0;
    std::uint64_t source_offset = 0;
};

void encode(const ReadRequest& request, std::byte* at);  ///< room for kReadRequestBytes
ReadRequest decode_read_request(std::span<const std::byte, kReadRequestBytes> bytes);

}  // namespace pmemckpt::rdma::iwarp
