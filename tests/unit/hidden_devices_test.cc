// What is said of RDMA devices that the kernel has and nobody can use here; sysfs as it would be, in a
// folder.
#include "lib/rdma/verbs/hidden_devices.hh"

#include "tests/support/check.hh"

using namespace pmemckpt;
using rdma::verbs::hidden_devices;

namespace {

namespace fs = std::filesystem;

std::string sysfs() {
    return (test::directory() / "infiniband").string();
}

void make_device(const std::string& name) {
    fs::create_directories(fs::path(sysfs()) / name);
}

void where_the_kernel_has_no_device_nothing_is_hidden() {
    test::equal(hidden_devices(false, sysfs(), "/no/such/node"), "");
    fs::create_directory(sysfs());
    test::equal(hidden_devices(false, sysfs(), "/no/such/node"), "");
}

void a_sandbox_is_named() {
    make_device("rxe0");
    make_device("siw0");
    for (const bool are_listed : {false, true}) {
        const auto text = hidden_devices(are_listed, sysfs(), "/no/such/node");
        test::contains(text, "the kernel has rxe0, siw0");
        test::contains(text, "/no/such/node can't be opened: No such file or directory");
        test::contains(text, "PrivateDevices=yes");
    }
}

void a_missing_library_is_named() {
    make_device("rxe0");
    test::contains(hidden_devices(false, sysfs(), "/dev/null"), "ibverbs-providers");
    test::equal(hidden_devices(true, sysfs(), "/dev/null"), "");
}

}  // namespace

int main() {
    return test::run("hidden devices", {{"where the kernel has no device nothing is hidden",
                                         where_the_kernel_has_no_device_nothing_is_hidden},
                                        {"a sandbox is named", a_sandbox_is_named},
                                        {"a missing library is named", a_missing_library_is_named}});
}
