#include "lib/rdma/iwarp/ddp.hh"

#include "lib/rdma/iwarp/big_endian.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr unsigned kTaggedBit = 0x80, kLastBit = 0x40, kDdpVersionMask = 0x03;
constexpr unsigned kRdmapVersionShift = 6, kOpcodeMask = 0x0f;

}  // namespace

bool is_tagged(std::byte ddp_control) {
    return (std::to_integer<unsigned>(ddp_control) & kTaggedBit) != 0;
}

std::size_t encode(const Segment& segment, std::byte* at) {
    at[0] = static_cast<std::byte>((segment.tagged ? kTaggedBit : 0) | (segment.last ? kLastBit : 0) |
                                   (segment.ddp_version & kDdpVersionMask));
    at[1] = static_cast<std::byte>((segment.rdmap_version << kRdmapVersionShift) |
                                   static_cast<unsigned>(segment.opcode));
    store_big(at + 2, segment.stag);
    if (segment.tagged) {
        store_big(at + 6, segment.offset);
        return kTaggedBytes;
    }
    store_big(at + 6, segment.queue);
    store_big(at + 10, segment.number);
    store_big(at + 14, static_cast<std::uint32_t>(segment.offset));
    return kUntaggedBytes;
}

Segment decode_segment(const std::byte* at) {
    const auto ddp = std::to_integer<unsigned>(at[0]), rdmap = std::to_integer<unsigned>(at[1]);
    Segment segment;
    segment.tagged = (ddp & kTaggedBit) != 0;
    segment.last = (ddp & kLastBit) != 0;
    segment.ddp_version = ddp & kDdpVersionMask;
    segment.rdmap_version = rdmap >> kRdmapVersionShift;
    segment.opcode = static_cast<Opcode>(rdmap & kOpcodeMask);
    segment.stag = load_big<std::uint32_t>(at + 2);
    if (segment.tagged) {
        segment.offset = load_big<std::uint64_t>(at + 6);
        return segment;
    }
    segment.queue = load_big<std::uint32_t>(at + 6);
    segment.number = load_big<std::uint32_t>(at + 10);
    segment.offset = load_big<std::uint32_t>(at + 14);
    return segment;
}

void encode(const ReadRequest& request, std::byte* at) {
    store_big(at, request.sink);
    store_big(at + 4, request.sink_offset);
    store_big(at + 12, request.size);
    store_big(at + 16, request.source);
    store_big(at + 20, request.source_offset);
}

ReadRequest decode_read_request(std::span<const std::byte, kReadRequestBytes> bytes) {
    return {load_big<std::uint32_t>(&bytes[0]), load_big<std::uint64_t>(&bytes[4]),
            load_big<std::uint32_t>(&bytes[12]), load_big<std::uint32_t>(&bytes[16]),
            load_big<std::uint64_t>(&bytes[20])};
}

}  // namespace pmemckpt::rdma::iwarp
