#pragma once
// The requests of sync points: pmemckpt-sync.7, which is the contract; a change here is a change there.
//
//   coordinator                 participant
//   HELLO, PROOF ◄────────────► CHALLENGE, WELCOME      as with a manager (lib/wire), over TCP
//   OPEN       ───────────────► who asks, for which job
//              ◄─────────────── its table: what it holds of the job
//   PREPARE    ───────────────► the sync point, and behind the message the coordinator's state
//              ◄─────────────── both states are in its checkpoint file
//   COMPLETE, ABORT, VERIFY, ROLLBACK   one answer each, in the order of the requests
//
// Behind the answer to ROLLBACK comes the coordinator's state.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/sync/table.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::sync {

inline constexpr std::uint16_t kDefaultSyncPort = 7472;

/// 0x07xx: no manager knows them.
enum class Type : std::uint16_t {
    open = 0x0701,
    prepare = 0x0702,
    complete = 0x0703,
    abort = 0x0704,
    rollback = 0x0705,
    list = 0x0706,
    goodbye = 0x0707,
    verify = 0x0708,
};

struct Open {  // answer: Opened
    static constexpr Type kType = Type::open;
    std::string job;
    Uuid instance{};  ///< of the running coordinator: drawn at random at its start
    Opening why = Opening::again;
    static void fields(auto& s, auto& c) { c(s.job), c(s.instance), c(s.why); }
};
struct Opened {
    std::uint64_t term = 0, highest = 0;
    std::uint8_t state_lost = 0;  ///< the program was started anew, and must be rolled back
    std::vector<Table::Held> held;
    static void fields(auto& s, auto& c) { c(s.term), c(s.highest), c(s.state_lost), c(s.held); }
};

struct Prepare {  // and behind it point.coordinator_bytes raw bytes; answer: Prepared
    static constexpr Type kType = Type::prepare;
    SyncPoint point;
    static void fields(auto& s, auto& c) { c(s.point); }
};
struct Prepared {
    std::uint64_t participant_bytes = 0;
    static void fields(auto& s, auto& c) { c(s.participant_bytes); }
};

struct Complete {  // answer: Empty
    static constexpr Type kType = Type::complete;
    SyncPointId id;
    static void fields(auto& s, auto& c) { c(s.id); }
};
struct Abort {  // answer: Empty
    static constexpr Type kType = Type::abort;
    SyncPointId id;
    static void fields(auto& s, auto& c) { c(s.id); }
};

struct Verify {  // answer: Empty: both states are what they were when they were kept
    static constexpr Type kType = Type::verify;
    SyncPointId id;
    static void fields(auto& s, auto& c) { c(s.id); }
};

struct Rollback {  // answer: RolledBack
    static constexpr Type kType = Type::rollback;
    SyncPointId id;
    static void fields(auto& s, auto& c) { c(s.id); }
};
struct RolledBack {  // and behind it point.coordinator_bytes raw bytes
    SyncPoint point;
    static void fields(auto& s, auto& c) { c(s.point); }
};

struct List {  // answer: Listed. No job need be open, and who has one open keeps it
    static constexpr Type kType = Type::list;
    static void fields(auto&, auto&) {}
};
struct JobListed {
    std::string job;
    std::uint64_t term = 0, highest = 0;
    std::uint8_t state_lost = 0;
    std::vector<Table::Held> held;
    static void fields(auto& s, auto& c) { c(s.job), c(s.term), c(s.highest), c(s.state_lost), c(s.held); }
};
struct Listed {
    std::vector<JobListed> jobs;
    static void fields(auto& s, auto& c) { c(s.jobs); }
};

struct Goodbye {  // answer: Empty: the end of the connection that follows is meant
    static constexpr Type kType = Type::goodbye;
    static void fields(auto&, auto&) {}
};

}  // namespace pmemckpt::sync
