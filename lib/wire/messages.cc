#include "lib/wire/messages.hh"

namespace pmemckpt::wire {

std::vector<std::byte> encode_raw(std::uint16_t type, std::uint64_t request_id, Encoder&& body) {
    Header header;
    header.type = type;
    header.body_bytes = static_cast<std::uint32_t>(body.bytes().size());
    header.request_id = request_id;
    Encoder message;
    message(header);
    message.append(body.bytes());
    return std::move(message.bytes());
}

Result<Message> parse_message(std::span<const std::byte> bytes) {
    Message message;
    Decoder decoder(bytes);
    decoder(message.header);
    if (!decoder.good())
        return fail(EPROTO, "a control message of {} bytes has no header of {}", bytes.size(), kHeaderBytes);
    if (message.header.version != kProtocolVersion)
        return fail(EPROTONOSUPPORT,
                    "a control message of protocol version {} came; version {} is spoken here",
                    message.header.version, kProtocolVersion);
    message.body = bytes.subspan(kHeaderBytes);
    if (message.body.size() != message.header.body_bytes)
        return fail(EPROTO, "a control message says it has {} bytes of body and has {}",
                    message.header.body_bytes, message.body.size());
    return message;
}

}  // namespace pmemckpt::wire
