#include "utils/pmemckpt-ctl/offline_json.hh"

#include <nlohmann/json.hpp>

#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kIndent = 2;

/// Bytes that are no UTF-8, as a file's name may have, become U+FFFD.
std::string text(const Json& json) {
    return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json superblocks_array(const pool::CheckReport& report) {
    auto array = Json::array();
    for (const auto& copy : report.superblocks) {
        const bool valid = copy.state == format::SuperblockState::valid;
        array.push_back(Json{{"state", superblock_state(copy.state)},
                             {"sequence", valid ? Json(copy.sequence) : Json()},
                             {"counts", copy.counts}});
    }
    return array;
}

Json journal_object(const pool::CheckReport::Journal& journal) {
    return {{"half", journal.half},
            {"first_sequence", journal.first_sequence},
            {"records", journal.records},
            {"snapshot_records", journal.snapshot_records},
            {"used_bytes", journal.used_bytes},
            {"half_bytes", journal.half_bytes}};
}

Json findings_array(const std::vector<pool::Finding>& findings) {
    auto array = Json::array();
    for (const auto& finding : findings)
        array.push_back(Json{{"severity", pool::to_string(finding.severity)},
                             {"where", finding.where},
                             {"message", finding.message}});
    return array;
}

Json file_object(const SalvagedFile& file) {
    return {{"region", file.region},
            {"generation", file.generation},
            {"kind", file.records ? "log" : "generation"},
            {"file", file.file},
            {"bytes", file.bytes},
            {"crc32c", file.crc32c ? Json(crc32c_text(*file.crc32c)) : Json()},
            {"records", file.records ? Json(*file.records) : Json()},
            {"was_there", file.was_there}};
}

Json left_out_object(const LeftOut& left_out) {
    return {{"region", left_out.region},
            {"generation", left_out.generation},
            {"kind", left_out.is_log ? "log" : "generation"},
            {"why", left_out.why}};
}

Json changes_array(const std::vector<pool::Change>& changes) {
    auto array = Json::array();
    for (const auto& change : changes)
        array.push_back(Json{{"where", change.where}, {"message", change.message}});
    return array;
}

Json remains_object(const RemainsFile& file) {
    return {{"region", file.region},   {"generation", file.generation}, {"file", file.file},
            {"records", file.records}, {"first_record", file.first},    {"last_record", file.last},
            {"bytes", file.bytes},     {"behind_end", file.behind_end}};
}

}  // namespace

std::string superblock_state(format::SuperblockState state) {
    switch (state) {
        case format::SuperblockState::valid: return "valid";
        case format::SuperblockState::forged: return "forged";
        case format::SuperblockState::damaged: return "damaged";
        case format::SuperblockState::foreign: return "missing";
    }
    return "unknown";
}

std::string checked_json(const std::string& path, const pool::CheckReport& report) {
    const bool known = report.journal.has_value();
    return text(Json{{"path", path},
                     {"good", report.findings.empty()},
                     {"macs_verified", report.macs_verified},
                     {"uuid", known ? Json(pool::to_string(report.uuid)) : Json()},
                     {"size", report.size},
                     {"page_size", report.page_size},
                     {"pages", report.pages},
                     {"owned_pages", report.owned_pages},
                     {"free_pages", report.free_pages},
                     {"superblocks", superblocks_array(report)},
                     {"journal", known ? journal_object(*report.journal) : Json()},
                     {"older_state", report.older_state ? Json(*report.older_state) : Json()},
                     {"regions", report.regions},
                     {"generations", report.generations},
                     {"good_generations", report.good_generations},
                     {"generation_bytes", report.generation_bytes},
                     {"logs", report.logs},
                     {"log_records", report.log_records},
                     {"log_payload_bytes", report.log_payload_bytes},
                     {"cursors", report.cursors},
                     {"findings", findings_array(report.findings)}});
}

std::string repaired_json(const Repaired& repaired) {
    const auto& [report, copy, files, path, has_copy] = repaired;
    const bool changed = !report.plan.changes.empty();
    const auto& older = report.plan.older;
    Json object{{"path", path},
                {"good", report.after.findings.empty()},
                {"changed", changed},
                {"copy", changed ? Json(copy) : Json()},
                {"older_state", older ? Json(older->state) : Json()},
                {"first_lost_record", older && older->first_lost > 0 ? Json(older->first_lost) : Json()},
                {"last_lost_record", older && older->first_lost > 0 ? Json(older->last_lost) : Json()},
                {"changes", changes_array(report.plan.changes)},
                {"files", Json::array()},
                {"findings", findings_array(report.after.findings)}};
    for (const auto& file : files)
        object["files"].push_back(remains_object(file));
    return text(object);
}

std::string restored_copy_json(const std::string& path, const std::string& copy, const std::string& kept) {
    return text(Json{{"path", path}, {"copy", copy}, {"kept", kept}});
}

std::string rekeyed_json(const std::string& path, const pool::Rekeyed& rekeyed, const std::string& key_path) {
    return text(Json{
        {"path", path}, {"uuid", to_string(rekeyed.pool)}, {"key", key_path}, {"was_cut", rekeyed.was_cut}});
}

std::string salvaged_json(const std::string& path, const std::string& directory, const Salvaged& salvaged) {
    Json object{{"path", path},
                {"directory", directory},
                {"macs_verified", salvaged.macs_verified},
                {"older_state", salvaged.older_state ? Json(*salvaged.older_state) : Json()},
                {"files", Json::array()},
                {"left_out", Json::array()}};
    for (const auto& file : salvaged.files)
        object["files"].push_back(file_object(file));
    for (const auto& left_out : salvaged.left_out)
        object["left_out"].push_back(left_out_object(left_out));
    return text(object);
}

}  // namespace pmemckpt::ctl
