// The manager's configuration: a file, and words of options.
//
// input: which of them; its text
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "driver/config.hh"
#include "lib/base/address.hh"
#include "lib/base/handle.hh"
#include "lib/base/uuid.hh"
#include "tests/fuzz/input.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::driver;

namespace {

/// A file in memory, which has a path.
class TextFile {
public:
    TextFile() : file_(::memfd_create("configuration", MFD_CLOEXEC)) {
        path_ = fmt::format("/proc/self/fd/{}", file_.get());
    }
    void write(std::span<const std::byte> text) {
        CHECK(::ftruncate(file_.get(), 0) == 0);
        CHECK(::pwrite(file_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    }
    const std::string& path() const { return path_; }

private:
    FileDescriptor file_;
    std::string path_;
};

template <class T>
bool is_taken(const Result<T>& result) {
    CHECK(result || (!result.error().message.empty() && result.error().code > 0));
    return result.has_value();
}

/// What is taken is within what the page says.
void check_settings(const Config& config) {
    for (const auto& pool : config.pools)
        CHECK(!pool.path.empty());
    for (const unsigned limit :
         {config.limits.sessions, config.limits.handshakes, config.limits.handshake_ms, config.limits.workers,
          config.limits.drafts_per_session, config.limits.generations_per_session, config.limits.idle_ms})
        CHECK(limit >= 1);
    for (const auto& [group, members] : config.access.groups)
        for (const auto& member : members)
            CHECK(!group.empty() && !member.empty());
    CHECK(check_transport(config.transport).has_value());
    CHECK(check_scrub_bandwidth(config.scrub.bandwidth).has_value());
    CHECK(config.scrub.rest_s >= 1 && config.scrub.rest_s <= kMaximumScrubRest);
    if (is_taken(check_config(config)))
        CHECK(!config.pools.empty() && !config.listen.empty());
}

void run_file(std::span<const std::byte> text) {
    static TextFile file;
    file.write(text);
    const auto config = load_config(file.path(), {});
    if (!is_taken(config)) {
        CHECK(config.error().code == EINVAL || config.error().code == ERANGE);
        return;
    }
    check_settings(*config);
}

/// Sizes and addresses go there and back.
void run_word(std::string_view word) {
    is_taken(parse_pool(word));
    is_taken(parse_log_level(word));
    is_taken(parse_scrub_rest(word));
    if (const auto bandwidth = parse_scrub_bandwidth(word); is_taken(bandwidth))
        CHECK(check_scrub_bandwidth(*bandwidth).has_value());
    is_taken(parse_size(word));
    if (const auto address = parse_address(word); is_taken(address)) {
        const auto again = test::ok(parse_address(format_address(*address)));
        CHECK(again.host == address->host && again.port == address->port);
    }
    if (const auto uuid = parse_uuid(word))
        CHECK(test::ok(parse_uuid(to_string(*uuid))) == *uuid);
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    const bool is_file = input.byte() % 4 != 0;
    const auto text = input.rest();
    if (is_file)
        run_file(text);
    else
        run_word({reinterpret_cast<const char*>(text.data()), text.size()});
}

fuzz::Bytes input_of(char kind, std::string_view text) {
    fuzz::Bytes bytes{static_cast<std::byte>(kind)};
    const auto more = std::as_bytes(std::span(text));
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
}

constexpr std::string_view kWhole = R"(# of everything
listen = ["0.0.0.0:7471", "[::1]:7471"]
transport = "iwarp"
key_dir = "/etc/pmemckpt/keys"
admin_socket = "/run/a.sock"
admin_group = "adm"
address_file = "/run/a"
log_level = "info"
crc = false
durability = "gpspm"
user = "nobody"
confine = "log"
administrators = ["alice", "dave"]

[[pool]]
name = "main"
path = "/dev/dax0.0"

[[pool]]
path = '''/srv/pool'''

[limits]
sessions = 1_000
sessions_per_principal = 10
handshakes = 0x10
handshake_ms = 5
drafts_per_session = 2
generations_per_session = 3
waiters_per_session = 4
requests_per_session = 5
workers = 6
workers_per_principal = 2
draft_bytes_per_session = "16T"
drain_ms = 7
idle_ms = 8
expiry_ms = 9

[scrub]
bandwidth = "16M"
rest_s = 86400

[groups]
ops = ["bob", "carol"]
none = []
)";

std::vector<fuzz::Seed> seeds() {
    return {{"file", input_of(1, kWhole)},
            {"short-file", input_of(1, "pool = [{ path = \"/p\" }]\nscrub.bandwidth = 0\n")},
            {"wrong-file", input_of(1, "listen = [1979-05-27T07:32:00Z, inf, \"\\u00e9\"]\n")},
            {"address", input_of(0, "[fe80::1]:7471")},
            {"size", input_of(0, "16777215K")},
            {"pool", input_of(0, "main=/dev/dax0.0")},
            {"uuid", input_of(0, "11223344-0506-0708-090a-0b0c0d0e0f10")}};
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds};
