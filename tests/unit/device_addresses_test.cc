// The addresses of RDMA devices, and those that none has; sysfs as it would be, in a folder.
#include "lib/rdma/verbs/device_addresses.hh"

#include <arpa/inet.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma;
using namespace pmemckpt::rdma::verbs;

namespace {

namespace fs = std::filesystem;

std::string sysfs() {
    return (test::directory() / "infiniband").string();
}

/// A device that says of its interface what rxe does.
void make_device(const std::string& name, const std::string& interface) {
    fs::create_directories(fs::path(sysfs()) / name);
    std::ofstream(fs::path(sysfs()) / name / "parent") << interface << "\n";
}

SocketAddress address_of(const char* text) {
    SocketAddress address;
    auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
    auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
    if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        address.size = sizeof four;
    } else {
        CHECK(::inet_pton(AF_INET6, text, &six.sin6_addr) == 1);
        six.sin6_family = AF_INET6;
        address.size = sizeof six;
    }
    return address;
}

void the_addresses_of_devices_are_those_of_their_interfaces() {
    CHECK(device_addresses(sysfs()).empty());
    make_device("rxe0", "no-such-interface");
    CHECK(device_addresses(sysfs()).empty());
    // lo is the one interface that every host has; each way in which a device names its own.
    const auto beside = fs::path(sysfs()) / "mlx0";
    fs::create_directories(beside / "device/net/lo");
    const auto found = device_addresses(sysfs());
    CHECK(!found.empty());
    test::equal(found[0].address, "127.0.0.1");
    test::equal(found[0].device, "mlx0");
    fs::remove_all(beside);
    const auto by_gid = fs::path(sysfs()) / "roce0/ports/1/gid_attrs/ndevs";
    fs::create_directories(by_gid);
    std::ofstream(by_gid / "3") << "lo\n";
    test::equal(device_addresses(sysfs()).at(0).device, "roce0");
}

void an_address_that_no_device_has_is_named_with_those_that_they_have() {
    test::equal(not_of_a_device({"10.9.8.7", 7471}, sysfs()).message,
                "10.9.8.7:7471 is no address of an RDMA device");
    make_device("rxe0", "lo");
    const auto error = not_of_a_device({"10.9.8.7", 7471}, sysfs());
    test::equal(error.code, EADDRNOTAVAIL);
    test::contains(error.message,
                   "10.9.8.7:7471 is no address of an RDMA device: listen on one of 127.0.0.1 (rxe0)");
}

void this_host_alone_is_not_any_address() {
    make_device("rxe0", "eth0");
    for (const char* text : {"127.0.0.1", "127.3.2.1", "::1"})
        test::contains(
            test::error(check_not_of_this_host_alone(address_of(text), {text, 7471}, sysfs()), EADDRNOTAVAIL),
            text);
    for (const char* text : {"0.0.0.0", "10.0.0.1", "128.0.0.1", "::", "fd00::1"})
        test::ok(check_not_of_this_host_alone(address_of(text), {text, 7471}, sysfs()));
    make_device("rxe1", "lo");
    test::ok(check_not_of_this_host_alone(address_of("127.0.0.1"), {"127.0.0.1", 7471}, sysfs()));
}

void any_address_leads_to_a_device_and_so_does_one_that_it_has() {
    make_device("rxe0", "eth0");
    for (const char* text : {"0.0.0.0", "::"})
        CHECK(leads_to_a_device(address_of(text), sysfs()));
    for (const char* text : {"127.0.0.1", "192.0.2.1", "2001:db8::1"})
        CHECK(!leads_to_a_device(address_of(text), sysfs()));
    make_device("rxe1", "lo");
    CHECK(leads_to_a_device(address_of("127.0.0.1"), sysfs()));
}

}  // namespace

int main() {
    return test::run("device addresses",
                     {{"the addresses of devices are those of their interfaces",
                       the_addresses_of_devices_are_those_of_their_interfaces},
                      {"an address that no device has is named with those that they have",
                       an_address_that_no_device_has_is_named_with_those_that_they_have},
                      {"any address leads to a device, and so does one that it has",
                       any_address_leads_to_a_device_and_so_does_one_that_it_has},
                      {"this host alone is not any address", this_host_alone_is_not_any_address}});
}
