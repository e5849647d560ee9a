// What mount(8) and fstab(5) give, and what is refused by name.
#include "fuse/options.hh"

#include <algorithm>

#include "tests/support/check.hh"

using namespace pmemckpt;
using view::parse_options;
using view::parse_source;

namespace {

void sources() {
    const auto plain = test::ok(parse_source("ckpt.example.org:/"));
    test::equal(plain.server, "ckpt.example.org");
    test::equal(plain.pool, "");
    const auto full = test::ok(parse_source("10.0.0.7:7472:/fast"));
    test::equal(full.server, "10.0.0.7:7472");
    test::equal(full.pool, "fast");
    test::equal(test::ok(parse_source("[::1]:7471:/")).server, "[::1]:7471");
    test::equal(test::ok(parse_source("[fe80::1]:/p")).server, "[fe80::1]");
}

void wrong_sources_are_named() {
    for (const char* wrong : {"", ":/", "host", "host:", "/dev/dax0.0", "host:/a/b", "host:port:/",
                              "host:0:/", "host:99999:/", "[::1:/", "[]:/", "::1:/", "host/x"}) {
        const auto message = test::error(parse_source(wrong), EINVAL);
        CHECK(message.find('\n') == std::string::npos);
    }
}

void what_mount_gives() {
    const auto options = test::ok(
        parse_options({"host:/", "/ckpt", "-o",
                       "rw,noexec,_netdev,nofail,x-systemd.automount,comment=a,user=b,relatime,key-dir=/k",
                       "-s", "-n", "-v", "-t", "pmemckpt"}));
    test::equal(options.source, "host:/");
    test::equal(options.mount_point, "/ckpt");
    test::equal(options.client.server, "host");
    test::equal(options.client.key_dir, "/k");
    CHECK(options.verbose && options.sloppy && options.noexec && !options.fake && !options.foreground);
}

void all_of_ours() {
    const auto options =
        test::ok(parse_options({"-o", "pool=fast,principal=backup,key_dir=/k", "host:7471:/", "--foreground",
                                "/ckpt", "-f", "-o", "transport=iwarp,timeout=250,allow_other,ro"}));
    test::equal(options.client.pool, "fast");
    test::equal(options.client.principal, "backup");
    test::equal(options.client.key_dir, "/k");
    test::equal(options.client.transport, "iwarp");
    test::equal(options.client.timeout_ms, 250U);
    CHECK(options.allow_other && options.fake && options.foreground);
}

void what_is_not_given_is_left_to_the_library() {
    const auto options = test::ok(parse_options({"host:/", "/ckpt"}));
    test::equal(
        options.client.pool + options.client.principal + options.client.key_dir + options.client.transport,
        "");
    test::equal(options.client.timeout_ms, client::Options{}.timeout_ms);
}

void refuses(std::vector<std::string> arguments, const std::string& part,
             const test::Place& place = test::Place::current()) {
    test::contains(test::error(parse_options(std::move(arguments)), EINVAL, place), part, place);
}

void wrong_options_are_named() {
    refuses({"host:/", "/ckpt", "-o", "ro,colour=red"}, "colour=red");
    refuses({"host:/", "/ckpt", "-o", "pool"}, "pool");
    refuses({"host:/", "/ckpt", "-o", "pool="}, "pool=");
    refuses({"host:/", "/ckpt", "-o", "allow_other=1"}, "allow_other=1");
    refuses({"host:/", "/ckpt", "-o", "remount,ro"}, "remount");
    refuses({"host:/", "/ckpt", "-o", "timeout=0"}, "timeout=0");
    refuses({"host:/", "/ckpt", "-o", "timeout=1s"}, "timeout=1s");
    refuses({"host:/", "/ckpt", "-o", "timeout=600001"}, "600000");
    refuses({"host:/", "/ckpt", "-o", "transport=pigeon"}, "pigeon");
    refuses({"host:/", "/ckpt", "-o", "principal=../x"}, "../x");
    refuses({"host:/", "/ckpt", "-o", "confine=loosely"}, "on, off or log");
    refuses({"host:/a", "/ckpt", "-o", "pool=b"}, "two pools");
    refuses({"host:/", "/ckpt", "-fz"}, "-z");
    refuses({"host:/", "/ckpt", "--colour"}, "--colour");
    refuses({"host:/", "/ckpt", "-o"}, "-o");
    refuses({"host:/", "/ckpt", "-N", "12"}, "nsenter");
    refuses({}, "missing");
    refuses({"host:/"}, "host:/");
    refuses({"host:/", "/ckpt", "more"}, "more");
    refuses({"host:/", ""}, "mount point");
}

void confinement_is_chosen() {
    CHECK(test::ok(parse_options({"host:/", "/ckpt"})).confine == confine::Mode::on);
    CHECK(test::ok(parse_options({"host:/", "/ckpt", "-o", "confine=log"})).confine == confine::Mode::log);
}

void sloppy_takes_unknown_words_only() {
    test::ok(parse_options({"host:/", "/ckpt", "-s", "-o", "colour=red"}));
    refuses({"host:/", "/ckpt", "-s", "-o", "timeout=never"}, "timeout=never");
}

void help_needs_nothing_else() {
    CHECK(test::ok(parse_options({"--help"})).help);
    CHECK(test::ok(parse_options({"-V"})).version);
    // Every option that the text names is one.
    for (const char* word :
         {"pool=", "principal=", "key-dir=", "transport=", "timeout=", "allow_other", "noexec"})
        test::contains(view::help_text(), word);
}

}  // namespace

int main() {
    return test::run(
        "options", {
                       {"sources", sources},
                       {"wrong sources are named", wrong_sources_are_named},
                       {"what mount gives", what_mount_gives},
                       {"all of ours", all_of_ours},
                       {"what is not given is left to the library", what_is_not_given_is_left_to_the_library},
                       {"wrong options are named", wrong_options_are_named},
                       {"confinement is chosen", confinement_is_chosen},
                       {"sloppy takes unknown words only", sloppy_takes_unknown_words_only},
                       {"help needs nothing else", help_needs_nothing_else},
                   });
}
