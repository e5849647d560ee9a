// A participant's checkpoint file, as anything may have left it: what is restored from it verifies, or
// nothing is.
//
// input: the two copies of the table, each behind its length; the states behind them
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/handle.hh"
#include "lib/sync/job.hh"
#include "lib/sync/table_file.hh"
#include "tests/fuzz/bodies.hh"
#include "tests/fuzz/input.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;

namespace {

using fuzz::Bytes;

constexpr std::uint64_t kCopyBytes = TableFile::kBytes / 2;
constexpr std::size_t kMostOfCopy = 8 * kKiB;
constexpr std::uint16_t kVersion = 1;
constexpr Uuid kInstance{5};

/// What a copy begins with, by pmemckpt-sync(7).
struct CopyHeader {
    std::array<std::uint8_t, 8> magic{'P', 'M', 'C', 'K', 'S', 'Y', 'N', 'C'};
    std::uint16_t version = kVersion;
    std::uint64_t sequence = 1;
    std::uint32_t body_bytes = 0;
    Digest digest{};
    static void fields(auto& s, auto& c) {
        c(s.magic), c(s.version), c(s.sequence), c(s.body_bytes), c(s.digest);
    }
};
constexpr std::size_t kHeaderBytes = 54;

std::string path() {
    return fuzz::scratch() + "/checkpoint";
}

FileDescriptor make_file(fuzz::Input& input) {
    FileDescriptor file(::open(path().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    CHECK(static_cast<bool>(file));
    const auto write = [&](std::span<const std::byte> bytes, std::uint64_t at) {
        CHECK(::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
              static_cast<ssize_t>(bytes.size()));
    };
    for (const std::uint64_t at : {std::uint64_t{0}, kCopyBytes})
        write(input.piece_with_length(), at);
    write(input.rest(), TableFile::kBytes);
    return file;
}

/// Its state is what was restored last.
struct Restored {
    Bytes state;
    bool is_whole = false;

    Program program() {
        return {
            [](const SyncPointId&, const Sink& sink) { return sink(std::as_bytes(std::span("state", 5))); },
            [this](const SyncPointId&, const Source& source) -> Status {
                is_whole = false;
                state.clear();
                std::array<std::byte, 1000> piece;
                for (;;) {
                    const auto count = TRY(source(piece));
                    if (count == 0)
                        break;
                    state.insert(state.end(), piece.begin(),
                                 piece.begin() + static_cast<std::ptrdiff_t>(count));
                }
                is_whole = true;
                return {};
            }};
    }
};

void ask_all_of(Job& job, Restored& restored) {
    const auto name = job.listed().job.empty() ? "job" : job.listed().job;
    const auto opened = job.open(name, kInstance, Opening::roll_back);
    if (!opened)
        return;
    const Asker asker{kInstance, opened->term};
    for (const auto& one : opened->held) {
        const bool verifies = job.verify(asker, one.point.id).has_value();
        const auto rolled_back = job.rollback(asker, one.point.id);
        CHECK(!rolled_back || verifies);
        CHECK(!rolled_back || (restored.is_whole && restored.state.size() == rolled_back->participant_bytes));
        Bytes state;
        const auto read = job.read_coordinator_state(one.point.id, [&](std::span<const std::byte> bytes) {
            state.insert(state.end(), bytes.begin(), bytes.end());
            return Status();
        });
        CHECK(!rolled_back || (read && digest_of(state) == one.point.coordinator_digest));
    }
}

/// One more sync point: what was answered for is there when it is opened again.
void take_another(Job& job) {
    const auto opened =
        job.open(job.listed().job.empty() ? "job" : job.listed().job, kInstance, Opening::begin);
    if (!opened)
        return;
    const Asker asker{kInstance, opened->term};
    SyncPoint point;
    point.id = {opened->highest + 1, kInstance};
    point.participants = {job.identity().participant};
    point.coordinator_digest = digest_of({});
    if (job.prepare(asker, point, [](std::span<std::byte>) { return Result<std::size_t>(0); }))
        test::ok(job.verify(asker, point.id));
    static_cast<void>(job.complete(asker, point.id));
}

std::vector<SyncPointId> held_by(const Job& job) {
    std::vector<SyncPointId> all;
    for (const auto& one : job.listed().held)
        all.push_back(one.point.id);
    return all;
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    make_file(input);
    auto file = open_one_file(path());
    if (!file) {
        test::error(file, EBADMSG);
        return;
    }
    Restored restored;
    auto job = Job::open(std::move(*file), restored.program());
    if (!job)
        return;
    ask_all_of(**job, restored);
    take_another(**job);
    const auto held = held_by(**job);
    const bool has_failed = (*job)->has_failed();
    job->reset();
    auto again = test::ok(Job::open(test::ok(open_one_file(path())), restored.program()));
    CHECK(has_failed || held_by(*again) == held);
}

Bytes copy_of(CopyHeader header, std::span<const std::byte> body) {
    header.body_bytes = static_cast<std::uint32_t>(body.size());
    header.digest = {};
    wire::Encoder encoded;
    encoded(header);
    encoded.append(body);
    header.digest = digest_of(encoded.bytes());
    wire::Encoder again;
    again(header);
    again.append(body);
    return again.bytes();
}

/// Digests hold; of every other input a field of the first copy is changed.
void mend(Bytes& input, unsigned seed) {
    fuzz::Input read(input);
    wire::Encoder mended;
    for (const unsigned which : {0U, 1U}) {
        const auto copy = read.piece_with_length();
        if (copy.empty()) {
            mended(Bytes());
            continue;
        }
        CopyHeader header;
        wire::Decoder decoder(copy);
        decoder(header);
        header.magic = CopyHeader().magic;
        const auto body = copy.subspan(std::min(kHeaderBytes, copy.size()));
        Bytes kept(body.begin(),
                   body.begin() + static_cast<std::ptrdiff_t>(std::min(kMostOfCopy, body.size())));
        if (seed % 2 == which)
            fuzz::change_body<Snapshot>(kept, seed);
        mended(copy_of(header, kept));
    }
    mended.append(read.rest());
    input = mended.bytes();
}

Bytes input_of_file() {
    const FileDescriptor file(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    Bytes all(TableFile::kBytes + 64 * kKiB);
    const auto size = ::pread(file.get(), all.data(), all.size(), 0);
    CHECK(size >= static_cast<ssize_t>(kCopyBytes));
    all.resize(static_cast<std::size_t>(size));
    const auto cut_zeros = [](std::span<const std::byte> bytes) {
        while (!bytes.empty() && bytes.back() == std::byte{})
            bytes = bytes.first(bytes.size() - 1);
        return Bytes(bytes.begin(), bytes.end());
    };
    const std::span<const std::byte> bytes(all);
    wire::Encoder input;
    for (const std::uint64_t at : {std::uint64_t{0}, kCopyBytes})
        input(cut_zeros(bytes.subspan(at, std::min<std::size_t>(kCopyBytes, bytes.size() - at))));
    if (bytes.size() > TableFile::kBytes)
        input.append(cut_zeros(bytes.subspan(TableFile::kBytes)));
    return input.bytes();
}

std::vector<fuzz::Seed> seeds() {
    std::vector<fuzz::Seed> all;
    ::unlink(path().c_str());
    Restored restored;
    auto job = test::ok(Job::open(test::ok(open_one_file(path())), restored.program()));
    all.push_back({"new", input_of_file()});
    take_another(*job);
    all.push_back({"one", input_of_file()});
    take_another(*job);
    take_another(*job);
    all.push_back({"three", input_of_file()});
    return all;
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
