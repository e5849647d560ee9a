#include "lib/rdma/verbs/device_addresses.hh"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string_view>

#include "lib/base/handle.hh"

namespace pmemckpt::rdma::verbs {

namespace {

namespace fs = std::filesystem;
using Interfaces = std::map<std::string, std::string>;  ///< the device of each

constexpr int kMaximumGids = 256;  // looked at, of a port

std::string first_word_in(const fs::path& file) {
    std::string word;
    std::ifstream(file) >> word;
    return word;
}

/// What the device says of itself: `parent` is that of devices in software, `gid_attrs` of RoCE, and
/// InfiniBand has its interfaces beside it, as functions of a bus do.
void look_at(const fs::path& device, Interfaces& interfaces) {
    std::error_code none;
    const auto name = device.filename().string();
    interfaces.emplace(first_word_in(device / "parent"), name);
    for (const auto& interface : fs::directory_iterator(device / "device/net", none))
        interfaces.emplace(interface.path().filename().string(), name);
    for (const auto& port : fs::directory_iterator(device / "ports", none))
        for (int gid = 0; gid < kMaximumGids; ++gid)
            interfaces.emplace(first_word_in(port.path() / "gid_attrs/ndevs" / std::to_string(gid)), name);
}

/// Nothing of one of another family, and of one that is a link's alone.
std::string text_of(const sockaddr* address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address && address->sa_family == AF_INET)
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
    if (address && address->sa_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
        if (!IN6_IS_ADDR_LINKLOCAL(&six))
            ::inet_ntop(AF_INET6, &six, text, sizeof text);
    }
    return text;
}

bool is_loopback(const sockaddr& address) {
    if (address.sa_family == AF_INET)
        return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

}  // namespace

std::vector<DeviceAddress> device_addresses(const std::string& sysfs) {
    std::error_code none;
    Interfaces interfaces;
    for (const auto& device : fs::directory_iterator(sysfs, none))
        look_at(device.path(), interfaces);
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return {};
    const std::unique_ptr<ifaddrs, Closer<freeifaddrs>> owner(list);
    std::vector<DeviceAddress> found;
    for (const auto* one = list; one; one = one->ifa_next) {
        const std::string_view name = one->ifa_name;  // "eth0:1" is a second address of eth0
        const auto device = interfaces.find(std::string(name.substr(0, name.find(':'))));
        auto address = text_of(one->ifa_addr);
        if (device != interfaces.end() && !address.empty())
            found.push_back({std::move(address), device->second});
    }
    return found;
}

Error not_of_a_device(const Address& address, const std::string& sysfs) {
    std::string list;
    for (const auto& one : device_addresses(sysfs))
        list += (list.empty() ? ": listen on one of " : ", ") + one.address + " (" + one.device + ")";
    return {EADDRNOTAVAIL, format_address(address) + " is no address of an RDMA device" + list};
}

Status check_not_of_this_host_alone(const SocketAddress& socket_address, const Address& address,
                                    const std::string& sysfs) {
    if (!is_loopback(*as_sockaddr(socket_address)) || leads_to_a_device(socket_address, sysfs))
        return {};
    return tl::unexpected<Error>(not_of_a_device(address, sysfs));
}

bool leads_to_a_device(const SocketAddress& socket_address, const std::string& sysfs) {
    const auto text = text_of(as_sockaddr(socket_address));
    const auto all = device_addresses(sysfs);
    return text == "0.0.0.0" || text == "::" ||
           std::ranges::find(all, text, &DeviceAddress::address) != all.end();
}

}  // namespace pmemckpt::rdma::verbs
