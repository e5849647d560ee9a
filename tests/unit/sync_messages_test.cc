// Bodies of messages between coordinators and participants: each goes there and back; what is random or was
// changed is an error, or means what it says, and costs no more memory than the message has bytes. STEPS in
// the environment makes more of it.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>

#include "lib/sync/checkpoint_file.hh"
#include "lib/sync/file_messages.hh"
#include "tests/support/message_filler.hh"
#include "tests/support/mutation.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;

namespace {

/// What this program has asked for, in bytes, since it was set to 0. It has one thread.
std::size_t allocated = 0;

}  // namespace

void* operator new(std::size_t size) {
    allocated += size;
    if (void* const memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

using Bytes = std::vector<std::byte>;

/// A list grows by doubling, and what is in it has more bytes in memory than on the wire, but not many more.
constexpr std::size_t kMostPerByte = 24;
constexpr std::size_t kMostOfAnError = 2'000;

std::uint64_t steps_of_each() {
    return test::steps(100'000, 10'000, 200);
}

/// Whether it was taken for one; it means what it says, then.
template <class Body>
bool decode(const Bytes& bytes) {
    allocated = 0;
    const auto decoded = wire::decode_body<Body>(bytes);
    if (allocated > bytes.size() * kMostPerByte + kMostOfAnError)
        test::fail_at(test::Place::current(),
                      fmt::format("a body of {} bytes made it allocate {}", bytes.size(), allocated));
    if (!decoded)
        test::equal(decoded.error().code, EPROTO);
    else
        CHECK(test::encoded(*decoded) == bytes);
    return decoded.has_value();
}

/// Its counts and lengths, and all else that may be one, say more than there is.
void counts_that_lie(const auto& is_taken, const Bytes& good) {
    for (std::size_t at = 0; at + 1 < good.size(); ++at) {
        auto bytes = good;
        bytes[at] = bytes[at + 1] = std::byte{0xff};
        is_taken(bytes);
    }
}

template <class Body>
void check_body() {
    Body body;
    test::Filler{}(body);
    const auto good = test::encoded(body);
    CHECK(decode<Body>(good));
    counts_that_lie(decode<Body>, good);
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK(!decode<Body>(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))));
    test::Mutator mutator(test::generator()());
    for (auto step = steps_of_each(); step > 0; --step) {
        auto bytes = mutator.one_in(4) ? mutator.noise(mutator.below(2 * good.size() + 16)) : good;
        mutator.mutate(bytes);
        decode<Body>(bytes);
    }
}

template <class... Bodies>
void check_bodies() {
    (check_body<Bodies>(), ...);
}

void those_of_sync_points() {
    check_bodies<Open, Opened, Prepare, Prepared, Complete, Abort, Verify, Rollback, RolledBack, Listed>();
    check_bodies<List, Goodbye>();
}

void those_of_files() {
    check_bodies<FileJoin, FileJoined, FileLeave, FileOpen, FileOpened, FileClose, FileRead, FileWrite,
                 FileMoved, FileSeek, FileTruncate, FileRename, FileRemove, FileStat, FileStatus,
                 FileFlush>();
}

void those_of_the_start_and_of_errors() {
    check_bodies<wire::Hello, wire::Challenge, wire::Proof, wire::Welcome, wire::ErrorAnswer>();
}

void those_of_checkpoint_files() {
    check_bodies<Snapshot, Table::Held, Place>();
}

/// The longest message there may be, of the smallest elements.
template <class List>
void as_many_as_fit() {
    constexpr std::size_t kMessage = 128 * 1024;
    Bytes bytes(kMessage, std::byte{0});
    bytes[0] = bytes[1] = std::byte{0xff};
    decode<List>(bytes);
    std::ranges::fill(bytes, std::byte{0xff});
    decode<List>(bytes);
}

void the_longest_messages() {
    as_many_as_fit<Listed>();
    as_many_as_fit<FileRename>();
    as_many_as_fit<wire::ErrorAnswer>();
}

}  // namespace

int main() {
    return test::run("sync_messages",
                     {{"those of sync points", those_of_sync_points},
                      {"those of files", those_of_files},
                      {"those of the start, and of errors", those_of_the_start_and_of_errors},
                      {"those of checkpoint files", those_of_checkpoint_files},
                      {"the longest messages", the_longest_messages}});
}
