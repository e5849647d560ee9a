// The undo log of served files, cut and damaged.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>

#include "tests/support/traced.hh"
#include "tests/unit/filed_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;

namespace {

std::filesystem::path own(const House& house, const char* folder) {
    return house.path + "/" + filed::kOwnFolder + "/" + folder;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

void append(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::app) << bytes;
}

void flip(const std::filesystem::path& file, std::uint64_t at) {
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
}

/// With a log of a name and bytes.
struct Changed : House {
    Changed() {
        make("a", text_of(2'000'000));
        make("b", "b");
        save(1);
        write(open("a"), text_of(1'500'000));
        ok(files->remove("b"));
        files->close_all_of(kSession);
        files.reset();
        log = files_in(own(*this, "undo")).at(0);
    }
    std::filesystem::path log;
};

void a_torn_end_is_cut_off() {
    Changed house;
    const auto size = std::filesystem::file_size(house.log);
    append(house.log, text_of(5000));
    house.start();
    equal(std::filesystem::file_size(house.log), size);
    ok(house.restore(1));
    house.check_is(1);
}

void each_place_that_is_damaged_is_told() {
    Changed house;
    const auto size = std::filesystem::file_size(house.log);
    unsigned told = 0;
    for (std::uint64_t at = 0; at + 200 < size; at += at < 300 ? 1 : 20'011) {
        flip(house.log, at);
        const auto opened = filed::Files::open(house.path);
        if (!opened && opened.error().code == EBADMSG)
            ++told;
        else
            fail_at(Place::current(), fmt::format("a flipped byte at {} was not told", at));
        flip(house.log, at);
    }
    CHECK(told > 300);
    house.start();
    ok(house.restore(1));
    house.check_is(1);
}

/// Of what was added since the last flush any part may be missing after a power cut, also one before another.
void entries_that_were_not_flushed_may_be_torn_anywhere() {
    House house;
    house.make("a", text_of(4'000'000));
    house.save(1);
    house.write(house.open("a"), "x");  // flushed: the size, and the first MiB
    house.files->close_all_of(kSession);
    const auto log = files_in(own(house, "undo")).at(0);
    const auto flushed = std::filesystem::file_size(log);
    ok(house.files->truncate(kSession, house.open("a"), 2'000'000));  // the other three in one flush
    house.files.reset();
    std::filesystem::resize_file(house.path + "/a", 4'000'000);  // the change was not made
    flip(log, flushed + 500);
    house.start();
    equal(std::filesystem::file_size(log), flushed);
    // And where the first of them was flushed before the next was added, it is damage.
    house.make("b", "b");
    house.make("c", "c");
    house.files.reset();
    flip(log, flushed + 10);
    contains(error(filed::Files::open(house.path), EBADMSG), "is damaged between");
}

/// The next log says how long this one was: so it is that long on disk.
void a_log_is_on_disk_before_the_next_begins() {
    if (!can_fail_calls())
        skip("calls can't be made to fail on this system");
    const auto path = (directory() / "log").string();
    std::filesystem::create_directory(path);
    const auto open = [&] {
        return ok(filed::UndoLog::open(FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY)), path));
    };
    auto log = open();
    ok(log.begin(House::id_of(1)));
    ok(log.add({filed::Change::Kind::created, "a", {}, 0, 0}));  // and nobody flushes it
    const auto begun = run_with_failure(1, {SYS_fsync}, EIO, [&] {
        const auto failed = log.begin(House::id_of(2));
        return !failed && failed.error().message.find("can't be trusted") != std::string::npos ? 0 : 1;
    });
    CHECK(begun.came_so_far && begun.status == 0);
    ok(log.begin(House::id_of(2)));
    open();
}

void a_missing_or_copied_log_is_told() {
    Changed house;
    house.start();
    ok(house.try_to_save(2));
    ok(house.try_to_save(3));
    house.files.reset();
    const auto logs = files_in(own(house, "undo"));
    equal(logs.size(), 3U);
    const auto away = house.path + "/away";
    std::filesystem::rename(logs[1], away);
    contains(error(filed::Files::open(house.path), EBADMSG), "only 2 are there: bring it back");
    std::filesystem::rename(away, logs[1]);
    auto name = logs[1].filename().string();
    name.replace(name.find("-05"), 3, "-06");
    std::filesystem::copy_file(logs[1], logs[1].parent_path() / name);
    contains(error(filed::Files::open(house.path), EBADMSG), "two undo logs with sequence 2");
    std::filesystem::remove(logs[1].parent_path() / name);
    // One in the place of another.
    const auto kept = house.path + "/kept";
    std::filesystem::rename(logs[2], kept);
    std::filesystem::copy_file(logs[0], logs[2]);
    contains(error(filed::Files::open(house.path), EBADMSG), "damaged at its begin");
    std::filesystem::rename(kept, logs[2]);
    house.start();
    ok(house.restore(1));
    house.check_is(1);
}

