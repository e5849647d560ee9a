// Asynchronous write-protection by userfaultfd: Linux 6.7, Documentation/admin-guide/mm/pagemap.rst,
// "PAGEMAP_SCAN". One ioctl tells which pages were written and protects them anew; a write in between is in
// the next one. The kernel notes writes by itself: no thread waits for faults, and system calls may write
// into the memory.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "lib/base/handle.hh"
#include "lib/client/dirty_methods.hh"

namespace pmemckpt::client {

namespace {

// linux/userfaultfd.h and linux/fs.h of 6.7; older headers have them not.
constexpr std::uint64_t kWriteProtectUnpopulated = std::uint64_t{1} << 13;  // UFFD_FEATURE_WP_UNPOPULATED
constexpr std::uint64_t kWriteProtectAsync = std::uint64_t{1} << 15;        // UFFD_FEATURE_WP_ASYNC
constexpr int kUserModeOnly = 1;                                   // UFFD_USER_MODE_ONLY: needs no privilege
constexpr std::uint64_t kPageIsWritten = std::uint64_t{1} << 1;    // PAGE_IS_WRITTEN
constexpr std::uint64_t kProtectMatching = std::uint64_t{1} << 0;  // PM_SCAN_WP_MATCHING
constexpr std::uint64_t kCheckAsync = std::uint64_t{1} << 1;       // PM_SCAN_CHECK_WPASYNC

struct PageRegion {
    std::uint64_t start = 0, end = 0, categories = 0;
};
struct ScanArgument {
    std::uint64_t size = 0, flags = 0, start = 0, end = 0, walk_end = 0, vec = 0, vec_len = 0, max_pages = 0;
    std::uint64_t category_inverted = 0, category_mask = 0, category_anyof_mask = 0, return_mask = 0;
};
static_assert(sizeof(ScanArgument) == 96 && sizeof(PageRegion) == 24);
constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArgument);
constexpr std::size_t kRegionsAtOnce = 1024;

class ByWriteProtect final : public DirtyTracker {
public:
    explicit ByWriteProtect(std::span<const std::byte> memory) : DirtyTracker(memory) {}
    TrackingMethod method() const override { return TrackingMethod::write_protect; }
    Status start();

private:
    Status look() override;
    std::uint64_t end() const { return first_page() + pages_.size() * page_size(); }

    FileDescriptor faults_, pagemap_;  // closing faults_ ends the tracking
};

Status ByWriteProtect::start() {
    faults_ =
        FileDescriptor(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kUserModeOnly)));
    if (!faults_)
        return fail(ENOTSUP, "userfaultfd can't be had: {}", system_error(errno, "userfaultfd").message);
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = kWriteProtectAsync | kWriteProtectUnpopulated;
    if (::ioctl(faults_.get(), UFFDIO_API, &api) != 0)
        return fail(ENOTSUP, "this kernel has no asynchronous write-protection (Linux 6.7 has)");
    uffdio_register area{};
    area.range = {first_page(), end() - first_page()};
    area.mode = UFFDIO_REGISTER_MODE_WP;
    if (::ioctl(faults_.get(), UFFDIO_REGISTER, &area) != 0)
        return fail(ENOTSUP, "{}",
                    system_error(errno, "this memory can't be registered with userfaultfd").message);
    pagemap_ = FileDescriptor(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    if (!pagemap_)
        return fail(ENOTSUP, "{}", system_error(errno, "/proc/self/pagemap").message);
    const auto tried = look();  // the first protects all of it
    if (!tried)
        return fail(ENOTSUP, "{}", tried.error().message);
    return {};
}

Status ByWriteProtect::look() {
    std::array<PageRegion, kRegionsAtOnce> regions;
    ScanArgument scan;
    scan.size = sizeof scan;
    scan.flags = kProtectMatching | kCheckAsync;
    scan.end = end();
    scan.vec = reinterpret_cast<std::uintptr_t>(regions.data());
    scan.vec_len = regions.size();
    scan.category_mask = scan.return_mask = kPageIsWritten;
    for (scan.start = first_page(); scan.start < scan.end; scan.start = scan.walk_end) {
        const int found = ::ioctl(pagemap_.get(), kPagemapScan, &scan);
        if (found < 0)
            return fail_errno(errno, "the written pages of {} bytes can't be asked for", memory_.size());
        for (int at = 0; at < found; ++at)
            for (auto page = regions[static_cast<std::size_t>(at)].start;
                 page < regions[static_cast<std::size_t>(at)].end; page += page_size())
                pages_[(page - first_page()) / page_size()] = true;
        if (scan.walk_end <= scan.start)
            return fail(EIO, "the kernel told of written pages up to {:#x} only, of {:#x}", scan.walk_end,
                        scan.end);
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<DirtyTracker>> track_by_write_protect(std::span<const std::byte> memory) {
    auto tracker = std::make_unique<ByWriteProtect>(memory);
    TRY(tracker->start());
    return tracker;
}

}  // namespace pmemckpt::client
