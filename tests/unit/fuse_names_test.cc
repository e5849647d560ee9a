// Region names as folders, and what a listing that came over the network may hold.
#include "fuse/names.hh"

#include <algorithm>
#include <set>

#include "tests/support/check.hh"

using namespace pmemckpt;
using view::NameIs;
using view::Names;

namespace {

Names names(const std::vector<std::string>& list) {
    std::vector<wire::Region> regions;
    for (const auto& name : list) {
        wire::Region region;
        region.id = regions.size() + 1;
        region.name = name;
        regions.push_back(region);
    }
    return Names(std::move(regions));
}

// "app web/ x": folders end with a slash.
std::string children(const Names& of, std::string_view folder) {
    std::string text;
    for (const auto& child : of.children(folder))
        text += (text.empty() ? "" : " ") + child.name + (child.region ? "" : "/");
    return text;
}

void folders_come_from_names() {
    const auto all = names({"team/web", "team/app", "solo", "team-x", "team.y/z", "deep/er/and/deeper"});
    test::equal(children(all, ""), "deep/ solo team/ team-x team.y/");
    test::equal(children(all, "team"), "app web");
    test::equal(children(all, "deep"), "er/");
    test::equal(children(all, "deep/er/and"), "deeper");
    test::equal(children(all, "tea"), "");
    test::equal(children(all, "solo"), "");
}

void a_path_is_a_folder_or_a_region() {
    const auto all = names({"team/app", "team-x", "solo"});
    CHECK(all.what("") == NameIs::folder);
    CHECK(all.what("team") == NameIs::folder);
    CHECK(all.what("team/app") == NameIs::region);
    CHECK(all.what("team-x") == NameIs::region);
    CHECK(all.what("team/ap") == NameIs::nothing);
    CHECK(all.what("team/app/x") == NameIs::nothing);
    CHECK(all.what("tea") == NameIs::nothing);
    CHECK(Names().what("") == NameIs::folder);
    CHECK(Names().what("x") == NameIs::nothing);
}

void what_no_pool_can_have_is_left_out() {
    const auto all = names({"..", "../etc/passwd", "a//b", "/root", ".generations", "x/.hidden", "good", "",
                            "tail/", std::string("nul\0l", 5), std::string(256, 'x'), "good"});
    test::equal(children(all, ""), "good");
}

void a_region_that_is_a_folder_too_breaks_nothing() {
    const auto all = names({"a", "a/b", "a-b"});
    CHECK(all.what("a") == NameIs::region);
    test::equal(children(all, "a"), "b");
}

// Every name is reached by walking from the top, and nothing else is.
void walk(const Names& all, const std::string& folder, std::set<std::string>& found) {
    for (const auto& child : all.children(folder)) {
        const auto path = view::join(folder, child.name);
        if (child.region) {
            test::equal(child.region->name, path);
            CHECK(found.insert(path).second);
        } else {
            CHECK(all.what(path) == NameIs::folder);
            walk(all, path, found);
        }
    }
}

void every_name_is_reached() {
    std::set<std::string> wanted;
    auto& random = test::generator();
    for (int i = 0; i < 3000; ++i) {
        std::string name;
        for (auto parts = 1 + random() % 3; parts > 0; --parts)
            name = view::join(name, fmt::format("f{}{}", random() % 12, "-.+=@"[random() % 5]));
        wanted.insert(name + "/leaf" + std::to_string(i));
    }
    std::set<std::string> found;
    walk(names({wanted.begin(), wanted.end()}), "", found);
    CHECK(found == wanted);
}

void numbers_are_written_one_way() {
    test::equal(*view::parse_number("1"), 1U);
    test::equal(*view::parse_number("18446744073709551615"), UINT64_MAX);
    for (const char* wrong :
         {"", "0", "01", "+1", "-1", " 1", "1 ", "1x", "0x1", "18446744073709551616", "1.0"})
        CHECK(!view::parse_number(wrong));
}

}  // namespace

int main() {
    return test::run("names", {
                                  {"folders come from names", folders_come_from_names},
                                  {"a path is a folder or a region", a_path_is_a_folder_or_a_region},
                                  {"what no pool can have is left out", what_no_pool_can_have_is_left_out},
                                  {"a region that is a folder too breaks nothing",
                                   a_region_that_is_a_folder_too_breaks_nothing},
                                  {"every name is reached", every_name_is_reached},
                                  {"numbers are written one way", numbers_are_written_one_way},
                              });
}
