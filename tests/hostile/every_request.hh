#pragma once
// A request of every type there is: right in its form, about things that are not there.
#include <vector>

#include "tests/hostile/attacker.hh"

namespace pmemckpt::hostile {

/// Whole messages, HELLO and PROOF left out.
std::vector<Bytes> every_request();
/// A message with that body; its header says how long it is, or `claimed`.
Bytes message_of(std::uint16_t type, std::span<const std::byte> body);
Bytes message_of(std::uint16_t type, std::span<const std::byte> body, std::uint32_t claimed,
                 std::uint16_t version = 1);
std::uint16_t type_of(const Bytes& message);
Bytes body_of(const Bytes& message);

}  // namespace pmemckpt::hostile
