// Dirty pages of memory: none missed, whatever the method, and none reported twice.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "lib/client/dirty_tracker.hh"
#include "tests/support/check.hh"

namespace {

using namespace pmemckpt;
using client::DirtyTracker;
using client::TrackingMethod;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPages = 2000;

class Mapping {
public:
    explicit Mapping(std::size_t size, int flags = MAP_PRIVATE | MAP_ANONYMOUS) : size_(size) {
        address_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
        CHECK(address_ != MAP_FAILED);
    }
    ~Mapping() { ::munmap(address_, size_); }
    std::span<std::byte> bytes() const { return {static_cast<std::byte*>(address_), size_}; }

private:
    void* address_ = nullptr;
    std::size_t size_;
};

std::unique_ptr<DirtyTracker> make(std::span<const std::byte> memory, TrackingMethod method) {
    auto tracker = DirtyTracker::create(memory, method);
    if (!tracker && tracker.error().code == ENOTSUP)
        test::skip(tracker.error().message);
    test::equal(std::string(to_string(test::ok(std::move(tracker))->method())), to_string(method));
    return test::ok(DirtyTracker::create(memory, method));
}

std::set<std::size_t> pages_of(const std::vector<Extent>& extents) {
    std::set<std::size_t> pages;
    for (const auto& extent : extents)
        for (auto at = extent.at.bytes; at < extent.at.bytes + extent.size.bytes; at += kPage)
            CHECK(pages.insert(at / kPage).second);
    return pages;
}

void writes_are_found(TrackingMethod method) {
    const Mapping mapping(kPages * kPage);
    const auto memory = mapping.bytes();
    std::memset(memory.data(), 1, memory.size() / 2);  // the other half was never touched
    const auto tracker = make(memory, method);
    test::equal(pages_of(test::ok(tracker->collect())).size(), kPages);
    CHECK(test::ok(tracker->collect()).empty());
    for (int round = 0; round < 20; ++round) {
        std::set<std::size_t> written;
        for (std::size_t count = test::generator()() % 300; count > 0; --count) {
            const auto at = test::generator()() % memory.size();
            memory[at] ^= std::byte{0x40};
            if (!written.insert(at / kPage).second)
                memory[at] ^= std::byte{0x01};  // written back by chance: still another content
        }
        const auto found = test::ok(tracker->collect());
        CHECK(pages_of(found) == written);
        CHECK(test::ok(tracker->collect()).empty());
        tracker->mark(found);
        CHECK(pages_of(test::ok(tracker->collect())) == written);
    }
}

void by_write_protect() {
    writes_are_found(TrackingMethod::write_protect);
}
void by_soft_dirty() {
    writes_are_found(TrackingMethod::soft_dirty);
}
void by_checksums() {
    writes_are_found(TrackingMethod::checksums);
}

/// A clone made of the found ranges alone is what the memory is, though it starts and ends inside pages.
void a_copy_of_the_found_is_the_whole() {
    const Mapping mapping(40 * kPage);
    const auto memory = mapping.bytes().subspan(777, 33 * kPage + 99);
    const auto tracker = test::ok(DirtyTracker::create(memory));
    std::vector<std::byte> copy(memory.size());
    for (int round = 0; round < 50; ++round) {
        for (const auto& extent : test::ok(tracker->collect()))
            std::copy_n(memory.begin() + static_cast<std::ptrdiff_t>(extent.at.bytes), extent.size.bytes,
                        copy.begin() + static_cast<std::ptrdiff_t>(extent.at.bytes));
        CHECK(std::equal(copy.begin(), copy.end(), memory.begin()));
        const auto bytes = test::random_bytes(1 + test::generator()() % 9000);
        const auto at = test::generator()() % (memory.size() - bytes.size());
        std::copy(bytes.begin(), bytes.end(), memory.begin() + static_cast<std::ptrdiff_t>(at));
        if (round % 3 == 0)
            memory.front() ^= std::byte{1};
        if (round % 4 == 0)
            memory.back() ^= std::byte{1};
    }
}

/// The kernel writes, not the program: a read(2) into the memory must neither fail nor be missed.
void system_calls_write_too() {
    const Mapping mapping(8 * kPage);
    const auto memory = mapping.bytes();
    const auto tracker = test::ok(DirtyTracker::create(memory));
    test::ok(tracker->collect());
    int ends[2];
    test::equal(::pipe(ends), 0);
    test::equal(::write(ends[1], "state", 5), 5);
    test::equal(::read(ends[0], memory.data() + 3 * kPage, 5), 5);
    ::close(ends[0]);
    ::close(ends[1]);
    CHECK(pages_of(test::ok(tracker->collect())) == std::set<std::size_t>{3});
}

void shared_memory_and_two_trackers() {
    const Mapping first(16 * kPage, MAP_SHARED | MAP_ANONYMOUS), second(16 * kPage);
    const auto a = test::ok(DirtyTracker::create(first.bytes())),
               b = test::ok(DirtyTracker::create(second.bytes()));
    test::ok(a->collect());
    test::ok(b->collect());
    first.bytes()[5 * kPage] = std::byte{1};
    second.bytes()[7 * kPage] = std::byte{1};
    CHECK(pages_of(test::ok(b->collect())) == std::set<std::size_t>{7});
    CHECK(pages_of(test::ok(a->collect())) == std::set<std::size_t>{5});
}

void nothing_can_not_be_tracked() {
    test::error(DirtyTracker::create({}), EINVAL);
}

}  // namespace

int main() {
    return test::run("dirty tracker", {{"by write-protection", by_write_protect},
                                       {"by soft-dirty bits", by_soft_dirty},
                                       {"by checksums", by_checksums},
                                       {"a copy of the found is the whole", a_copy_of_the_found_is_the_whole},
                                       {"system calls write too", system_calls_write_too},
                                       {"shared memory, and two trackers", shared_memory_and_two_trackers},
                                       {"nothing can't be tracked", nothing_can_not_be_tracked}});
}
