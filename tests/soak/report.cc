#include "tests/soak/report.hh"

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>

namespace soak {

namespace {

std::int64_t seconds(Elapsed elapsed) {
    return std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
}

void print_row(const char* name, std::uint64_t count, const char* remark = "") {
    fmt::print("{:<28}{:>12}  {}\n", name, count, remark);
}

}  // namespace

void print_progress(Elapsed elapsed, const Counts& counts) {
    fmt::print(
        "{:>6} s: {} kills (manager {}, primary {}, backup {}, mount {}); {} generations and {} appends "
        "reported; {} generations, {} records and {} files verified; {} audits; {} failures\n",
        seconds(elapsed), counts.kills(), counts.manager_kills.load(), counts.primary_kills.load(),
        counts.backup_kills.load(), counts.mount_kills.load(), counts.sealed.load(), counts.answered.load(),
        counts.generations_read.load(), counts.records_read.load(), counts.files_read.load(),
        counts.audits.load(), counts.failures.load());
    std::fflush(stdout);
}

void print_table(Elapsed elapsed, const Counts& counts) {
    print_row("seconds", static_cast<std::uint64_t>(seconds(elapsed)));
    print_row("SIGKILLs", counts.kills());
    print_row("  of the manager", counts.manager_kills);
    print_row("  of a primary", counts.primary_kills);
    print_row("  of a backup", counts.backup_kills);
    print_row("  of the mount helper", counts.mount_kills);
    print_row("starts", counts.starts);
    print_row("generations reported", counts.sealed);
    print_row("appends answered", counts.answered);
    print_row("seals in flight that held", counts.in_flight_seals, "killed before they were told of it");
    print_row("takeovers", counts.takeovers);
    print_row("  old primary still there", counts.fenced, "it was fenced");
    print_row("clears", counts.clears);
    print_row("regions made", counts.remakes);
    print_row("retention set", counts.retentions);
    print_row("pins set and taken back", counts.pins);
    print_row("generations verified", counts.generations_read);
    print_row("records verified", counts.records_read);
    print_row("files of mounts verified", counts.files_read);
    print_row("  reads that ended in error", counts.read_errors, "while something was dead");
    print_row("audits", counts.audits, "of all that the pool holds, after each restart of the manager");
    print_row("  through the mount, too", counts.view_audits);
    print_row("  and all destroyed", counts.wipes, "all pages were free");
    print_row("pools checked", counts.checks, "pmemckpt-ctl check, after the kill");
    print_row("backups that caught up", counts.catch_ups);
    print_row("operations on a full pool", counts.full);
    print_row("failures", counts.failures);
    std::fflush(stdout);
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

}  // namespace soak
