#include <cerrno>

#include "lib/pool/pool.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

void good_names() {
    for (const auto* name : {"a", "team/app", "a/b/c/d", "A.b_c-d@e+f=g:h", "0", "-", "x..y"})
        test::ok(check_region_name(name));
    test::ok(check_region_name(std::string(255, 'x')));
}

void bad_names() {
    using namespace std::string_literals;
    for (const auto& name : {""s, "/"s, "/a"s, "a/"s, "a//b"s, "."s, ".."s, "a/.b"s, ".generations/a"s,
                             "a b"s, "a\n"s, "a\0b"s, "\xc3\xa4"s, "a*"s, std::string(256, 'x')})
        test::error(check_region_name(name), EINVAL);
}

void uuids() {
    const auto text = "00112233-4455-6677-8899-aabbccddeeff";
    test::equal(to_string(test::ok(parse_uuid(text))), std::string(text));
    test::ok(parse_uuid("00112233-4455-6677-8899-AABBCCDDEEFF"));
    for (const auto* bad :
         {"", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeeffa",
          "00112233x4455-6677-8899-aabbccddeeff", "0011223g-4455-6677-8899-aabbccddeeff",
          "-0112233-4455-6677-8899-aabbccddeeff", "0011223344556677-8899-aabbccddeeff---"})
        test::error(parse_uuid(bad), EINVAL);
}

}  // namespace

int main() {
    return test::run("region_name", {{"good_names", good_names}, {"bad_names", bad_names}, {"uuids", uuids}});
}
