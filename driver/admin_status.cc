#include "driver/admin_status.hh"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "driver/handshake.hh"
#include "lib/confine/capabilities.hh"
#include "lib/confine/filter.hh"

namespace pmemckpt::driver {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kNanoseconds = 1'000'000'000;  // a second

std::string iso_time(std::int64_t nanoseconds) {
    const std::time_t seconds = nanoseconds / kNanoseconds;
    std::tm time{};
    ::gmtime_r(&seconds, &time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", time.tm_year + 1900, time.tm_mon + 1,
                       time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec, nanoseconds % kNanoseconds);
}

/// Who reads it may be elsewhere.
std::string whole_path(const std::string& path) {
    std::error_code status;
    const auto whole = std::filesystem::absolute(path, status);
    return status ? path : whole.string();
}

Json pool_object(const ServedPool& served) {
    const auto info = served.pool->info();
    return {{"name", served.name},
            {"path", whole_path(served.path)},
            {"uuid", pool::to_string(info.uuid)},
            {"size", info.size},
            {"page_size", info.page_size},
            {"pages", info.pages},
            {"free_pages", info.free_pages},
            {"bad_pages", info.bad_pages},
            {"regions", info.regions},
            {"generations", info.generations},
            {"drafts", info.drafts},
            {"durability", media::to_string(info.durability)},
            {"journal",
             {{"half_bytes", info.journal_half_bytes},
              {"used_bytes", info.journal_used_bytes},
              {"switches", info.journal_switches}}}};
}

/// A count of what a peer does; null where a device does it for him, and tells nobody.
Json count_of(const rdma::Peer& peer, std::uint64_t count) {
    return peer.engine == "verbs" ? Json() : Json(count);
}

Json session_object(const SessionInfo& session, std::size_t windows) {
    Json object{{"id", session.id}};
    object["principal"] = session.principal.empty() ? Json() : Json(session.principal);
    object["pool"] = session.pool.empty() ? Json() : Json(session.pool);
    object["peer"] = session.peer.address;
    object["engine"] = session.peer.engine;
    object["connected"] = iso_time(session.since_ns);
    object["connected_ns"] = session.since_ns;
    object["windows"] = windows;
    object["bytes_received"] = count_of(session.peer, session.peer.bytes_received);
    object["bytes_sent"] = count_of(session.peer, session.peer.bytes_sent);
    object["refused"] = count_of(session.peer, session.peer.refused);
    return object;
}

const char* to_string(rdma::Access access) {
    switch (access) {
        case rdma::Access::read: return "read";
        case rdma::Access::write: return "write";
        case rdma::Access::both: return "both";
    }
    return "none";
}

/// The bytes that a window is for: of a generation that is kept, its length. None where nobody else knows.
Json needed_by(const ServedPools& pools, const WindowSubject& subject) {
    const auto served =
        subject.generation == 0 ? Result<std::shared_ptr<ServedPool>>(nullptr) : pools.find(subject.pool);
    if (!served || !*served)
        return {};
    const auto kept =
        (*served)->pool->generations({subject.region, subject.region_id}, subject.generation - 1, 1);
    if (!kept || kept->empty() || kept->front().number != subject.generation)
        return {};
    return kept->front().length;
}

Json window_object(const WindowEntry& window, const ServedPools& pools) {
    const bool log = window.subject.log_id != 0;
    const bool draft = window.subject.generation == 0 && !log;
    Json object{{"session", window.subject.session_id},
                {"pool", window.subject.pool},
                {"region", window.subject.region}};
    object["generation"] = window.subject.generation == 0 ? Json() : Json(window.subject.generation);
    if (log)
        object["log"] = fmt::format("{:016x}", window.subject.log_id);
    object[draft ? "draft" : "handle"] = window.subject.handle;
    object["access"] = to_string(window.access);
    object["base"] = window.grant.base;
    object["size"] = window.size;
    object["key"] = fmt::format("{:08x}", window.grant.key);
    object["needed"] = needed_by(pools, window.subject);
    return object;
}

Json counts_object(const ScrubCounts& counts) {
    return {{"generations", counts.generations}, {"bytes", counts.bytes}, {"damaged", counts.damaged}};
}

Json pass_object(const std::optional<ScrubPassStatus>& pass) {
    if (!pass)
        return {};
    auto object = counts_object(pass->counts);
    object["kept_bytes"] = pass->kept_bytes;
    object["began"] = iso_time(pass->began_ns);
    object["began_ns"] = pass->began_ns;
    if (pass->ended_ns == 0)
        return object;
    object["ended"] = iso_time(pass->ended_ns);
    object["ended_ns"] = pass->ended_ns;
    return object;
}

Json finding_object(const ScrubFinding& finding) {
    const auto& verdict = finding.verdict;
    const auto& generation = verdict.generation;
    const auto crc_text = [](std::uint32_t crc) { return fmt::format("{:08x}", crc); };
    Json object{{"pool", verdict.served->name},
                {"region", verdict.region},
                {"generation", generation.number},
                {"since", iso_time(finding.since_ns)},
                {"since_ns", finding.since_ns},
                {"what", verdict.damage},
                {"sealed_crc32c", crc_text(generation.crc32c)}};
    object["found_crc32c"] = verdict.found_crc32c ? Json(crc_text(*verdict.found_crc32c)) : Json();
    return object;
}

Json scrub_object(const ScrubStatus& scrub) {
    Json object{{"bandwidth", scrub.settings.bandwidth},
                {"rest_s", scrub.settings.rest_s},
                {"passes", scrub.passes},
                {"total", counts_object(scrub.counts)}};
    object["last_pass"] = pass_object(scrub.last);
    object["pass"] = pass_object(scrub.pass);
    object["next_pass_s"] = scrub.next_pass_s ? Json(*scrub.next_pass_s) : Json();
    object["findings"] = Json::array();
    for (const auto& finding : scrub.findings)
        object["findings"].push_back(finding_object(finding));
    object["further_findings"] = scrub.further_findings;
    return object;
}

/// How often each has happened since the start.
Json audit_object(const Audit& audit) {
    Json object;
    for (std::size_t event = 0; event < kAuditEvents; ++event)
        object[name_of(static_cast<AuditEvent>(event))] = audit.count(static_cast<AuditEvent>(event));
    return object;
}

const char* filter_of(const confine::Privileges& privileges) {
    if (!privileges.filtered)
        return "none";
    return confine::refusals_are_only_told() ? "log" : "on";
}

/// As the kernel has it, whatever was configured; null when that can't be read.
Json confinement_object(const confine::Identity& user) {
    const auto privileges = confine::read_privileges();
    if (!privileges)
        return {};
    Json object;
    object["user"] = privileges->uid == user.uid ? Json(user.name) : Json();
    object["uid"] = privileges->uid;
    object["gid"] = privileges->gid;
    object["groups"] = privileges->groups;
    object["capabilities"] = confine::names_of(privileges->permitted | privileges->effective |
                                               privileges->inheritable | privileges->ambient);
    object["bounding_set"] = confine::names_of(privileges->bounding);
    object["no_new_privileges"] = privileges->no_new_privileges;
    object["seccomp"] = filter_of(*privileges);
    object["dumpable"] = ::prctl(PR_GET_DUMPABLE) != 0;
    return object;
}

Json status(const AdminView& view) {
    const auto uptime = std::chrono::steady_clock::now() - view.started;
    Json object{{"version", manager_name()},
                {"pid", ::getpid()},
                {"engine", view.engine},
                {"key_dir", whole_path(view.services.key_dir)},
                {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()}};
    for (const char* list : {"listen", "pools", "sessions", "windows"})
        object[list] = Json::array();
    for (const auto& address : view.addresses)
        object["listen"].push_back(format_address(address));
    for (const auto& pool : view.services.pools.all())
        object["pools"].push_back(pool_object(*pool));
    for (const auto& session : view.sessions.all()) {
        const auto info = session->info();
        object["sessions"].push_back(session_object(info, view.services.tables.count(info.id)));
    }
    for (const auto& window : view.services.tables.windows())
        object["windows"].push_back(window_object(window, view.services.pools));
    object["scrub"] = scrub_object(view.scrub.status());
    object["audit"] = audit_object(view.services.audit);
    object["confinement"] = confinement_object(view.user);
    return object;
}

Json error(std::string sentence) {
    return {{"error", std::move(sentence)}};
}

/// Its key was withdrawn: what it has open ends.
Json end_sessions(const AdminView& view, const Json& request) {
    const auto principal = request.find("principal");
    if (principal == request.end() || !principal->is_string())
        return error(R"(whose sessions? {"command":"end-sessions","principal":"ana"})");
    const auto name = principal->get<std::string>();
    const auto ended =
        view.sessions.end_principal(name, {EKEYREJECTED, fmt::format("the key of {} was withdrawn", name)});
    view.services.audit.record(
        AuditEvent::sessions_ended,
        {name,
         {},
         {},
         {},
         fmt::format("{} sessions of {} were ended, its key was withdrawn; {} windows were killed",
                     ended.sessions, name, ended.windows)});
    return {{"principal", name}, {"sessions", ended.sessions}, {"windows", ended.windows}};
}

Json answer(const AdminView& view, std::string_view line) {
    const auto request = Json::parse(line, nullptr, false);
    const auto command = request.is_object() ? request.find("command") : request.end();
    if (command == request.end() || !command->is_string())
        return error(R"(a request is one line such as {"command":"status"})");
    if (*command == "status")
        return status(view);
    if (*command == "end-sessions")
        return end_sessions(view, request);
    return error(
        fmt::format("there is no command \"{}\": status and end-sessions are", command->get<std::string>()));
}

}  // namespace

std::string answer_admin(const AdminView& view, std::string_view line) {
    // A path need not be UTF-8; what isn't becomes U+FFFD.
    return answer(view, line).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pmemckpt::driver
