// pmemckpt-ctl check: whether all that a pool holds verifies. Nothing of it is changed.
#include "lib/pool/check.hh"

#include <cerrno>
#include <optional>

#include "lib/base/units.hh"
#include "lib/media/inspect.hh"
#include "utils/pmemckpt-ctl/offline.hh"
#include "utils/pmemckpt-ctl/offline_json.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

Result<pool::CheckReport> check_with_progress(const media::Medium& medium) {
    std::optional<Progress> progress;
    return pool::check(medium, {[&](std::uint64_t total) { progress.emplace("checking", total); },
                                [&](std::uint64_t bytes) { progress->advance(bytes); }});
}

std::string superblock_text(const pool::CheckReport::Superblock& copy) {
    if (copy.state != format::SuperblockState::valid)
        return superblock_state(copy.state);
    return fmt::format("sequence {}{}", copy.sequence, copy.counts ? ", which counts" : "");
}

std::string text_of(const std::string& path, const pool::CheckReport& report) {
    auto text = fmt::format("pool {}\n  superblocks  A: {}; B: {}\n", path,
                            superblock_text(report.superblocks[0]), superblock_text(report.superblocks[1]));
    if (report.journal) {
        const auto& journal = *report.journal;
        text += fmt::format("  uuid         {}\n", pool::to_string(report.uuid));
        text += fmt::format("  journal      half {}: {} from number {} on, {} of {} bytes\n", journal.half,
                            plural(journal.records, "record"), journal.first_sequence, journal.used_bytes,
                            journal.half_bytes);
        text += fmt::format("  pages        {} of {}: {} owned, {} free\n", report.pages,
                            format_size(report.page_size), report.owned_pages, report.free_pages);
        text += fmt::format("  generations  {} of {} verify, {} bytes in {}\n", report.good_generations,
                            report.generations, report.generation_bytes, plural(report.regions, "region"));
        text += fmt::format("  logs         {} with {} of {} bytes\n", report.logs,
                            plural(report.log_records, "record"), report.log_payload_bytes);
        text += fmt::format("  cursors      {}\n", report.cursors);
    }
    if (report.older_state)
        text += fmt::format("This is {}.\n", *report.older_state);
    for (const auto& finding : report.findings)
        text +=
            fmt::format("{}: {}: {}\n", pool::to_string(finding.severity), finding.where, finding.message);
    return text + (report.findings.empty() ? "All of it verifies.\n" : "");
}

}  // namespace

Status check_pool(const Common& common, const std::string& path) {
    const auto medium = TRY(media::inspect_medium(path));
    const auto report = TRY(check_with_progress(*medium));
    TRY(print(common.json ? checked_json(path, report) : text_of(path, report)));
    if (report.findings.empty())
        return {};
    return fail(EUCLEAN, "{} does not verify: {}", path, plural(report.findings.size(), "finding"));
}

}  // namespace pmemckpt::ctl
