// Changes a pool's metadata as somebody does it who can write there and has not the manager's key: every
// checksum holds afterwards, and no MAC.
// Usage: forge POOL superblock     the time at which the pool was made is another one
//        forge POOL record         the last byte of the journal's last record is another one
//        forge POOL key KEYFILE    the superblocks name the public part of this key, and so do the records'
//        checksums
#include <fmt/core.h>

#include <filesystem>
#include <string_view>

#include "lib/format/record.hh"
#include "lib/media/medium.hh"
#include "tests/support/pool_key.hh"

namespace {

using namespace pmemckpt;

constexpr std::size_t kCreatedAt = 40, kManagerKeyAt = 136;

/// All of a pool's metadata, changed in memory; the medium gets it at the end.
class Forger {
public:
    static Result<Forger> open(const std::string& path) {
        auto medium = TRY(media::open_medium(path, media::Use::exclusive));
        const auto bytes = std::as_const(*medium).bytes();
        const auto a = format::read_superblock(bytes);
        const auto b = format::read_superblock(bytes.subspan(format::kSuperblockOffset[1]));
        if (a.state != format::SuperblockState::valid || b.state != format::SuperblockState::valid)
            return fail(EUCLEAN, "{} has not both superblocks", path);
        const auto& newest = a.superblock.sequence > b.superblock.sequence ? a.superblock : b.superblock;
        return Forger(std::move(medium), newest);
    }

    void change_superblocks() {
        for (const auto at : format::kSuperblockOffset) {
            metadata_[at + kCreatedAt] ^= std::byte{1};
            mend_superblock(at);
        }
    }
    void change_last_record() {
        const auto record = records().back();
        record.back() ^= std::byte{1};
        test::mend_record(record, format::journal_seed(superblock_, superblock_.first_sequence));
    }
    void change_key(const Key& key) {
        const auto found = records();
        superblock_.manager_key = public_key(key);
        for (const auto at : format::kSuperblockOffset) {
            std::memcpy(metadata_.data() + at + kManagerKeyAt, superblock_.manager_key.data(),
                        superblock_.manager_key.size());
            mend_superblock(at);
        }
        for (const auto record : found)
            test::mend_record(record, format::journal_seed(superblock_, superblock_.first_sequence));
    }
    Status write() {
        medium_->store({0}, metadata_);
        return medium_->persist({{0}, {metadata_.size()}});
    }

private:
    Forger(std::unique_ptr<media::Medium> medium, const format::Superblock& superblock)
        : medium_(std::move(medium)), superblock_(superblock) {
        const auto bytes = std::as_const(*medium_).bytes().first(superblock.pages_offset);
        metadata_.assign(bytes.begin(), bytes.end());
    }
    void mend_superblock(std::uint64_t at) {
        test::mend_superblock(std::span(metadata_).subspan(at, format::kSuperblockBytes));
    }
    std::vector<std::span<std::byte>> records() {
        const auto start = superblock_.half_offset[superblock_.active_half];
        const auto half = std::span(metadata_).subspan(start, superblock_.half_size);
        const auto seed = format::journal_seed(superblock_, superblock_.first_sequence);
        std::vector<std::span<std::byte>> found;
        std::uint64_t at = 0;
        while (const auto record = format::read_record(seed, half, at)) {
            found.push_back(half.subspan(at, record->length));
            at += record->length;
        }
        require(!found.empty(), "the pool has a record");
        return found;
    }

    std::unique_ptr<media::Medium> medium_;
    format::Superblock superblock_;
    std::vector<std::byte> metadata_;
};

Status forge(int count, char** arguments) {
    const std::string_view what = count > 2 ? arguments[2] : "";
    if (what != "superblock" && what != "record" && (what != "key" || count != 4))
        return fail(EINVAL, "usage: forge POOL superblock | record | key KEYFILE");
    auto forger = TRY(Forger::open(arguments[1]));
    if (what == "superblock")
        forger.change_superblocks();
    if (what == "record")
        forger.change_last_record();
    if (what == "key") {
        const std::filesystem::path file(arguments[3]);
        forger.change_key(TRY(load_key(file.parent_path(), file.stem().string())));
    }
    return forger.write();
}

}  // namespace

int main(int argc, char** argv) {
    const auto done = forge(argc, argv);
    if (!done)
        fmt::print(stderr, "forge: {}\n", done.error().message);
    return done ? 0 : 1;
}
