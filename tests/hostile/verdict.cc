#include "tests/hostile/verdict.hh"

#include <cstring>

namespace pmemckpt::hostile {

std::string name_of_error(int code) {
    const char* const name = ::strerrorname_np(code);
    return name ? name : fmt::format("error {}", code);
}

std::string terminated(Attacker& attacker, const test::Named& rule, const Place& place) {
    const auto told = attacker.hear_terminate(place);
    if (told != rule)
        test::fail_at(place, "Terminate of " + to_string(told) + ", wanted " + to_string(rule));
    return "Terminate, " + to_string(rule);
}

std::string error_answered(Attacker& attacker, int code, const Place& place) {
    const auto bytes = attacker.receive();
    const auto message = test::ok(wire::parse_message(bytes), place);
    const auto type = message.header.type;
    if (type != (static_cast<std::uint16_t>(wire::Type::error) | wire::kAnswer))
        test::fail_at(place, fmt::format("answered with type {:#06x}, wanted {}", type, name_of_error(code)));
    const auto error = test::ok(wire::decode_body<wire::ErrorAnswer>(message.body), place);
    if (static_cast<int>(error.code) != code)
        test::fail_at(
            place, fmt::format("answered with {}, wanted {}: {}", name_of_error(static_cast<int>(error.code)),
                               name_of_error(code), error.message));
    return name_of_error(code);
}

std::string closed_with_error(Attacker& attacker, int code, const Place& place) {
    auto told = error_answered(attacker, code, place);
    attacker.peer.receive_end(place);
    return told + ", closed";
}

std::string closed(Attacker& attacker, const Place& place) {
    attacker.hear_end(place);
    return "closed";
}

void goes_on(Attacker& attacker, const Place& place) {
    test::ok(attacker.ask<wire::PoolStatus>(wire::StatusRequest{}), place);
}

}  // namespace pmemckpt::hostile
