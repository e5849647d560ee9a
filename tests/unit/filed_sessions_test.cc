// Who may do what with served files, and when: members of sessions, rollbacks, and what runs beside.
// time-limit: 120
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <set>
#include <thread>

#include "tests/unit/filed_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using filed::Whence;

namespace {

constexpr std::uint64_t kOther = 2;

void who_joined_before_a_rollback_joins_again() {
    House house;
    house.save(1);
    const auto first = ok(house.files->join(kSession));
    ok(house.files->work(first));
    ok(house.restore(1));
    contains(error(house.files->work(first), ESTALE), "rolled back since the session was joined");
    ok(house.files->work(ok(house.files->join(kSession, first))));
}

void a_session_is_his_who_joined_it_last() {
    House house;
    const auto first = ok(house.files->join(kSession));
    const auto second = ok(house.files->join(kSession));
    contains(error(house.files->work(first), EBUSY), "session 1 was joined by another connection");
    house.files->leave(first);  // takes nothing from the other one
    ok(house.files->work(second));
    house.files->leave(second);
    error(house.files->work(second), EBUSY);
}

/// A rollback gives nothing back to who has lost it.
void a_session_that_was_lost_stays_so() {
    House house;
    house.save(1);
    const auto first = ok(house.files->join(kSession));
    const auto second = ok(house.files->join(kSession));
    ok(house.restore(1));
    error(house.files->work(first), EBUSY);
    error(house.files->work(second), ESTALE);
}

/// What may join is asked when nobody else can.
void who_may_not_join_takes_nothing() {
    House house;
    const auto first = ok(house.files->join(kSession));
    error(house.files->join(kSession, {}, []() -> Status { return fail(ESTALE, "not his"); }), ESTALE);
    ok(house.files->work(first));
}

void two_names_of_one_file() {
    House house;
    house.make("a", "a");
    std::filesystem::create_hard_link(house.path + "/a", house.path + "/b");
    house.save(1);
    const auto file = house.open("a");
    ok(house.files->rename("a", "b"));  // nothing, as rename(2) has it
    contains(error(house.files->remove("b"), EBUSY), "b is open");
    house.write(file, "changed");
    ok(house.restore(1));
    house.check_is(1);
}

/// One is cut off in slices, and others work meanwhile.
void a_large_file_is_cut_off_beside_others() {
    House house;
    const auto large = house.open("large");
    house.write(large, text_of(200'000'000));
    house.make("small", "small");
    ok(house.try_to_save(1));
    std::atomic<bool> is_over{false};
    std::jthread cutting([&] {
        ok(house.files->truncate(kSession, large, 0));
        is_over = true;
    });
    std::set<std::uintmax_t> lengths;  // that the log had when another one had worked
    while (!is_over) {
        const auto file = ok(house.files->open(kOther, "small", filed::kOpenRead, 0));
        ok(house.files->close(kOther, file));
        lengths.insert(
            std::filesystem::directory_iterator(house.path + "/" + filed::kOwnFolder + "/undo")->file_size());
    }
    fmt::print("others worked at {} of its lengths\n", lengths.size());
    CHECK(lengths.size() > 4);
    cutting.join();
    ok(house.restore(1));
    equal(ok(house.files->size_of(kSession, large)), 200'000'000U);
}

/// Before the first sync point nothing is kept: neither in the log nor open.
void nothing_is_kept_for_no_sync_point() {
    House house;
    const auto before = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    for (int i = 0; i < 50; ++i) {
        house.make("a", text_of(10'000));
        ok(house.files->remove("a"));
    }
    CHECK(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}) < before + 5);
}

void sessions_leave_places_for_coordinators() {
    House house;
    std::vector<filed::Member> members;
    for (std::size_t i = 0; i < filed::kMostMembers; ++i)
        members.push_back(ok(house.files->join(i)));
    contains(error(house.files->join(1000), EMFILE), "56 connections have joined");
    ok(house.files->join(members[3].session, members[3]));  // in his own place
    house.files->leave(members.back());
    ok(house.files->join(1000));
}

void files_of_no_job_are_not_opened_again() {
    House house;
    const auto theirs = ok(house.files->open(filed::kFirstOfNoJob, "theirs", kMake, 0644));
    const auto jobs = house.open("job's");
    house.save(1);
    ok(house.restore(1));
    ok(house.files->seek(kSession, jobs, 0, Whence::begin));
    error(house.files->seek(filed::kFirstOfNoJob, theirs, 0, Whence::begin), EBADF);
}

/// A save gets its turn, however many work all the time.
void a_save_waits_for_no_newcomers() {
    House house;
    std::atomic<bool> is_over{false};
    std::vector<std::jthread> readers;
    for (std::uint64_t session = 10; session < 14; ++session)
        readers.emplace_back([&, session] {
            const auto member = ok(house.files->join(session));
            while (!is_over) {
                const auto working = ok(house.files->work(member));
                std::this_thread::sleep_for(std::chrono::milliseconds(2));  // so that they overlap
            }
        });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> saved{0};
    std::jthread saving([&] {
        for (std::uint64_t number = 1; number <= 10; ++number) {
            ok(house.try_to_save(number));
            ++saved;
        }
    });
    eventually([&] { return saved == 10; });
    is_over = true;
}

/// One opens a file while another renames and removes it: what is open is known under its name.
void open_and_rename_do_not_meet_half_way() {
    House house;
    house.make("a", "a");
    house.save(1);
    std::atomic<bool> is_over{false};
    std::jthread renaming([&] {
        while (!is_over) {
            static_cast<void>(house.files->rename("a", "b"));
            static_cast<void>(house.files->rename("b", "a"));
            std::this_thread::yield();
        }
    });
    for (std::uint64_t opened = 0; opened < 200;) {
        const auto file = house.files->open(kOther, "a", kReadWrite, 0);
        if (!file)
            continue;
        ok(house.files->write(kOther, *file, bytes_of("x")));
        ok(house.files->close(kOther, *file));
        // Logged under a name that it did not have, it could not be found again.
        if (++opened % 20 == 0) {
            ok(house.restore(1));
            ok(house.try_to_save(opened));
        }
    }
    is_over = true;
    renaming.join();
    ok(house.restore(1));
    house.check_is(1);
}

void a_file_can_be_rolled_back_whatever_its_mode() {
    House house;
    house.save(1);
    ok(house.files->open(kSession, "locked", kMake, 0));
    struct stat status;
    CHECK(::stat((house.path + "/locked").c_str(), &status) == 0);
    equal(status.st_mode & 0777U, 0600U);
}

void paths_stay_within_their_limit() {
    House house;
    std::string deep;
    for (int i = 0; i < 15; ++i) {
        deep += std::string(240, static_cast<char>('a' + i));
        std::filesystem::create_directory(house.path + "/" + deep);
        deep += "/";
    }
    std::filesystem::create_directory(house.path + "/folder");
    std::filesystem::create_directory(house.path + "/folder/" + std::string(250, 'i'));
    const auto name = "folder/" + std::string(250, 'i') + "/" + std::string(250, 'f');
    const auto file = house.open(name);
    contains(error(house.files->rename("folder", deep + "moved"), EINVAL), "4000 at most");
    ok(house.files->close(kSession, file));
    ok(house.files->rename("folder", deep + "moved"));  // nobody has it open
}

void holes_of_any_size_are_kept_as_holes() {
    House house;
    const auto file = house.open("sparse");
    ok(house.files->truncate(kSession, file, std::uint64_t{1} << 42));
    house.seek(file, 5'000'000);
    house.write(file, "data in the middle");
    ok(house.try_to_save(1));
    ok(house.files->truncate(kSession, file, 0));
    house.write(file, text_of(2'000'000));
    ok(house.restore(1));
    equal(ok(house.files->size_of(kSession, file)), std::uint64_t{1} << 42);
    const auto read = [&](std::int64_t at) {
        house.seek(file, at);
        std::string text(20, 'x');
        ok(house.files->read(kSession, file, std::as_writable_bytes(std::span(text))));
        return text;
    };
    CHECK(read(5'000'000) == std::string("data in the middle") + std::string(2, '\0'));
    CHECK(read(0) == std::string(20, '\0') && read(1'999'990) == std::string(20, '\0'));
    struct stat status;
    CHECK(::stat((house.path + "/sparse").c_str(), &status) == 0);
    CHECK(status.st_blocks < 5000);
}

/// Behind the end of what the file was there is nothing to keep.
void a_write_behind_the_end_keeps_nothing() {
    House house;
    house.make("short", "short");
    house.save(1);
    const auto file = house.open("short");
    house.seek(file, 1'500'000);
    house.write(file, "far behind");
    const auto undo = std::filesystem::directory_iterator(house.path + "/" + filed::kOwnFolder + "/undo");
    CHECK(undo->file_size() < 200);  // its head, and what size it had
    ok(house.restore(1));
    house.check_is(1);
}

void one_directory_is_served_once() {
    House house;
    contains(error(filed::Files::open(house.path), EBUSY), "is served by another pmemckpt-filed");
}

}  // namespace

