// Memory that can't be had: a mapping of a file that was cut short gives the same signal as a bad block does.
#include "lib/base/memory_fault.hh"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "lib/base/crc32c.hh"
#include "lib/base/handle.hh"
#include "lib/base/units.hh"
#include "lib/media/medium.hh"
#include "lib/media/readable.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;

namespace {

constexpr std::uint64_t kWhole = 64 * kKiB;
constexpr std::uint64_t kLeft = 16 * kKiB;  // of it, when it was cut

/// A file's bytes, of which only the first kLeft are there any more.
class CutMapping {
public:
    CutMapping() {
        const auto path = (test::directory() / "file").string();
        const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
        CHECK(file && ::ftruncate(file.get(), kWhole) == 0);
        void* address = ::mmap(nullptr, kWhole, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        CHECK(address != MAP_FAILED);
        bytes_ = {static_cast<std::byte*>(address), kWhole};
        std::ranges::fill(bytes_, std::byte{7});
        CHECK(::ftruncate(file.get(), kLeft) == 0);
    }
    ~CutMapping() { ::munmap(bytes_.data(), kWhole); }
    std::span<std::byte> bytes() const { return bytes_; }

private:
    std::span<std::byte> bytes_;
};

void what_is_there_can_be_had() {
    catch_memory_faults();
    const CutMapping mapping;
    const auto there = mapping.bytes().first(kLeft);
    std::vector<std::byte> copy(kLeft);
    CHECK(copy_if_readable(copy.data(), there));
    CHECK(std::ranges::equal(copy, there));
    CHECK(crc32c_if_readable(there, 5) == crc32c(there, 5));
    test::ok(media::check_readable(there, 0));
    test::equal(test::ok(media::checksum(there, 0, 5)), crc32c(there, 5));
    test::ok(media::check_readable({}, 0));
}

void what_is_not_is_an_error() {
    catch_memory_faults();
    const CutMapping mapping;
    const auto bytes = mapping.bytes();
    std::vector<std::byte> copy(kWhole);
    for (int again = 0; again < 3; ++again) {
        CHECK(!copy_if_readable(copy.data(), bytes));
        CHECK(!crc32c_if_readable(bytes));
        test::contains(test::error(media::check_readable(bytes, 1000), EBADMSG), "can't be read");
        test::contains(test::error(media::checksum(bytes, 1000, 0), EBADMSG),
                       fmt::format("byte {} of the pool", 1000 + kLeft));
    }
    const auto fault = try_touch([&] { bytes[kLeft + 5] = std::byte{1}; });
    CHECK(fault.has_value());
    test::ok(media::check_readable(bytes.first(kLeft), 0));
}

void one_within_another() {
    catch_memory_faults();
    const CutMapping mapping;
    volatile bool inner_went_on = false;
    const auto outer = try_touch([&] {
        inner_went_on = crc32c_if_readable(mapping.bytes()) == std::nullopt;
        mapping.bytes()[kWhole - 1] = std::byte{1};
    });
    CHECK(inner_went_on && outer.has_value());
}

void each_thread_has_its_own() {
    catch_memory_faults();
    const CutMapping mapping;
    const auto look = [&](std::span<const std::byte> bytes, bool readable) {
        for (int again = 0; again < 2000; ++again)
            CHECK(crc32c_if_readable(bytes).has_value() == readable);
    };
    std::jthread bad([&] { look(mapping.bytes(), false); });
    look(mapping.bytes().first(kLeft), true);
}

/// What ends this process, in a child of its own.
int end_of(const std::function<void()>& child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::signal(SIGBUS, SIG_DFL);  // cmocka's is there
        catch_memory_faults();
        child();
        ::_exit(0);
    }
    int status = 0;
    CHECK(pid > 0 && ::waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

void a_fault_elsewhere_ends_the_process() {
    if (test::sanitized())
        test::skip("a sanitizer has a handler of its own");
    const CutMapping mapping;
    test::equal(end_of([&] { mapping.bytes()[kLeft] = std::byte{1}; }), SIGBUS);
    test::equal(end_of([] { ::raise(SIGBUS); }), SIGBUS);
    test::equal(end_of([&] {
                    static_cast<void>(crc32c_if_readable(mapping.bytes()));
                    mapping.bytes()[kLeft] = std::byte{1};
                }),
                SIGBUS);
}

std::string pool_file() {
    return (test::directory() / "pool").string();
}

/// The store says nothing, and the persist of that place does; other places are as good as before.
void a_store_that_failed_is_an_error_of_its_persist() {
    const auto medium = test::ok(media::create_file_medium(pool_file(), {kWhole}, false));
    medium->store({0}, test::random_bytes(kWhole));
    std::filesystem::resize_file(pool_file(), kLeft);
    medium->store({kLeft + 4096}, test::random_bytes(100));
    medium->store({100}, test::random_bytes(100));
    test::ok(medium->persist({{0}, {4096}}));
    test::contains(test::error(medium->persist({{kLeft}, {8192}}), EIO), "100 bytes at 20480");
    test::ok(medium->persist({{0}, {4096}}));
}

}  // namespace

int main() {
    return test::run(
        "memory_fault",
        {{"what_is_there_can_be_had", what_is_there_can_be_had},
         {"what_is_not_is_an_error", what_is_not_is_an_error},
         {"one_within_another", one_within_another},
         {"each_thread_has_its_own", each_thread_has_its_own},
         {"a_fault_elsewhere_ends_the_process", a_fault_elsewhere_ends_the_process},
         {"a_store_that_failed_is_an_error_of_its_persist", a_store_that_failed_is_an_error_of_its_persist}});
}
