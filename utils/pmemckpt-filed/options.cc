#include "utils/pmemckpt-filed/options.hh"

#include <CLI/CLI.hpp>
#include <cerrno>

#include "lib/base/keys.hh"
#include "lib/base/usage_error.hh"
#include "utils/pmemckpt-filed/served_directory.hh"

namespace pmemckpt::filed {

namespace {

constexpr const char* kDescription =
    "Serves the files of a directory to programs on other systems, and takes part in their sync points: all "
    "is\n"
    "rolled back together.";
constexpr const char* kFooter = "Signals: TERM and INT end it. See pmemckpt-filed(8).";

void describe(CLI::App& app, Options& options, std::string& listen) {
    app.footer(kFooter);
    app.set_help_flag("--help", "print this and exit");
    app.set_version_flag("--version", "pmemckpt-filed " PMEMCKPT_VERSION, "print the version and exit");
    app.add_option("DIRECTORY", options.directory, "what is served; paths of clients are within it")
        ->required();
    app.add_option("--listen", listen, "HOST[:PORT], [IPV6][:PORT] or :PORT; :7472 unless given")
        ->type_name("ADDRESS");
    auto* const file =
        app.add_option("--checkpoint-file", options.checkpoint_file,
                       "used again for each sync point; DIRECTORY/.pmemckpt-filed/checkpoint unless given")
            ->type_name("FILE");
    app.add_option("--checkpoint-directory", options.checkpoint_directory,
                   "in its place: a new file for each sync point")
        ->type_name("DIR")
        ->excludes(file);
    app.add_option("--keep", options.keep, "sync points that can be gone back to, 1 to 8; 2 unless given")
        ->type_name("N")
        ->check(CLI::Range(std::uint32_t{1}, sync::kMostKept));
    app.add_option("--key-dir", options.key_dir, "where keys are; $PMEMCKPT_KEY_DIR, else /etc/pmemckpt/keys")
        ->type_name("DIR");
    app.add_option("--principal", options.principal,
                   "the only one who may come; each that has a key unless given")
        ->type_name("NAME");
    app.add_option("--address-file", options.address_file, "write the address taken to this file")
        ->type_name("FILE");
    app.add_flag("--verbose", options.verbose, "say who comes and goes");
}

}  // namespace

Result<Started> parse_options(int argc, const char* const* argv) {
    CLI::App app(kDescription, "pmemckpt-filed");
    Options options;
    std::string listen;
    describe(app, options, listen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return Started{std::nullopt, app.help()};
    } catch (const CLI::CallForVersion& version) {
        return Started{std::nullopt, std::string(version.what()) + "\n"};
    } catch (const CLI::Error& error) {
        return tl::unexpected(usage_error("pmemckpt-filed", error.what()));
    }
    if (!listen.empty())
        options.listen = TRY(parse_address(listen, sync::kDefaultSyncPort));
    if (options.key_dir.empty())
        options.key_dir = default_key_directory();
    if (options.checkpoint_file.empty() && options.checkpoint_directory.empty())
        options.checkpoint_file = fmt::format("{}/{}/checkpoint", options.directory, kOwnFolder);
    return Started{std::move(options), {}};
}

}  // namespace pmemckpt::filed
