#pragma once
// Verifies all that a medium holds: superblocks, journal, page ownership, generations, logs, cursors,
// settings.
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/format/superblock.hh"
#include "lib/media/medium.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

enum class Severity {
    cut,     ///< a power cut can leave it as well, and a manager puts up with it
    damage,  ///< nothing but damage leaves it
};
const char* to_string(Severity severity);

struct Finding {
    Severity severity = Severity::damage;
    std::string
        where;  ///< "superblock A", "journal", "pages", "REGION", "REGION@N", "REGION log", "REGION cursor C"
    std::string message;  ///< a sentence with the numbers in it
};

struct CheckReport {
    struct Superblock {
        format::SuperblockState state = format::SuperblockState::foreign;
        std::uint64_t sequence = 0;
        bool counts = false;  ///< the pool's state is the one that this copy names
    };
    struct BadGeneration {
        std::string region;
        std::uint64_t number = 0;
        std::string why;
    };
    struct Journal {
        unsigned half = 0;                 ///< the active one
        std::uint64_t first_sequence = 0;  ///< of its first record
        std::uint64_t records = 0;         ///< that verify, its snapshot's among them
        std::uint64_t snapshot_records = 0;
        std::uint64_t used_bytes = 0, half_bytes = 0;
        bool torn = false;  ///< a record that is not whole follows on the last one
    };
    bool macs_verified = false;  ///< there was a manager key to verify them with
    std::array<Superblock, 2> superblocks;
    bool superblocks_agree =
        true;  ///< no two that are valid are of two pools, or both claim to be the newest
    /// What follows is of this state; none: nothing more could be looked at.
    std::optional<Journal> journal;
    std::optional<std::string> older_state;  ///< which one it is, when the pool can't be opened in its newest
    Uuid uuid{};
    std::uint64_t size = 0, page_size = 0, pages = 0, owned_pages = 0, free_pages = 0;
    std::uint64_t regions = 0, generations = 0, good_generations = 0, generation_bytes = 0;
    std::uint64_t logs = 0, log_records = 0, log_payload_bytes = 0;
    std::uint64_t cursors = 0;
    std::vector<BadGeneration> bad_generations;  ///< whose bytes do not verify, or can't be read
    std::vector<Finding> findings;               ///< in the order in which they were made
};

/// Called on the checking thread.
struct CheckProgress {
    std::function<void(std::uint64_t)> total;    ///< bytes that will be read, once, before the first of them
    std::function<void(std::uint64_t)> advance;  ///< bytes just read
};

/// Changes nothing on the medium, which nobody may change meanwhile. What does not verify is a finding, and
/// no error; where the newest state can't be had, what can is checked (rescue()). EUCLEAN when it is no pool
/// at all; EPROTONOSUPPORT when its format is not known here. With the manager key, metadata that was not
/// written with it is damage; without it, none, that can't be seen.
Result<CheckReport> check(const media::Medium& medium, const Key* manager_key, const CheckProgress& progress);

}  // namespace pmemckpt::pool
