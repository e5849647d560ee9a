// Settings: file under options; whatever is wrong is an error that names its place.
#include <cerrno>
#include <fstream>

#include "driver/options.hh"
#include "lib/base/units.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using driver::Config;

namespace {

std::string file(const std::string& text) {
    const auto path = (test::directory() / "pmemckptd.toml").string();
    std::ofstream(path, std::ios::trunc) << text;
    return path;
}

Result<Config> loaded(const std::string& text) {
    return driver::load_config(file(text), Config{});
}

Result<driver::Started> parsed(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "pmemckptd");
    return driver::parse_options(static_cast<int>(arguments.size()), arguments.data());
}

void a_whole_file_is_read() {
    const auto config = test::ok(loaded(R"(
listen = ["127.0.0.1:7000", "[::1]:7001"]
transport = "iwarp"
key_dir = "/keys"
admin_socket = "/run/a.sock"
admin_group = "admins"
address_file = "/run/addresses"
user = "pmemckpt"
confine = "log"
log_level = "debug"
crc = false
durability = "gpspm"
[[pool]]
path = "/pools/one"
[[pool]]
name = "other"
path = "/pools/a=b/two"
[limits]
sessions = 5
handshake_ms = 250
workers = 3
[scrub]
bandwidth = "3M"
rest_s = 60
)"));
    test::equal(config.listen.size(), 2U);
    test::equal(format_address(config.listen[1]), "[::1]:7001");
    test::equal(config.transport, "iwarp");
    test::equal(config.key_dir, "/keys");
    test::equal(config.admin_socket, "/run/a.sock");
    test::equal(config.admin_group, "admins");
    test::equal(config.address_file, "/run/addresses");
    test::equal(config.user, "pmemckpt");
    CHECK(config.confine == confine::Mode::log);
    CHECK(config.log_level == log::Level::debug);
    CHECK(!config.crc && config.gpspm_alone);
    test::equal(config.pools.size(), 2U);
    test::equal(config.pools[0].name, "one");
    test::equal(config.pools[1].name, "other");
    test::equal(config.pools[1].path, "/pools/a=b/two");
    test::equal(config.limits.sessions, 5U);
    test::equal(config.limits.handshake_ms, 250U);
    test::equal(config.limits.workers, 3U);
    test::equal(config.limits.drain_ms, driver::Limits{}.drain_ms);
    CHECK(config.scrub == driver::ScrubSettings{3 * kMiB, 60});
    test::ok(driver::check_config(config));
}

void errors_name_line_and_key() {
    struct Case {
        const char* text;
        const char* place;
        const char* part;
    };
    for (const auto& [text, place, part] : std::initializer_list<Case>{
             {"crc = true\nlisten_on = 3\n", ":2: listen_on", "no such key"},
             {"[limits]\n\nsession = 3\n", ":3: limits.session", "no such key"},
             {"[[pool]]\npath = \"a\"\n[[pool]]\npath = \"b\"\nsize = 3\n", ":5: pool.size", "no such key"},
             {"\nlisten = []\n", ":2: listen", "list"},
             {"listen = [\"a:1\",\n\"b:x\"]\n", ":2: listen", "b:x"},
             {"listen = [7471]\n", ":1: listen", "string"},
             {"transport = \"tcp\"\n", ":1: transport", "verbs"},
             {"log_level = 7\n", ":1: log_level", "string"},
             {"log_level = \"loud\"\n", ":1: log_level", "notice"},
             {"confine = \"loosely\"\n", ":1: confine", "on, off or log"},
             {"user = 0\n", ":1: user", "string"},
             {"crc = 1\n", ":1: crc", "true or false"},
             {"durability = \"apm\"\n", ":1: durability", "no more can be claimed"},
             {"key_dir = \"\"\n", ":1: key_dir", "string"},
             {"pool = 3\n", ":1: pool", "[[pool]]"},
             {"pool = [3]\n", ":1: pool", "table"},
             {"[[pool]]\nname = \"x\"\n", ":1: pool", "no path"},
             {"[[pool]]\npath = \"/a/\"\n", ":1: pool", "no name"},
             {"limits = 3\n", ":1: limits", "table"},
             {"[limits]\nworkers = 0\n", ":2: limits.workers", "1 to 256"},
             {"[limits]\nworkers = -1\n", ":2: limits.workers", "1 to 256"},
             {"[limits]\nsessions = 4294967297\n", ":2: limits.sessions", "1 to 65536"},
             {"[limits]\nsessions = \"3\"\n", ":2: limits.sessions", "number"},
             {"scrub = 3\n", ":1: scrub", "table"},
             {"[scrub]\nbandwidth = true\n", ":2: scrub.bandwidth", "size"},
             {"[scrub]\nbandwidth = -1\n", ":2: scrub.bandwidth", "size"},
             {"[scrub]\nbandwidth = \"fast\"\n", ":2: scrub.bandwidth", "fast"},
             {"[scrub]\nbandwidth = 4095\n", ":2: scrub.bandwidth", "out of range"},
             {"[scrub]\nbandwidth = \"2T\"\n", ":2: scrub.bandwidth", "out of range"},
             {"[scrub]\nrest_s = 0\n", ":2: scrub.rest_s", "from 1 to"},
             {"[scrub]\nspeed = 1\n", ":2: scrub.speed", "no such key"},
             {"crc = true\ncrc = false\n", ":2: ", ""},
             {"ok = [\n", ":1: ", ""},
         }) {
        const auto message = test::error(loaded(text), EINVAL);
        test::contains(message, "pmemckptd.toml" + std::string(place));
        test::contains(message, part);
    }
}

void files_that_cannot_be_read() {
    test::error(driver::load_config((test::directory() / "none").string(), Config{}), ENOENT);
    test::error(driver::load_config(test::directory().string(), Config{}), EISDIR);
    test::contains(test::error(loaded(std::string(2 * kMiB, '#')), EINVAL), "longer");
    test::error(loaded(std::string("crc = \"\xff\xfe\"\n")), EINVAL);
    for (const char* odd : {"[[[scrub]]]\n", "[=]\n"})  // toml++ takes these for impossible
        test::contains(test::error(loaded(odd), EINVAL), "is no TOML");
}

void options_override_the_file() {
    const auto path =
        file("listen = [\":1\", \":2\"]\nlog_level = \"debug\"\n[[pool]]\npath = \"/of/file\"\n");
    const auto plain = *test::ok(parsed({"--config", path.c_str()})).config;
    test::equal(plain.pools.at(0).name, "file");
    test::equal(plain.listen.size(), 2U);
    const auto changed = *test::ok(parsed({"--config",    path.c_str(),     "--pool",   "a=/x/y",
                                           "--pool",      "/x/z",           "--listen", "127.0.0.1:0",
                                           "--log-level", "error",          "--no-crc", "--key-dir",
                                           "/k",          "--admin-socket", "/s",       "--transport",
                                           "iwarp",       "--address-file", "/f",       "--user",
                                           "u",           "--admin-group",  "g",        "--confine",
                                           "off"}))
                              .config;
    test::equal(changed.pools.size(), 2U);
    test::equal(changed.pools[0].name, "a");
    test::equal(changed.pools[0].path, "/x/y");
    test::equal(changed.pools[1].name, "z");
    test::equal(changed.listen.size(), 1U);
    test::equal(changed.listen[0].port, 0);
    CHECK(changed.log_level == log::Level::error && !changed.crc);
    test::equal(changed.key_dir + changed.admin_socket + changed.transport + changed.address_file,
                "/k/siwarp/f");
    test::equal(changed.user + changed.admin_group, "ug");
    CHECK(changed.confine == confine::Mode::off && plain.confine == confine::Mode::on);
    test::contains(test::error(parsed({"--pool", "/x", "--confine", "loosely"}), EINVAL), "--confine: ");
    test::equal(test::ok(parsed({"--pool", "/x"})).config->listen.at(0).port, kDefaultPort);
}

void the_scrub_has_its_options() {
    const auto path = file("[scrub]\nbandwidth = 0\nrest_s = 5\n");
    const auto scrub = [&](std::vector<const char*> arguments) {
        arguments.insert(arguments.end(), {"--pool", "/x"});
        return test::ok(parsed(arguments)).config->scrub;
    };
    CHECK(scrub({}) == driver::ScrubSettings{16 * kMiB, 86'400});
    CHECK(scrub({"--config", path.c_str()}) == driver::ScrubSettings{0, 5});
    CHECK(scrub({"--config", path.c_str(), "--scrub-bandwidth", "4K", "--scrub-rest", "1"}) ==
          driver::ScrubSettings{4 * kKiB, 1});
    CHECK(scrub({"--scrub-bandwidth", "0"}).bandwidth == 0);
    for (const char* wrong : {"4095", "2T", "fast", "-1"})
        test::contains(test::error(parsed({"--pool", "/x", "--scrub-bandwidth", wrong}),
                                   wrong[0] >= '0' && wrong[0] <= '9' ? ERANGE : EINVAL),
                       "--scrub-bandwidth: ");
    for (const char* wrong : {"0", "1d", "-1", "31622401", "99999999999"})
        test::contains(test::error(parsed({"--pool", "/x", "--scrub-rest", wrong}), EINVAL),
                       "--scrub-rest: ");
}

void wrong_options_are_refused() {
    test::contains(test::error(parsed({}), EINVAL), "--pool");
    for (const std::vector<const char*>& arguments :
         std::vector<std::vector<const char*>>{{"--pool"},
                                               {"--pool", "a="},
                                               {"--pool", "=b"},
                                               {"--pool", "/x/"},
                                               {"--pool", "/x", "--pool", "/y/x"},
                                               {"--pool", "/x", "--listen", "a:b"},
                                               {"--pool", "/x", "--transport", "tcp"},
                                               {"--pool", "/x", "--log-level", "loud"},
                                               {"--pool", "/x", "--nonsense"},
                                               {"--pool", "/x", "extra"}})
        CHECK(test::error(parsed(arguments), EINVAL).find('\n') == std::string::npos);
    test::error(parsed({"--pool", "/x", "--config", "/no/such/file"}), ENOENT);
}

void help_and_version_start_nothing() {
    const auto help = test::ok(parsed({"--help"}));
    CHECK(!help.config);
    test::contains(help.text, "--admin-socket");
    const auto version = test::ok(parsed({"--version"}));
    CHECK(!version.config);
    test::equal(version.text, "pmemckptd " PMEMCKPT_VERSION "\n");
}

void limits_have_to_fit_each_other() {
    Config config;
    config.pools = {{"a", "/a"}};
    test::ok(driver::check_config(config));
    config.limits.drafts_per_session = 100;
    test::contains(test::error(driver::check_config(config), EINVAL), "256");
    config.limits.generations_per_session = 156;
    test::ok(driver::check_config(config));
    config.pools.push_back({"a", "/b"});
    test::contains(test::error(driver::check_config(config), EINVAL), "two pools");
}

}  // namespace

int main() {
    return test::run("config", {{"a whole file is read", a_whole_file_is_read},
                                {"errors name line and key", errors_name_line_and_key},
                                {"files that can't be read", files_that_cannot_be_read},
                                {"options override the file", options_override_the_file},
                                {"the scrub has its options", the_scrub_has_its_options},
                                {"wrong options are refused", wrong_options_are_refused},
                                {"help and version start nothing", help_and_version_start_nothing},
                                {"limits have to fit each other", limits_have_to_fit_each_other}});
}
