#pragma once
// What matters to who watches over security: each event is counted, and goes to the log; in the journal it
// has fields of its own. pmemckptd.8, AUDIT.
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace pmemckpt::driver {

enum class AuditEvent {
    authentication_failed,  ///< a principal was not proved
    request_refused,        ///< for want of a right
    access_refused,         ///< by a window: an operation that no window allows
    taken_over,
    rights_changed,
    sessions_ended,  ///< their key was withdrawn
};
inline constexpr std::size_t kAuditEvents = 6;
/// "authentication_failed": in the journal's fields and in JSON.
const char* name_of(AuditEvent event);

struct AuditRecord {
    std::string principal;  ///< empty: not known
    std::string peer, pool, region;
    std::string sentence;
};

/// Threads: all calls may come from any thread.
class Audit {
public:
    void record(AuditEvent event, const AuditRecord& record);
    std::uint64_t count(AuditEvent event) const { return counts_[static_cast<std::size_t>(event)]; }

private:
    std::array<std::atomic<std::uint64_t>, kAuditEvents> counts_{};  // since the start
};

}  // namespace pmemckpt::driver
