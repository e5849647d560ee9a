#pragma once
// Journals that verify and lie: records appended to a fresh pool's image, whatever they say.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::test {

/// The second copy.
inline format::Superblock superblock_of(const Image& image) {
    return format::read_superblock(std::span<const std::byte>(image).subspan(format::kSuperblockOffset[1],
                                                                             format::kSuperblockBytes))
        .superblock;
}

/// Records that verify, appended to an image that has none.
class Forger {
public:
    Forger() : superblock_(superblock_of(fresh())), key_(pool_key(), superblock_.uuid) {}

    template <class Record>
    Forger& add(format::Kind kind, const Record& record) {
        return add_raw(kind, format::encode(record));
    }
    Forger& add_raw(format::Kind kind, std::span<const std::byte> body) {
        const auto seed = format::journal_seed(superblock_, superblock_.first_sequence, &key_);
        const auto record = format::frame_record(seed, sequence_++, kind, body);
        records_.insert(records_.end(), record.begin(), record.end());
        return *this;
    }
    Forger& region(std::uint64_t id, const std::string& name) {
        return add(format::Kind::region_put, format::RegionPut{id, 1, 1, 0, 0, 3, name, "alice"});
    }
    Forger& seal(std::uint64_t id, std::uint64_t number, std::uint64_t length,
                 std::vector<format::PageExtent> extents, std::vector<std::uint64_t> dropped = {}) {
        return add(format::Kind::generation_seal,
                   format::GenerationSeal{id, number, length, 0, 1, 0, 1, "alice", std::move(extents),
                                          std::move(dropped)});
    }
    Forger& log(std::uint64_t id, std::uint64_t log_id, std::uint32_t term,
                std::vector<format::PageExtent> extents) {
        return add(format::Kind::log_grow, format::LogGrow{id, log_id, term, std::move(extents)});
    }
    Image image() const {
        auto image = fresh();
        std::copy(records_.begin(), records_.end(),
                  image.begin() + static_cast<std::ptrdiff_t>(superblock_.half_offset[0]));
        return image;
    }

private:
    static const Image& fresh() {
        static const Image image = fresh_image();
        return image;
    }
    format::Superblock superblock_;
    format::MacKey key_;
    std::uint64_t sequence_ = 1;
    std::vector<std::byte> records_;
};

}  // namespace pmemckpt::test
