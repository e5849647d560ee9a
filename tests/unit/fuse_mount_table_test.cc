// /proc/self/mountinfo, and places to mount on.
#include "fuse/mount_table.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/check.hh"

using namespace pmemckpt;

namespace {

constexpr const char* kTable =
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "30 22 0:45 / /a\\040b\\134c rw,nosuid master:2 propagate_from:3 - fuse.pmemckpt [::1]:7471:/ "
    "ro,user_id=0\n"
    "31 22 0:46 / /plain rw - tmpfs tmpfs rw\n"
    "32 31 0:47 / /plain rw - fuse.pmemckpt h:/ ro\n"
    "nonsense\n"
    "33 31 0:48 / /cut rw - tmpfs\n"
    "\n";

void lines_are_read() {
    const auto table = view::parse_mount_table(kTable);
    test::equal(table.size(), 4U);
    const auto view = view::mounted_at(table, "/a b\\c");
    CHECK(view);
    test::equal(view->device, "0:45");
    test::equal(view->type, "fuse.pmemckpt");
    test::equal(view->source, "[::1]:7471:/");
}

void the_topmost_counts() {
    const auto table = view::parse_mount_table(kTable);
    test::equal(view::mounted_at(table, "/plain")->device, "0:47");
    CHECK(!view::mounted_at(table, "/pla"));
    CHECK(!view::mounted_at(table, "/cut"));
}

void cut_escapes_stay() {
    const auto table = view::parse_mount_table("1 2 0:1 / /x\\04 rw - t\\0\\ s\\477 rw\n");
    test::equal(table.size(), 1U);
    test::equal(table[0].point, "/x\\04");
    test::equal(table[0].source, "s\\477");
}

void this_system_has_a_root() {
    const auto table = test::ok(view::read_mount_table());
    CHECK(view::mounted_at(table, "/"));
}

void mount_points() {
    const auto& here = test::directory();
    test::equal(test::ok(view::check_mount_point(here.string() + "/.")),
                std::filesystem::canonical(here).string());
    test::contains(test::error(view::check_mount_point(here / "none"), ENOENT), "none");
    std::ofstream(here / "file") << "x";
    test::contains(test::error(view::check_mount_point(here / "file"), ENOTDIR), "not a directory");
    std::filesystem::create_symlink(here, here / "link");
    test::equal(test::ok(view::check_mount_point(here / "link")), std::filesystem::canonical(here).string());
}

}  // namespace

int main() {
    return test::run("mount table", {
                                        {"lines are read", lines_are_read},
                                        {"the topmost counts", the_topmost_counts},
                                        {"cut escapes stay", cut_escapes_stay},
                                        {"this system has a root", this_system_has_a_root},
                                        {"mount points", mount_points},
                                    });
}
