#pragma once
// Pools for tests: images of them, what is in them as text, and generations in one call.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/pool/pool.hh"
#include "tests/support/recording_medium.hh"

namespace pmemckpt::test {

/// The bytes of a pool just made. Same arguments, same UUID.
Image fresh_image(std::uint64_t size = pool::kMinimumPoolSize, std::uint64_t page_size = 4 * kKiB);

std::shared_ptr<Tape> make_tape(Image image);
Result<std::unique_ptr<pool::Pool>> open_tape(const std::shared_ptr<Tape>& tape);
/// Opens a copy, as after a power cut.
Result<std::unique_ptr<pool::Pool>> open_image(Image image);

/// The bytes of a generation, or of a draft's first `length`.
std::vector<std::byte> content(pool::Pool& pool, const std::vector<std::uint64_t>& page_offsets,
                               std::uint64_t length);
std::vector<std::byte> content(pool::Pool& pool, const pool::Generation& generation);
void fill(pool::Pool& pool, const pool::Draft& draft, std::span<const std::byte> bytes);

/// begin, fill, seal with all of `bytes`.
Result<pool::GenerationInfo> save(pool::Pool& pool, const std::string& region,
                                  std::span<const std::byte> bytes, const std::string& writer = "tester");

/// begin_clone from the newest, with the bytes of `ranges` of `bytes` written, seal with all of `bytes`.
Result<pool::GenerationInfo> save_clone(pool::Pool& pool, const std::string& region,
                                        std::span<const std::byte> bytes, const std::vector<Extent>& ranges);

/// Writes records straight into a log's pages, as an appender does from afar.
class LogWriter {
public:
    LogWriter(pool::Pool& pool, pool::LogGrant grant);
    /// Stored, and then durable.
    void append(std::span<const std::byte> payload);
    void store(std::span<const std::byte> payload);
    /// Any bytes, at any place in the log.
    void put(std::uint64_t at, std::span<const std::byte> bytes);
    void persist(std::uint64_t from, std::uint64_t to);
    void add_segments(pool::LogGrant more);
    std::uint64_t room() const { return grant_.log.capacity - end_; }
    std::uint64_t end() const { return end_; }
    const pool::LogGrant& grant() const { return grant_; }

private:
    std::vector<Extent> pieces(std::uint64_t from, std::uint64_t to) const;

    pool::Pool* pool_;
    pool::LogGrant grant_;
    std::uint64_t sequence_;
    std::uint64_t end_;
};

/// The payloads of a log's good records, read one by one and checked.
std::vector<std::vector<std::byte>> log_payloads(pool::Pool& pool, const std::string& region);

/// All regions with logs and cursors, and generations, a line each; a generation whose bytes have not its CRC
/// is TORN.
std::string digest(pool::Pool& pool);
/// Of a pool opened from this image; the error when it can't be.
std::string digest_of(Image image);

/// Pages that generations of two regions, a log and anything else, or one of them twice have. Empty when all
/// is well.
std::string pages_owned_twice(pool::Pool& pool);

}  // namespace pmemckpt::test
