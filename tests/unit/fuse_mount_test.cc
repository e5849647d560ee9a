// The operations under a real kernel, on a source in memory.
#include "fuse/mount.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "fuse/mount_table.hh"
#include "lib/base/handle.hh"
#include "tests/support/check.hh"
#include "tests/unit/fuse_fake_source.hh"

using namespace pmemckpt;

namespace {

class Fixture {
public:
    test::FakeSource* source = new test::FakeSource;
    view::View view{std::unique_ptr<view::Source>(source), {::getuid(), ::getgid(), {}}};

    Fixture() {
        if (::geteuid() != 0 || ::access("/dev/fuse", R_OK | W_OK) != 0)
            test::skip("it needs root and /dev/fuse");
        std::filesystem::create_directory(point_);
        mount_ = test::ok(view::Mount::mount(view, {"fake:/,with\\signs", point_, false, false}));
        loop_ = std::thread([this] { ran_ = mount_->run(); });
    }
    ~Fixture() {
        ::umount2(path("").c_str(), MNT_DETACH);
        if (loop_.joinable())
            loop_.join();
    }
    std::string path(const std::string& name) const { return point_ + "/" + name; }
    const std::string& point() const { return point_; }
    std::string read(const std::string& name) const {
        std::ifstream file(path(name));
        return {std::istreambuf_iterator<char>(file), {}};
    }
    /// The kernel gives back every name that nobody uses.
    void remount(unsigned long flags) const {
        CHECK(::mount(nullptr, path("").c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0);
    }
    FileDescriptor open(const std::string& name) const {
        FileDescriptor file(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
        if (!file)
            test::fail_at(test::Place::current(),
                          fmt::format("open {}: {}", name, system_error(errno, "").message));
        return file;
    }
    Status end() {
        CHECK(::umount(path("").c_str()) == 0);
        loop_.join();
        return ran_;
    }

private:
    const std::string point_ = std::filesystem::canonical(test::directory()).string() + "/ckpt";
    std::unique_ptr<view::Mount> mount_;
    Status ran_;
    std::thread loop_;
};

std::vector<std::byte> text(std::string_view of) {
    const auto bytes = std::as_bytes(std::span(of));
    return {bytes.begin(), bytes.end()};
}

int error_of(int result) {
    return result < 0 ? errno : 0;
}

void files_are_read() {
    Fixture f;
    f.source->create("team/app");
    const auto wanted = test::random_bytes(3'000'001);
    f.source->seal("team/app", wanted);
    f.source->seal("team/app", text("newest"));
    test::equal(f.read("team/app"), "newest");
    const auto got = f.read(".generations/team/app/1");
    CHECK(got.size() == wanted.size() && std::memcmp(got.data(), wanted.data(), wanted.size()) == 0);
    test::equal(std::filesystem::file_size(f.path(".generations/team/app/1")), wanted.size());
    auto file = f.open(".generations/team/app/1");
    void* map = ::mmap(nullptr, wanted.size(), PROT_READ, MAP_SHARED, file.get(), 0);
    CHECK(map != MAP_FAILED && std::memcmp(map, wanted.data(), wanted.size()) == 0);
    ::munmap(map, wanted.size());
    char byte;
    CHECK(::pread(file.get(), &byte, 1, 3'000'000) == 1);
    CHECK(::pread(file.get(), &byte, 1, 3'000'001) == 0);
    file.reset();
    test::ok(f.end());
}

void an_open_file_stays_what_it_was() {
    Fixture f;
    f.source->create("r");
    f.source->seal("r", text("first"));
    const auto file = f.open("r");
    const auto again = f.open(".generations/r/1");
    f.source->seal("r", text("second, longer"), 1);
    char bytes[32] = {};
    CHECK(::pread(file.get(), bytes, sizeof bytes, 0) == 5);
    test::equal(std::string(bytes), "first");
    test::equal(f.read("r"), "second, longer");
    struct stat attributes {};
    CHECK(::fstat(file.get(), &attributes) == 0 && attributes.st_size == 5);
    test::equal(f.source->opened.load(), 2U);  // one Content for both opens of the first
    test::eventually(
        [&] { return f.view.files.size() == 2; });  // the kernel releases a moment after close(2)
}

void a_lost_race_is_not_seen() {
    Fixture f;
    f.source->create("r");
    f.source->seal("r", text("x"));
    f.source->seal_at_find = true;
    for (int i = 0; i < 50; ++i)
        f.open("r");
    f.source->seal_at_find = false;
    test::eventually([&] { return f.view.files.size() == 0; });
}

// A large folder, listed with and without attributes, and from a place in its middle.
void large_folders() {
    constexpr std::size_t kMany = 5000;
    Fixture f;
    f.source->create("r");
    for (std::size_t i = 0; i < kMany; ++i)
        f.source->seal("r", {});
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(f.path(".generations/r")))
        CHECK(file.file_size() == 0 && names.insert(file.path().filename()).second);
    test::equal(names.size(), kMany);

    const std::unique_ptr<DIR, Closer<::closedir>> folder(::opendir(f.path(".generations/r").c_str()));
    std::vector<std::pair<long, std::string>> places;
    for (dirent* line; (line = ::readdir(folder.get()));)
        places.emplace_back(::telldir(folder.get()), line->d_name);
    test::equal(places.size(), kMany + 2);
    f.source->seal("r", {}, 1);  // does not move what is open
    for (const std::size_t at : {std::size_t{0}, kMany / 2, kMany - 1}) {
        ::seekdir(folder.get(), places[at].first);
        test::equal(std::string(::readdir(folder.get())->d_name), places[at + 1].second);
    }
    ::rewinddir(folder.get());
    std::size_t left = 0;
    while (::readdir(folder.get()))
        ++left;
    test::equal(left, 3U);  // now it does
}

void nothing_is_held_that_the_kernel_forgot() {
    Fixture f;
    for (int i = 0; i < 300; ++i) {
        f.source->create(fmt::format("folder{}/region{}", i % 10, i));
        f.source->seal(fmt::format("folder{}/region{}", i % 10, i), text("x"));
    }
    std::size_t files = 0;
    for (int round = 0; round < 3; ++round)
        for (const auto& file : std::filesystem::recursive_directory_iterator(f.path("")))
            files += file.is_regular_file() && f.read(file.path().lexically_relative(f.path(""))).size() == 1;
    test::equal(files, 3U * 2 * 300);
    CHECK(f.view.inodes.size() > 300);
    // The kernel gives back what it holds; what is still open stays.
    f.remount(MS_RDONLY);
    test::eventually(
        [&] { return f.view.inodes.size() == 1 && f.view.files.size() == 0 && f.view.folders.size() == 0; });
}

void changes_are_refused() {
    Fixture f;
    f.source->create("r");
    f.source->seal("r", text("x"));
    // By the kernel, and by us when somebody remounted it otherwise.
    for (const auto flags : {static_cast<unsigned long>(MS_RDONLY), 0UL}) {
        f.remount(flags);
        test::equal(error_of(::open(f.path("r").c_str(), O_WRONLY)), EROFS);
        test::equal(error_of(::open(f.path("r").c_str(), O_RDONLY | O_TRUNC)), EROFS);
        test::equal(error_of(::open(f.path("new").c_str(), O_CREAT | O_RDWR, 0666)), EROFS);
        test::equal(error_of(::mkdir(f.path("new").c_str(), 0777)), EROFS);
        test::equal(error_of(::unlink(f.path("r").c_str())), EROFS);
        test::equal(error_of(::rename(f.path("r").c_str(), f.path("s").c_str())), EROFS);
        test::equal(error_of(::chmod(f.path("r").c_str(), 0777)), EROFS);
        test::equal(error_of(::symlink("x", f.path("s").c_str())), EROFS);
    }
    f.remount(MS_RDONLY);
    test::equal(error_of(::access(f.path("r").c_str(), W_OK)), EROFS);
    test::equal(f.read("r"), "x");
}

void errors_have_their_numbers() {
    Fixture f;
    f.source->create("r");
    f.source->seal("r", text("x"));
    const auto file = f.open("r");
    f.source->away = true;
    struct stat attributes {};
    char byte;
    test::equal(error_of(::stat(f.path("r").c_str(), &attributes)), ENOTCONN);
    test::equal(error_of(static_cast<int>(::pread(file.get(), &byte, 1, 0))), EIO);
    test::contains(f.read(".status"), "\"connected\": false");
    CHECK(::fstat(file.get(), &attributes) == 0);  // what is known is known
    f.source->away = false;
    CHECK(::pread(file.get(), &byte, 1, 0) == 1);
    struct statvfs space {};
    CHECK(::statvfs(f.path("").c_str(), &space) == 0 && space.f_blocks == 1000 && space.f_bavail == 400);
    test::equal(error_of(::stat(f.path(std::string(256, 'n')).c_str(), &attributes)), ENAMETOOLONG);
}

void what_mount_shows() {
    Fixture f;
    const auto mounted = view::mounted_at(test::ok(view::read_mount_table()), f.point());
    CHECK(mounted);
    test::equal(mounted->type, "fuse.pmemckpt");
    test::equal(mounted->source, "fake:/,with\\signs");
    std::ifstream read_ahead("/sys/class/bdi/" + mounted->device + "/read_ahead_kb");
    unsigned kib = 0;
    if (read_ahead >> kib)
        test::equal(kib, view::kReadAheadKiB);
    test::contains(test::error(view::check_mount_point(f.path("")), EBUSY), "umount");
}

}  // namespace

int main() {
    return test::run("mount",
                     {
                         {"files are read", files_are_read},
                         {"an open file stays what it was", an_open_file_stays_what_it_was},
                         {"a lost race is not seen", a_lost_race_is_not_seen},
                         {"large folders", large_folders},
                         {"nothing is held that the kernel forgot", nothing_is_held_that_the_kernel_forgot},
                         {"changes are refused", changes_are_refused},
                         {"errors have their numbers", errors_have_their_numbers},
                         {"what mount shows", what_mount_shows},
                     });
}
