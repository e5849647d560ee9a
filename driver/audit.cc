#include "driver/audit.hh"

#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <vector>

#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

/// What is wrong, and what an admin may want to know of without anything being wrong.
log::Level level_of(AuditEvent event) {
    switch (event) {
        case AuditEvent::authentication_failed:
        case AuditEvent::request_refused:
        case AuditEvent::access_refused: return log::Level::warning;
        case AuditEvent::taken_over:
        case AuditEvent::rights_changed:
        case AuditEvent::sessions_ended: break;
    }
    return log::Level::notice;
}

/// Fields that are empty are left out.
void send_to_journal(log::Level level, AuditEvent event, const AuditRecord& record) {
    std::vector<std::string> fields{"MESSAGE=" + record.sentence,
                                    "PRIORITY=" + std::to_string(static_cast<int>(level)),
                                    std::string("PMEMCKPT_EVENT=") + name_of(event)};
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty())
            fields.push_back(std::string(name) + "=" + value);
    };
    add("PMEMCKPT_PRINCIPAL", record.principal);
    add("PMEMCKPT_PEER", record.peer);
    add("PMEMCKPT_POOL", record.pool);
    add("PMEMCKPT_REGION", record.region);
    std::vector<iovec> pieces;
    for (auto& field : fields)
        pieces.push_back({field.data(), field.size()});
    ::sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size()));
}

}  // namespace

const char* name_of(AuditEvent event) {
    switch (event) {
        case AuditEvent::authentication_failed: return "authentication_failed";
        case AuditEvent::request_refused: return "request_refused";
        case AuditEvent::access_refused: return "access_refused";
        case AuditEvent::taken_over: return "taken_over";
        case AuditEvent::rights_changed: return "rights_changed";
        case AuditEvent::sessions_ended: break;
    }
    return "sessions_ended";
}

void Audit::record(AuditEvent event, const AuditRecord& record) {
    ++counts_[static_cast<std::size_t>(event)];
    const auto level = level_of(event);
    if (!log::enabled(level))
        return;
    if (log::goes_to_journal())
        send_to_journal(level, event, record);
    else
        log::write(level, record.sentence);
}

}  // namespace pmemckpt::driver