int main() {
    return run("filed_sessions",
               {{"who joined before a rollback joins again", who_joined_before_a_rollback_joins_again},
                {"a session is his who joined it last", a_session_is_his_who_joined_it_last},
                {"a session that was lost stays so", a_session_that_was_lost_stays_so},
                {"who may not join takes nothing", who_may_not_join_takes_nothing},
                {"two names of one file", two_names_of_one_file},
                {"a large file is cut off beside others", a_large_file_is_cut_off_beside_others},
                {"nothing is kept for no sync point", nothing_is_kept_for_no_sync_point},
                {"sessions leave places for coordinators", sessions_leave_places_for_coordinators},
                {"files of no job are not opened again", files_of_no_job_are_not_opened_again},
                {"a save waits for no newcomers", a_save_waits_for_no_newcomers},
                {"open and rename do not meet half way", open_and_rename_do_not_meet_half_way},
                {"a file can be rolled back whatever its mode", a_file_can_be_rolled_back_whatever_its_mode},
                {"paths stay within their limit", paths_stay_within_their_limit},
                {"holes of any size are kept as holes", holes_of_any_size_are_kept_as_holes},
                {"a write behind the end keeps nothing", a_write_behind_the_end_keeps_nothing},
                {"one directory is served once", one_directory_is_served_once}});
}
