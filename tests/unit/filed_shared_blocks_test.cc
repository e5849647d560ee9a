// Before-images that share their blocks with the file, where the file system can: on one that plays it, and
// on XFS where one can be mounted. time-limit: 120
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdarg>

#include "tests/support/traced.hh"
#include "tests/unit/filed_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;

namespace {

bool is_played = true;
unsigned shared = 0;

/// By copying; with the rules that file systems have for it.
int play_clone(int file, const file_clone_range& range) {
    constexpr std::uint64_t kFileSystemBlock = 4096;
    struct stat status;
    const auto source = static_cast<int>(range.src_fd);
    if (::fstat(source, &status) != 0)
        return -1;
    const auto end = range.src_offset + range.src_length;
    const bool is_at_end = end == static_cast<std::uint64_t>(status.st_size);
    if (range.src_offset % kFileSystemBlock != 0 || range.dest_offset % kFileSystemBlock != 0 ||
        (range.src_length % kFileSystemBlock != 0 && !is_at_end)) {
        errno = EINVAL;
        return -1;
    }
    std::vector<std::byte> bytes(range.src_length);
    CHECK(::pread(source, bytes.data(), bytes.size(), static_cast<off_t>(range.src_offset)) ==
          static_cast<ssize_t>(bytes.size()));
    CHECK(::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(range.dest_offset)) ==
          static_cast<ssize_t>(bytes.size()));
    return 0;
}

}  // namespace

extern "C" int ioctl(int file, unsigned long request, ...) noexcept {
    va_list list;
    va_start(list, request);
    auto* const argument = va_arg(list, void*);
    va_end(list);
    if (request != FICLONERANGE)
        return static_cast<int>(::syscall(SYS_ioctl, file, request, argument));
    const int cloned = is_played ? play_clone(file, *static_cast<file_clone_range*>(argument))
                                 : static_cast<int>(::syscall(SYS_ioctl, file, request, argument));
    shared += cloned == 0 ? 1 : 0;
    return cloned;
}

namespace {

/// Changes of whole blocks, of the last one, which is short, and of one that was short and has grown.
void live(House& house) {
    house.make("a", text_of(3'500'000));
    house.make("b", text_of(1'000));
    house.save(1);
    house.write(house.open("a", kReadWrite | filed::kOpenAppend), "grown");
    const auto a = house.open("a");
    house.write(a, text_of(3'400'000));
    ok(house.files->truncate(kSession, house.open("b"), 10));
    house.save(2);
    house.write(a, "and once more");
}

int live_and_go_back() {
    House house;
    live(house);
    house.start();  // the log is found again
    ok(house.restore(2));
    house.check_is(2);
    ok(house.restore(1));
    house.check_is(1);
    return 0;
}

void shared_blocks_are_put_back() {
    live_and_go_back();
    fmt::print("{} before-images shared\n", shared);
    CHECK(shared >= 3);
}

/// What is shared takes no room.
int share_on_xfs() {
    is_played = false;
    const auto image = directory() / "xfs.image";
    const auto mkfs = fmt::format("truncate -s 400M {0} && mkfs.xfs -q {0} && mount -o loop {0} {1}",
                                  image.string(), (directory() / "served").string());
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        std::system(mkfs.c_str()) != 0)
        return 77;
    if (live_and_go_back() != 0 || shared < 3)
        return 1;
    House house;
    house.make("large", text_of(150'000'000));
    house.save(1);
    const auto room = [&] { return std::filesystem::space(house.path).available; };
    const auto before = room();
    ok(house.files->truncate(kSession, house.open("large"), 0));
    const auto taken = static_cast<std::int64_t>(before) - static_cast<std::int64_t>(room());
    fmt::print("on XFS: 150 MB of before-images took {} bytes\n", taken);
    ok(house.restore(1));
    house.check_is(1);
    return taken < 20'000'000 ? 0 : 2;
}

void blocks_are_shared_on_xfs() {
    std::filesystem::create_directory(directory() / "served");
    const int status = run_till(UINT_MAX / 2, share_on_xfs).status;
    if (status == 77)
        fmt::print("no XFS can be made and mounted here: only the one that is played was tried\n");
    CHECK(status == 0 || status == 77);
}

}  // namespace

int main() {
    return run("filed_shared_blocks", {{"shared blocks are put back", shared_blocks_are_put_back},
                                       {"blocks are shared on XFS", blocks_are_shared_on_xfs}});
}
