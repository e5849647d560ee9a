#include "lib/base/address.hh"

#include <cerrno>
#include <charconv>

namespace pmemckpt {

Result<Address> parse_address(std::string_view text, std::uint16_t port) {
    Address address;
    address.port = port;
    std::string_view rest = text;
    if (rest.starts_with('[')) {
        const auto close = rest.find(']');
        if (close == std::string_view::npos)
            return fail(EINVAL, "\"{}\" is not an address: the ']' is missing", text);
        address.host = rest.substr(1, close - 1);
        rest.remove_prefix(close + 1);
    } else {
        address.host = rest.substr(0, rest.find(':'));
        rest.remove_prefix(address.host.size());
    }
    if (rest.empty())
        return address;
    rest.remove_prefix(1);
    const auto [end, status] = std::from_chars(rest.data(), rest.data() + rest.size(), address.port);
    if (status != std::errc() || end != rest.data() + rest.size())
        return fail(EINVAL, "\"{}\" is not an address: write HOST:PORT, or [IPV6]:PORT", text);
    return address;
}

std::string format_address(const Address& address) {
    const bool ipv6 = address.host.find(':') != std::string::npos;
    return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), address.host, address.port);
}

}  // namespace pmemckpt
