#pragma once
// What an attack finds: a manager, its pool, somebody honest, a victim, and sessions of the attacker's own.
#include <memory>
#include <optional>
#include <string>

#include "tests/hostile/ground.hh"
#include "tests/hostile/honest.hh"
#include "tests/hostile/manager_process.hh"
#include "tests/hostile/victim.hh"

namespace pmemckpt::hostile {

inline constexpr std::uint64_t kPage = 65536;  // of the pool
inline constexpr std::uint64_t kDraft = 2 * kPage + 100, kGeneration = 3 * kPage + 77;
inline constexpr const char* kOwnRegion = "mallory/app";
// The manager's limits, as the test has set them, or as they are unless set; pmemckptd(8).
inline constexpr unsigned kHandshakes = 32, kHandshake_ms = 4000, kSessions = 256;
inline constexpr unsigned kDrafts = 64, kReading = 192, kWaiters = 64, kRequests = 128, kStartingUp = 128;

/// A session of the attacker's with a draft and an open generation of its own region.
struct Armed {
    Attacker session;
    wire::Begun draft;
    wire::OpenedGeneration opened;
};

class Field {
public:
    Field(const Address& address, const std::string& pool, std::string keys, ManagerProcess process);

    /// Who has said nothing yet.
    Attacker stranger() const { return Attacker(address); }
    /// A session that was opened with a key that is right.
    Attacker login(const std::string& principal = "mallory") const;
    Armed arm() const;
    Key key(const std::string& principal) const { return test::ok(load_key(keys_, principal)); }
    /// What an attacker writes: it must be found nowhere in the pool.
    Bytes poison(std::size_t size) const;
    bool is_poisoned() const;
    /// The content of the attacker's own generation.
    const Bytes& own_content() const { return own_content_; }

    const Address address;
    ManagerProcess manager;
    Ground ground;
    Honest honest;
    Victim victim;
    std::optional<Armed> armed;  ///< made before the pool is looked at

private:
    void seal_own();

    const std::string keys_;
    const Bytes marker_, own_content_;
};

}  // namespace pmemckpt::hostile
