#pragma once
// Which IP addresses RDMA devices have: those of their network interfaces.
#include <string>
#include <vector>

#include "lib/base/socket_address.hh"

namespace pmemckpt::rdma::verbs {

inline constexpr const char* kDevices = "/sys/class/infiniband";

struct DeviceAddress {
    std::string address;  ///< "10.0.0.1"
    std::string device;   ///< "rxe0"
};
/// Empty where none is known. For sentences: what counts is what the connection manager takes.
std::vector<DeviceAddress> device_addresses(const std::string& sysfs = kDevices);

/// "10.0.0.1:7471 is no address of an RDMA device: listen on one of 10.0.0.2 (rxe0), fd00::1 (rxe0)":
/// EADDRNOTAVAIL.
Error not_of_a_device(const Address& address, const std::string& sysfs = kDevices);

/// That error of an address that leads to this host alone (127.0.0.1), unless a device has it: the kernel's
/// connection manager takes it for any address, and would let in who comes from elsewhere.
Status check_not_of_this_host_alone(const SocketAddress& socket_address, const Address& address,
                                    const std::string& sysfs = kDevices);

/// Whether a device has it, or it is any address (0.0.0.0, ::).
bool leads_to_a_device(const SocketAddress& socket_address, const std::string& sysfs = kDevices);

}  // namespace pmemckpt::rdma::verbs
