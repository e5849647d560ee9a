// RDMAP: operations that there are not, or not here. RFC 5040; RFC 7306.
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

using test::Tagged;
using test::Untagged;
using test::Wire;

constexpr unsigned kOpcodes = 16;
constexpr unsigned kFetchAdd = 0, kSwap = 1, kCompareAndSwap = 2;  // RFC 7306, section 5.2

/// On the victim's draft, as if its STag had leaked, and on the attacker's own.
auto atomic(unsigned operation, std::uint64_t offset, bool own) {
    return [=](Field& field) {
        auto& armed = *field.armed;
        const auto stag = own ? armed.draft.window.key : field.victim.draft.window.key;
        const auto body = Wire()
                              .u32(operation)
                              .u32(1)  // request identifier
                              .u32(stag)
                              .u64(offset)
                              .u64(UINT64_MAX)  // add or swap data, its mask, compare data, its mask
                              .u64(UINT64_MAX)
                              .u64(0)
                              .u64(UINT64_MAX)
                              .bytes;
        armed.session.peer.send(Untagged{.opcode = test::kAtomicRequest, .queue = 1, .payload = body});
        return terminated(armed.session, rule::kOpcode);
    };
}

auto untagged(const Untagged& segment, const test::Named& rule) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        auto numbered = segment;
        if (numbered.queue == 0)
            numbered.number = attacker.next_number();
        attacker.peer.send(numbered);
        return terminated(attacker, rule);
    };
}

/// Opcodes without a meaning, on each queue.
std::string unknown_untagged(Field& field) {
    unsigned count = 0;
    for (unsigned opcode = 8; opcode < kOpcodes; ++opcode)
        for (std::uint32_t queue = 0; queue < 4; ++queue, ++count) {
            auto attacker = field.stranger();
            attacker.peer.send(Untagged{.opcode = opcode, .queue = queue, .payload = field.poison(52)});
            terminated(attacker, rule::kOpcode);
        }
    return fmt::format("Terminate, {}, each of {}", to_string(rule::kOpcode), count);
}

std::string unknown_tagged(Field& field) {
    unsigned count = 0;
    for (unsigned opcode = 3; opcode < kOpcodes; ++opcode, ++count) {
        auto armed = field.arm();
        armed.session.peer.send(
            Tagged{.opcode = opcode, .stag = armed.draft.window.key, .payload = field.poison(64)});
        terminated(armed.session, rule::kOpcode);
    }
    return fmt::format("Terminate, {}, each of {}", to_string(rule::kOpcode), count);
}

std::string unasked_read_response(Field& field) {
    auto& armed = *field.armed;
    armed.session.peer.send(
        Tagged{.opcode = test::kReadResponse, .stag = armed.draft.window.key, .payload = field.poison(64)});
    return terminated(armed.session, rule::kStag);
}

auto invalidate(unsigned opcode, const std::function<std::uint32_t(Field&)>& stag) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        attacker.peer.send(Untagged{.opcode = opcode,
                                    .number = attacker.next_number(),
                                    .payload = wire::encode_request(9, wire::StatusRequest{}),
                                    .invalidate = stag(field)});
        return terminated(attacker, rule::kInvalidation);
    };
}

/// One's own window, before HELLO's session has any, and what was given to nobody.
std::string invalidate_before_hello(Field& field) {
    auto attacker = field.stranger();
    attacker.peer.send(Untagged{.opcode = test::kSendInvalidate,
                                .payload = wire::encode_request(9, wire::StatusRequest{}),
                                .invalidate = field.victim.draft.window.key});
    return terminated(attacker, rule::kInvalidation);
}

auto said_terminate(const Bytes& body) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        attacker.peer.send(Untagged{.opcode = test::kTerminate, .queue = 2, .payload = body});
        return closed(attacker);
    };
}

}  // namespace

Attacks operations() {
    const auto draft = [](Field& field) { return field.victim.draft.window.key; };
    const auto generation = [](Field& field) { return field.victim.opened.window.key; };
    const auto drawn = [](Field&) { return static_cast<std::uint32_t>(test::generator()()); };
    return {
        {"operation: FetchAdd on the victim's draft", atomic(kFetchAdd, 0, false)},
        {"operation: Swap on the victim's draft", atomic(kSwap, 8, false)},
        {"operation: CmpSwap on the victim's draft, at an odd address", atomic(kCompareAndSwap, 7, false)},
        {"operation: FetchAdd on one's own draft", atomic(kFetchAdd, 0, true)},
        {"operation: CmpSwap on one's own draft, across its end", atomic(kCompareAndSwap, kDraft - 4, true)},
        {"operation: FetchAdd at 2^64 - 1", atomic(kFetchAdd, UINT64_MAX, true)},
        {"operation: an Atomic Request on the queue of Sends",
         untagged({.opcode = test::kAtomicRequest, .payload = Bytes(52)}, rule::kOpcode)},
        {"operation: an Atomic Response that nobody waits for",
         untagged({.opcode = test::kAtomicResponse, .queue = 3, .payload = Bytes(12)}, rule::kOpcode)},
        {"operation: Immediate Data",
         untagged({.opcode = test::kImmediate, .payload = Bytes(8)}, rule::kOpcode)},
        {"operation: Immediate Data with Solicited Event",
         untagged({.opcode = 9, .payload = Bytes(8)}, rule::kOpcode)},
        {"operation: every opcode without a meaning, on every queue", unknown_untagged},
        {"operation: every opcode that is not tagged, tagged", unknown_tagged, Moves::own},
        {"operation: RDMAP version 0",
         untagged({.payload = Bytes(16), .rdmap_version = 0}, rule::kRdmapVersion)},
        {"operation: RDMAP version 2",
         untagged({.payload = Bytes(16), .rdmap_version = 2}, rule::kRdmapVersion)},
        {"operation: RDMAP version 3",
         untagged({.payload = Bytes(16), .rdmap_version = 3}, rule::kRdmapVersion)},
        {"operation: Read Response to nothing, into one's own draft", unasked_read_response},
        {"operation: Send that invalidates the victim's draft", invalidate(test::kSendInvalidate, draft)},
        {"operation: Send that invalidates the victim's generation",
         invalidate(test::kSendSolicitedInvalidate, generation)},
        {"operation: Send that invalidates an STag that was drawn", invalidate(test::kSendInvalidate, drawn)},
        {"operation: Send that invalidates STag 0",
         invalidate(test::kSendInvalidate, [](Field&) { return 0U; })},
        {"operation: Send that invalidates the victim's draft, before HELLO", invalidate_before_hello},
        {"operation: a Terminate of the client's", said_terminate(Wire().u8(0x11).u8(0).u16(0).bytes)},
        {"operation: a Terminate of rules that there are not",
         said_terminate(Wire().u8(0xff).u8(0xff).u16(0xffff).bytes)},
        {"operation: a Terminate of 4 KiB",
         untagged({.opcode = test::kTerminate, .queue = 2, .payload = Bytes(4096)}, rule::kMessageTooLong)},
        {"operation: a Terminate of 3 bytes",
         untagged({.opcode = test::kTerminate, .queue = 2, .payload = Bytes(3)}, rule::kOperation)},
    };
}

}  // namespace pmemckpt::hostile
