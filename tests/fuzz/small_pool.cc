#include "tests/fuzz/small_pool.hh"

#include <algorithm>

#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::fuzz {

test::Image small_pool() {
    format::Superblock superblock;
    superblock.sequence = 1;
    superblock.uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    superblock.pool_size = kSmallPoolBytes;
    superblock.page_size = kSmallPage;
    superblock.pages_offset = kSmallPagesOffset;
    superblock.page_count = kSmallPages;
    superblock.half_offset = {format::kJournalOffset, format::kJournalOffset + kSmallHalf};
    superblock.half_size = kSmallHalf;
    test::Image image(kSmallPoolBytes);
    for (const auto offset : format::kSuperblockOffset) {
        std::ranges::copy(test::encode(superblock), image.begin() + static_cast<std::ptrdiff_t>(offset));
        ++superblock.sequence;
    }
    return image;
}

Result<std::unique_ptr<pool::Pool>> open_small_pool(const std::shared_ptr<test::Tape>& tape) {
    return pool::Pool::open(std::make_unique<test::RecordingMedium>(tape), test::pool_key());
}

std::string check_pool(pool::Pool& pool, bool may_be_torn) {
    test::equal(test::pages_owned_twice(pool), std::string());
    auto text = test::digest(pool);
    CHECK(may_be_torn || text.find("TORN") == std::string::npos);
    return text + fmt::format("{} pages are free", pool.info().free_pages);
}

}  // namespace pmemckpt::fuzz
