// What is said of devices whose node can't be opened, and when a deep flush can't be ordered; sysfs as it
// would be, in a folder. tests/vm has real ones.
#include "lib/media/dax_device.hh"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "lib/media/device_node.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::media;

namespace {

constexpr uid_t kNobody = 65534;

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

/// A region's file with this in it, seen by somebody who may read it only.
Status check_as_a_reader(const std::string& content, PersistenceDomain domain) {
    const auto file = test::directory() / "deep_flush";
    std::ofstream(file) << content;
    CHECK(::chmod(file.c_str(), 0444) == 0 && ::chmod(test::directory().c_str(), 0755) == 0);
    // By a descriptor: the folders above may be this user's alone.
    const FileDescriptor folder(::open(test::directory().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const DaxDevice device{"", fmt::format("/proc/self/fd/{}", folder.get()), domain};
    const auto user = static_cast<uid_t>(::setfsuid(kNobody));
    auto status = check_deep_flush(device, "/dev/dax0.0");
    ::setfsuid(user);
    std::filesystem::remove(file);
    return status;
}

void a_deep_flush_that_is_needed_can_be_ordered() {
    test::ok(check_as_a_reader("1\n", PersistenceDomain::memory_controller));
    test::ok(check_as_a_reader("1\n", PersistenceDomain::cpu_cache));
    test::ok(check_as_a_reader("0\n", PersistenceDomain::unknown));
    test::ok(check_as_a_reader("", PersistenceDomain::unknown));
    const auto message = test::error(check_as_a_reader("1\n", PersistenceDomain::unknown), EACCES);
    test::contains(message, "/dev/dax0.0");
    test::contains(message, "ProtectKernelTunables=yes");
    std::ofstream(test::directory() / "deep_flush") << "1\n";
    test::ok(check_deep_flush({"", test::directory().string(), PersistenceDomain::unknown}, "/dev/dax0.0"));
}

}  // namespace

int main() {
    return test::run(
        "dax device",
        {{"paths in /dev name devices", paths_in_dev_name_devices},
         {"what is missing can be made, and nothing is lost by it",
          what_is_missing_can_be_made_and_nothing_is_lost_by_it},
         {"what may not be opened is not to be made", what_may_not_be_opened_is_not_to_be_made},
         {"a deep flush that is needed can be ordered", a_deep_flush_that_is_needed_can_be_ordered}});
}
