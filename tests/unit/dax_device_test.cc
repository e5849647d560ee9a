// What is said of devices whose node can't be opened. tests/vm has real ones.
#include "lib/media/device_node.hh"

#include <cerrno>

#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::media;

namespace {

void paths_in_dev_name_devices() {
    for (const char* path : {"/dev/dax0.0", "/dev/pmem0", "/dev/sda"})
        CHECK(names_a_device(path));
    for (const char* path : {"/dev/shm/pool", "dax0.0", "/var/lib/pmemckpt/pool", "./dev/dax0.0"})
        CHECK(!names_a_device(path));
}

void what_is_missing_can_be_made_and_nothing_is_lost_by_it() {
    const auto error = device_error(ENOENT, "/dev/dax77.7");
    test::equal(error.code, ENOENT);
    test::contains(error.message, "there is no device /dev/dax77.7");
    test::contains(error.message, "ndctl create-namespace -m devdax");
    CHECK(error.message.find(" -f") == std::string::npos);
    test::equal(device_error(ENOENT, "/dev/sdx").message, "there is no device /dev/sdx");
}

void what_may_not_be_opened_is_not_to_be_made() {
    const auto forbidden = device_error(EPERM, "/dev/dax0.0");
    test::equal(forbidden.code, EPERM);
    test::contains(forbidden.message, "DeviceAllow=");
    test::contains(device_error(EACCES, "/dev/dax0.0").message, "can't open /dev/dax0.0: Permission denied");
    for (const int code : {EPERM, EACCES, ENXIO, EBUSY})
        CHECK(device_error(code, "/dev/dax0.0").message.find("create-namespace") == std::string::npos);
}

}  // namespace

int main() {
    return test::run("dax device", {{"paths in /dev name devices", paths_in_dev_name_devices},
                                    {"what is missing can be made, and nothing is lost by it",
                                     what_is_missing_can_be_made_and_nothing_is_lost_by_it},
                                    {"what may not be opened is not to be made",
                                     what_may_not_be_opened_is_not_to_be_made}});
}
