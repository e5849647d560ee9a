#pragma once
// Where a manager listens: HOST[:PORT], [IPV6][:PORT], :PORT for any address.
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hh"

namespace pmemckpt {

inline constexpr std::uint16_t kDefaultPort = 7471;

struct Address {
    std::string host;  ///< empty: every address of this host (to listen on), or this host (to connect to)
    std::uint16_t port = kDefaultPort;  ///< 0, to listen on: one that the kernel picks
};

/// `port`: when the text has none.
Result<Address> parse_address(std::string_view text, std::uint16_t port = kDefaultPort);
/// "host:port", "[::1]:port".
std::string format_address(const Address& address);

}  // namespace pmemckpt
