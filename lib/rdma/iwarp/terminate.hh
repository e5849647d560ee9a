#pragma once
// The Terminate message (RFC 5040, section 4.8): which rule was broken, and the header of the segment that
// broke it.
//
//   layer 4 bits | type 4 bits | code 8 | M D R 3 bits, reserved 13 | [DDP segment length 2] [DDP header]
//   [RDMA header]
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "lib/rdma/iwarp/ddp.hh"

namespace pmemckpt::rdma::iwarp {

struct Rule {
    std::uint8_t layer, type, code;
    friend constexpr bool operator==(const Rule&, const Rule&) = default;
};

namespace rule {
// RDMA: the responder's own trouble; protection of a Read's source and of invalidation; operations.
inline constexpr Rule kLocalCatastrophic{0, 0, 0};
inline constexpr Rule kSourceStag{0, 1, 0}, kSourceBounds{0, 1, 1}, kAccess{0, 1, 2}, kSourceWrap{0, 1, 4};
inline constexpr Rule kInvalidation{0, 1, 9};
inline constexpr Rule kRdmapVersion{0, 2, 5}, kOpcode{0, 2, 6}, kStreamCatastrophic{0, 2, 7},
    kOperation{0, 2, 0xff};
// DDP: tagged buffers, untagged buffers.
inline constexpr Rule kStag{1, 1, 0}, kBounds{1, 1, 1}, kWrap{1, 1, 3}, kTaggedVersion{1, 1, 4};
inline constexpr Rule kQueue{1, 2, 1}, kNoBuffer{1, 2, 2}, kMessageNumber{1, 2, 3}, kMessageOffset{1, 2, 4};
inline constexpr Rule kMessageTooLong{1, 2, 5}, kUntaggedVersion{1, 2, 6};
// MPA.
inline constexpr Rule kCrc{2, 0, 2}, kFraming{2, 0, 3};
}  // namespace rule

/// "the STag is not valid (layer 1, type 1, code 0)".
std::string describe(Rule rule);
/// An access that was not allowed: the window, its range, its rights.
bool is_protection(Rule rule);
/// EACCES for those, else EPROTO.
int error_code(Rule rule);

inline constexpr std::size_t kTerminateControlBytes = 4;
inline constexpr std::size_t kMaximumTerminate =
    kTerminateControlBytes + 2 + kUntaggedBytes + kReadRequestBytes;

struct Terminate {
    Rule rule{};
    std::uint16_t segment_bytes = 0;  ///< of the whole DDP segment; 0 leaves all that follows out
    std::array<std::byte, kUntaggedBytes> header{};
    std::optional<std::array<std::byte, kReadRequestBytes>> request;  ///< when a Read Request broke the rule
};

/// `at` has room for kMaximumTerminate; returns the bytes used.
std::size_t encode(const Terminate& terminate, std::byte* at);
/// The rule that the peer names; nothing when the message is too short to name one.
std::optional<Rule> decode_terminate(std::span<const std::byte> message);

}  // namespace pmemckpt::rdma::iwarp
