// pmemckpt-ctl check: whether all that a pool holds verifies; and its repair.
#include "lib/pool/check.hh"

#include <cerrno>
#include <optional>

#include "lib/base/units.hh"
#include "lib/media/inspect.hh"
#include "utils/pmemckpt-ctl/metadata_copy.hh"
#include "utils/pmemckpt-ctl/offline.hh"
#include "utils/pmemckpt-ctl/offline_json.hh"
#include "utils/pmemckpt-ctl/offline_key.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

/// A bar for each time that all is read.
class Bars {
public:
    pool::CheckProgress hooks() {
        return {[this](std::uint64_t total) { bar_.emplace("checking", total); },
                [this](std::uint64_t bytes) { bar_->advance(bytes); }};
    }

private:
    std::optional<Progress> bar_;
};

std::string superblock_text(const pool::CheckReport::Superblock& copy) {
    if (copy.state != format::SuperblockState::valid)
        return superblock_state(copy.state);
    return fmt::format("sequence {}{}", copy.sequence, copy.counts ? ", which counts" : "");
}

std::string text_of(const std::vector<pool::Finding>& findings) {
    std::string text;
    for (const auto& finding : findings)
        text +=
            fmt::format("{}: {}: {}\n", pool::to_string(finding.severity), finding.where, finding.message);
    return text;
}

std::string text_of(const std::string& path, const OfflineKey& key, const pool::CheckReport& report) {
    auto text = fmt::format("pool {}\n  superblocks  A: {}; B: {}\n", path,
                            superblock_text(report.superblocks[0]), superblock_text(report.superblocks[1]));
    text += fmt::format("  MACs         {}\n", key.get() ? "verified" : "not verified: " + key.why_not);
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
    return text + text_of(report.findings) + (report.findings.empty() ? "All of it verifies.\n" : "");
}

std::string text_of(const Repaired& repaired) {
    const auto& [report, copy, files, path, has_copy] = repaired;
    auto text = fmt::format("pool {}\n", path);
    if (report.plan.changes.empty())
        return text + text_of(report.after.findings) +
               (report.after.findings.empty() ? "All of it verifies: nothing was changed.\n"
                                              : "Nothing was changed.\n");
    text += fmt::format("The metadata as it was is in {}\n", copy);
    for (const auto& change : report.plan.changes)
        text += fmt::format("repaired: {}: {}\n", change.where, change.message);
    for (const auto& file : files)
        text +=
            fmt::format("{} of {} bytes of the log behind {}@{} are in {}\n", plural(file.records, "record"),
                        file.bytes, file.region, file.generation, file.file);
    return text + text_of(report.after.findings) +
           (report.after.findings.empty() ? "All of it verifies now.\n" : "");
}

const char* way_out(const pool::CheckReport& report) {
    if (!report.journal)
        return "no repair mends that; --restore-copy puts back metadata that was copied, where there is a "
               "copy";
    if (report.older_state)
        return "salvage brings out what verifies; --repair says what can be mended, and what it would lose";
    return "--repair mends what can be";
}

Status look(const Common& common, const std::string& path) {
    const auto medium = TRY(media::inspect_medium(path));
    const auto key = key_to_look_with(*medium, common);
    Bars bars;
    const auto report = TRY(pool::check(*medium, key.get(), bars.hooks()));
    TRY(print(common.json ? checked_json(path, report) : text_of(path, key, report)));
    if (report.findings.empty())
        return {};
    return fail(EUCLEAN, "{} does not verify: {}; {}", path, plural(report.findings.size(), "finding"),
                way_out(report));
}

/// Before the first change: the metadata as it is, and the records that will have no place.
Status keep(const media::Medium& medium, const pool::RepairPlan& plan, Repaired& repaired) {
    if (!repaired.has_copy)
        TRY(write_copy(repaired.copy, medium.bytes().first(plan.metadata_bytes)));
    repaired.has_copy = true;
    const auto folder = repaired.copy + ".logs";
    TRY(write_remains(folder, plan.remains));
    for (const auto& log : plan.remains)
        repaired.files.push_back({log.region, log.generation, folder + "/" + file_of(log), log.records,
                                  log.first, log.last, log.bytes, log.behind_end});
    return {};
}

Status mend(const Common& common, const Check& request) {
    const auto medium = TRY(media::open_medium(request.path, media::Use::exclusive));
    Repaired repaired{
        {}, request.copy.empty() ? default_copy_name(request.path) : request.copy, {}, request.path, false};
    const auto key = TRY(key_to_write_with(*medium, common));
    Bars bars;
    auto report = pool::repair(
        *medium, key, {request.older_state},
        {bars.hooks(), [&](const pool::RepairPlan& plan) { return keep(*medium, plan, repaired); }});
    if (!report && repaired.has_copy)
        return fail(report.error().code, "{} (the metadata as it was is in {})", report.error().message,
                    repaired.copy);
    repaired.report = TRY(std::move(report));
    TRY(print(common.json ? repaired_json(repaired) : text_of(repaired)));
    const auto left = repaired.report.after.findings.size();
    return left == 0 ? Status()
                     : fail(EUCLEAN, "{} still does not verify: {} can't be mended without loss",
                            request.path, plural(left, "finding"));
}

Status put_back(const Common& common, const Check& request) {
    const auto medium = TRY(media::open_medium(request.path, media::Use::exclusive));
    const auto kept = TRY(restore_copy(*medium, request.restore_copy, request.force));
    return print(common.json
                     ? restored_copy_json(request.path, request.restore_copy, kept)
                     : fmt::format("pool {}\nThe metadata as it was is in {}\nIt is that of {} again\n",
                                   request.path, kept, request.restore_copy));
}

}  // namespace

Status check_pool(const Common& common, const Check& request) {
    if (!request.restore_copy.empty())
        return put_back(common, request);
    return request.repair ? mend(common, request) : look(common, request.path);
}

}  // namespace pmemckpt::ctl
