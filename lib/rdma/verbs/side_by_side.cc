#include "lib/rdma/verbs/side_by_side.hh"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

namespace pmemckpt::rdma::verbs {

namespace {

std::uint64_t system_page() {
    static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

Status check(const Translation& t) {
    if (t.page_size == 0 || t.size == 0 || t.skipped >= t.page_size || t.size > UINT64_MAX - t.skipped ||
        divide_up(t.skipped + t.size, t.page_size) > t.pages.size())
        return fail(EINVAL,
                    "a range of {} bytes, {} into its first page, doesn't lie in {} pages of {} bytes",
                    t.size, t.skipped, t.pages.size(), t.page_size);
    for (const auto page : t.pages)
        if (page != kNoPage && !fits({{page}, {t.page_size}}, {t.medium.size()}))
            return fail(EINVAL, "the page at {} is not one of a medium of {} bytes", page, t.medium.size());
    return {};
}

/// What lies anywhere can be mapped only as the system maps.
Status check_pages(const Translation& t) {
    if (t.page_size % system_page() != 0)
        return fail(EINVAL, "pages of {} bytes can't be mapped side by side: a multiple of {} can",
                    t.page_size, system_page());
    for (const auto page : t.pages)
        if (page != kNoPage && page % system_page() != 0)
            return fail(EINVAL, "the page at {} can't be mapped: it is at no multiple of {}", page,
                        system_page());
    return {};
}

/// How many pages from `first` on lie one behind the other in the medium, or are missing one and all.
std::size_t run_of(const Translation& t, std::size_t first) {
    std::size_t next = first + 1;
    while (next < t.pages.size() && t.pages[first] != kNoPage &&
           t.pages[next] == t.pages[first] + (next - first) * t.page_size)
        ++next;
    return next - first;
}

std::atomic<std::size_t> mappings{0};

std::size_t count_runs(const Translation& t) {
    std::size_t runs = 0;
    for (std::size_t page = 0; page < t.pages.size(); page += run_of(t, page))
        ++runs;
    return runs;
}

Error no_mapping(std::size_t page, const Translation& t) {
    return system_error(errno,
                        fmt::format("can't map page {} of {} beside the others", page, t.pages.size()));
}

}  // namespace

Result<int> Scrap::descriptor(std::uint64_t page_size) {
    if (!file_) {
        file_.reset(::memfd_create("pmemckpt-scrap", MFD_CLOEXEC));
        if (!file_ || ::ftruncate(file_.get(), static_cast<off_t>(page_size)) != 0)
            return fail_errno(errno, "can't make {} bytes of scrap memory", page_size);
        page_size_ = page_size;
    }
    if (page_size != page_size_)
        return fail(EINVAL, "one connection reaches pages of {} bytes and of {} bytes", page_size_,
                    page_size);
    return file_.get();
}

Result<SideBySide> SideBySide::map(const Translation& translation, Scrap& scrap) {
    TRY(check(translation));
    SideBySide made;
    if (translation.pages[0] != kNoPage && run_of(translation, 0) == translation.pages.size()) {
        made.bytes_ =
            translation.medium.subspan(translation.pages[0] + translation.skipped, translation.size);
        return made;
    }
    TRY(check_pages(translation));
    TRY(made.take_mappings(count_runs(translation)));
    TRY(made.reserve(translation.pages.size() * translation.page_size, translation.page_size));
    TRY(made.place(translation, scrap));
    made.bytes_ = made.bytes_.subspan(translation.skipped, translation.size);
    return made;
}

Status SideBySide::take_mappings(std::size_t count) {
    if (mappings.fetch_add(count) + count > kMaximumMappings) {
        mappings -= count;
        return fail(ENOSPC,
                    "{} more mappings are wanted for pages that lie apart, and {} are in use: {} at most",
                    count, mappings.load(), kMaximumMappings);
    }
    mappings_ = count;
    return {};
}

/// A device-dax mapping must lie at a multiple of its own page size.
Status SideBySide::reserve(std::uint64_t size, std::uint64_t alignment) {
    void* const place =
        ::mmap(nullptr, size + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
        return fail_errno(errno, "can't reserve {} of addresses", format_size(size + alignment));
    reserved_ = {static_cast<std::byte*>(place), size + alignment};
    const auto address = reinterpret_cast<std::uintptr_t>(place);
    const auto skip = (alignment - address % alignment) % alignment;
    bytes_ = reserved_.subspan(skip, size);
    return {};
}

Status SideBySide::place(const Translation& t, Scrap& scrap) {
    for (std::size_t page = 0; page < t.pages.size();) {
        const auto count = run_of(t, page);
        const auto size = count * t.page_size;
        std::byte* const target = bytes_.data() + page * t.page_size;
        void* placed = nullptr;
        if (t.pages[page] == kNoPage)
            placed = ::mmap(target, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                            TRY(scrap.descriptor(t.page_size)), 0);
        else
            // An old size of 0: the shared mapping stays, and another one of the same pages is made.
            placed =
                ::mremap(t.medium.data() + t.pages[page], 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, target);
        if (placed == MAP_FAILED)
            return tl::unexpected(no_mapping(page, t));
        page += count;
    }
    return {};
}

SideBySide::SideBySide(SideBySide&& other) noexcept
    : mappings_(std::exchange(other.mappings_, 0)),
      reserved_(std::exchange(other.reserved_, {})),
      bytes_(std::exchange(other.bytes_, {})) {}

SideBySide::~SideBySide() {
    if (!reserved_.empty())
        ::munmap(reserved_.data(), reserved_.size());
    mappings -= mappings_;
}

}  // namespace pmemckpt::rdma::verbs
