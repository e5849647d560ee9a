// Every command and option of pmemckpt-ctl. man/pmemckpt-ctl.1 and utils/completion/pmemckpt-ctl say the
// same, which tests/cli/help.sh compares.
#include "utils/pmemckpt-ctl/command_table.hh"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <functional>
#include <optional>

#include "lib/base/exit_status.hh"
#include "lib/base/log.hh"
#include "lib/base/usage_error.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/offline.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr const char* kDescription =
    "Makes pools, keys and regions of pmemckpt; saves, restores and lists generations and logs.";
constexpr const char* kFooter =
    "SIZE is a number of bytes, or one with K, M, G or T (binary multiples); DURATION is a number with s, m, "
    "h "
    "or d. See pmemckpt-ctl(1).";
constexpr std::uint64_t kMaximumEvent = INT64_MAX;  // far beyond what a manager counts to
constexpr const char* kCommandFooter = "Options for every command: pmemckpt-ctl --help";

/// What argv said: the chosen command is `chosen`.
struct Parsed {
    Common common;
    CreatePool create_pool;
    CreateKey create_key;
    RotateKey rotate_key;
    RevokeKey revoke_key;
    Check check;
    Salvage salvage;
    RekeyPool rekey_pool;
    CreateRegion create_region;
    DestroyRegion destroy_region;
    Clear clear;
    SetRetention set_retention;
    std::string pinned;
    ChangeRights change_rights;
    std::string rights_of;
    SetOwner set_owner;
    List list;
    Save save;
    Restore restore;
    TakeOver take_over;
    Watch watch;
    Append append;
    ReadLog read_log;
    Cursors cursors;
    CursorAdvance cursor_advance;
    CursorDrop cursor_drop;
    ReadAll read_all;
    RemoteCat remote_cat;
    RemoteCopy remote_copy;
    std::string listed_address;
    std::function<Result<ExitStatus>()> chosen;
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
    app.add_option("--admin-socket", common.admin_socket,
                   "ask the manager of this host: status, list, audit, revoke-key")
        ->type_name("PATH");
    app.add_flag("--json", common.json, "print JSON, for programs");
}

CLI::App& add_command_with_status(CLI::App& app, const std::string& name, const std::string& summary,
                                  Parsed& parsed, std::function<Result<ExitStatus>()> does) {
    auto& command = *app.add_subcommand(name, summary);
    command.footer(kCommandFooter);
    command.callback([&parsed, does = std::move(does)] { parsed.chosen = does; });
    return command;
}

CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& summary, Parsed& parsed,
                      std::function<Status()> does) {
    return add_command_with_status(app, name, summary, parsed,
                                   [does = std::move(does)]() -> Result<ExitStatus> {
                                       TRY(does());
                                       return kExitSuccess;
                                   });
}

void add_region(CLI::App& command, std::string& region) {
    command.add_option("REGION", region, "the region")->required()->type_name("");
}

