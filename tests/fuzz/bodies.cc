#include "tests/fuzz/bodies.hh"

#include "tests/fuzz/input.hh"

namespace pmemckpt::fuzz {

namespace {

Bytes input_of(std::size_t kind, std::uint16_t type, std::span<const std::byte> body) {
    wire::Encoder encoded;
    encoded.append(body);
    Bytes input{static_cast<std::byte>(kind)};
    const auto message = wire::encode_raw(type, 7, std::move(encoded));
    input.insert(input.end(), message.begin(), message.end());
    return input;
}

std::uint16_t type_in(std::span<const std::byte> message) {
    wire::Header header;
    wire::Decoder decoder(message);
    decoder(header);
    return header.type;
}

void check_header(std::span<const std::byte> whole) {
    const auto message = wire::parse_message(whole);
    if (!message) {
        CHECK(message.error().code == EPROTO || message.error().code == EPROTONOSUPPORT);
        return;
    }
    wire::Encoder body;
    body.append(message->body);
    CHECK(std::ranges::equal(
        wire::encode_raw(message->header.type, message->header.request_id, std::move(body)), whole));
}

}  // namespace

void run_message(const std::vector<BodyKind>& kinds, std::span<const std::byte> bytes) {
    Input input(bytes);
    const auto& kind = kinds[input.byte() % kinds.size()];
    const auto whole = input.rest();
    check_header(whole);
    kind.check(whole.subspan(std::min(wire::kHeaderBytes, whole.size())));
}

std::vector<Seed> message_seeds(const std::vector<BodyKind>& kinds) {
    std::vector<Seed> all;
    for (std::size_t kind = 0; kind < kinds.size(); ++kind)
        all.push_back({fmt::format("kind-{}", kind), input_of(kind, 0x0101, kinds[kind].filled())});
    return all;
}

void mend_message(const std::vector<BodyKind>& kinds, Bytes& input, unsigned seed) {
    if (input.size() <= wire::kHeaderBytes)
        return;
    const auto kind = std::to_integer<std::size_t>(input[0]) % kinds.size();
    const auto type = type_in(std::span(input).subspan(1));
    Bytes body(input.begin() + 1 + wire::kHeaderBytes, input.end());
    if (seed % 2 == 0)
        kinds[kind].change(body, seed);
    input = input_of(kind, type, body);
}

}  // namespace pmemckpt::fuzz
