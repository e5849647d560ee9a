#pragma once
// What --json prints of the commands that need no manager; see json.hh.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/pool/check.hh"
#include "lib/pool/rekey.hh"
#include "lib/pool/repair.hh"

namespace pmemckpt::ctl {

/// A file that salvage made, or found there with these very bytes.
struct SalvagedFile {
    std::string region;
    std::uint64_t generation = 0;  ///< whose content it is, or whose log; 0: the log follows none
    std::string file;
    std::uint64_t bytes = 0;
    std::optional<std::uint32_t> crc32c;   ///< of a generation
    std::optional<std::uint64_t> records;  ///< of a log
    bool was_there = false;
};
struct LeftOut {
    std::string region;
    std::uint64_t generation = 0;
    bool is_log = false;  ///< the log behind the generation, or the rest of it
    std::string why;
};
struct Salvaged {
    std::optional<std::string> older_state;  ///< which one it is, when the newest can't be had
    bool macs_verified = false;              ///< there was a key to verify them with
    std::vector<SalvagedFile> files;
    std::vector<LeftOut> left_out;
};
std::string salvaged_json(const std::string& path, const std::string& directory, const Salvaged& salvaged);

std::string checked_json(const std::string& path, const pool::CheckReport& report);

/// A file with records of a log that the repaired pool has no place for.
struct RemainsFile {
    std::string region;
    std::uint64_t generation = 0;  ///< that the log follows; 0: none
    std::string file;
    std::uint64_t records = 0, first = 0, last = 0, bytes = 0;
    bool behind_end = false;  ///< of those behind the first that does not verify
};
struct Repaired {
    pool::RepairReport report;
    std::string copy;  ///< of the metadata as it was, when something was changed
    std::vector<RemainsFile> files;
    std::string path;
    bool has_copy = false;
};
std::string repaired_json(const Repaired& repaired);
std::string restored_copy_json(const std::string& path, const std::string& copy, const std::string& kept);

std::string rekeyed_json(const std::string& path, const pool::Rekeyed& rekeyed, const std::string& key_path);

/// Of a superblock copy: "valid", "forged", "damaged", "missing".
std::string superblock_state(format::SuperblockState state);

}  // namespace pmemckpt::ctl
