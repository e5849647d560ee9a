// DDP: versions, queues, message numbers and offsets. RFC 5041, sections 4 to 7.
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

using test::Tagged;
using test::Untagged;

Bytes status_message() {
    return wire::encode_request(9, wire::StatusRequest{});
}

/// An untagged segment that is right but for what `spoil` makes of it.
auto untagged(const std::function<void(Untagged&)>& spoil, const test::Named& rule) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        Untagged segment{.number = attacker.next_number(), .payload = status_message()};
        spoil(segment);
        attacker.peer.send(segment);
        return terminated(attacker, rule);
    };
}

/// A Write into one's own draft.
auto tagged(const std::function<void(Tagged&)>& spoil, const test::Named& rule) {
    return [=](Field& field) {
        auto& armed = *field.armed;
        Tagged segment{.stag = armed.draft.window.key, .payload = field.poison(100)};
        spoil(segment);
        armed.session.peer.send(segment);
        return terminated(armed.session, rule);
    };
}

auto number(std::uint32_t step, const test::Named& rule) {
    return untagged([=](Untagged& segment) { segment.number += step; }, rule);
}

/// A message in two segments, the second one spoilt.
auto in_two(const std::function<void(Untagged&)>& spoil, const test::Named& rule) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        const auto message = status_message();
        Untagged first{.number = attacker.next_number(), .payload = {message.begin(), message.begin() + 8}};
        first.last = false;
        attacker.peer.send(first);
        Untagged second{
            .number = attacker.next_number(), .offset = 8, .payload = {message.begin() + 8, message.end()}};
        spoil(second);
        attacker.peer.send(second);
        return terminated(attacker, rule);
    };
}

/// 16 KiB at the most, in however many segments.
std::string message_without_an_end(Field& field) {
    auto& attacker = field.armed->session;
    constexpr std::uint32_t kPiece = 1000;
    for (std::uint32_t at = 0; at <= 17'000; at += kPiece)
        attacker.peer.send(Untagged{
            .number = attacker.next_number(), .offset = at, .payload = Bytes(kPiece), .last = false});
    return terminated(attacker, rule::kMessageTooLong);
}

std::string half_a_message_and_the_end(Field& field) {
    auto& attacker = field.armed->session;
    attacker.peer.send(
        Untagged{.number = attacker.next_number(), .payload = status_message(), .last = false});
    attacker.peer.finish_sending();
    attacker.peer.receive_end();
    return "closed, no answer to half a request";
}

/// Segments of no bytes, and then one that has a hole before it.
std::string empty_segments(Field& field) {
    auto& attacker = field.armed->session;
    for (unsigned i = 0; i < 100; ++i)
        attacker.peer.send(Untagged{.number = attacker.next_number(), .payload = {}, .last = false});
    attacker.peer.send(Untagged{.number = attacker.next_number(), .offset = 1, .payload = status_message()});
    return terminated(attacker, rule::kMessageOffset);
}

std::string whole_message_again(Field& field) {
    auto& attacker = field.armed->session;
    const auto frame = attacker.message_frame(status_message());
    attacker.peer.send_raw(frame);
    attacker.receive();
    attacker.peer.send_raw(frame);
    return terminated(attacker, rule::kMessageNumber);
}

}  // namespace

Attacks segments() {
    return {
        {"segment: DDP version 0, tagged",
         tagged([](Tagged& s) { s.ddp_version = 0; }, rule::kTaggedVersion)},
        {"segment: DDP version 2, tagged",
         tagged([](Tagged& s) { s.ddp_version = 2; }, rule::kTaggedVersion)},
        {"segment: DDP version 3, untagged",
         untagged([](Untagged& s) { s.ddp_version = 3; }, rule::kUntaggedVersion)},
        {"segment: queue 4", untagged([](Untagged& s) { s.queue = 4; }, rule::kQueue)},
        {"segment: queue 2^32 - 1", untagged([](Untagged& s) { s.queue = UINT32_MAX; }, rule::kQueue)},
        {"segment: a Send on the queue of Read Requests",
         untagged([](Untagged& s) { s.queue = 1; }, rule::kOpcode)},
        {"segment: a Send on the queue of Terminates",
         untagged([](Untagged& s) { s.queue = 2; }, rule::kOpcode)},
        {"segment: a message number left out", number(1, rule::kMessageNumber)},
        {"segment: a message number again", number(UINT32_MAX, rule::kMessageNumber)},
        {"segment: message number 2^31 further", number(1U << 31, rule::kMessageNumber)},
        {"segment: message number 0", untagged([](Untagged& s) { s.number = 0; }, rule::kMessageNumber)},
        {"segment: a whole message replayed", whole_message_again},
        {"segment: a message that begins at offset 8",
         untagged([](Untagged& s) { s.offset = 8; }, rule::kMessageOffset)},
        {"segment: message offset 2^32 - 1",
         untagged([](Untagged& s) { s.offset = UINT32_MAX; }, rule::kMessageOffset)},
        {"segment: a hole between two", in_two([](Untagged& s) { s.offset = 9; }, rule::kMessageOffset)},
        {"segment: the second over the first",
         in_two([](Untagged& s) { s.offset = 4; }, rule::kMessageOffset)},
        {"segment: the second in the first's place",
         in_two([](Untagged& s) { s.offset = 0; }, rule::kMessageOffset)},
        {"segment: the next message before this one's last", in_two(
                                                                 [](Untagged& s) {
                                                                     ++s.number;
                                                                     s.offset = 0;
                                                                 },
                                                                 rule::kMessageNumber)},
        {"segment: another opcode in a message's middle",
         in_two([](Untagged& s) { s.opcode = test::kSendSolicited; }, rule::kOpcode)},
        {"segment: a message that has no end", message_without_an_end},
        {"segment: half a message, and the end", half_a_message_and_the_end},
        {"segment: a hundred empty ones, and a hole", empty_segments},
        {"segment: a Write that is untagged",
         untagged([](Untagged& s) { s.opcode = test::kWrite; }, rule::kOpcode)},
        {"segment: a Read Response that is untagged",
         untagged([](Untagged& s) { s.opcode = test::kReadResponse; }, rule::kOpcode)},
        {"segment: a Send that is tagged", tagged([](Tagged& s) { s.opcode = test::kSend; }, rule::kOpcode)},
        {"segment: a Read Request that is tagged",
         tagged([](Tagged& s) { s.opcode = test::kReadRequest; }, rule::kOpcode)},
        {"segment: a Terminate that is tagged",
         tagged([](Tagged& s) { s.opcode = test::kTerminate; }, rule::kOpcode)},
    };
}

}  // namespace pmemckpt::hostile
