#include "driver/options.hh"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <vector>

#include "lib/base/usage_error.hh"

namespace pmemckpt::driver {

namespace {

constexpr const char* kDescription =
    "The manager of pmemckpt: serves checkpoints in pools to primaries and backups.";
constexpr const char* kFooter =
    "Signals: TERM and INT end it when running seals are done, a second one at once; HUP reads\n"
    "the configuration again. See pmemckptd(8).";

struct Options {
    std::string config, transport, key_dir, admin_socket, admin_group, log_level, address_file, user, confine,
        scrub_bandwidth, scrub_rest;
    std::vector<std::string> pools, listen;
    bool no_crc = false;
};

void describe(CLI::App& app, Options& options) {
    app.footer(kFooter);
    app.set_help_flag("--help", "print this and exit");
    app.set_version_flag("--version", "pmemckptd " PMEMCKPT_VERSION, "print the version and exit");
    app.add_option("--config", options.config, "read settings from this file; options override them")
        ->type_name("FILE");
    app.add_option("--pool", options.pools,
                   "serve this pool; repeatable. NAME: the file's base name unless given")
        ->type_name("[NAME=]PATH")
        ->allow_extra_args(false);
    app.add_option("--listen", options.listen,
                   "HOST[:PORT], [IPV6][:PORT] or :PORT; repeatable; :7471 unless given")
        ->type_name("ADDRESS")
        ->allow_extra_args(false);
    app.add_option("--transport", options.transport, "auto, iwarp or verbs")->type_name("NAME");
    app.add_option("--key-dir", options.key_dir, "where keys are; $PMEMCKPT_KEY_DIR, else /etc/pmemckpt/keys")
        ->type_name("DIR");
    app.add_option("--admin-socket", options.admin_socket, "where pmemckpt-ctl asks for the status")
        ->type_name("PATH");
    app.add_option("--admin-group", options.admin_group, "members of this group may ask there, too")
        ->type_name("GROUP");
    app.add_option("--address-file", options.address_file,
                   "write the addresses taken to this file, one a line")
        ->type_name("FILE");
    app.add_option("--user", options.user, "become this user, once all is open that takes root")
        ->type_name("NAME");
    app.add_option("--confine", options.confine,
                   "give up capabilities, and system calls that are not needed: on, off, or log, which lets "
                   "them through and names them; on unless given")
        ->type_name("MODE");
    app.add_option("--log-level", options.log_level, "error, warning, notice, info or debug")
        ->type_name("LEVEL");
    app.add_option("--scrub-bandwidth", options.scrub_bandwidth,
                   "verify what is kept, reading so many bytes a second; 0: do not; 16M unless given")
        ->type_name("SIZE");
    app.add_option("--scrub-rest", options.scrub_rest,
                   "seconds between two passes of that; 86400, a day, unless given")
        ->type_name("SECONDS");
    app.add_flag("--no-crc", options.no_crc, "do not ask for iWARP's CRC");
}

/// "--pool: sentence".
template <class T>
Result<T> of_option(const char* option, Result<T> result) {
    if (!result)
        return fail(result.error().code, "{}: {}", option, result.error().message);
    return result;
}

Status apply_lists(const Options& options, Config& config) {
    if (!options.pools.empty())
        config.pools.clear();
    for (const auto& text : options.pools)
        config.pools.push_back(TRY(of_option("--pool", parse_pool(text))));
    if (!options.listen.empty())
        config.listen.clear();
    for (const auto& text : options.listen)
        config.listen.push_back(TRY(of_option("--listen", parse_address(text))));
    return {};
}

Status apply_words(const Options& options, Config& config) {
    if (!options.transport.empty()) {
        TRY(of_option("--transport", check_transport(options.transport)));
        config.transport = options.transport;
    }
    if (!options.log_level.empty())
        config.log_level = TRY(of_option("--log-level", parse_log_level(options.log_level)));
    if (!options.key_dir.empty())
        config.key_dir = options.key_dir;
    if (!options.admin_socket.empty())
        config.admin_socket = options.admin_socket;
    if (!options.admin_group.empty())
        config.admin_group = options.admin_group;
    if (!options.user.empty())
        config.user = options.user;
    if (!options.confine.empty())
        config.confine = TRY(of_option("--confine", confine::parse_mode(options.confine)));
    if (!options.address_file.empty())
        config.address_file = options.address_file;
    if (options.no_crc)
        config.crc = false;
    return {};
}

Status apply_scrub(const Options& options, ScrubSettings& scrub) {
    if (!options.scrub_bandwidth.empty())
        scrub.bandwidth = TRY(of_option("--scrub-bandwidth", parse_scrub_bandwidth(options.scrub_bandwidth)));
    if (!options.scrub_rest.empty())
        scrub.rest_s = TRY(of_option("--scrub-rest", parse_scrub_rest(options.scrub_rest)));
    return {};
}

Result<Config> settle(const Options& options) {
    Config config;
    if (!options.config.empty())
        config = TRY(load_config(options.config, std::move(config)));
    TRY(apply_lists(options, config));
    TRY(apply_words(options, config));
    TRY(apply_scrub(options, config.scrub));
    TRY(check_config(config));
    return config;
}

}  // namespace

Result<Started> parse_options(int argc, const char* const* argv) {
    Options options;
    CLI::App app(kDescription, "pmemckptd");
    describe(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return Started{{}, app.help()};
    } catch (const CLI::CallForVersion& version) {
        return Started{{}, std::string(version.what()) + "\n"};
    } catch (const CLI::Error& error) {
        return tl::unexpected<Error>(usage_error("pmemckptd", error.what()));
    }
    return Started{TRY(settle(options)), {}};
}

}  // namespace pmemckpt::driver
