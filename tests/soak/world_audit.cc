// The audit of a world: a process reads all that the pool holds, while nobody writes; the oracles compare.
#include "tests/soak/failure.hh"
#include "tests/soak/view_files.hh"
#include "tests/soak/world.hh"

namespace soak {

namespace {

constexpr int kAuditLimit = 120;
constexpr unsigned kViewAuditPercent = 10;

}  // namespace

void World::audit(bool wipe) {
    found_.assign(pairs_.size(), std::nullopt);
    wipe_is_complete_ = false;
    Settings settings;
    settings.set("region_prefix", "r");
    const bool with_view = mount_.is_alive() && random_.percent(kViewAuditPercent);
    if (with_view)
        settings.set("mount", site_.mount_point().string());
    if (wipe)
        settings.set("wipe", 1);
    const auto auditor = site_.start_role("audit", "audit", settings);
    const int status = auditor->wait(site_.limit(kAuditLimit));
    for (const auto& line : auditor->lines)
        process_audit(line);
    if (!exited_with(status, 0) || auditor->lines.empty() || auditor->lines.back().verb != "audited")
        fail("the audit has ended with {}; its last words: {}", end_text(status), site_.last_words("audit"));
    for (std::size_t index = 0; index < pairs_.size(); ++index) {
        pairs_[index]->oracle().audit(found_[index]);
        pairs_[index]->settled();
        if (wipe && found_[index])
            pairs_[index]->oracle().wiped();
    }
    ++counts_.audits;
    counts_.view_audits += with_view ? 1 : 0;
    counts_.wipes += wipe ? 1 : 0;
}

void World::process_audit(const Line& line) {
    if (line.verb == "wrong" || line.verb == "trouble")
        fail("the audit: {}", line.text);
    if (line.verb == "wiped" && line[0] != line[1])
        fail("all regions were destroyed, and {} of {} pages are free", line[0], line[1]);
    if (line.verb == "wiped" || line.verb == "audited")
        return;
    if (line.verb == "region")
        found_.at(line[0]) = FoundRegion{line[1], line[2], {}, {}, {}};
    auto& found = found_.at(line[0]).value();
    if (line.verb == "generation")
        found.generations[line[1]] = {{line[2], line[3]}, line[4], line[5] != 0};
    else if (line.verb == "entry")
        found.records.push_back({line[1], line[2], {line[3], line[4]}});
    else if (line.verb == "cursor-found")
        found.cursors[line.text] = {line[1], line[2]};
    else
        compare_files(line);
}

/// What the library found, the mount must show.
void World::compare_files(const Line& line) const {
    const auto& found = found_.at(line[0]).value();
    if (line.verb == "generation-file" || line.verb == "newest-file") {
        const auto known = found.generations.find(line[1]);
        const bool same =
            known != found.generations.end() && known->second.content == Content{line[2], line[3]};
        if (!same || (line.verb == "newest-file" && line[1] != found.generations.rbegin()->first))
            fail("the mount shows r{}@{} as {}, with {} bytes, and that is not there", line[0], line[1],
                 line.verb, line[2]);
    } else if (line.verb == "log-file") {
        std::uint64_t chain = 0;
        for (const auto& record : found.records)
            chain = chained(chain, record.content.hash);
        if (line[2] != found.records.size() || line[3] != chain)
            fail("the mount shows the log of r{} with {} records; there are {}", line[0], line[2],
                 found.records.size());
    } else if (line.verb == "files" && line[1] != found.generations.size()) {
        fail("the mount shows {} generations of r{}; there are {}", line[1], line[0],
             found.generations.size());
    }
}

}  // namespace soak
