#pragma once
// What a manager is started with: the file and the options over it. See pmemckptd.8, CONFIGURATION.
#include <cstdint>
#include <string>
#include <vector>

#include "driver/access.hh"
#include "lib/base/address.hh"
#include "lib/base/keys.hh"
#include "lib/base/log.hh"
#include "lib/base/result.hh"
#include "lib/base/units.hh"
#include "lib/confine/mode.hh"

namespace pmemckpt::driver {

struct PoolConfig {
    std::string name;  ///< what clients ask for; no slash, no UUID of another pool
    std::string path;
};

/// Each is at least 1.
struct Limits {
    unsigned sessions = 1024;               ///< of this manager, authenticated or not
    unsigned sessions_per_principal = 256;  ///< that have proved who they are
    unsigned handshakes = 128;              ///< sessions that have not proved who they are yet
    unsigned handshake_ms = 10'000;         ///< from the connection to WELCOME
    unsigned drafts_per_session = 64;       ///< begun, neither sealed nor aborted
    unsigned generations_per_session =
        192;  ///< open, logs too; with the drafts no more than rdma::kMaximumWindows
    unsigned waiters_per_session = 64;    ///< wait_generation, wait_log and watch requests not answered yet
    unsigned requests_per_session = 128;  ///< received, not yet run
    unsigned workers = 8;                 ///< threads that run requests; a seal occupies one for its time
    unsigned workers_per_principal = 4;   ///< of them, at the same time
    unsigned drain_ms = 30'000;           ///< at the end: for requests that have begun
    unsigned idle_ms = 60'000;            ///< within which a peer is noticed whose host or network is gone
    unsigned expiry_ms = 1'000;           ///< between looks for generations that only their age kept
    /// Bytes of drafts, those to be cloned included; 0: what the pool has.
    std::uint64_t draft_bytes_per_session = 0;
    bool operator==(const Limits&) const = default;
};

/// What the scrub reads at most, in bytes a second, when it is on.
inline constexpr std::uint64_t kMinimumScrubBandwidth = 4 * kKiB;
inline constexpr std::uint64_t kMaximumScrubBandwidth = kTiB;
inline constexpr unsigned kMaximumScrubRest = 366 * 86'400;  // seconds

/// How the checksums of what is kept are verified in the background.
struct ScrubSettings {
    std::uint64_t bandwidth = 16 * kMiB;  ///< bytes a second, over all pools; 0: off
    unsigned rest_s = 86'400;             ///< between the end of a pass and the next one, at least 1
    bool operator==(const ScrubSettings&) const = default;
};

struct Config {
    std::vector<PoolConfig> pools;  ///< at least one
    std::vector<Address> listen{Address{}};
    std::string transport = "auto";  ///< auto, iwarp, verbs
    std::string key_dir = default_key_directory();
    std::string admin_socket;  ///< path; empty: the usual place, or none where there is no place
    std::string admin_group;   ///< whose members are heard there, too; empty: none
    std::string address_file;  ///< path; empty: none
    std::string user;          ///< who the manager becomes before it serves; empty: who has started it
    confine::Mode confine = confine::Mode::on;
    log::Level log_level = log::Level::notice;
    bool crc = true;  ///< iWARP's
    /// Logs are made durable by the manager's processor in any case, never by what a device or a medium does
    /// alone.
    bool gpspm_alone = false;
    AccessConfig access;
    Limits limits;
    ScrubSettings scrub;
};

/// The file's settings over `base`. ENOENT; EINVAL with line and key for what is unknown or out of range.
Result<Config> load_config(const std::string& path, Config base);

/// What no single key can tell: pools there, names different, limits consistent. EINVAL.
Status check_config(const Config& config);

/// "[NAME=]PATH"; without a name, the file's base name.
Result<PoolConfig> parse_pool(std::string_view text);
Result<log::Level> parse_log_level(std::string_view text);
const char* to_string(log::Level level);
/// "16M"; "0" is off. EINVAL; ERANGE.
Result<std::uint64_t> parse_scrub_bandwidth(std::string_view text);
/// ERANGE when it is neither 0 nor within the limits.
Status check_scrub_bandwidth(std::uint64_t bytes);
/// Whole seconds. EINVAL.
Result<unsigned> parse_scrub_rest(std::string_view text);
Status check_transport(std::string_view text);

}  // namespace pmemckpt::driver
