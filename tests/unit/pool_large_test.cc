// The largest pool, sparse. On tmpfs: ext4's largest file is a page short of it.
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

/// A name on a file system that takes such files; removed again when it goes.
class LargeFile {
public:
    LargeFile() {
        if (test::under_valgrind())
            test::skip("valgrind has not the address space for 16 TiB");
        for (const std::string folder : {"/dev/shm", test::directory().c_str()}) {
            path_ = fmt::format("{}/pmemckpt-test-large-{}", folder, ::getpid());
            if (media::create_file_medium(path_, {kMaximumPoolSize}, true))
                return;
        }
        test::skip("neither /dev/shm nor the test's directory takes a file of 16 TiB");
    }
    LargeFile(const LargeFile&) = delete;
    LargeFile& operator=(const LargeFile&) = delete;
    ~LargeFile() { ::unlink(path_.c_str()); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

bool disk_is_smaller_than(const std::string& path, std::uint64_t size) {
    struct statvfs space {};
    return ::statvfs(path.c_str(), &space) == 0 && space.f_blocks > 0 &&
           space.f_blocks * space.f_frsize < size;
}

void sixteen_tebibytes(std::uint64_t page_size, std::uint64_t pages_at_least) {
    const LargeFile file;
    CreateOptions options;
    options.path = file.path();
    options.size = kMaximumPoolSize;
    options.page_size = page_size;
    options.replace = true;
    test::ok(Pool::create(options, test::pool_key()));
    auto pool = test::ok(Pool::open(file.path(), test::pool_key()));
    CHECK(pool->info().pages >= pages_at_least);
    test::ok(pool->create_region("a", "alice", {.keep = 2}));
    const auto bytes = test::random_bytes(3 * kMiB);
    for (int round = 0; round < 4; ++round)
        test::ok(test::save(*pool, "a", bytes));
    test::error(pool->begin("a", kMaximumPoolSize), ENOSPC);
    const auto free = pool->info().free_pages;
    // Space on the disk, not in the pool, is what is short; everything is given back.
    if (disk_is_smaller_than(file.path(), 7 * kTiB)) {
        test::error(pool->begin("a", 15 * kTiB / 2), ENOSPC);
        test::equal(pool->info().free_pages, free);
    }
    pool.reset();
    pool = test::ok(Pool::open(file.path(), test::pool_key()));
    CHECK(test::content(*pool, *test::ok(pool->open_generation("a", 4))) == bytes);
    test::equal(pool->info().free_pages, free);
}

void with_pages_of_2_mib() {
    sixteen_tebibytes(2 * kMiB, 8'380'000);
}
void with_pages_of_4_kib() {
    sixteen_tebibytes(4 * kKiB, 3'900'000'000);
}

}  // namespace

int main() {
    return test::run("pool_large", {{"with_pages_of_2_mib", with_pages_of_2_mib},
                                    {"with_pages_of_4_kib", with_pages_of_4_kib}});
}
