// Names made of what the source has now, and what happens when it changes between two questions.
#include "fuse/tree.hh"

#include "tests/support/check.hh"
#include "tests/unit/fuse_fake_source.hh"

using namespace pmemckpt;
using view::Entry;
using view::Kind;

namespace {

std::vector<std::byte> bytes(std::size_t count) {
    return std::vector<std::byte>(count, std::byte{7});
}

struct Fixture {
    test::FakeSource source;
    view::Tree tree{source};

    Result<Entry> at(const std::string& path) {
        Entry entry;
        for (std::size_t from = 0; from < path.size();) {
            const auto to = std::min(path.find('/', from), path.size());
            entry = TRY(tree.look_up(entry, path.substr(from, to - from)));
            from = to + 1;
        }
        return entry;
    }
    std::string list(const std::string& path) {
        std::string text;
        for (const auto& line : test::ok(tree.list(test::ok(at(path)))))
            text += (text.empty() ? "" : " ") + line.name + (line.is_folder ? "/" : "");
        return text;
    }
};

void names_lead_to_generations() {
    Fixture f;
    f.source.create("team/app");
    f.source.create("team/web");
    f.source.create("solo");
    f.source.seal("team/app", bytes(3));
    f.source.seal("team/app", bytes(5));
    f.source.seal("solo", bytes(1));
    test::equal(f.list(""), ".generations/ .log/ .status .unread/ solo team/");
    test::equal(f.list("team"), "app");  // web has no generation yet
    test::equal(f.list(".generations"), "solo/ team/");
    test::equal(f.list(".generations/team"), "app/ web/");
    test::equal(f.list(".generations/team/app"), "1 2");
    test::equal(f.list(".generations/team/web"), "");
    const auto newest = test::ok(f.at("team/app"));
    CHECK(newest.kind == Kind::generation);
    test::equal(newest.generation.length, 5U);
    CHECK(newest.key() == test::ok(f.at(".generations/team/app/2")).key());
    test::equal(test::ok(f.at(".generations/team/app/1")).generation.length, 3U);
    CHECK(test::ok(f.at(".status")).kind == Kind::status);
}

void what_is_not_there_is_not_found() {
    Fixture f;
    f.source.create("team/app");
    f.source.create("team/web");
    f.source.seal("team/app", bytes(3));
    for (const char* path :
         {"none", "team/none", "team/web", ".generations/none", ".generations/team/app/2",
          ".generations/team/app/01", ".generations/team/app/0", ".generations/1", ".status2", "team/.hidden",
          "team/.generations", ".generations/.generations", "te"})
        test::error(f.at(path), ENOENT);
    test::error(f.at("team/app/more"), ENOTDIR);
    test::error(f.at(std::string(256, 'x')), ENAMETOOLONG);
}

void names_no_region_can_have_ask_nobody() {
    Fixture f;
    for (const char* path : {".git", ".Trash-0", "a b", "x*"})
        test::error(f.at(path), ENOENT);
    test::equal(f.source.asked.load(), 0U);
}

void a_region_named_by_a_number() {
    Fixture f;
    f.source.create("runs/12");
    f.source.seal("runs/12", bytes(4));
    test::equal(f.list(".generations/runs"), "12/");
    test::equal(f.list(".generations/runs/12"), "1");
    test::equal(test::ok(f.at(".generations/runs/12/1")).generation.length, 4U);
    test::equal(test::ok(f.at("runs/12")).generation.number, 1U);
}

void a_seal_is_seen_at_once() {
    Fixture f;
    f.source.create("team/app");
    test::error(f.at("team/app"), ENOENT);
    for (std::uint64_t number = 1; number < 20; ++number) {
        f.source.seal("team/app", bytes(number), 1);
        test::equal(test::ok(f.at("team/app")).generation.number, number);
    }
}

void a_new_region_is_seen_at_once() {
    Fixture f;
    test::equal(f.list(""), ".generations/ .log/ .status .unread/");
    f.source.create("a/b/c");
    CHECK(test::ok(f.at("a/b")).kind == Kind::folder);
    f.source.create("x");
    CHECK(test::ok(f.at(".generations/x")).kind == Kind::generations_folder);
}

void a_folder_that_became_a_region() {
    Fixture f;
    f.source.create("a/b");
    const auto folder = test::ok(f.at("a"));
    f.source.destroy("a/b");
    f.source.create("a");
    f.source.seal("a", bytes(1));
    test::error(f.tree.list(folder), ENOENT);  // asks anew
    CHECK(test::ok(f.at("a")).kind == Kind::generation);
}

void opening_what_is_gone_is_stale() {
    Fixture f;
    f.source.create("r");
    f.source.seal("r", bytes(1));
    const auto first = test::ok(f.at("r"));
    CHECK(test::ok(f.tree.open(first))->generation().number == 1);
    f.source.seal("r", bytes(2), 1);
    test::error(f.tree.open(first), ESTALE);
    f.source.destroy("r");
    test::error(f.tree.open(first), ESTALE);
    // The same name and number, but another region.
    f.source.create("r");
    f.source.seal("r", bytes(1));
    test::error(f.tree.open(first), ESTALE);
}

void the_second_try_never_loses() {
    Fixture f;
    f.source.create("r");
    f.source.seal("r", bytes(1));
    f.source.seal_at_find = true;
    test::error(f.tree.open(test::ok(f.at("r"))), ESTALE);
    const auto again = test::ok(f.at("r"));
    f.source.seal("r", bytes(9), 1);
    const auto content = test::ok(f.tree.open(again));
    test::equal(content->generation().number, again.generation.number);
    // It was handed on, not copied: the guard holds nothing now.
    test::equal(content.use_count(), 1);
}

void a_log_is_found_behind_its_generation() {
    Fixture f;
    f.source.create("team/app");
    f.source.create("team/web");
    f.source.append("team/app", "before any generation");
    test::equal(f.list(".log"), "team/");
    test::equal(f.list(".log/team"), "app web");
    const auto first = test::ok(f.at(".log/team/app"));
    CHECK(first.kind == Kind::log && first.log.records == 1);
    test::equal(view::attributes(first, {}).st_size, 21);
    test::equal(test::ok(f.at(".log/team/web")).log.log_id, 0U);
    f.source.append("team/app", "\n");
    const auto now = test::ok(f.tree.present_log(first, first.log.log_id));
    CHECK(now && now->payload_bytes == 22 && now->records == 2);
    f.source.seal("team/app", bytes(1));
    f.source.append("team/app", "x");
    CHECK(!test::ok(f.tree.present_log(first, first.log.log_id)));  // it is another file now
    const auto second = test::ok(f.at(".log/team/app"));
    CHECK(second.key() != first.key() && second.log.payload_bytes == 1);
    CHECK(view::inode_number(second) != view::inode_number(first));
    for (const char* path : {".log/none", ".log/team/none", ".log/1", ".log/.log"})
        test::error(f.at(path), ENOENT);
    test::error(f.at(".log/team/app/1"), ENOTDIR);
}

void what_is_unread_is_found_by_a_backups_name() {
    Fixture f;
    f.source.create("team/app");
    f.source.seal("team/app", bytes(3));
    f.source.append("team/app", "abcd");
    test::equal(f.list(".unread"), "");  // no name: whoever copies the whole mount moves no cursor
    test::equal(f.list(".unread/spare"), "team/");
    test::equal(f.list(".unread/spare/team"), "app");
    const auto spare = test::ok(f.at(".unread/spare/team/app"));
    test::equal(view::attributes(spare, {}).st_size, 7);
    test::equal(spare.unread->text(), "1:3 1.log:4");
    CHECK(spare.key() != test::ok(f.at(".unread/other/team/app")).key());
    test::ok(f.source.advance_cursor("team/app", {"spare", 1, 1}, {}));
    test::equal(test::ok(f.at(".unread/spare/team/app")).length(), 0U);
    test::equal(test::ok(f.at(".unread/other/team/app")).length(), 7U);
    for (const char* path : {".unread/.hidden", ".unread/sp are", ".unread/spare/none", ".unread/spare/.log"})
        test::error(f.at(path), ENOENT);
}

void errors_of_the_source_are_passed_on() {
    Fixture f;
    f.source.create("team/app");
    f.source.seal("team/app", bytes(1));
    const auto entry = test::ok(f.at("team/app"));
    f.source.away = true;
    test::error(f.at("none"), ENOTCONN);
    test::error(f.tree.list({}), ENOTCONN);
    test::error(f.tree.open(entry), ENOTCONN);
    f.source.away = false;
    test::ok(f.tree.open(entry));
}

void the_race_guard_is_bounded() {
    view::Races races;
    test::FakeSource source;
    source.create("r");
    source.seal("r", bytes(1));
    const auto content = test::ok(source.open("r", 1));
    for (std::size_t i = 0; i < 3 * view::kMaximumRaces; ++i) {
        races.lost(fmt::format("r{}", i));
        races.keep(fmt::format("r{}", i), content);
    }
    CHECK(content.use_count() <= static_cast<long>(view::kMaximumRaces) + 1);
    CHECK(!races.take("r0", content->generation().region_id, 1));
    const auto last = fmt::format("r{}", 3 * view::kMaximumRaces - 1);
    CHECK(!races.take(last, content->generation().region_id, 2));
    CHECK(races.take(last, content->generation().region_id, 1) == content);
    CHECK(!races.take(last, content->generation().region_id, 1));
}

}  // namespace

int main() {
    return test::run(
        "tree", {
                    {"names lead to generations", names_lead_to_generations},
                    {"what is not there is not found", what_is_not_there_is_not_found},
                    {"names no region can have ask nobody", names_no_region_can_have_ask_nobody},
                    {"a region named by a number", a_region_named_by_a_number},
                    {"a seal is seen at once", a_seal_is_seen_at_once},
                    {"a new region is seen at once", a_new_region_is_seen_at_once},
                    {"a folder that became a region", a_folder_that_became_a_region},
                    {"opening what is gone is stale", opening_what_is_gone_is_stale},
                    {"the second try never loses", the_second_try_never_loses},
                    {"a log is found behind its generation", a_log_is_found_behind_its_generation},
                    {"what is unread is found by a backup's name", what_is_unread_is_found_by_a_backups_name},
                    {"errors of the source are passed on", errors_of_the_source_are_passed_on},
                    {"the race guard is bounded", the_race_guard_is_bounded},
                });
}
