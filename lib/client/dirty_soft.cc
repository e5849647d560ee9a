// Soft-dirty bits: Linux, Documentation/admin-guide/mm/soft-dirty.rst. They are cleared for a whole process
// at once, so one tracker of a process has them.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "lib/base/handle.hh"
#include "lib/client/dirty_methods.hh"

namespace pmemckpt::client {

namespace {

constexpr std::uint64_t kSoftDirty = std::uint64_t{1} << 55;  // of an entry of pagemap
constexpr std::size_t kEntriesAtOnce = 8192;

std::atomic<bool> the_one_is_taken{false};

struct Claim {
    Claim() : mine(!the_one_is_taken.exchange(true)) {}
    Claim(Claim&& from) noexcept : mine(std::exchange(from.mine, false)) {}
    Claim& operator=(Claim&&) = delete;
    ~Claim() {
        if (mine)
            the_one_is_taken = false;
    }
    bool mine;
};

struct ProcFiles {
    FileDescriptor pagemap{::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
    FileDescriptor clear{::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)};

    Status clear_all() const {
        if (::pwrite(clear.get(), "4", 1, 0) != 1)
            return fail_errno(errno, "soft-dirty bits can't be cleared through /proc/self/clear_refs");
        return {};
    }
    Status read(std::uint64_t page_number, std::span<std::uint64_t> entries) const {
        const auto wanted = static_cast<ssize_t>(entries.size_bytes());
        const auto got = ::pread(pagemap.get(), entries.data(), entries.size_bytes(),
                                 static_cast<off_t>(page_number * sizeof(std::uint64_t)));
        if (got != wanted)
            return fail_errno(got < 0 ? errno : EIO, "{} of {} bytes were read from /proc/self/pagemap", got,
                              wanted);
        return {};
    }
};

/// Whether the bit is there, goes and comes back: tried on a page of its own.
Status try_out(const ProcFiles& files, std::uint64_t page_size) {
    if (!files.pagemap || !files.clear)
        return fail(ENOTSUP, "/proc/self/pagemap or /proc/self/clear_refs can't be opened");
    void* mapped = ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return fail_errno(errno, "a page to try soft-dirty bits on can't be mapped");
    auto* byte = static_cast<volatile char*>(mapped);
    const auto number = reinterpret_cast<std::uintptr_t>(mapped) / page_size;
    std::uint64_t before = 0, after = 0;
    *byte = 1;
    auto status = files.clear_all();
    if (status)
        status = files.read(number, {&before, 1});
    *byte = 2;
    if (status)
        status = files.read(number, {&after, 1});
    ::munmap(mapped, page_size);
    if (status && ((before & kSoftDirty) != 0 || (after & kSoftDirty) == 0))
        return fail(ENOTSUP, "this kernel has no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)");
    return status;
}

class BySoftDirty final : public DirtyTracker {
public:
    BySoftDirty(std::span<const std::byte> memory, ProcFiles files, Claim claim)
        : DirtyTracker(memory), files_(std::move(files)), claim_(std::move(claim)) {}
    TrackingMethod method() const override { return TrackingMethod::soft_dirty; }
    Status start() { return try_out(files_, page_size()); }

private:
    Status look() override {
        std::vector<std::uint64_t> entries;
        for (std::size_t done = 0; done < pages_.size(); done += entries.size()) {
            entries.resize(std::min(kEntriesAtOnce, pages_.size() - done));
            TRY(files_.read(first_page() / page_size() + done, entries));
            for (std::size_t at = 0; at < entries.size(); ++at)
                if ((entries[at] & kSoftDirty) != 0)
                    pages_[done + at] = true;
        }
        return files_.clear_all();
    }

    ProcFiles files_;
    Claim claim_;
};

}  // namespace

Result<std::unique_ptr<DirtyTracker>> track_by_soft_dirty(std::span<const std::byte> memory) {
    Claim claim;
    if (!claim.mine)
        return fail(ENOTSUP, "another tracker of this process has the soft-dirty bits");
    auto tracker = std::make_unique<BySoftDirty>(memory, ProcFiles{}, std::move(claim));
    TRY(tracker->start());
    return tracker;
}

}  // namespace pmemckpt::client
