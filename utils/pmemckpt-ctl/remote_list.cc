// pmemckpt-ctl remote-list: what a participant of sync points holds.
#include "lib/base/uuid.hh"
#include "lib/sync/peer.hh"
#include "utils/pmemckpt-ctl/remote.hh"
#include "utils/pmemckpt-ctl/remote_json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr auto kRight = Table::Align::right;
constexpr std::size_t kShortTag = 8;  // as much of it as messages show

std::string points_table(const std::vector<sync::Table::Held>& all) {
    Table table({{"NUMBER", kRight},
                 {"TAG"},
                 {"STATE"},
                 {"PARTICIPANTS", kRight},
                 {"COORDINATOR-BYTES", kRight},
                 {"PARTICIPANT-BYTES", kRight}});
    for (const auto& [point, complete] : all)
        table.add({std::to_string(point.id.number), to_string(point.id.tag).substr(0, kShortTag),
                   complete ? "complete" : "in doubt", std::to_string(point.participants.size()),
                   std::to_string(point.coordinator_bytes), std::to_string(point.participant_bytes)});
    return table.text();
}

std::string job_text(const sync::JobListed& job) {
    const auto line = fmt::format("job {}, term {}, highest number {}, {}\n", job.job, job.term, job.highest,
                                  job.state_lost ? "must be rolled back" : "need not be rolled back");
    return line + (job.held.empty() ? "It holds no sync point.\n" : points_table(job.held));
}

std::string text_of(const sync::Peer& peer, const sync::Listed& listed) {
    auto text = fmt::format("participant {} at {}\n", to_string(peer.participant()), peer.address());
    for (const auto& job : listed.jobs)
        text += job_text(job);
    return text + (listed.jobs.empty() ? "No coordinator has opened a job with it.\n" : "");
}

}  // namespace

Status remote_list(const Common& common, const std::string& address) {
    const auto peer = TRY(sync::Peer::connect(wanted_participant(common, address)));
    const auto listed = TRY(peer->list());
    return print(common.json ? remote_list_json(peer->address(), peer->participant(), listed)
                             : text_of(*peer, listed));
}

}  // namespace pmemckpt::ctl
