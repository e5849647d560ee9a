// Files that are served, and go back to a sync point with all that was done to them since. No network.
// time-limit: 240
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "tests/unit/filed_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using filed::Files;
using filed::Whence;

namespace {

void all_kinds_of_changes_are_taken_back() {
    House house;
    std::filesystem::create_directory(house.path + "/folder");
    const auto large = text_of(3'500'000);
    for (const char* name : {"overwritten", "appended", "cut", "sparse", "removed", "renamed", "replaced",
                             "replacing", "twice", "folder/inner"})
        house.make(name, large.substr(0, 2'500'000));
    const auto overwritten = house.open("overwritten"),
               appended = house.open("appended", kReadWrite | filed::kOpenAppend);
    house.seek(overwritten, 777);
    house.save(1);

    house.seek(overwritten, 1'000'000);
    house.write(overwritten, text_of(700'000));
    house.seek(overwritten, 1'200'000);
    house.write(overwritten, text_of(700'000));
    house.write(appended, text_of(100'000));
    ok(house.files->truncate(kSession, house.open("cut"), 1234));
    const auto sparse = house.open("sparse");
    ok(house.files->truncate(kSession, sparse, 0));
    house.seek(sparse, 50'000'000);
    house.write(sparse, "far");
    ok(house.files->remove("removed"));
    house.make("removed", "another one");
    ok(house.files->remove("removed"));
    ok(house.files->rename("renamed", "folder/moved"));
    ok(house.files->rename("folder/moved", "moved again"));
    house.write(house.open("moved again"), "changed under its new name");
    ok(house.files->rename("replacing", "replaced"));
    house.make("created", large);
    ok(house.files->rename("created", "created and renamed"));
    ok(house.files->rename("folder", "other folder"));
    house.make("other folder/new", "new");
    house.write(house.open("other folder/inner"), "changed");
    const auto truncated = house.open("twice", kReadWrite | filed::kOpenTruncate);
    house.write(truncated, text_of(3'000'000));
    house.save(2);
    house.write(truncated, "more");
    ok(house.restore(2));
    house.check_is(2);
    equal(house.position(truncated), 3'000'000U);
    ok(house.restore(1));
    house.check_is(1);
    equal(house.position(overwritten), 777U);
    equal(house.position(appended), 0U);
    error(house.files->write(kSession, truncated, bytes_of("x")), EBADF);  // it was not open then
    // And the sessions go on from there.
    house.write(overwritten, "goes on");
    house.write(appended, "goes on");
    ok(house.restore(1));
    house.check_is(1);
}

/// Random work in several sessions, restored to any of the last sync points, also by a service that was
/// killed.
void whatever_was_done_is_taken_back() {
    House house;
    auto& random = generator();
    const auto pick = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
    std::uint64_t number = 0, oldest = 1;
    house.save(++number);
    std::vector<std::uint32_t> open;
    for (int step = 0; step < 3000; ++step) {
        const auto name = fmt::format("file {}", pick(12));
        switch (pick(12)) {
            case 0:
                if (auto made = house.files->open(kSession, name, kMake, 0600))
                    open.push_back(*made);
                break;
            case 1: static_cast<void>(house.files->rename(name, fmt::format("file {}", pick(12)))); break;
            case 2: static_cast<void>(house.files->remove(name)); break;
            case 3:
                if (!open.empty()) {
                    const auto place = pick(open.size());
                    ok(house.files->close(kSession, open[place]));
                    open.erase(open.begin() + static_cast<std::ptrdiff_t>(place));
                }
                break;
            case 4:
                if (pick(4) == 0) {
                    house.save(++number);
                    if (number - oldest > 3)
                        ok(house.files->forget_before(House::id_of(oldest = number - 3)));
                }
                break;
            case 5:
                if (pick(6) == 0) {
                    if (pick(2) == 0)
                        house.start();  // it was killed
                    const auto to = oldest + pick(number - oldest + 1);
                    ok(house.restore(to));
                    house.check_is(to);
                    number = to;
                    open.clear();
                    house.files->close_all_of(kSession);
                }
                break;
            default:
                if (!open.empty()) {
                    const auto file = open[pick(open.size())];
                    house.seek(file, static_cast<std::int64_t>(pick(3'000'000)));
                    if (pick(4) == 0)
                        ok(house.files->truncate(kSession, file, pick(2'000'000)));
                    else
                        house.write(file, text_of(pick(200'000)));
                }
        }
    }
    ok(house.restore(oldest));
    house.check_is(oldest);
}

void nothing_outside_is_reached() {
    House house;
    house.make("inside", "inside");
    const auto outside = (directory() / "outside").string();
    std::ofstream(outside) << "outside";
    std::filesystem::create_directory(house.path + "/folder");
    std::filesystem::create_symlink(outside, house.path + "/link");
    std::filesystem::create_symlink("..", house.path + "/folder/up");
    std::filesystem::create_symlink("inside", house.path + "/within");
    std::filesystem::create_symlink("/proc/self/root", house.path + "/root");
    ::mkfifo((house.path + "/pipe").c_str(), 0600);
    for (const std::string path : {"/etc/passwd", "../outside", "folder/../../outside", "..", ".", "./inside",
                                   "folder//inside", "folder/", "link", "folder/up/outside", "within",
                                   "root/etc/passwd", ".pmemckpt-filed/undo", ".pmemckpt-filed"}) {
        error(house.files->open(kSession, path, filed::kOpenRead, 0), EACCES);
        error(house.files->rename("inside", path), EACCES);
        error(house.files->rename(path, "x"), EACCES);
        error(house.files->remove(path), EACCES);
    }
    for (const auto& path : {std::string(), std::string(5000, 'x'), std::string("a\0b", 3)})
        error(house.files->open(kSession, path, filed::kOpenRead, 0), EINVAL);
    error(house.files->open(kSession, "pipe", filed::kOpenRead, 0), EINVAL);
    error(house.files->open(kSession, "folder", filed::kOpenRead, 0), EINVAL);
    error(house.files->open(kSession, "missing", filed::kOpenRead, 0), ENOENT);
    CHECK(std::filesystem::file_size(outside) == 7);
    CHECK(house.tree().contains("inside"));
}

/// Somebody renames a folder out of the directory, and a link into its place, all the time.
void races_lead_nowhere() {
    House house;
    const auto outside = directory() / "outside";
    std::filesystem::create_directory(outside);
    std::ofstream(outside / "file") << "outside";
    std::filesystem::create_directory(house.path + "/folder");
    std::ofstream(house.path + "/folder/file") << "inside";
    std::atomic<bool> is_over{false};
    std::jthread racing([&] {
        while (!is_over) {
            std::error_code ignored;
            std::filesystem::rename(house.path + "/folder", house.path + "/away", ignored);
            std::filesystem::create_directory_symlink(outside, house.path + "/folder", ignored);
            std::filesystem::remove(house.path + "/folder", ignored);
            std::filesystem::rename(house.path + "/away", house.path + "/folder", ignored);
        }
    });
    unsigned reached = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto file = house.files->open(kSession, "folder/file", filed::kOpenRead, 0);
        if (!file)
            continue;
        std::array<std::byte, 7> bytes;
        const auto got = ok(house.files->read(kSession, *file, bytes));
        CHECK(std::memcmp(bytes.data(), "inside", 6) == 0 && got.bytes == 6);
        ok(house.files->close(kSession, *file));
        ++reached;
    }
    is_over = true;
    CHECK(reached > 0);
}

void a_thousand_open_files() {
    House house;
    std::vector<std::uint32_t> open;
    for (int i = 0; i < 1000; ++i) {
        open.push_back(house.open(fmt::format("file {}", i)));
        house.write(open.back(), fmt::format("state of {}", i));
    }
    house.save(1);
    for (const auto file : open)
        house.write(file, " and more");
    ok(house.restore(1));
    house.check_is(1);
    for (const auto file : open)
        CHECK(house.position(file) > 8);
    for (const auto file : open)
        house.write(file, " and more");
    equal(house.tree().at("file 999"), std::string("state of 999 and more"));
}

void who_is_open_is_not_put_away() {
    House house;
    house.make("a", "a"), house.make("b", "b");
    const auto file = house.open("a");
    contains(error(house.files->remove("a"), EBUSY), "a is open");
    error(house.files->rename("b", "a"), EBUSY);
    ok(house.files->rename("a", "c"));  // its handle goes with it
    house.write(file, "c");
    equal(house.tree().at("c"), std::string("c"));
    error(house.files->rename("missing", "x"), ENOENT);
    error(house.files->remove("missing"), ENOENT);
    error(house.files->open(kSession, "c", kMake | filed::kOpenExclusive, 0644), EEXIST);
    error(house.files->open(kSession, "c", filed::kOpenRead | filed::kOpenTruncate, 0644), EINVAL);
    error(house.files->open(kSession, "c", 64, 0644), EINVAL);
    const auto reader = house.open("c", filed::kOpenRead);
    error(house.files->write(kSession, reader, bytes_of("x")), EBADF);
    error(house.files->seek(kSession, reader, -1, Whence::begin), EINVAL);
    error(house.files->close(2, reader), EBADF);
}

/// Two sync points with one number, of which the first was saved and never held: their tags say nothing of
/// what came first.
void what_was_saved_last_is_undone_first() {
    for (const auto first : {std::uint8_t{50}, std::uint8_t{200}}) {
        House house;
        house.make("a", "before");
        ok(house.try_to_save(5, first));
        ok(house.files->rename("a", "b"));
        ok(house.try_to_save(5, 100));
        ok(house.files->rename("b", "c"));
        house.make("a", "another");
        house.start();
        ok(house.restore(5, 100));
        CHECK((house.tree() == std::map<std::string, std::string>{{"b", "before"}}));
        std::filesystem::remove_all(house.path);
    }
}

/// What nobody goes back to any more takes no room.
void what_is_forgotten_takes_no_room() {
    House house;
    house.make("large", text_of(3'000'000));
    house.save(1);
    ok(house.files->remove("large"));
    house.make("large", text_of(2'000'000));
    house.save(2);
    house.write(house.open("large"), text_of(2'000'000));
    const auto own = [&] {
        std::uintmax_t bytes = 0;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(house.path + "/" + filed::kOwnFolder))
            if (entry.is_regular_file() && entry.path().filename() != "reserve")
                bytes += entry.file_size();
        return bytes;
    };
    CHECK(own() >= 5'000'000);
    ok(house.files->forget_before(House::id_of(2)));
    CHECK(own() < 2'100'000);
    error(house.restore(1), ENOENT);
    ok(house.restore(2));
    house.check_is(2);
}

}  // namespace

int main() {
    return run("filed_files", {{"all kinds of changes are taken back", all_kinds_of_changes_are_taken_back},
                               {"whatever was done is taken back", whatever_was_done_is_taken_back},
                               {"nothing outside is reached", nothing_outside_is_reached},
                               {"races lead nowhere", races_lead_nowhere},
                               {"a thousand open files", a_thousand_open_files},
                               {"who is open is not put away", who_is_open_is_not_put_away},
                               {"what was saved last is undone first", what_was_saved_last_is_undone_first},
                               {"what is forgotten takes no room", what_is_forgotten_takes_no_room}});
}
