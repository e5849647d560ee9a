#include "tests/hostile/every_request.hh"

namespace pmemckpt::hostile {

namespace {

constexpr const char* kNowhere = "nobody/nowhere";

}  // namespace

std::vector<Bytes> every_request() {
    std::vector<Bytes> all;
    const auto add = [&](const auto& request) { all.push_back(wire::encode_request(1, request)); };
    add(wire::CreateRegion{"no//region", 1, 0, 1});
    add(wire::FindRegion{kNowhere});
    add(wire::DestroyRegion{kNowhere});
    add(wire::ListRegions{kNowhere});
    add(wire::SetRetention{kNowhere, 1, 0});
    add(wire::Clear{kNowhere});
    add(wire::TakeOver{kNowhere, "nobody"});
    add(wire::Watch{kNowhere, 0, 1});
    add(wire::Begin{kNowhere, 4096});
    add(wire::Seal{77, 1, 0, 0});
    add(wire::Abort{77});
    add(wire::OpenGeneration{kNowhere, 1});
    add(wire::CloseGeneration{77});
    add(wire::ListGenerations{kNowhere, 0});
    add(wire::WaitGeneration{kNowhere, 0, 1});
    add(wire::FindGeneration{kNowhere, 1});
    add(wire::BeginClone{kNowhere, 4096, 0});
    add(wire::Dirty{77, 1, {{0, 1}}});
    add(wire::Pin{kNowhere, 1, 1});
    add(wire::OpenLog{kNowhere, 0, 0});
    add(wire::GrowLog{kNowhere, 1, 1, 1});
    add(wire::CloseLog{kNowhere});
    add(wire::ReadLog{kNowhere});
    add(wire::WaitLog{kNowhere, 0, 0, 0, 1});
    add(wire::LogHint{kNowhere});
    add(wire::FindInLog{kNowhere, 1, 0, 0});
    add(wire::FindLog{kNowhere});
    add(wire::FlushLog{kNowhere, 1, 1, 0, 1});
    add(wire::CursorGet{kNowhere, "nobody"});
    add(wire::CursorAdvance{kNowhere, {"nobody", 1, 1}, 0, 0});
    add(wire::CursorDrop{kNowhere, "nobody"});
    add(wire::CursorListRequest{kNowhere, ""});
    add(wire::StatusRequest{});
    add(wire::Goodbye{});
    return all;
}

Bytes message_of(std::uint16_t type, std::span<const std::byte> body, std::uint32_t claimed,
                 std::uint16_t version) {
    return test::Wire().u16(version).u16(type).u32(claimed).u64(1).data(body).bytes;
}

Bytes message_of(std::uint16_t type, std::span<const std::byte> body) {
    return message_of(type, body, static_cast<std::uint32_t>(body.size()));
}

std::uint16_t type_of(const Bytes& message) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(message.at(2)) << 8 |
                                      std::to_integer<unsigned>(message.at(3)));
}

Bytes body_of(const Bytes& message) {
    return {message.begin() + wire::kHeaderBytes, message.end()};
}

}  // namespace pmemckpt::hostile
