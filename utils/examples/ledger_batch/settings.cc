#include "utils/examples/ledger_batch/settings.hh"

#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string_view>

namespace ledger_batch {

namespace {

constexpr std::uint64_t kMostTransactions = 999'999'999;
constexpr std::uint64_t kLongestPatience_s = 86'400;
constexpr std::uint64_t kLongestTimeout_ms = 3'600'000;
constexpr std::uint64_t kLongestPause_us = 1'000'000;

constexpr const char* kHelp =
    "usage: ledger_batch --transactions FILE --master FILE --report FILE [options]\n"
    "Applies transactions, lines \"ACCOUNT AMOUNT\", to the records of a master file, and reports each:\n"
    "files that pmemckpt-filed serves on other systems, HOST:PORT/PATH. Killed at any moment and\n"
    "started again, it goes on from the newest sync point; when a service dies, it does so by itself.\n"
    "\n"
    "  --transactions FILE  what is to be applied\n"
    "  --master FILE        a record of 48 bytes for each account, in the order in which they come\n"
    "  --report FILE        a line for each transaction, with the balance, and one with the totals\n"
    "  --every N            transactions from one sync point to the next (1000)\n"
    "  --job NAME           name of the job; the services' checkpoint files belong to it (ledger)\n"
    "  --patience-s N       seconds to go on trying without a new sync point (300)\n"
    "  --timeout-ms N       after which a service that is silent has failed (60000)\n"
    "  --pause-us N         pause after each transaction\n"
    "  --help               this text\n"
    "\n"
    "The master file and the report must not be there at the beginning. PMEMCKPT_PRINCIPAL and\n"
    "PMEMCKPT_KEY_DIR say as whom to connect; see pmemckpt-sync(3). Exit status: 0 all is done,\n"
    "1 failure, 2 wrong options or transactions, 3 no such file or key, 4 a file is there already, or\n"
    "a service works for another job, 5 disk full, 6 a service can't be reached: start it again to go\n"
    "on, 7 the master file or a sync point is damaged, 8 refused, or another ledger_batch took over.\n";

std::uint64_t number(const char* option, const char* text, std::uint64_t least, std::uint64_t most) {
    std::uint64_t value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, status] = std::from_chars(text, end, value);
    if (status != std::errc() || stop != end || value < least || value > most)
        throw std::invalid_argument(std::string("--") + option + " is a number from " +
                                    std::to_string(least) + " to " + std::to_string(most) + ", not \"" +
                                    text + "\"");
    return value;
}

RemoteFile remote_file(const char* option, const std::string& text) {
    const auto slash = text.find('/');
    if (slash == text.npos || slash == 0 || slash + 1 == text.size())
        throw std::invalid_argument(std::string("--") + option + " is HOST:PORT/PATH, not \"" + text + "\"");
    return {text.substr(0, slash), text.substr(slash + 1)};
}

void set(Settings& settings, std::string_view option, const char* value) {
    if (option == "transactions")
        settings.transactions = remote_file("transactions", value);
    else if (option == "master")
        settings.master = remote_file("master", value);
    else if (option == "report")
        settings.report = remote_file("report", value);
    else if (option == "every")
        settings.every = number("every", value, 1, kMostTransactions);
    else if (option == "job")
        settings.job = value;
    else if (option == "patience-s")
        settings.patience_s = number("patience-s", value, 0, kLongestPatience_s);
    else if (option == "timeout-ms")
        settings.timeout_ms = static_cast<std::uint32_t>(number("timeout-ms", value, 1, kLongestTimeout_ms));
    else if (option == "pause-us")
        settings.pause_us = number("pause-us", value, 0, kLongestPause_us);
}

void check_complete(const Settings& settings) {
    if (settings.transactions.path.empty() || settings.master.path.empty() || settings.report.path.empty())
        throw std::invalid_argument(
            "--transactions, --master and --report are needed: see ledger_batch --help");
}

}  // namespace

std::vector<std::string> Settings::services() const {
    std::vector<std::string> all;
    for (const auto& file : {transactions, master, report})
        if (std::find(all.begin(), all.end(), file.service) == all.end())
            all.push_back(file.service);
    return all;
}

bool read_options(int count, char** arguments, Settings& settings) {
    static const option kOptions[] = {{"transactions", required_argument, nullptr, 's'},
                                      {"master", required_argument, nullptr, 's'},
                                      {"report", required_argument, nullptr, 's'},
                                      {"every", required_argument, nullptr, 's'},
                                      {"job", required_argument, nullptr, 's'},
                                      {"patience-s", required_argument, nullptr, 's'},
                                      {"timeout-ms", required_argument, nullptr, 's'},
                                      {"pause-us", required_argument, nullptr, 's'},
                                      {"help", no_argument, nullptr, 'h'},
                                      {nullptr, 0, nullptr, 0}};
    int index = 0;
    for (int found; (found = ::getopt_long(count, arguments, "", kOptions, &index)) != -1;) {
        if (found == 'h') {
            std::cout << kHelp;
            return false;
        }
        if (found != 's')
            throw std::invalid_argument("see ledger_batch --help");
        set(settings, kOptions[index].name, optarg);
    }
    if (optind < count)
        throw std::invalid_argument(std::string("what is \"") + arguments[optind] +
                                    "\"? See ledger_batch --help");
    check_complete(settings);
    return true;
}

}  // namespace ledger_batch
