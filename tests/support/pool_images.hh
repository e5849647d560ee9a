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

/// All regions and generations, a line each; a generation whose bytes have not its CRC is TORN.
std::string digest(pool::Pool& pool);
/// Of a pool opened from this image; the error when it can't be.
std::string digest_of(Image image);

/// Pages that a kept generation and another one, or one twice, have. Empty when all is well.
std::string pages_owned_twice(pool::Pool& pool);

}  // namespace pmemckpt::test
