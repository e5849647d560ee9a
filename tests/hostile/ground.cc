#include "tests/hostile/ground.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>

#include "lib/base/handle.hh"

namespace pmemckpt::hostile {

namespace {

// pmemckpt-format(5), LAYOUT and SUPERBLOCK.
constexpr std::uint64_t kSuperblocks = 8192, kSuperblockBytes = 4096;
constexpr std::size_t kSequenceAt = 16, kPagesAt = 64, kHalvesAt = 80, kHalfBytesAt = 96, kActiveAt = 104;
constexpr std::size_t kProbe = 64;  // bytes that a page is found by

std::uint64_t little(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;)
        value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
    return value;
}

/// The copy that counts.
std::span<const std::byte> superblock_of(std::span<const std::byte> pool) {
    const auto a = pool.first(kSuperblockBytes), b = pool.subspan(kSuperblockBytes, kSuperblockBytes);
    return little(a, kSequenceAt, 8) > little(b, kSequenceAt, 8) ? a : b;
}

}  // namespace

Ground::Ground(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0)
        throw test::Failure("can't open the pool " + path);
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    CHECK(memory != MAP_FAILED);
    bytes_ = {static_cast<const std::byte*>(memory), size};
}

Ground::~Ground() {
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void Ground::keep(std::span<const std::byte> content, std::uint64_t page_size) {
    const auto first_page = little(superblock_of(bytes_), kPagesAt, 8);
    for (std::uint64_t from = 0; from < content.size(); from += page_size) {
        const auto page = content.subspan(from, std::min(page_size, content.size() - from));
        const auto probe = page.first(std::min(kProbe, page.size()));
        std::uint64_t at = first_page;
        while (at < bytes_.size() && std::memcmp(bytes_.data() + at, probe.data(), probe.size()) != 0)
            at += page_size;
        if (at >= bytes_.size())
            throw test::Failure("content that was sealed is nowhere in the pool");
        kept_.push_back({at, {page.begin(), page.end()}});
    }
}

std::uint64_t Ground::kept_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& kept : kept_)
        sum += kept.content.size();
    return sum;
}

void Ground::remember() {
    before_.assign(bytes_.begin(), bytes_.end());
}

void Ground::compare_kept() const {
    for (const auto& kept : kept_)
        if (std::memcmp(bytes_.data() + kept.at, kept.content.data(), kept.content.size()) != 0)
            throw test::Failure(fmt::format("a page that nobody may write to, at {}, has changed", kept.at));
}

void Ground::compare_range(std::uint64_t from, std::uint64_t to, const char* what) const {
    if (std::memcmp(bytes_.data() + from, before_.data() + from, to - from) == 0)
        return;
    auto at = from;
    while (bytes_[at] == before_[at])
        ++at;
    throw test::Failure(fmt::format("the pool has moved: byte {}, {}", at, what));
}

/// Records are only added: what stood there stands there, as long as the same half is active.
void Ground::compare_journal() const {
    const auto block = superblock_of(before_);
    if (std::memcmp(bytes_.data(), before_.data(), kSuperblocks) != 0)
        return;  // the other half has a snapshot now
    const auto half = little(block, kActiveAt, 4);
    const auto start = little(block, kHalvesAt + 8 * half, 8), size = little(block, kHalfBytesAt, 8);
    auto end = start + size;
    while (end > start && before_[end - 1] == std::byte{0})
        --end;
    compare_range(start, end, "of a record in the journal");
}

void Ground::compare(Moves moves) const {
    compare_kept();
    if (moves == Moves::nothing)
        compare_range(0, bytes_.size(), "though nothing may");
    else
        compare_journal();
}

bool Ground::holds(std::span<const std::byte> bytes) const {
    return ::memmem(bytes_.data(), bytes_.size(), bytes.data(), bytes.size()) != nullptr;
}

}  // namespace pmemckpt::hostile
