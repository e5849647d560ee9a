// pmemckpt-ctl status, list --pools, list --sessions.
#include "utils/pmemckpt-ctl/manager_status.hh"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "lib/base/units.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/admin_socket.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kIndent = 2;
constexpr auto kRight = Table::Align::right;

/// An array of the answer; an empty one when an older or newer manager has none of that name.
Json array_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_array() ? *found : Json::array();
}

std::string text_of(const Json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    if (found == object.end() || found->is_null())
        return "-";
    return found->is_string() ? found->get<std::string>() : found->dump();
}

std::uint64_t number_of(const Json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string size_of(const Json& object, const char* name) {
    return format_size(number_of(object, name));
}

/// What nobody counts is no 0.
std::string size_or_dash(const Json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found == object.end() || found->is_null() ? "-" : size_of(object, name);
}

std::string printed(const Json& json) {
    return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Json> parse_answer(const std::string& line) {
    auto answer = Json::parse(line, nullptr, false);
    if (!answer.is_object())
        return fail(EPROTO, "the admin socket's answer is no JSON object: {}", line.substr(0, 80));
    if (const auto error = answer.find("error"); error != answer.end())
        return fail(answer.contains("refused") ? EACCES : EPROTO, "the manager's admin socket says: {}",
                    error->is_string() ? error->get<std::string>() : "error");
    return answer;
}

Json pool_object(const wire::PoolStatus& pool) {
    return {{"name", pool.name},
            {"uuid", pool::to_string(pool.uuid)},
            {"size", pool.size},
            {"page_size", pool.page_size},
            {"pages", pool.pages},
            {"free_pages", pool.free_pages},
            {"regions", pool.regions},
            {"generations", pool.generations},
            {"durability", durability_name(pool.durability)}};
}

/// What a session can tell: its own pool.
Result<Json> status_of_session(const Common& common) {
    const auto client = TRY(client::Client::connect(common.connection));
    const auto pool = TRY(client->status());
    return Json{{"version", client->welcome().manager},
                {"server", client->options().server},
                {"pools", Json::array({pool_object(pool)})}};
}

Result<Json> whole_status(const Common& common) {
    const auto line = TRY(status_of_host(common));
    return line ? parse_answer(*line) : status_of_session(common);
}

std::string pools_table(const Json& pools) {
    Table table({{"NAME"},
                 {"UUID"},
                 {"SIZE", kRight},
                 {"FREE", kRight},
                 {"REGIONS", kRight},
                 {"GENERATIONS", kRight},
                 {"DURABILITY"}});
    for (const auto& pool : pools)
        table.add({text_of(pool, "name"), text_of(pool, "uuid"), size_of(pool, "size"),
                   format_size(number_of(pool, "free_pages") * number_of(pool, "page_size")),
                   text_of(pool, "regions"), text_of(pool, "generations"), text_of(pool, "durability")});
    return table.text();
}

std::string time_of(const Json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found != object.end() && found->is_number_integer() ? local_time(found->get<std::int64_t>()) : "-";
}

std::string sessions_table(const Json& sessions) {
    Table table({{"SESSION", kRight},
                 {"PRINCIPAL"},
                 {"POOL"},
                 {"PEER"},
                 {"ENGINE"},
                 {"CONNECTED"},
                 {"RECEIVED", kRight},
                 {"SENT", kRight}});
    for (const auto& session : sessions)
        table.add({text_of(session, "id"), text_of(session, "principal"), text_of(session, "pool"),
                   text_of(session, "peer"), text_of(session, "engine"), time_of(session, "connected_ns"),
                   size_or_dash(session, "bytes_received"), size_or_dash(session, "bytes_sent")});
    return table.text();
}

std::string joined(const Json& list) {
    std::string text;
    for (const auto& element : list)
        text +=
            (text.empty() ? "" : ", ") + (element.is_string() ? element.get<std::string>() : element.dump());
    return text;
}

/// What the admin socket tells of the manager, or the little a session does.
std::string manager_line(const Json& status) {
    if (status.contains("server"))
        return fmt::format("{} at {}\n", text_of(status, "version"), text_of(status, "server"));
    return fmt::format("{}, pid {}, {} on {}, {}, {}, up {} s\n", text_of(status, "version"),
                       text_of(status, "pid"), text_of(status, "engine"), joined(array_of(status, "listen")),
                       plural(array_of(status, "sessions").size(), "session"),
                       plural(array_of(status, "windows").size(), "window"),
                       text_of(status, "uptime_seconds"));
}

const Json& object_of(const Json& object, const char* name) {
    static const Json kNone;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found != object.end() && found->is_object() ? *found : kNone;
}

/// "pass 3: 1.0 GiB of 4.0 GiB in 12 generations", or when it begins.
std::string present_pass(const Json& scrub) {
    const auto number = number_of(scrub, "passes") + 1;
    const auto& pass = object_of(scrub, "pass");
    if (!pass.is_null())
        return fmt::format("pass {}: {} of {} in {}", number, size_of(pass, "bytes"),
                           size_of(pass, "kept_bytes"), plural(number_of(pass, "generations"), "generation"));
    return fmt::format("pass {} begins in {} s", number, number_of(scrub, "next_pass_s"));
}

std::string last_pass(const Json& scrub) {
    const auto& last = object_of(scrub, "last_pass");
    if (last.is_null())
        return {};
    return fmt::format("pass {} ended {}: {} in {}, {} damaged\n", number_of(scrub, "passes"),
                       time_of(last, "ended_ns"), size_of(last, "bytes"),
                       plural(number_of(last, "generations"), "generation"), number_of(last, "damaged"));
}

std::string findings_table(const Json& findings) {
    if (findings.empty())
        return {};
    Table table({{"DAMAGED POOL"}, {"REGION"}, {"GENERATION", kRight}, {"SINCE"}, {"WHAT"}});
    for (const auto& finding : findings)
        table.add({text_of(finding, "pool"), text_of(finding, "region"), text_of(finding, "generation"),
                   time_of(finding, "since_ns"), text_of(finding, "what")});
    return "\n" + table.text();
}

std::string scrub_text(const Json& scrub) {
    if (scrub.is_null())  // a session does not know it
        return "\nscrub: its findings are told on the manager's host, by status --admin-socket PATH\n";
    const auto bandwidth = number_of(scrub, "bandwidth");
    const auto& total = object_of(scrub, "total");
    std::string text = "\nscrub: off";
    if (bandwidth != 0)
        text = fmt::format("\nscrub: {} a second, {}", format_size(bandwidth), present_pass(scrub));
    text += fmt::format("; {} in {} since the start\n", size_of(total, "bytes"),
                        plural(number_of(total, "generations"), "generation"));
    text += last_pass(scrub) + findings_table(array_of(scrub, "findings"));
    if (const auto further = number_of(scrub, "further_findings"); further > 0)
        text += fmt::format("and {} more\n", plural(further, "damaged generation"));
    return text;
}

std::string confinement_line(const Json& confinement) {
    if (confinement.is_null())  // a session does not know it
        return {};
    const auto& capabilities = array_of(confinement, "capabilities");
    const auto filter = text_of(confinement, "seccomp");
    const auto user = text_of(confinement, "user");
    return fmt::format("user {}, {}, {}\n", user == "-" ? text_of(confinement, "uid") : user,
                       capabilities.empty() ? "no capabilities" : "capabilities " + joined(capabilities),
                       filter == "on"    ? "system calls restricted"
                       : filter == "log" ? "system calls not restricted, but told"
                                         : "system calls not restricted");
}

std::string status_text(const Json& status) {
    return manager_line(status) + confinement_line(object_of(status, "confinement")) + "\n" +
           pools_table(array_of(status, "pools")) + scrub_text(object_of(status, "scrub"));
}

}  // namespace

Status list_pools(const Common& common) {
    const auto status = TRY(whole_status(common));
    const auto pools = array_of(status, "pools");
    return print(common.json ? printed(pools) : pools_table(pools));
}

Status list_sessions(const Common& common) {
    const auto path = common.admin_socket.empty() ? default_admin_socket() : common.admin_socket;
    const auto answer = TRY(ask_status(path));
    const auto status = TRY(parse_answer(answer));
    const auto sessions = array_of(status, "sessions");
    return print(common.json ? printed(sessions) : sessions_table(sessions));
}

Status status(const Common& common) {
    const auto status = TRY(whole_status(common));
    return print(common.json ? printed(status) : status_text(status));
}

}  // namespace pmemckpt::ctl