void add_pool_commands(CLI::App& app, Parsed& parsed) {
    add_command(app, "list-devices", "what persistent memory is here, and which pools are on it", parsed,
                [&] { return list_devices(parsed.common); });

    auto& pool = add_command(app, "create-pool", "make a pool on a device or in a file, and its manager key",
                             parsed, [&] { return create_pool(parsed.common, parsed.create_pool); });
    pool.add_option("PATH", parsed.create_pool.path, "the devdax device, or the file")
        ->required()
        ->type_name("");
    pool.add_option("--size", parsed.create_pool.size, "of the file, from 16M to 16T; a device has its own")
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

void add_key_commands(CLI::App& app, Parsed& parsed) {
    auto& rotate =
        add_command(app, "rotate-key", "make a new key for a principal; the old one is valid for a while",
                    parsed, [&] { return rotate_key(parsed.common, parsed.rotate_key); });
    rotate.add_option("NAME", parsed.rotate_key.principal, "the principal")->required()->type_name("");
    rotate.add_option("--overlap", parsed.rotate_key.overlap, "for how long, such as 2d; 1h unless given")
        ->type_name("DURATION");

    auto& revoke = add_command(app, "revoke-key", "remove a principal's key, and end its sessions", parsed,
                               [&] { return revoke_key(parsed.common, parsed.revoke_key); });
    revoke.add_option("NAME", parsed.revoke_key.principal, "the principal")->required()->type_name("");
    revoke.add_flag("--force", parsed.revoke_key.force,
                    "do it; otherwise it is only said what would be lost");
}

void add_offline_commands(CLI::App& app, Parsed& parsed) {
    auto& checking = add_command(app, "check", "verify all that a pool holds, with no manager; repair it",
                                 parsed, [&] { return check_pool(parsed.common, parsed.check); });
    checking.add_option("PATH", parsed.check.path, "the pool's device or file")->required()->type_name("");
    auto* repair = checking.add_flag("--repair", parsed.check.repair,
                                     "drop what can't be good, after a copy of the metadata was made");
    checking
        .add_flag("--older-state", parsed.check.older_state,
                  "go back to an older state, when the newest can't be had")
        ->needs(repair);
    checking.add_option("--copy", parsed.check.copy, "the metadata's copy; beside the pool unless given")
        ->needs(repair)
        ->type_name("FILE");
    auto* back = checking.add_option("--restore-copy", parsed.check.restore_copy, "put such a copy back");
    back->excludes(repair)->type_name("FILE");
    checking
        .add_flag("--force", parsed.check.force, "also when what was changed since the repair is lost by it")
        ->needs(back);

    auto& saving = add_command(app, "salvage", "bring all that verifies to files, with no manager", parsed,
                               [&] { return salvage(parsed.common, parsed.salvage); });
    saving.add_option("PATH", parsed.salvage.path, "the pool's device or file")->required()->type_name("");
    saving.add_option("--to", parsed.salvage.to, "the folder; it is made when missing")
        ->required()
        ->type_name("DIRECTORY");

    auto& rekeying = add_command(app, "rekey-pool", "give a pool another manager key, with no manager",
                                 parsed, [&] { return rekey_pool(parsed.common, parsed.rekey_pool); });
    rekeying.add_option("PATH", parsed.rekey_pool.path, "the pool's device or file")
        ->required()
        ->type_name("");
}

CLI::Option* add_keep(CLI::App& command, std::uint32_t& keep, const std::string& text) {
    return command.add_option("--keep", keep, text)
        ->check(CLI::Range(1U, pool::kMaximumKeep).description(""))
        ->type_name("N");
}

CLI::Option* add_keep_age(CLI::App& command, std::string& keep_age, const std::string& text) {
    return command.add_option("--keep-age", keep_age, text)->type_name("DURATION");
}

/// `needed`: the option without which these make no sense, if there is one.
template <class Request>
void add_settings(CLI::App& command, Request& request, CLI::Option* needed) {
    auto* keep = add_keep(command, request.keep, "generations kept; 8 unless given");
    auto* age = add_keep_age(command, request.keep_age, "keep all younger ones as well, such as 7d");
    auto* size = command.add_option("--max-size", request.max_size,
                                    "bytes a generation may have; no limit unless given");
    size->type_name("SIZE");
    for (auto* option : {keep, age, size})
        if (needed)
            option->needs(needed);
}

void add_region_commands(CLI::App& app, Parsed& parsed) {
    auto& create = add_command(app, "create-region", "make a region", parsed,
                               [&] { return create_region(parsed.common, parsed.create_region); });
    create.add_option("NAME", parsed.create_region.name, "such as team/app")->required()->type_name("");
    add_settings(create, parsed.create_region, nullptr);

    auto& destroy = add_command(app, "destroy-region", "drop a region with all its generations", parsed,
                                [&] { return destroy_region(parsed.common, parsed.destroy_region); });
    destroy.add_option("NAME", parsed.destroy_region.name, "the region")->required()->type_name("");
    destroy.add_flag("--force", parsed.destroy_region.force,
                     "do it; otherwise it is only said what would be lost");

    auto& clearing = add_command(app, "clear", "drop a region's generations and log, and keep the region",
                                 parsed, [&] { return clear(parsed.common, parsed.clear); });
    add_region(clearing, parsed.clear.region);
    clearing.add_flag("--force", parsed.clear.force, "do it; otherwise it is only said what would be lost");
}

void add_retention_commands(CLI::App& app, Parsed& parsed) {
    auto& retention = add_command(app, "set-retention", "say how many generations are kept, and how long",
                                  parsed, [&] { return set_retention(parsed.common, parsed.set_retention); });
    add_region(retention, parsed.set_retention.region);
    add_keep(retention, parsed.set_retention.keep, "generations kept; as it is unless given");
    add_keep_age(retention, parsed.set_retention.keep_age,
                 "keep all younger ones as well; 0: none for its age");

    const auto add_pin = [&](const char* name, const char* summary, bool pinned) {
        auto& command = add_command(app, name, summary, parsed,
                                    [&parsed, pinned] { return pin(parsed.common, parsed.pinned, pinned); });
        command.add_option("REGION@N", parsed.pinned, "the generation")->required()->type_name("");
    };
    add_pin("pin", "keep a generation, whatever retention says", true);
    add_pin("unpin", "leave a generation to retention again", false);
}

void add_rights_commands(CLI::App& app, Parsed& parsed) {
    const auto add_change = [&](const char* name, const char* summary, const char* rights,
                                Status (*does)(const Common&, const ChangeRights&)) -> CLI::Option* {
        auto& command = add_command(app, name, summary, parsed,
                                    [&parsed, does] { return does(parsed.common, parsed.change_rights); });
        add_region(command, parsed.change_rights.region);
        command.add_option("WHO", parsed.change_rights.grantee, "a principal, or %GROUP")
            ->required()
            ->type_name("");
        return command.add_option("RIGHT", parsed.change_rights.rights, rights)->type_name("");
    };
    add_change("grant", "give a principal or a group rights to a region",
               "read, append, write, take-over, administer, or all", grant)
        ->required();
    add_change("revoke", "take them back, and with them what is open by them", "all of them unless given",
               revoke);

    auto& show = add_command(app, "rights", "show who may do what with a region", parsed,
                             [&] { return rights(parsed.common, parsed.rights_of); });
    add_region(show, parsed.rights_of);

    auto& give = add_command(app, "set-owner", "give a region to another principal", parsed,
                             [&] { return set_owner(parsed.common, parsed.set_owner); });
    add_region(give, parsed.set_owner.region);
    give.add_option("PRINCIPAL", parsed.set_owner.owner, "whose it is then")->required()->type_name("");
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
    add_command_with_status(app, "audit", "look whether keys, windows and pools of this host are safe",
                            parsed, [&] { return audit(parsed.common); });
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
    add_settings(in, parsed.save, create);
    auto* clone = in.add_flag("--clone", parsed.save.clone,
                              "send what differs, share the rest with the newest generation");
    clone->excludes("--size");
    in.add_option("--dirty", parsed.save.dirty,
                  "what may have changed, to be sent unseen; may be given several times")
        ->allow_extra_args(false)
        ->needs(clone)
        ->type_name("OFFSET:LENGTH");
}

void add_restore_commands(CLI::App& app, Parsed& parsed) {
    auto& out = add_command_with_status(app, "restore",
                                        "write a generation to a file or to standard output, verified",
                                        parsed, [&] { return restore(parsed.common, parsed.restore); });
    out.add_option("REGION[@N]", parsed.restore.target,
                   "the newest generation that verifies, or generation N")
        ->required()
        ->type_name("");
    out.add_option("--to", parsed.restore.to, "make this file, once all of it is verified")
        ->type_name("FILE");
    out.add_flag("--exact", parsed.restore.exact, "the newest generation or none, never an older one");

    auto& files = add_command(app, "read", "bring all of a region, or what is unread, to files of a folder",
                              parsed, [&] { return read_all(parsed.common, parsed.read_all); });
    add_region(files, parsed.read_all.region);
    auto* all = files.add_flag("--all", parsed.read_all.all, "all kept generations and the log");
    auto* unread =
        files.add_option("--unread", parsed.read_all.unread, "what this cursor has not read; it moves on");
    unread->type_name("NAME")->excludes(all);
    files.add_option("--every", parsed.read_all.every, "look again that often, such as 10s, until Ctrl-C")
        ->needs(unread)
        ->type_name("DURATION");
    files.add_option("--to", parsed.read_all.to, "the folder; it is made when missing")
        ->required()
        ->type_name("DIRECTORY");
}

void add_log_commands(CLI::App& app, Parsed& parsed) {
    auto& in = add_command(app, "append", "add standard input to the log, as one record", parsed,
                           [&] { return append(parsed.common, parsed.append); });
    add_region(in, parsed.append.region);
    in.add_flag("--lines", parsed.append.lines, "each line is a record, as it comes");

    auto& out = add_command(app, "read-log", "print the records behind the newest generation", parsed,
                            [&] { return read_log(parsed.common, parsed.read_log); });
    out.add_option("REGION[@N]", parsed.read_log.target,
                   "the region; with N only when the log follows that one")
        ->required()
        ->type_name("");
    out.add_flag("--follow", parsed.read_log.follow, "and those that come, until Ctrl-C");
}

void add_cursor_commands(CLI::App& app, Parsed& parsed) {
    auto& show = add_command(app, "cursor", "show how far named backups have read", parsed,
                             [&] { return cursors(parsed.common, parsed.cursors); });
    add_region(show, parsed.cursors.region);
    show.add_option("NAME", parsed.cursors.name, "this one; all unless given")->type_name("");

    auto& advance = add_command(app, "cursor-advance", "say how far a named backup has read", parsed,
                                [&] { return cursor_advance(parsed.common, parsed.cursor_advance); });
    add_region(advance, parsed.cursor_advance.region);
    advance.add_option("NAME", parsed.cursor_advance.name, "the cursor")->required()->type_name("");
    advance.add_option("GENERATION", parsed.cursor_advance.generation, "read up to this one")
        ->required()
        ->type_name("");
    advance
        .add_option("SEQUENCE", parsed.cursor_advance.sequence,
                    "and so many records behind it; 0 unless given")
        ->type_name("");

    auto& drop = add_command(app, "cursor-drop", "forget how far a named backup has read", parsed,
                             [&] { return cursor_drop(parsed.common, parsed.cursor_drop); });
    add_region(drop, parsed.cursor_drop.region);
    drop.add_option("NAME", parsed.cursor_drop.name, "the cursor")->required()->type_name("");
}

void add_takeover_commands(CLI::App& app, Parsed& parsed) {
    auto& take = add_command(app, "take-over", "fence the primary, so that another can write", parsed,
                             [&] { return take_over(parsed.common, parsed.take_over); });
    add_region(take, parsed.take_over.region);
    take.add_option("--cursor", parsed.take_over.cursor, "show what this backup has read")->type_name("NAME");

    auto& look = add_command(app, "watch", "print what happens to a region, a JSON line each", parsed,
                             [&] { return watch(parsed.common, parsed.watch); });
    add_region(look, parsed.watch.region);
    look.add_option("--after", parsed.watch.after, "start behind event N; from now on unless given")
        ->check(CLI::Range(std::uint64_t(0), kMaximumEvent).description(""))
        ->type_name("N");
    look.add_option("--count", parsed.watch.count, "end after N events")
        ->check(CLI::Range(std::uint64_t(1), kMaximumEvent).description(""))
        ->type_name("N");
    look.add_option("--on-failure", parsed.watch.on_failure, "run this, once, when the primary is lost")
        ->type_name("CMD");
}

void add_address(CLI::App& command, std::string& address) {
    command.add_option("ADDRESS", address, "HOST[:PORT] of the service; port 7472 unless given")
        ->required()
        ->type_name("");
}

void add_remote_commands(CLI::App& app, Parsed& parsed) {
    auto& cat = add_command(app, "remote-cat", "write files of a pmemckpt-filed to standard output", parsed,
                            [&] { return remote_cat(parsed.common, parsed.remote_cat); });
    add_address(cat, parsed.remote_cat.address);
    cat.add_option("PATH", parsed.remote_cat.paths, "within the directory that is served")
        ->required()
        ->type_name("");

    auto& copy = add_command(app, "remote-cp", "copy files to or from a pmemckpt-filed", parsed,
                             [&] { return remote_cp(parsed.common, parsed.remote_copy); });
    add_address(copy, parsed.remote_copy.address);
    copy.add_option("PATH", parsed.remote_copy.paths,
                    "what is copied, and as the last where to; with a ':' before it at the service")
        ->required()
        ->expected(2, CLI::detail::expected_max_vector_size)
        ->type_name("");

    auto& all = add_command(app, "remote-list", "list the sync points that a participant holds", parsed,
                            [&] { return remote_list(parsed.common, parsed.listed_address); });
    add_address(all, parsed.listed_address);
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
        log::error("{}", usage_error("pmemckpt-ctl", error.what()).message);
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
    add_key_commands(app, parsed);
    add_offline_commands(app, parsed);
    add_region_commands(app, parsed);
    add_retention_commands(app, parsed);
    add_rights_commands(app, parsed);
    add_list_commands(app, parsed);
    add_data_commands(app, parsed);
    add_restore_commands(app, parsed);
    add_log_commands(app, parsed);
    add_cursor_commands(app, parsed);
    add_takeover_commands(app, parsed);
    add_remote_commands(app, parsed);
    if (const auto ended = parse(app, argc, argv))
        return *ended;
    const auto done =
        parsed.chosen ? parsed.chosen() : fail(EINVAL, "no command is given (see pmemckpt-ctl --help)");
    if (!done)
        log::error("{}", done.error().message);
    return done ? *done : exit_status(done.error().code);
}

}  // namespace pmemckpt::ctl
