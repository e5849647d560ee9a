// The words of the configuration, wherever they stand: in the file or among the options.
#include "driver/config.hh"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <set>

#include "lib/rdma/engine.hh"

namespace pmemckpt::driver {

namespace {

constexpr std::size_t kMaximumPoolName = 64;  // bytes

struct NamedLevel {
    const char* name;
    log::Level level;
};
constexpr std::array kLevels = std::to_array<NamedLevel>({{"error", log::Level::error},
                                                          {"warning", log::Level::warning},
                                                          {"notice", log::Level::notice},
                                                          {"info", log::Level::info},
                                                          {"debug", log::Level::debug}});

Status check_pool_name(const std::string& name) {
    const auto allowed = [](unsigned char c) { return std::isgraph(c) && c != '/' && c != '='; };
    if (name.empty() || name.size() > kMaximumPoolName || !std::all_of(name.begin(), name.end(), allowed))
        return fail(EINVAL,
                    "\"{}\" can't name a pool: 1 to {} printable characters without '/', '=' and spaces",
                    name, kMaximumPoolName);
    return {};
}

Status check_limits(const Limits& limits) {
    if (limits.drafts_per_session + limits.generations_per_session > rdma::kMaximumWindows)
        return fail(EINVAL,
                    "limits.drafts_per_session and limits.generations_per_session are {} and {}: together at "
                    "most {}, "
                    "the windows of a connection",
                    limits.drafts_per_session, limits.generations_per_session, rdma::kMaximumWindows);
    return {};
}

}  // namespace

Result<PoolConfig> parse_pool(std::string_view text) {
    const auto equals = text.find('=');
    // "=" in a directory's name is no name's end.
    const bool named = equals != std::string_view::npos && text.find('/') > equals;
    PoolConfig pool;
    pool.path = named ? text.substr(equals + 1) : text;
    pool.name = named ? text.substr(0, equals) : pool.path.substr(pool.path.rfind('/') + 1);
    if (pool.path.empty())
        return fail(EINVAL, "\"{}\" names no pool: write [NAME=]PATH", text);
    if (pool.name.empty())
        return fail(EINVAL, "\"{}\" has no name for the pool: write NAME=PATH", text);
    TRY(check_pool_name(pool.name));
    return pool;
}

Result<log::Level> parse_log_level(std::string_view text) {
    for (const auto& known : kLevels)
        if (known.name == text)
            return known.level;
    return fail(EINVAL, "\"{}\" is no log level: error, warning, notice, info or debug", text);
}

const char* to_string(log::Level level) {
    for (const auto& known : kLevels)
        if (known.level == level)
            return known.name;
    return "unknown";
}

Status check_transport(std::string_view text) {
    if (text != "auto" && text != "iwarp" && text != "verbs")
        return fail(EINVAL, "\"{}\" is no transport: auto, iwarp or verbs", text);
    return {};
}

Status check_scrub_bandwidth(std::uint64_t bytes) {
    if (bytes != 0 && (bytes < kMinimumScrubBandwidth || bytes > kMaximumScrubBandwidth))
        return fail(ERANGE, "{} bytes a second are out of range: {} to {}, or 0 for no scrub", bytes,
                    kMinimumScrubBandwidth, kMaximumScrubBandwidth);
    return {};
}

Result<std::uint64_t> parse_scrub_bandwidth(std::string_view text) {
    const auto bytes = TRY(parse_size(text));
    TRY(check_scrub_bandwidth(bytes));
    return bytes;
}

Result<unsigned> parse_scrub_rest(std::string_view text) {
    unsigned seconds = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (code != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > kMaximumScrubRest)
        return fail(EINVAL, "\"{}\" is no number of seconds from 1 to {}", text, kMaximumScrubRest);
    return seconds;
}

Status check_config(const Config& config) {
    if (config.pools.empty())
        return fail(EINVAL,
                    "there is no pool to serve: give --pool [NAME=]PATH, or [[pool]] in a --config file "
                    "(pmemckpt-ctl create-pool makes one)");
    if (config.listen.empty())
        return fail(EINVAL, "there is no address to listen on");
    std::set<std::string> names;
    for (const auto& pool : config.pools) {
        TRY(check_pool_name(pool.name));
        if (!names.insert(pool.name).second)
            return fail(EINVAL, "two pools have the name {}: give one another with NAME=PATH", pool.name);
    }
    TRY(check_access(config.access));
    return check_limits(config.limits);
}

}  // namespace pmemckpt::driver
