// Served files, when the service is killed, or the system fails it, at any moment: a rollback brings all
// back. time-limit: 400
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <cerrno>
#include <climits>
#include <fstream>
#include <set>

#include "tests/support/traced.hh"
#include "tests/unit/filed_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;

namespace {

/// Of files. Others can't fail, or not in a way that files are to blame for.
const std::set<long>& calls_of_files() {
    static const std::set<long> calls{
        SYS_openat,    SYS_openat2,  SYS_pread64,    SYS_pwrite64, SYS_fsync,  SYS_ftruncate,
        SYS_renameat2, SYS_unlinkat, SYS_newfstatat, SYS_fstat,    SYS_fchmod, SYS_fallocate,
    };
    return calls;
}

/// Every kind of change, and sync points between; what can't be done is left out, as a program would do
/// that goes on.
void change_all(House& house) {
    auto& files = *house.files;
    const auto write = [&](const std::string& path, const std::string& text, std::int64_t at = 0) {
        const auto file = files.open(kSession, path, kMake, 0644);
        if (!file)
            return;
        static_cast<void>(files.seek(kSession, *file, at, filed::Whence::begin));
        static_cast<void>(files.write(kSession, *file, bytes_of(text)));
        static_cast<void>(files.close(kSession, *file));
    };
    static_cast<void>(files.rename("a", "d"));
    write("d", "changed");
    write("a", "another a");
    static_cast<void>(files.remove("b"));
    static_cast<void>(files.rename("a", "b"));
    write("a", "a third a");
    house.try_to_save(2);
    static_cast<void>(files.rename("c", "d"));  // over what is there
    write("d", text_of(70'000), 30'000);
    write("e", "made, and cut off");
    if (const auto cut = files.open(kSession, "e", kMake | filed::kOpenTruncate, 0600))
        static_cast<void>(files.truncate(kSession, *cut, 100));
    files.close_all_of(kSession);
}

void furnish(House& house) {
    house.make("a", text_of(1'100'000));
    house.make("b", text_of(50'000));
    house.make("c", text_of(50'000));
    house.save(1);
}

/// Whether all is as it was, told as an exit status.
int is_back(const House& house, std::uint64_t number) {
    const bool is = house.tree() == house.trees.at(number);
    if (!is)
        for (const auto& [name, bytes] : house.tree())
            fmt::print("now there is {} of {} bytes\n", name, bytes.size());
    return is ? 0 : 2;
}

int roll_back(House& house) {
    if (const auto restored = house.restore(1); !restored) {
        fmt::print("not rolled back: {}\n", restored.error().message);
        return 1;
    }
    return is_back(house, 1);
}

void a_rollback_that_was_cut_goes_on() {
    for (unsigned cut_at = 1;; ++cut_at) {
        House house;
        furnish(house);
        change_all(house);
        const auto cut = run_till(cut_at, [&] { return roll_back(house); });
        house.start();
        CHECK(roll_back(house) == 0);
        std::filesystem::remove_all(house.path);
        if (!cut.came_so_far) {
            CHECK(cut.status == 0 && cut_at > 50);
            fmt::print("killed before each of its {} system calls\n", cut_at - 1);
            return;
        }
    }
}

void work_that_was_cut_is_taken_back() {
    for (unsigned cut_at = 1;; cut_at += 1 + cut_at / 50) {
        House house;
        furnish(house);
        const auto cut = run_till(cut_at, [&] { return change_all(house), 0; });
        house.start();
        CHECK(roll_back(house) == 0);
        std::filesystem::remove_all(house.path);
        if (!cut.came_so_far) {
            CHECK(cut.status == 0 && cut_at > 100);
            return;
        }
    }
}

unsigned calls_of_work() {
    House house;
    furnish(house);
    return run_with_failure(UINT_MAX, calls_of_files(), EIO, [&] { return change_all(house), 0; }).calls;
}

/// Each call that fails in work leaves something that is brought back, by the same service or the next one.
void work_in_which_a_call_failed_is_taken_back() {
    if (!can_fail_calls())
        skip("calls can't be made to fail on this system");
    const unsigned calls = calls_of_work(), shift = seed() % 4;  // with other seeds, the others of these four
    for (unsigned nth = 1; nth <= calls; ++nth) {
        const int code = (nth + shift) % 2 == 0 ? EIO : ENOSPC;
        const bool goes_on = (nth + shift) / 2 % 2 == 0;
        House house;
        furnish(house);
        const auto failed = run_with_failure(nth, calls_of_files(), code, [&] {
            change_all(house);
            return goes_on ? roll_back(house) : 0;
        });
        if (failed.status != 0 || !failed.came_so_far)
            fail_at(Place::current(),
                    fmt::format("with error {} of call {}: status {}", code, nth, failed.status));
        house.start();
        CHECK(roll_back(house) == 0);
        std::filesystem::remove_all(house.path);
    }
    fmt::print("an error of each of {} system calls\n", calls);
    CHECK(calls > 50);
}

/// And so does each that fails in a rollback: it fails, and nothing else is done till another one was ended.
void a_rollback_in_which_a_call_failed_is_repeated() {
    if (!can_fail_calls())
        skip("calls can't be made to fail on this system");
    unsigned nth = 1, failures = 0;
    for (bool came_so_far = true; came_so_far; ++nth) {
        House house;
        furnish(house);
        change_all(house);
        const auto member = ok(house.files->join(kSession));
        const auto failed = run_with_failure(nth, calls_of_files(), EIO, [&] {
            if (house.restore(1))
                return 0;
            if (const auto working = house.files->work(member); working || working.error().code != EUCLEAN)
                return 3;
            if (const auto saved = house.try_to_save(3); saved || saved.error().code != EUCLEAN)
                return 4;
            return roll_back(house) == 0 ? 100 : 5;
        });
        came_so_far = failed.came_so_far;
        failures += failed.status == 100 ? 1 : 0;
        if (failed.status != 0 && failed.status != 100)
            fail_at(Place::current(), fmt::format("with call {}: status {}", nth, failed.status));
        CHECK(is_back(house, 1) == 0);
        std::filesystem::remove_all(house.path);
    }
    fmt::print("each of {} system calls fails, and {} rollbacks with it\n", nth - 2, failures);
    CHECK(failures > 30);
}

/// On a file system that is full, to its last byte, what was cut off is put back all the same.
int fill_and_roll_back() {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("disk", (directory() / "served").c_str(), "tmpfs", 0, "size=300m") != 0)
        return 77;
    House house;
    house.make("a", text_of(80'000'000));
    house.save(1);
    const auto filling = house.open("filling");
    ok(house.files->truncate(kSession, house.open("a"), 0));
    const auto text = text_of(1'000'000);
    while (house.files->write(kSession, filling, bytes_of(text))) {
    }
    while (house.files->write(kSession, filling, bytes_of("x"))) {
    }
    const auto status = roll_back(house);
    house.files.reset();
    return status;
}

void a_full_disk_is_rolled_back() {
    std::filesystem::create_directory(directory() / "served");
    const int status = run_till(UINT_MAX / 2, fill_and_roll_back).status;
    if (status == 77)
        skip("it takes root to mount a small file system");
    equal(status, 0);
}

}  // namespace

int main() {
    return run(
        "filed_faults",
        {{"a rollback that was cut goes on", a_rollback_that_was_cut_goes_on},
         {"work that was cut is taken back", work_that_was_cut_is_taken_back},
         {"work in which a call failed is taken back", work_in_which_a_call_failed_is_taken_back},
         {"a rollback in which a call failed is repeated", a_rollback_in_which_a_call_failed_is_repeated},
         {"a full disk is rolled back", a_full_disk_is_rolled_back}});
}
