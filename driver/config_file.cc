// The configuration file, in TOML: pmemckptd.8, CONFIGURATION. Nobody else knows toml++.
#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

namespace {
/// Of a text that the parser takes for impossible, such as "[[[": an error of the text, no end of the
/// program.
struct OddToml {};
[[noreturn]] void find_odd() {
    throw OddToml();
}
}  // namespace
#define TOML_ASSERT(holds) ((holds) ? void() : find_odd())
#include <toml++/toml.h>

#include "driver/config.hh"

namespace pmemckpt::driver {

namespace {

constexpr std::size_t kMaximumFileBytes = 1024 * 1024;

/// A key's value, and where it stands.
struct Item {
    const std::string& path;
    std::string key;
    const toml::node& node;

    tl::unexpected<Error> wrong(std::string_view why) const {
        return fail(EINVAL, "{}:{}: {}: {}", path, node.source().begin.line, key, why);
    }
    /// The sentence of a failed check, with its place before it.
    template <class T>
    Result<T> placed(Result<T> result) const {
        if (!result)
            return wrong(result.error().message);
        return result;
    }
    Result<std::string> text() const {
        if (!node.is_string() || node.as_string()->get().empty())
            return wrong("it is a string with something in it");
        return node.as_string()->get();
    }
    Result<bool> flag() const {
        if (!node.is_boolean())
            return wrong("it is true or false");
        return node.as_boolean()->get();
    }
    Result<unsigned> number(unsigned maximum) const {
        const auto* number = node.as_integer();
        if (!number || number->get() < 1 || number->get() > static_cast<std::int64_t>(maximum))
            return wrong(fmt::format("it is a number from 1 to {}", maximum));
        return static_cast<unsigned>(number->get());
    }
};

template <class Into>
struct Word {
    std::string_view key;
    Status (*take)(const Item& item, Into& into);
};

/// Each key of the table by its word.
template <class Into, std::size_t N>
Status take_table(const std::string& path, const std::string& prefix, const toml::table& table,
                  const std::array<Word<Into>, N>& words, Into& into) {
    for (const auto& [key, node] : table) {
        const Item item{path, prefix + std::string(key.str()), node};
        const auto word = std::find_if(words.begin(), words.end(),
                                       [&key = key](const auto& known) { return known.key == key.str(); });
        if (word == words.end())
            return fail(EINVAL, "{}:{}: {}: there is no such key", path, key.source().begin.line, item.key);
        TRY(word->take(item, into));
    }
    return {};
}

template <unsigned Limits::*Member, unsigned Maximum>
Status take_limit(const Item& item, Limits& limits) {
    limits.*Member = TRY(item.number(Maximum));
    return {};
}

Status take_draft_bytes(const Item& item, Limits& limits) {
    if (const auto* number = item.node.as_integer(); number && number->get() >= 0) {
        limits.draft_bytes_per_session = static_cast<std::uint64_t>(number->get());
        return {};
    }
    if (!item.node.is_string())
        return item.wrong("it is a size, such as \"16G\", or 0 for no limit");
    limits.draft_bytes_per_session = TRY(item.placed(parse_size(item.node.as_string()->get())));
    return {};
}

constexpr std::array kLimitWords = std::to_array<Word<Limits>>({
    {"sessions", take_limit<&Limits::sessions, 65536>},
    {"sessions_per_principal", take_limit<&Limits::sessions_per_principal, 65536>},
    {"handshakes", take_limit<&Limits::handshakes, 65536>},
    {"handshake_ms", take_limit<&Limits::handshake_ms, 600'000>},
    {"drafts_per_session", take_limit<&Limits::drafts_per_session, 255>},
    {"generations_per_session", take_limit<&Limits::generations_per_session, 255>},
    {"waiters_per_session", take_limit<&Limits::waiters_per_session, 1024>},
    {"requests_per_session", take_limit<&Limits::requests_per_session, 1024>},
    {"workers", take_limit<&Limits::workers, 256>},
    {"workers_per_principal", take_limit<&Limits::workers_per_principal, 256>},
    {"draft_bytes_per_session", take_draft_bytes},
    {"drain_ms", take_limit<&Limits::drain_ms, 3'600'000>},
    {"idle_ms", take_limit<&Limits::idle_ms, 3'600'000>},
    {"expiry_ms", take_limit<&Limits::expiry_ms, 3'600'000>},
});

template <auto Member, class Into>
Status take_text(const Item& item, Into& into) {
    into.*Member = TRY(item.text());
    return {};
}

constexpr std::array kPoolWords = std::to_array<Word<PoolConfig>>({
    {"name", take_text<&PoolConfig::name>},
    {"path", take_text<&PoolConfig::path>},
});

Status take_listen(const Item& item, Config& config) {
    const auto* list = item.node.as_array();
    if (!list || list->empty())
        return item.wrong("it is a list of addresses, such as [\"0.0.0.0:7471\"]");
    config.listen.clear();
    for (const auto& element : *list) {
        const Item address{item.path, item.key, element};
        const auto text = TRY(address.text());
        config.listen.push_back(TRY(address.placed(parse_address(text))));
    }
    return {};
}

Result<std::vector<std::string>> principals(const Item& item) {
    const auto* list = item.node.as_array();
    if (!list)
        return item.wrong("it is a list of principals, such as [\"ana\", \"ben\"]");
    std::vector<std::string> names;
    for (const auto& element : *list) {
        const Item one{item.path, item.key, element};
        names.push_back(TRY(one.text()));
        TRY(one.placed(check_principal(names.back())));
    }
    return names;
}

Status take_administrators(const Item& item, Config& config) {
    config.access.administrators = TRY(principals(item));
    return {};
}

Status take_groups(const Item& item, Config& config) {
    const auto* table = item.node.as_table();
    if (!table)
        return item.wrong("it is a table: [groups], with a list of principals for each");
    config.access.groups.clear();
    for (const auto& [key, node] : *table) {
        const std::string name(key.str());
        const Item group{item.path, "groups." + name, node};
        TRY(group.placed(check_principal(name)));
        config.access.groups.emplace(name, TRY(principals(group)));
    }
    return {};
}

Status take_pool(const Item& item, Config& config) {
    const auto* table = item.node.as_table();
    if (!table)
        return item.wrong(
            "a pool is a table: [[pool]] with path, and name if it shall have another than its file");
    PoolConfig pool;
    TRY(take_table(item.path, "pool.", *table, kPoolWords, pool));
    if (pool.path.empty())
        return item.wrong("it has no path");
    if (pool.name.empty())
        pool.name = TRY(item.placed(parse_pool("./" + pool.path))).name;
    config.pools.push_back(std::move(pool));
    return {};
}

Status take_pools(const Item& item, Config& config) {
    const auto* list = item.node.as_array();
    if (!list)
        return item.wrong("write [[pool]], once for each");
    config.pools.clear();
    for (const auto& element : *list)
        TRY(take_pool({item.path, item.key, element}, config));
    return {};
}

Status take_transport(const Item& item, Config& config) {
    config.transport = TRY(item.text());
    return item.placed(check_transport(config.transport));
}

Status take_log_level(const Item& item, Config& config) {
    const auto text = TRY(item.text());
    config.log_level = TRY(item.placed(parse_log_level(text)));
    return {};
}

Status take_confine(const Item& item, Config& config) {
    const auto text = TRY(item.text());
    config.confine = TRY(item.placed(confine::parse_mode(text)));
    return {};
}

Status take_crc(const Item& item, Config& config) {
    config.crc = TRY(item.flag());
    return {};
}

Status take_durability(const Item& item, Config& config) {
    const auto text = TRY(item.text());
    if (text != "auto" && text != "gpspm")
        return item.wrong("it is \"auto\" or \"gpspm\"; no more can be claimed than medium and device offer");
    config.gpspm_alone = text == "gpspm";
    return {};
}

Status take_limits(const Item& item, Config& config) {
    const auto* table = item.node.as_table();
    if (!table)
        return item.wrong("it is a table: [limits]");
    return take_table(item.path, "limits.", *table, kLimitWords, config.limits);
}

Status take_scrub_bandwidth(const Item& item, ScrubSettings& scrub) {
    if (const auto* number = item.node.as_integer(); number && number->get() >= 0) {
        scrub.bandwidth = static_cast<std::uint64_t>(number->get());
        return item.placed(check_scrub_bandwidth(scrub.bandwidth));
    }
    if (!item.node.is_string())
        return item.wrong("it is a size, such as \"16M\", or 0 for no scrub");
    scrub.bandwidth = TRY(item.placed(parse_scrub_bandwidth(item.node.as_string()->get())));
    return {};
}

Status take_scrub_rest(const Item& item, ScrubSettings& scrub) {
    scrub.rest_s = TRY(item.number(kMaximumScrubRest));
    return {};
}

constexpr std::array kScrubWords = std::to_array<Word<ScrubSettings>>({
    {"bandwidth", take_scrub_bandwidth},
    {"rest_s", take_scrub_rest},
});

Status take_scrub(const Item& item, Config& config) {
    const auto* table = item.node.as_table();
    if (!table)
        return item.wrong("it is a table: [scrub]");
    return take_table(item.path, "scrub.", *table, kScrubWords, config.scrub);
}

constexpr std::array kWords = std::to_array<Word<Config>>({
    {"pool", take_pools},
    {"listen", take_listen},
    {"transport", take_transport},
    {"key_dir", take_text<&Config::key_dir>},
    {"admin_socket", take_text<&Config::admin_socket>},
    {"admin_group", take_text<&Config::admin_group>},
    {"address_file", take_text<&Config::address_file>},
    {"user", take_text<&Config::user>},
    {"confine", take_confine},
    {"log_level", take_log_level},
    {"crc", take_crc},
    {"durability", take_durability},
    {"administrators", take_administrators},
    {"groups", take_groups},
    {"limits", take_limits},
    {"scrub", take_scrub},
});

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fail_errno(errno, "can't read configuration {}", path);
    std::string text;
    for (std::array<char, 4096> part; file.read(part.data(), part.size()), file.gcount() > 0;) {
        text.append(part.data(), static_cast<std::size_t>(file.gcount()));
        if (text.size() > kMaximumFileBytes)
            return fail(EINVAL, "configuration {} is longer than {} bytes", path, kMaximumFileBytes);
    }
    if (file.bad())
        return fail_errno(errno, "can't read configuration {}", path);
    return text;
}

}  // namespace

Result<Config> load_config(const std::string& path, Config base) {
    const auto text = TRY(read_file(path));
    toml::table table;
    try {
        table = toml::parse(text, path);
    } catch (const toml::parse_error& error) {
        return fail(EINVAL, "{}:{}: {}", path, error.source().begin.line, error.description());
    } catch (const OddToml&) {
        return fail(EINVAL, "{} is no TOML: a name in brackets, or of a setting, does not begin like one",
                    path);
    }
    TRY(take_table(path, "", table, kWords, base));
    return base;
}

}  // namespace pmemckpt::driver
