#include "lib/rdma/iwarp/terminate.hh"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/rdma/iwarp/big_endian.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr unsigned kHasLength = 0x80, kHasDdpHeader = 0x40, kHasRdmaHeader = 0x20;

struct Sentence {
    Rule rule;
    const char* text;
};

// RFC 5040, section 8.2; RFC 5041, section 8; RFC 5044, section 8; RFC 6581, section 8.
constexpr Sentence kSentences[] = {
    {{0, 0, 0}, "the responder had trouble of its own (could it make the data durable?)"},
    {{0, 1, 0}, "the STag is not valid: no such window, or it was revoked"},
    {{0, 1, 1}, "the range goes past the window's end"},
    {{0, 1, 2}, "the window does not allow this access"},
    {{0, 1, 3}, "the STag is of another stream"},
    {{0, 1, 4}, "the offset wraps around"},
    {{0, 1, 9}, "the STag can't be invalidated"},
    {{0, 1, 0xff}, "a protection rule was broken"},
    {{0, 2, 5}, "the RDMAP version is unknown"},
    {{0, 2, 6}, "the operation is not expected here"},
    {{0, 2, 7}, "the stream is broken"},
    {{0, 2, 8}, "the responder is broken"},
    {{0, 2, 9}, "the STag can't be invalidated"},
    {{0, 2, 0xff}, "the operation is not well-formed"},
    {{1, 0, 0}, "the responder had trouble of its own"},
    {{1, 1, 0}, "the STag is not valid: no such window, or it was revoked"},
    {{1, 1, 1}, "the range goes past the window's end"},
    {{1, 1, 2}, "the STag is of another stream"},
    {{1, 1, 3}, "the offset wraps around"},
    {{1, 1, 4}, "the DDP version is unknown"},
    {{1, 2, 1}, "there is no such queue"},
    {{1, 2, 2}, "there is no buffer for the message: too many at once"},
    {{1, 2, 3}, "the message's number is out of order"},
    {{1, 2, 4}, "the message's offset is out of order"},
    {{1, 2, 5}, "the message is too long"},
    {{1, 2, 6}, "the DDP version is unknown"},
    {{2, 0, 1}, "the TCP stream was lost"},
    {{2, 0, 2}, "the CRC is wrong: data was damaged on its way, or changed while it was sent"},
    {{2, 0, 3}, "the framing is wrong"},
    {{2, 0, 4}, "the MPA request or reply is not well-formed"},
    {{2, 0, 5}, "the responder had trouble of its own"},
    {{2, 0, 6}, "the peer wants more reads at once than are offered"},
    {{2, 0, 7}, "there is no way to begin that both ends know"},
};

}  // namespace

std::string describe(Rule rule) {
    const auto* found = std::find_if(std::begin(kSentences), std::end(kSentences),
                                     [&](const Sentence& sentence) { return sentence.rule == rule; });
    return fmt::format("{} (layer {}, type {}, code {})",
                       found == std::end(kSentences) ? "a rule unknown here was broken" : found->text,
                       rule.layer, rule.type, rule.code);
}

bool is_protection(Rule rule) {
    return rule.layer <= 1 && rule.type == 1 && rule != rule::kTaggedVersion;
}

int error_code(Rule rule) {
    return is_protection(rule) ? EACCES : EPROTO;
}

std::size_t encode(const Terminate& terminate, std::byte* at) {
    const Rule& rule = terminate.rule;
    const bool has_header = terminate.segment_bytes != 0;
    const bool has_request = has_header && terminate.request.has_value();
    at[0] = static_cast<std::byte>(rule.layer << 4 | rule.type);
    at[1] = static_cast<std::byte>(rule.code);
    at[2] = static_cast<std::byte>((has_header ? kHasLength | kHasDdpHeader : 0) |
                                   (has_request ? kHasRdmaHeader : 0));
    at[3] = std::byte{0};
    std::size_t used = kTerminateControlBytes;
    if (!has_header)
        return used;
    store_big(at + used, terminate.segment_bytes);
    used += sizeof terminate.segment_bytes;
    const std::size_t header = header_bytes(is_tagged(terminate.header[0]));
    std::memcpy(at + used, terminate.header.data(), header);
    used += header;
    if (has_request) {
        std::memcpy(at + used, terminate.request->data(), kReadRequestBytes);
        used += kReadRequestBytes;
    }
    return used;
}

std::optional<Rule> decode_terminate(std::span<const std::byte> message) {
    if (message.size() < kTerminateControlBytes)
        return std::nullopt;
    const auto first = std::to_integer<unsigned>(message[0]);
    return Rule{static_cast<std::uint8_t>(first >> 4), static_cast<std::uint8_t>(first & 0x0f),
                std::to_integer<std::uint8_t>(message[1])};
}

}  // namespace pmemckpt::rdma::iwarp
