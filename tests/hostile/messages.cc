// Control messages whose form is wrong: pmemckpt-protocol(7), MESSAGES.
#include "tests/hostile/attack.hh"
#include "tests/hostile/every_request.hh"

namespace pmemckpt::hostile {

namespace {

using test::Wire;

constexpr std::uint16_t kStatus = 0x0601, kFindRegion = 0x0202, kDirty = 0x030a;

/// Answered with an error, and the session ends.
auto ends(const Bytes& message, int code) {
    return [=](Field& field) {
        field.armed->session.send(message);
        return closed_with_error(field.armed->session, code);
    };
}

/// Answered with an error, and the session goes on.
std::string not_known(Attacker& attacker, std::uint16_t type, std::span<const std::byte> body) {
    attacker.send(message_of(type, body));
    auto told = error_answered(attacker, EOPNOTSUPP);
    goes_on(attacker);
    return told;
}

std::string unknown_types(Field& field) {
    const unsigned types[] = {0,      1,      0x0100, 0x0103, 0x0205, 0x020e, 0x0300, 0x030c,
                              0x040a, 0x0505, 0x0603, 0x0701, 0x0777, 0x1202, 0x7ffe, 0x7fff};
    for (const auto type : types)
        not_known(field.armed->session, static_cast<std::uint16_t>(type), test::random_bytes(40));
    return fmt::format("EOPNOTSUPP, each of {}; the session goes on", std::size(types));
}

std::string answers_as_requests(Field& field) {
    const auto requests = every_request();
    for (const auto& request : requests)
        not_known(field.armed->session, static_cast<std::uint16_t>(type_of(request) | 0x8000),
                  body_of(request));
    not_known(field.armed->session, 0xffff, Bytes(6));
    return fmt::format("EOPNOTSUPP, each of {}; the session goes on", requests.size() + 1);
}

std::string bodies_cut_short(Field& field) {
    unsigned count = 0;
    for (const auto& request : every_request()) {
        const auto body = body_of(request);
        for (unsigned i = 0; i < 2 && !body.empty(); ++i, ++count) {
            auto attacker = field.login();
            attacker.send(
                message_of(type_of(request), std::span(body).first(test::generator()() % body.size())));
            closed_with_error(attacker, EPROTO);
        }
    }
    return fmt::format("EPROTO, closed, {} of them", count);
}

std::string bodies_too_long(Field& field) {
    const auto requests = every_request();
    for (const auto& request : requests) {
        auto body = body_of(request);
        body.push_back(std::byte{0});
        auto attacker = field.login();
        attacker.send(message_of(type_of(request), body));
        closed_with_error(attacker, EPROTO);
    }
    return fmt::format("EPROTO, closed, each of {}", requests.size());
}

std::string bodies_drawn(Field& field) {
    unsigned count = 0;
    for (const auto& request : every_request()) {
        auto attacker = field.login();
        attacker.send(message_of(type_of(request), test::random_bytes(1 + test::generator()() % 300)));
        attacker.peer.finish_sending();
        closed(attacker);
        ++count;
    }
    return fmt::format("closed, {} of them", count);
}

/// A list says how many elements it has in 16 bits.
std::string list_of_65535(Field& field) {
    auto& attacker = field.armed->session;
    attacker.send(message_of(kDirty, Wire().u64(1).u8(1).u16(65535).data(test::random_bytes(16'000)).bytes));
    return closed_with_error(attacker, EPROTO);
}

std::string text_beyond_the_body(Field& field) {
    auto& attacker = field.armed->session;
    attacker.send(message_of(kFindRegion, Wire().u16(65535).text("victim/app").bytes));
    return closed_with_error(attacker, EPROTO);
}

std::string longest_text(Field& field) {
    auto& attacker = field.armed->session;
    attacker.send(message_of(kFindRegion, Wire().u16(16'000).text(std::string(16'000, '/')).bytes));
    auto told = error_answered(attacker, ENOENT);
    goes_on(attacker);
    return told;
}

std::string one_id_for_all(Field& field) {
    auto& attacker = field.armed->session;
    for (unsigned i = 0; i < 20; ++i)
        attacker.send(message_of(kStatus, {}));
    for (unsigned i = 0; i < 20; ++i)
        test::ok(attacker.answer<wire::PoolStatus>(attacker.receive(), wire::Type::status, 1));
    goes_on(attacker);
    return "harmless: it is the client's business";
}

/// In as many segments as it has bytes.
std::string a_byte_a_segment(Field& field) {
    auto& attacker = field.armed->session;
    const auto message = message_of(kStatus, {});
    for (std::uint32_t at = 0; at < message.size(); ++at)
        attacker.peer.send(test::Untagged{.number = attacker.next_number(),
                                          .offset = at,
                                          .payload = {message[at]},
                                          .last = at + 1 == message.size()});
    attacker.count_message();
    test::ok(attacker.answer<wire::PoolStatus>(attacker.receive(), wire::Type::status, 1));
    goes_on(attacker);
    return "harmless: it is one message";
}

}  // namespace

Attacks messages() {
    return {
        {"message: of no bytes", ends({}, EPROTO)},
        {"message: of 1 byte", ends(Bytes(1), EPROTO)},
        {"message: of 15 bytes", ends(Bytes(15), EPROTO)},
        {"message: of 16384 zeros", ends(Bytes(16384), EPROTONOSUPPORT)},
        {"message: version 0", ends(message_of(kStatus, {}, 0, 0), EPROTONOSUPPORT)},
        {"message: version 2", ends(message_of(kStatus, {}, 0, 2), EPROTONOSUPPORT)},
        {"message: version 65535", ends(message_of(kStatus, {}, 0, 65535), EPROTONOSUPPORT)},
        {"message: says it has 1 byte more of body", ends(message_of(kStatus, {}, 1), EPROTO)},
        {"message: says it has 1 byte less of body", ends(message_of(kStatus, Bytes(1), 0), EPROTO)},
        {"message: says it has 4 GiB of body", ends(message_of(kStatus, Bytes(8), UINT32_MAX), EPROTO)},
        {"message: types that there are not", unknown_types},
        {"message: answers in the place of requests", answers_as_requests},
        {"message: every request cut short", bodies_cut_short},
        {"message: every request with a byte too many", bodies_too_long},
        {"message: every request with a body that was drawn", bodies_drawn, Moves::own},
        {"message: a list of 65535 elements in 1000", list_of_65535},
        {"message: a name that is longer than the message", text_beyond_the_body},
        {"message: a name of 16000 slashes", longest_text},
        {"message: twenty requests with one id", one_id_for_all},
        {"message: a byte a segment", a_byte_a_segment},
    };
}

}  // namespace pmemckpt::hostile
