// Every command and option of pmemckpt-ctl. man/pmemckpt-ctl.1 and utils/completion/pmemckpt-ctl say the
// same, which tests/cli/help.sh compares.
#include "utils/pmemckpt-ctl/command_table.hh"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <functional>
#include <optional>

#include "lib/base/exit_status.hh"
#include "lib/base/log.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr const char* kDescription =
    "Makes pools, keys and regions of pmemckpt; saves, restores and lists generations.";
constexpr const char* kFooter =
    "SIZE is a number of bytes, or one with K, M, G or T (binary multiples). See pmemckpt-ctl(1).";
constexpr const char* kCommandFooter = "Options for every command: pmemckpt-ctl --help";

/// What argv said: the chosen command is `chosen`.
struct Parsed {
    Common common;
    CreatePool create_pool;
    CreateKey create_key;
    CreateRegion create_region;
    DestroyRegion destroy_region;
    List list;
    Save save;
    Restore restore;
    std::function<Status()> chosen;
};

void add_common(CLI::App& app, Common& common) {
    auto& connection = common.connection;
    app.add_option("--server", connection.server, "the manager; else $PMEMCKPT_SERVER, else localhost")
        ->type_name("HOST[:PORT]");
    app.add_option("--pool", connection.pool,
                   "a pool's name or UUID; else $PMEMCKPT_POOL, else the manager's first")
        ->type_name("POOL");
    app.add_option("--principal", connection.principal,
                   "who to be; else $PMEMCKPT_PRINCIPAL, else the login name")
        ->type_name("NAME");
    app.add_option("--key-dir", connection.key_dir,
                   "where keys are; else $PMEMCKPT_KEY_DIR, else /etc/pmemckpt/keys")
        ->type_name("DIRECTORY");
    app.add_option("--transport", connection.transport, "else $PMEMCKPT_TRANSPORT, else auto")
        ->check(CLI::IsMember({"auto", "iwarp", "verbs"}).description(""))
        ->type_name("auto|iwarp|verbs");
    app.add_option("--admin-socket", common.admin_socket, "ask the manager of this host, for status and list")
        ->type_name("PATH");
    app.add_flag("--json", common.json, "print JSON, for programs");
}

CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& summary, Parsed& parsed,
                      std::function<Status()> does) {
    auto& command = *app.add_subcommand(name, summary);
    command.footer(kCommandFooter);
    command.callback([&parsed, does = std::move(does)] { parsed.chosen = does; });
    return command;
}

void add_pool_commands(CLI::App& app, Parsed& parsed) {
    auto& pool = add_command(app, "create-pool", "make a pool in a file, and its manager key", parsed,
                             [&] { return create_pool(parsed.common, parsed.create_pool); });
    pool.add_option("PATH", parsed.create_pool.path, "the file")->required()->type_name("");
    pool.add_option("--size", parsed.create_pool.size, "of the file, from 16M to 16T")
        ->required()
        ->type_name("SIZE");
    pool.add_option("--page-size", parsed.create_pool.page_size,
                    "unit of allocation, 4K to 1G; 2M unless given")
        ->type_name("SIZE");
    pool.add_flag("--force", parsed.create_pool.force, "replace what is there: its generations are lost");

    auto& key = add_command(app, "create-key", "make a principal's key", parsed,
                            [&] { return create_key(parsed.common, parsed.create_key); });
    key.add_option("NAME", parsed.create_key.principal, "the principal")->required()->type_name("");
    key.add_flag("--force", parsed.create_key.force, "replace the key that is there");
}

void add_settings(CLI::App& command, std::uint32_t& keep, std::string& max_size, CLI::Option* needed) {
    auto* keep_option = command.add_option("--keep", keep, "generations kept; 8 unless given");
    keep_option->check(CLI::Range(1U, pool::kMaximumKeep).description(""))->type_name("N");
    auto* size_option =
        command.add_option("--max-size", max_size, "bytes a generation may have; no limit unless given");
    size_option->type_name("SIZE");
    if (needed) {
        keep_option->needs(needed);
        size_option->needs(needed);
    }
}

