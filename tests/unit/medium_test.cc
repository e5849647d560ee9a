#include "lib/media/medium.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "lib/base/handle.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::media;

namespace {

int msync_error = 0;  ///< errno of the calls below, 0: they go to the kernel
int fallocate_error = 0;

}  // namespace

// In front of the C library's, for what can't be had from a healthy disk.
extern "C" __attribute__((visibility("default"))) int msync(void* address, std::size_t length, int flags) {
    if (msync_error == 0)
        return static_cast<int>(::syscall(SYS_msync, address, length, flags));
    errno = msync_error;
    return -1;
}
extern "C" __attribute__((visibility("default"))) int fallocate(int file, int mode, off_t at, off_t length) {
    if (fallocate_error == 0)
        return static_cast<int>(::syscall(SYS_fallocate, file, mode, at, length));
    errno = fallocate_error;
    return -1;
}

namespace {

std::string file(const char* name) {
    return (test::directory() / name).string();
}

std::uint64_t blocks_of(const std::string& path) {
    struct stat status {};
    CHECK(::stat(path.c_str(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

std::size_t files_here() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(test::directory()), {}));
}

void creates_sparse_and_keeps_what_is_stored() {
    const auto path = file("pool");
    {
        const auto medium = test::ok(create_file_medium(path, {64 * kMiB}, false));
        test::equal(medium->bytes().size(), std::size_t{64 * kMiB});
        CHECK(medium->durability() == Durability::page);
        test::equal(medium->path(), path);
        CHECK(blocks_of(path) < kMiB);
        medium->store({5'000'001}, test::random_bytes(100'000));
        test::ok(medium->persist({{5'000'001}, {100'000}}));
        test::ok(medium->persist({{64 * kMiB}, {0}}));
    }
    test::generator().seed(test::seed());
    const auto expected = test::random_bytes(100'000);
    const auto medium = test::ok(open_medium(path, Use::exclusive));
    CHECK(std::ranges::equal(medium->bytes().subspan(5'000'001, 100'000), expected));
    struct stat status {};
    CHECK(::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) == 0);
}

void one_manager_at_a_time() {
    const auto path = file("pool");
    auto medium = test::ok(create_file_medium(path, {1 * kMiB}, false));
    test::contains(test::error(open_medium(path, Use::exclusive), EBUSY), path);
    test::error(create_file_medium(path, {1 * kMiB}, true), EBUSY);
    test::ok(open_medium(path, Use::read_only));
    medium.reset();
    medium = test::ok(open_medium(path, Use::exclusive));
    test::error(open_medium(path, Use::exclusive), EBUSY);
}

void reading_only_changes_nothing() {
    const auto path = file("pool");
    const auto writer = test::ok(create_file_medium(path, {1 * kMiB}, false));
    const auto reader = test::ok(open_medium(path, Use::read_only));
    writer->store({100}, test::random_bytes(10));
    CHECK(std::ranges::equal(writer->bytes(), reader->bytes()));
    test::error(reader->persist({{0}, {1}}), EROFS);
    test::error(reader->blank({{0}, {0}}), EROFS);
}

void what_is_no_medium() {
    test::error(open_medium(file("missing"), Use::exclusive), ENOENT);
    test::error(open_medium("/dev/null", Use::exclusive), EINVAL);
    test::error(open_medium(test::directory().string(), Use::read_only), EINVAL);
    std::ofstream(file("empty")).close();
    test::error(open_medium(file("empty"), Use::exclusive), ENODATA);
    std::ofstream(file("small")) << "12345";
    test::equal(test::ok(open_medium(file("small"), Use::exclusive))->bytes().size(), std::size_t{5});
}

void a_failed_create_leaves_nothing() {
    std::ofstream(file("old")) << "precious";
    test::error(create_file_medium(file("old"), {1 * kMiB}, false), EEXIST);
    CHECK(!create_file_medium(file("new"), {std::uint64_t{1} << 63}, false));
    CHECK(!create_file_medium(file("old"), {std::uint64_t{1} << 62}, true));
    test::error(create_file_medium(file("no/such/folder"), {1 * kMiB}, false), ENOENT);
    test::equal(files_here(), std::size_t{1});
    std::string text;
    std::ifstream(file("old")) >> text;
    test::equal(text, std::string("precious"));
}

void replacing_follows_a_link() {
    std::ofstream(file("old")) << "old";
    std::filesystem::create_symlink("old", file("link"));
    const auto medium = test::ok(create_file_medium(file("link"), {1 * kMiB}, true));
    CHECK(std::filesystem::is_symlink(file("link")));
    test::equal(std::filesystem::file_size(file("old")), std::uintmax_t{kMiB});
    test::error(open_medium(file("old"), Use::exclusive), EBUSY);
    test::equal(files_here(), std::size_t{2});
}

/// Takes the files away that are not in the test's directory, also when it fails.
struct RemovedAtTheEnd {
    std::string path;
    ~RemovedAtTheEnd() {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }
};

void blank_here(const std::string& path) {
    const RemovedAtTheEnd first{path}, second{path + "2"};
    const auto medium = test::ok(create_file_medium(path, {8 * kMiB}, false));
    medium->store({0}, test::random_bytes(8 * kMiB));
    const std::vector before(medium->bytes().begin(), medium->bytes().end());
    const Extent extent{{kMiB + 5}, {3 * kMiB + 100}};
    test::ok(medium->blank(extent));
    auto expected = before;
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(extent.at.bytes), extent.size.bytes,
                std::byte{0});
    CHECK(std::ranges::equal(medium->bytes(), expected));
    const auto sparse = test::ok(create_file_medium(path + "2", {8 * kMiB}, false));
    test::ok(sparse->blank({{4 * kMiB}, {2 * kMiB}}));
    CHECK(blocks_of(path + "2") >= 2 * kMiB);
}

void blanks_and_takes_the_space() {
    blank_here(file("pool"));
    if (std::filesystem::is_directory("/dev/shm"))  // a file system without ZERO_RANGE
        blank_here(fmt::format("/dev/shm/pmemckpt-test-blank-{}", ::getpid()));
}

/// A full disk is an error at blank(), and the process goes on.
void a_full_disk_is_an_error() {
    struct statvfs space {};
    if (::statvfs("/dev/shm", &space) != 0 || space.f_blocks == 0)
        test::skip("there is no /dev/shm with a limited size");
    const auto beyond = space.f_blocks * space.f_frsize + kGiB;
    const auto path = fmt::format("/dev/shm/pmemckpt-test-full-{}", ::getpid());
    const RemovedAtTheEnd large{path};
    const auto medium = test::ok(create_file_medium(path, {beyond}, false));
    test::contains(test::error(medium->blank({{0}, {beyond}}), ENOSPC), "no room");
    test::ok(medium->blank({{0}, {4096}}));
}

void blanks_where_there_is_no_fallocate() {
    fallocate_error = EOPNOTSUPP;
    blank_here(file("pool"));
    fallocate_error = EIO;
    const auto medium = test::ok(create_file_medium(file("pool"), {1 * kMiB}, false));
    const auto status = medium->blank({{0}, {10}});
    fallocate_error = 0;
    test::error(status, EIO);
}

/// The kernel tells of lost writes once, to whoever asks next. Then all later answers would be lies.
void after_a_failed_sync_none_is_believed() {
    const auto medium = test::ok(create_file_medium(file("pool"), {1 * kMiB}, false));
    test::ok(medium->persist({{0}, {100}}));
    msync_error = EIO;
    const auto first = medium->persist({{5000}, {100}});
    msync_error = 0;
    test::contains(test::error(first, EIO), "at 4096");
    test::contains(test::error(medium->persist({{0}, {100}}), EIO), "failed earlier");
}

void every_durability_has_a_name() {
    test::equal(std::string(to_string(Durability::page)), std::string("page"));
    test::equal(std::string(to_string(Durability::gpspm)), std::string("gpspm"));
    test::equal(std::string(to_string(Durability::apm)), std::string("apm"));
    test::equal(std::string(to_string(Durability::flush)), std::string("flush"));
}

}  // namespace

int main() {
    return test::run("medium",
                     {{"creates_sparse_and_keeps_what_is_stored", creates_sparse_and_keeps_what_is_stored},
                      {"one_manager_at_a_time", one_manager_at_a_time},
                      {"reading_only_changes_nothing", reading_only_changes_nothing},
                      {"what_is_no_medium", what_is_no_medium},
                      {"a_failed_create_leaves_nothing", a_failed_create_leaves_nothing},
                      {"replacing_follows_a_link", replacing_follows_a_link},
                      {"blanks_and_takes_the_space", blanks_and_takes_the_space},
                      {"a_full_disk_is_an_error", a_full_disk_is_an_error},
                      {"blanks_where_there_is_no_fallocate", blanks_where_there_is_no_fallocate},
                      {"after_a_failed_sync_none_is_believed", after_a_failed_sync_none_is_believed},
                      {"every_durability_has_a_name", every_durability_has_a_name}});
}