/// Of a log that has a later one each length but its own is told.
void a_log_that_was_cut_is_told() {
    Changed house;
    house.start();
    ok(house.try_to_save(2));
    house.files.reset();
    const auto size = std::filesystem::file_size(house.log);
    const auto kept = house.path + "/kept";
    std::filesystem::copy_file(house.log, kept);
    for (const auto cut :
         {std::uint64_t{0}, std::uint64_t{20}, std::uint64_t{56}, std::uint64_t{130}, size - 1}) {
        std::filesystem::resize_file(house.log, cut);
        contains(error(filed::Files::open(house.path), EBADMSG), house.log.filename().string());
        std::filesystem::copy_file(kept, house.log, std::filesystem::copy_options::overwrite_existing);
    }
    house.start();
    ok(house.restore(1));
}

/// One that was cut while it began is none, and what a held sync point needs is looked for.
void what_is_held_has_its_log() {
    Changed house;
    house.start();
    ok(house.try_to_save(2));
    ok(house.files->check_can_go_back({House::id_of(1), House::id_of(2)}, false));
    contains(error(house.files->check_can_go_back({House::id_of(3)}, false), EBADMSG),
             "sync point 3 (05000000)");
    contains(error(house.files->check_can_go_back({}, true), EBADMSG), "the checkpoint file is a new one");
    house.files.reset();
    const auto newest = files_in(own(house, "undo")).at(1);
    for (const auto cut : {0, 20}) {
        std::filesystem::resize_file(newest, static_cast<std::uintmax_t>(cut));
        house.start();
        error(house.files->check_can_go_back({House::id_of(2)}, false), EBADMSG);
        ok(house.files->check_can_go_back({House::id_of(1)}, false));
    }
    ok(house.try_to_save(3));
    house.start();
    ok(house.restore(1));
}

void trash_that_nobody_needs_goes_and_numbers_rise() {
    Changed house;
    append(own(house, "trash") / "77", "nobody's");
    house.start();
    equal(files_in(own(house, "trash")).size(), 1U);
    house.make("c", "c");
    ok(house.files->remove("c"));
    CHECK(std::filesystem::exists(own(house, "trash") / "78"));
    // One that is in the log, and was not moved any more.
    const auto kept = own(house, "trash") / "78";
    std::filesystem::rename(kept, house.path + "/c");
    house.start();
    ok(house.files->remove("c"));
    CHECK(std::filesystem::exists(own(house, "trash") / "79"));
    ok(house.restore(1));
    house.check_is(1);
}

/// Of many that were saved and never held none is open, and there is a limit.
void saves_that_are_never_held_take_no_descriptors() {
    House house;
    const auto open_files = [] { return files_in("/proc/self/fd").size(); };
    house.save(1);
    const auto before = open_files();
    for (std::uint64_t number = 2; number < 200; ++number)
        ok(house.try_to_save(number));
    CHECK(open_files() < before + 10);
    house.make("new", "new");
    ok(house.restore(1));
    house.check_is(1);
}

/// Many files are put back with few open at a time.
void many_files_are_put_back() {
    House house;
    for (int i = 0; i < 600; ++i)
        house.make(fmt::format("file {}", i), "before");
    house.save(1);
    for (int i = 0; i < 600; ++i)
        house.make(fmt::format("file {}", i), "after");
    rlimit limit{};
    CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const auto former = std::exchange(limit.rlim_cur, files_in("/proc/self/fd").size() + 290);
    CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    const auto restored = house.restore(1);
    limit.rlim_cur = former;
    CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    ok(restored);
    house.check_is(1);
}

}  // namespace

int main() {
    return run(
        "filed_undo_log",
        {{"a torn end is cut off", a_torn_end_is_cut_off},
         {"each place that is damaged is told", each_place_that_is_damaged_is_told},
         {"entries that were not flushed may be torn anywhere",
          entries_that_were_not_flushed_may_be_torn_anywhere},
         {"a log is on disk before the next begins", a_log_is_on_disk_before_the_next_begins},
         {"a missing or copied log is told", a_missing_or_copied_log_is_told},
         {"a log that was cut is told", a_log_that_was_cut_is_told},
         {"what is held has its log", what_is_held_has_its_log},
         {"trash that nobody needs goes, and numbers rise", trash_that_nobody_needs_goes_and_numbers_rise},
         {"saves that are never held take no descriptors", saves_that_are_never_held_take_no_descriptors},
         {"many files are put back", many_files_are_put_back}});
}
