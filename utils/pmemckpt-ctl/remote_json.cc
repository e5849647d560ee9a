#include "utils/pmemckpt-ctl/remote_json.hh"

#include "lib/base/uuid.hh"
#include "utils/pmemckpt-ctl/json_text.hh"

namespace pmemckpt::ctl {

namespace {

Json sync_point_object(const sync::Table::Held& held) {
    auto participants = Json::array();
    for (const auto& participant : held.point.participants)
        participants.push_back(to_string(participant));
    return {{"number", held.point.id.number},
            {"tag", to_string(held.point.id.tag)},
            {"complete", held.complete != 0},
            {"participants", std::move(participants)},
            {"coordinator_bytes", held.point.coordinator_bytes},
            {"participant_bytes", held.point.participant_bytes}};
}

Json job_object(const sync::JobListed& job) {
    auto points = Json::array();
    for (const auto& held : job.held)
        points.push_back(sync_point_object(held));
    return {{"job", job.job},
            {"term", job.term},
            {"highest", job.highest},
            {"must_roll_back", job.state_lost != 0},
            {"sync_points", std::move(points)}};
}

}  // namespace

std::string copied_json(std::span<const Copied> copied) {
    auto array = Json::array();
    for (const auto& one : copied)
        array.push_back(Json{{"from", one.from}, {"to", one.to}, {"bytes", one.bytes}});
    return text(array);
}

std::string remote_list_json(const std::string& address, const Uuid& participant,
                             const sync::Listed& listed) {
    auto jobs = Json::array();
    for (const auto& job : listed.jobs)
        jobs.push_back(job_object(job));
    return text({{"address", address}, {"participant", to_string(participant)}, {"jobs", std::move(jobs)}});
}

}  // namespace pmemckpt::ctl
