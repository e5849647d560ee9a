#pragma once
// Applies the records of the active half to empty tables, each after it was checked.
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/result.hh"
#include "lib/format/mac_key.hh"
#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "lib/pool/catalog.hh"
#include "lib/pool/page_owners.hh"
#include "lib/pool/page_store.hh"

namespace pmemckpt::pool {

struct ReplayEnd {
    std::uint64_t used = 0;  ///< bytes of the half, to the end of the last record
    std::uint64_t next_sequence = 1;
};

class Replay {
public:
    /// Keeps references to all of them. Without a key, none, records verify by their checksums alone.
    Replay(const std::string& path, const format::Superblock& superblock, const format::MacKey* key,
           Catalog& catalog, PageStore& pages)
        : path_(path), superblock_(superblock), key_(key), catalog_(catalog), pages_(pages) {}

    /// To the first record that does not verify. EUCLEAN when that is in the snapshot, or when a record that
    /// does verify contradicts those before; EPROTONOSUPPORT when one is of a kind that is not known here;
    /// EKEYREJECTED when the first that does not verify is a forged one.
    Result<ReplayEnd> run(std::span<const std::byte> half);
    /// How far it came, also when it failed: the tables are those after the record before next_sequence.
    const ReplayEnd& reached() const { return end_; }

private:
    bool in_snapshot(const format::RecordView& record) const;
    Status apply(const format::RecordView& record);
    Status apply_seal(const format::RecordView& record);
    Status apply_log(const format::RecordView& record);
    Status check_version(const format::RecordView& record) const;
    tl::unexpected<Error> contradiction(const format::RecordView& record, std::uint64_t at,
                                        const Error& error) const;

    const std::string& path_;
    const format::Superblock& superblock_;
    const format::MacKey* key_;
    Catalog& catalog_;
    PageStore& pages_;
    PageOwners owners_;
    ReplayEnd end_;
};

/// EKEYREJECTED, of a record whose checksum holds and whose MAC does not.
tl::unexpected<Error> forged_record(const std::string& path, std::uint64_t sequence, std::uint64_t byte);

}  // namespace pmemckpt::pool
