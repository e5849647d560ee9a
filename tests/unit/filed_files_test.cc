// Files that are served, and go back to a sync point with all that was done to them since. No network.
// time-limit: 240
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "tests/support/check.hh"
#include "utils/pmemckpt-filed/files.hh"

using namespace pmemckpt;
using filed::Files;
using filed::Whence;

namespace {

constexpr std::uint64_t kSession = 1;
constexpr std::uint32_t kReadWrite = filed::kOpenRead | filed::kOpenWrite;
constexpr std::uint32_t kMake = kReadWrite | filed::kOpenCreate;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

std::string text_of(std::size_t size) {
    const auto bytes = test::random_bytes(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Served files, their sync points, and what their programs would keep of them.
struct House {
    House() {
        std::filesystem::create_directory(path);
        start();
    }
    void start() { files.reset(), files = test::ok(Files::open(path)); }

    std::uint32_t open(const std::string& name, std::uint32_t flags = kMake) {
        return test::ok(files->open(kSession, name, flags, 0644));
    }
    void write(std::uint32_t file, const std::string& text) {
        test::equal(test::ok(files->write(kSession, file, bytes_of(text))).bytes, text.size());
    }
    void seek(std::uint32_t file, std::int64_t to) {
        test::ok(files->seek(kSession, file, to, Whence::begin));
    }
    void make(const std::string& name, const std::string& text) {
        const auto file = open(name);
        write(file, text);
        test::ok(files->close(kSession, file));
    }
    static sync::SyncPointId id_of(std::uint64_t number) { return {number, Uuid{5}}; }
    void save(std::uint64_t number) {
        std::vector<std::byte> state;
        test::ok(files->program().save(id_of(number), [&](std::span<const std::byte> bytes) {
            state.insert(state.end(), bytes.begin(), bytes.end());
            return Status();
        }));
        states[number] = state;
        trees[number] = tree();
    }
    Status restore(std::uint64_t number, std::uint8_t tag = 5) {
        return files->program().restore(
            {number, Uuid{tag}},
            [&, at = std::size_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
                const auto& state = states[number];
                const auto count = std::min(into.size(), state.size() - at);
                std::copy_n(state.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
                at += count;
                return count;
            });
    }
    /// All that is served: names and bytes.
    std::map<std::string, std::string> tree() const {
        std::map<std::string, std::string> all;
        for (auto at = std::filesystem::recursive_directory_iterator(path); at != std::filesystem::end(at);
             ++at) {
            if (at->path().filename() == filed::kOwnFolder) {
                at.disable_recursion_pending();
                continue;
            }
            if (!at->is_directory() && !at->is_regular_file())
                continue;
            std::ifstream in(at->path(), std::ios::binary);
            all[at->path().lexically_relative(path)] =
                at->is_directory() ? "a folder" : std::string(std::istreambuf_iterator<char>(in), {});
        }
        return all;
    }
    void check_is(std::uint64_t number, const test::Place& place = test::Place::current()) const {
        const auto now = tree();
        const auto& then = trees.at(number);
        if (now.size() != then.size())
            test::fail_at(place, fmt::format("{} names are there, and were {}", now.size(), then.size()));
        for (const auto& [name, bytes] : then)
            if (const auto found = now.find(name); found == now.end() || found->second != bytes)
                test::fail_at(place, fmt::format("{} is not what it was", name));
    }
    std::uint64_t position(std::uint32_t file) {
        return test::ok(files->seek(kSession, file, 0, Whence::position)).position;
    }

    const std::string path = (test::directory() / "served").string();
    std::unique_ptr<Files> files;
    std::map<std::uint64_t, std::vector<std::byte>> states;
    std::map<std::uint64_t, std::map<std::string, std::string>> trees;
};

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
    test::ok(house.files->truncate(kSession, house.open("cut"), 1234));
    const auto sparse = house.open("sparse");
    test::ok(house.files->truncate(kSession, sparse, 0));
    house.seek(sparse, 50'000'000);
    house.write(sparse, "far");
    test::ok(house.files->remove("removed"));
    house.make("removed", "another one");
    test::ok(house.files->remove("removed"));
    test::ok(house.files->rename("renamed", "folder/moved"));
    test::ok(house.files->rename("folder/moved", "moved again"));
    house.write(house.open("moved again"), "changed under its new name");
    test::ok(house.files->rename("replacing", "replaced"));
    house.make("created", large);
    test::ok(house.files->rename("created", "created and renamed"));
    test::ok(house.files->rename("folder", "other folder"));
    house.make("other folder/new", "new");
    house.write(house.open("other folder/inner"), "changed");
    const auto truncated = house.open("twice", kReadWrite | filed::kOpenTruncate);
    house.write(truncated, text_of(3'000'000));
    house.save(2);
    house.write(truncated, "more");
    test::ok(house.restore(2));
    house.check_is(2);
    test::equal(house.position(truncated), 3'000'000U);
    test::ok(house.restore(1));
    house.check_is(1);
    test::equal(house.position(overwritten), 777U);
    test::equal(house.position(appended), 0U);
    test::error(house.files->write(kSession, truncated, bytes_of("x")), EBADF);  // it was not open then
    // And the sessions go on from there.
    house.write(overwritten, "goes on");
    house.write(appended, "goes on");
    test::ok(house.restore(1));
    house.check_is(1);
}

/// Random work in several sessions, restored to any of the last sync points, also by a service that was
/// killed.
void whatever_was_done_is_taken_back() {
    House house;
    auto& random = test::generator();
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
                    test::ok(house.files->close(kSession, open[place]));
                    open.erase(open.begin() + static_cast<std::ptrdiff_t>(place));
                }
                break;
            case 4:
                if (pick(4) == 0) {
                    house.save(++number);
                    if (number - oldest > 3)
                        test::ok(house.files->forget_before(House::id_of(oldest = number - 3)));
                }
                break;
            case 5:
                if (pick(6) == 0) {
                    if (pick(2) == 0)
                        house.start();  // it was killed
                    const auto to = oldest + pick(number - oldest + 1);
                    test::ok(house.restore(to));
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
                        test::ok(house.files->truncate(kSession, file, pick(2'000'000)));
                    else
                        house.write(file, text_of(pick(200'000)));
                }
        }
    }
    test::ok(house.restore(oldest));
    house.check_is(oldest);
}

/// Runs `body` in another process, which is killed before its Nth system call; whether it had so many.
template <class Body>
bool killed_at(unsigned nth, Body&& body) {
    const auto child = ::fork();
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        body();
        ::_exit(0);
    }
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    for (unsigned stops = 0; stops < 2 * nth; ++stops) {  // one at its begin, one at its end
        ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
        CHECK(::waitpid(child, &status, 0) == child);
        if (WIFEXITED(status))
            return false;
    }
    ::kill(child, SIGKILL);
    CHECK(::waitpid(child, &status, 0) == child);
    return true;
}

/// A rollback that is cut anywhere goes on when it is begun again.
void a_rollback_that_was_cut_goes_on() {
    for (unsigned cut_at = 1;; ++cut_at) {
        House house;
        for (const char* name : {"a", "b", "c"})
            house.make(name, text_of(1'500'000));
        house.save(1);
        test::ok(house.files->rename("a", "d"));
        house.write(house.open("d"), "changed");
        house.make("a", "another a");
        test::ok(house.files->remove("b"));
        test::ok(house.files->rename("a", "b"));
        house.make("a", "a third a");
        house.save(2);
        test::ok(house.files->rename("c", "e"));
        house.write(house.open("e"), text_of(1'400'000));
        house.files->close_all_of(kSession);
        const bool was_cut = killed_at(cut_at, [&] { static_cast<void>(house.restore(1)); });
        house.start();
        test::ok(house.restore(1));
        house.check_is(1);
        std::filesystem::remove_all(house.path);
        if (!was_cut) {
            fmt::print("killed before each of its {} system calls\n", cut_at - 1);
            CHECK(cut_at > 50);
            return;
        }
    }
}

void nothing_outside_is_reached() {
    House house;
    house.make("inside", "inside");
    const auto outside = (test::directory() / "outside").string();
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
        test::error(house.files->open(kSession, path, filed::kOpenRead, 0), EACCES);
        test::error(house.files->rename("inside", path), EACCES);
        test::error(house.files->rename(path, "x"), EACCES);
        test::error(house.files->remove(path), EACCES);
    }
    for (const auto& path : {std::string(), std::string(5000, 'x'), std::string("a\0b", 3)})
        test::error(house.files->open(kSession, path, filed::kOpenRead, 0), EINVAL);
    test::error(house.files->open(kSession, "pipe", filed::kOpenRead, 0), EINVAL);
    test::error(house.files->open(kSession, "folder", filed::kOpenRead, 0), EINVAL);
    test::error(house.files->open(kSession, "missing", filed::kOpenRead, 0), ENOENT);
    CHECK(std::filesystem::file_size(outside) == 7);
    CHECK(house.tree().contains("inside"));
}

/// Somebody renames a folder out of the directory, and a link into its place, all the time.
void races_lead_nowhere() {
    House house;
    const auto outside = test::directory() / "outside";
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
        const auto got = test::ok(house.files->read(kSession, *file, bytes));
        CHECK(std::memcmp(bytes.data(), "inside", 6) == 0 && got.bytes == 6);
        test::ok(house.files->close(kSession, *file));
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
    test::ok(house.restore(1));
    house.check_is(1);
    for (const auto file : open)
        CHECK(house.position(file) > 8);
    for (const auto file : open)
        house.write(file, " and more");
    test::equal(house.tree().at("file 999"), std::string("state of 999 and more"));
}

void who_is_open_is_not_put_away() {
    House house;
    house.make("a", "a"), house.make("b", "b");
    const auto file = house.open("a");
    test::contains(test::error(house.files->remove("a"), EBUSY), "a is open");
    test::error(house.files->rename("b", "a"), EBUSY);
    test::ok(house.files->rename("a", "c"));  // its handle goes with it
    house.write(file, "c");
    test::equal(house.tree().at("c"), std::string("c"));
    test::error(house.files->rename("missing", "x"), ENOENT);
    test::error(house.files->remove("missing"), ENOENT);
    test::error(house.files->open(kSession, "c", kMake | filed::kOpenExclusive, 0644), EEXIST);
    test::error(house.files->open(kSession, "c", filed::kOpenRead | filed::kOpenTruncate, 0644), EINVAL);
    test::error(house.files->open(kSession, "c", 64, 0644), EINVAL);
    const auto reader = house.open("c", filed::kOpenRead);
    test::error(house.files->write(kSession, reader, bytes_of("x")), EBADF);
    test::error(house.files->seek(kSession, reader, -1, Whence::begin), EINVAL);
    test::error(house.files->close(2, reader), EBADF);
}

/// Two sync points with one number, of which the first was saved and never held: their tags say nothing of
/// what came first.
void what_was_saved_last_is_undone_first() {
    for (const auto first : {std::uint8_t{50}, std::uint8_t{200}}) {
        House house;
        house.make("a", "before");
        const auto save = [&](std::uint8_t tag) {
            test::ok(house.files->program().save({5, Uuid{tag}}, [&](std::span<const std::byte> bytes) {
                house.states[5].assign(bytes.begin(), bytes.end());
                return Status();
            }));
        };
        save(first);
        test::ok(house.files->rename("a", "b"));
        save(100);
        test::ok(house.files->rename("b", "c"));
        house.make("a", "another");
        house.start();
        test::ok(house.restore(5, 100));
        CHECK((house.tree() == std::map<std::string, std::string>{{"b", "before"}}));
        std::filesystem::remove_all(house.path);
    }
}

/// What nobody goes back to any more takes no room.
void what_is_forgotten_takes_no_room() {
    House house;
    house.make("large", text_of(3'000'000));
    house.save(1);
    test::ok(house.files->remove("large"));
    house.make("large", text_of(2'000'000));
    house.save(2);
    house.write(house.open("large"), text_of(2'000'000));
    const auto own = [&] {
        std::uintmax_t bytes = 0;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(house.path + "/" + filed::kOwnFolder))
            bytes += entry.is_regular_file() ? entry.file_size() : 0;
        return bytes;
    };
    CHECK(own() >= 5'000'000);
    test::ok(house.files->forget_before(House::id_of(2)));
    CHECK(own() < 2'100'000);
    test::error(house.restore(1), ENOENT);
    test::ok(house.restore(2));
    house.check_is(2);
}

}  // namespace

int main() {
    return test::run("filed_files",
                     {{"all kinds of changes are taken back", all_kinds_of_changes_are_taken_back},
                      {"whatever was done is taken back", whatever_was_done_is_taken_back},
                      {"a rollback that was cut goes on", a_rollback_that_was_cut_goes_on},
                      {"nothing outside is reached", nothing_outside_is_reached},
                      {"races lead nowhere", races_lead_nowhere},
                      {"a thousand open files", a_thousand_open_files},
                      {"who is open is not put away", who_is_open_is_not_put_away},
                      {"what was saved last is undone first", what_was_saved_last_is_undone_first},
                      {"what is forgotten takes no room", what_is_forgotten_takes_no_room}});
}
