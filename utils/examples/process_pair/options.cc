#include "utils/examples/process_pair/options.hh"

#include <getopt.h>

#include <functional>
#include <iostream>
#include <utility>

#include "utils/examples/process_pair/protocol.hh"

namespace process_pair {

namespace {

constexpr const char* kHelp =
    "usage: process_pair COMMAND [options]\n"
    "A bank that loses nothing when it dies: two processes, and a log in persistent memory.\n"
    "\n"
    "serve: one process of the pair. It stands by while there is a primary, else it takes over\n"
    "  --region NAME        where the bank lies; made when missing (example/bank)\n"
    "  --listen HOST:PORT   where it serves (127.0.0.1:0, any free port)\n"
    "  --address-file FILE  where it serves is written to it\n"
    "  --name NAME          of this process, and of its cursor (member)\n"
    "  --heartbeat-ms N     a primary that shows nothing for so long hangs (1000)\n"
    "  --seal-every N       transfers from one generation to the next (10000)\n"
    "  --accounts N         of a new bank, each with 1000 (1000)\n"
    "\n"
    "load: clients of the service, until SIGTERM; then they end what they have begun\n"
    "  --server HOST:PORT   of a process of the pair; give it once for each\n"
    "  --answers FILE       what they were answered\n"
    "  --clients N          how many (8)\n"
    "  --first-client N     their numbers begin there; no number twice in one bank (1)\n"
    "  --accounts N         how many the bank has (1000)\n"
    "  --transfers N        of each client (no limit)\n"
    "  --seconds N          how long at most (600)\n"
    "  --timeout-ms N       for one answer, before another server is asked (250)\n"
    "  --patience-s N       for a transfer to be answered at all (30)\n"
    "  --pause-us N         of a client, after each answer (1000)\n"
    "  --seed N             which transfers they are (1)\n"
    "\n"
    "archive: writes down all records of the region's logs, until it is killed\n"
    "  --region NAME        (example/bank)\n"
    "  --output FILE\n"
    "\n"
    "audit: compares answers, archive and region; exit status 1 when a transfer was lost or doubled\n"
    "  --region NAME        (example/bank)\n"
    "  --answers FILE\n"
    "  --archive FILE\n"
    "  --wait-s N           for an archive that is behind (10)\n"
    "\n"
    "PMEMCKPT_SERVER, PMEMCKPT_POOL, PMEMCKPT_PRINCIPAL, PMEMCKPT_KEY_DIR and PMEMCKPT_TRANSPORT\n"
    "say where the region is and as whom; see pmemckpt(7). Exit status: 0, 1 failure, 2 wrong\n"
    "options or a region with other contents, 3 no key or pool, 5 pool full, 6 connection lost:\n"
    "start it again, 8 refused; of a primary: fenced, another one has taken over.\n";

/// An option's name, and what is done with its value.
struct Option {
    const char* name;
    std::function<void(const char* value)> set;
};

/// False: --help was asked for, and there is nothing more to do.
bool read_options(int count, char** arguments, const std::vector<Option>& options) {
    std::vector<::option> table;
    for (const auto& option : options)
        table.push_back({option.name, required_argument, nullptr, 's'});
    table.push_back({"help", no_argument, nullptr, 'h'});
    table.push_back({});
    int index = 0;
    for (int found; (found = ::getopt_long(count, arguments, "", table.data(), &index)) != -1;) {
        if (found == 'h') {
            std::cout << kHelp;
            return false;
        }
        if (found != 's')
            throw std::invalid_argument("see process_pair --help");
        options[static_cast<std::size_t>(index)].set(optarg);
    }
    if (optind < count)
        throw std::invalid_argument(std::string("what is \"") + arguments[optind] +
                                    "\"? See process_pair --help");
    return true;
}

Option text(const char* name, std::string& into) {
    return {name, [&into](const char* value) { into = value; }};
}

/// A whole number in a range, given to `set`.
template <class Set>
Option number(const char* name, std::uint64_t least, std::uint64_t most, Set&& set) {
    return {name, [=](const char* value) {
                const auto found = to_number(value);
                if (!found || *found < least || *found > most)
                    throw std::invalid_argument(std::string("--") + name + " is a number from " +
                                                std::to_string(least) + " to " + std::to_string(most) +
                                                ", not \"" + value + "\"");
                set(*found);
            }};
}

template <class Into>
Option number(const char* name, std::uint64_t least, std::uint64_t most, Into* into) {
    return number(name, least, most, [into](std::uint64_t value) { *into = static_cast<Into>(value); });
}

void need(const char* option, const std::string& value) {
    if (value.empty())
        throw std::invalid_argument(std::string(option) + " is missing; see process_pair --help");
}

int run_serve(int count, char** arguments) {
    Member member;
    if (!read_options(
            count, arguments,
            {text("region", member.region), text("listen", member.listen),
             text("address-file", member.address_file), text("name", member.name),
             number("heartbeat-ms", 50, 3'600'000,
                    [&](std::uint64_t value) { member.heartbeat = std::chrono::milliseconds(value); }),
             number("seal-every", 1, 1'000'000'000, &member.seal_every),
             number("accounts", 2, kMostAccounts, &member.accounts)}))
        return 0;
    if (member.name.empty() || member.name.size() > kNameBytes)
        throw std::invalid_argument("--name has 1 to " + std::to_string(kNameBytes) + " bytes, not " +
                                    std::to_string(member.name.size()));
    serve(member);
    return 0;
}

int run_load(int count, char** arguments) {
    Load load;
    const auto add_server = [&](const char* value) { load.servers.push_back(parse_address(value)); };
    if (!read_options(count, arguments,
                      {{"server", add_server},
                       text("answers", load.answers),
                       number("clients", 1, 256, &load.clients),
                       number("first-client", 0, UINT64_MAX - 256, &load.first_client),
                       number("accounts", 2, kMostAccounts, &load.accounts),
                       number("transfers", 1, UINT64_MAX, &load.transfers),
                       number("seconds", 1, 86'400,
                              [&](std::uint64_t value) { load.seconds = std::chrono::seconds(value); }),
                       number("timeout-ms", 1, 3'600'000,
                              [&](std::uint64_t value) { load.timeout = std::chrono::milliseconds(value); }),
                       number("patience-s", 1, 86'400,
                              [&](std::uint64_t value) { load.patience = std::chrono::seconds(value); }),
                       number("pause-us", 0, 3'600'000'000,
                              [&](std::uint64_t value) { load.pause = std::chrono::microseconds(value); }),
                       number("seed", 0, UINT64_MAX, &load.seed)}))
        return 0;
    if (load.servers.empty())
        throw std::invalid_argument("--server is missing; see process_pair --help");
    need("--answers", load.answers);
    run_load(load);
    return 0;
}

int run_archive(int count, char** arguments) {
    Archive archive{Member().region, {}};
    if (!read_options(count, arguments, {text("region", archive.region), text("output", archive.output)}))
        return 0;
    need("--output", archive.output);
    run_archive(archive);
    return 0;
}

int run_audit(int count, char** arguments) {
    Audit audit;
    audit.region = Member().region;
    if (!read_options(count, arguments,
                      {text("region", audit.region), text("answers", audit.answers),
                       text("archive", audit.archive), number("wait-s", 0, 86'400, [&](std::uint64_t value) {
                           audit.patience = std::chrono::seconds(value);
                       })}))
        return 0;
    need("--answers", audit.answers);
    need("--archive", audit.archive);
    return run_audit(audit) ? 0 : 1;
}

}  // namespace

int run(int count, char** arguments) {
    const std::string_view command = count > 1 ? arguments[1] : "";
    if (command == "--help") {
        std::cout << kHelp;
        return 0;
    }
    constexpr std::pair<std::string_view, int (*)(int, char**)> kCommands[] = {
        {"serve", run_serve}, {"load", run_load}, {"archive", run_archive}, {"audit", run_audit}};
    for (const auto& [name, run_command] : kCommands)
        if (command == name)
            return run_command(count - 1, arguments + 1);
    throw std::invalid_argument(
        "the first argument is serve, load, archive or audit; see process_pair --help");
}

}  // namespace process_pair