void add_region_commands(CLI::App& app, Parsed& parsed) {
    auto& create = add_command(app, "create-region", "make a region", parsed,
                               [&] { return create_region(parsed.common, parsed.create_region); });
    create.add_option("NAME", parsed.create_region.name, "such as team/app")->required()->type_name("");
    add_settings(create, parsed.create_region.keep, parsed.create_region.max_size, nullptr);

    auto& destroy = add_command(app, "destroy-region", "drop a region with all its generations", parsed,
                                [&] { return destroy_region(parsed.common, parsed.destroy_region); });
    destroy.add_option("NAME", parsed.destroy_region.name, "the region")->required()->type_name("");
    destroy.add_flag("--force", parsed.destroy_region.force,
                     "do it; otherwise it is only said what would be lost");
}

void add_list_commands(CLI::App& app, Parsed& parsed) {
    auto& all = add_command(app, "list", "list regions, or the generations of one", parsed,
                            [&] { return list(parsed.common, parsed.list); });
    auto* region = all.add_option("REGION", parsed.list.region, "list its generations")->type_name("");
    auto* pools = all.add_flag("--pools", parsed.list.pools, "list pools")->excludes(region);
    all.add_flag("--sessions", parsed.list.sessions, "list who is connected (asks the admin socket)")
        ->excludes(region)
        ->excludes(pools);
    add_command(app, "status", "show the manager and its pools", parsed,
                [&] { return status(parsed.common); });
}

void add_data_commands(CLI::App& app, Parsed& parsed) {
    auto& in = add_command(app, "save", "make a generation of a file or of standard input", parsed,
                           [&] { return save(parsed.common, parsed.save); });
    in.add_option("REGION", parsed.save.region, "where to")->required()->type_name("");
    auto* file = in.add_option("FILE", parsed.save.file, "what; standard input unless given")->type_name("");
    in.add_option("--from", parsed.save.file, "the same as FILE")->type_name("FILE")->excludes(file);
    in.add_option("--size", parsed.save.size, "send a pipe as it comes, at most SIZE bytes")
        ->type_name("SIZE");
    auto* create = in.add_flag("--create", parsed.save.create, "make the region when it is missing");
    add_settings(in, parsed.save.keep, parsed.save.max_size, create);

    auto& out = add_command(app, "restore", "write a generation to a file or to standard output, verified",
                            parsed, [&] { return restore(parsed.common, parsed.restore); });
    out.add_option("REGION[@N]", parsed.restore.target, "the newest generation, or generation N")
        ->required()
        ->type_name("");
    out.add_option("--to", parsed.restore.to, "make this file, once all of it is verified")
        ->type_name("FILE");
}

/// CLI11's messages may have several lines; ours are one.
std::string one_line(std::string text) {
    for (auto& c : text)
        if (c == '\n')
            c = ' ';
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

/// The status when there is nothing left to do.
std::optional<int> parse(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
        return {};
    } catch (const CLI::CallForHelp&) {
        return print(app.help()) ? kExitSuccess : kExitFailure;
    } catch (const CLI::CallForVersion&) {
        return print(fmt::format("pmemckpt-ctl {}\n", PMEMCKPT_VERSION)) ? kExitSuccess : kExitFailure;
    } catch (const CLI::Error& error) {
        log::error("{} (see pmemckpt-ctl --help)", one_line(error.what()));
        return kExitUsage;
    }
}

}  // namespace

int run(int argc, char** argv) {
    // Which engine was taken is the manager's to say; an error here is one line.
    log::set_level(log::Level::warning);
    Parsed parsed;
    CLI::App app(kDescription, "pmemckpt-ctl");
    app.footer(kFooter);
    app.set_help_flag("--help", "print this, or with a command what it takes, and exit");
    app.set_version_flag("--version", PMEMCKPT_VERSION, "print the version and exit");
    app.require_subcommand(0, 1);
    app.fallthrough();
    add_common(app, parsed.common);
    add_pool_commands(app, parsed);
    add_region_commands(app, parsed);
    add_list_commands(app, parsed);
    add_data_commands(app, parsed);
    if (const auto ended = parse(app, argc, argv))
        return *ended;
    const auto done =
        parsed.chosen ? parsed.chosen() : fail(EINVAL, "no command is given (see pmemckpt-ctl --help)");
    if (!done)
        log::error("{}", done.error().message);
    return done ? kExitSuccess : exit_status(done.error().code);
}

}  // namespace pmemckpt::ctl
