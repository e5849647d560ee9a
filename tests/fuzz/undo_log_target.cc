// The undo log of pmemckpt-filed, as a crash or a disk left it: what it has undone are changes that verify.
//
// input: the log's two files, each behind its length
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/sync/digest.hh"
#include "tests/fuzz/bodies.hh"
#include "tests/fuzz/input.hh"
#include "utils/pmemckpt-filed/undo_log.hh"

using namespace pmemckpt;
using namespace pmemckpt::filed;

namespace fs = std::filesystem;

namespace {

using fuzz::Bytes;

constexpr sync::SyncPointId kFirst{1, Uuid{5}}, kSecond{2, Uuid{5}};

std::string folder() {
    return fuzz::scratch() + "/undo";
}
std::string name_of(unsigned sequence) {
    return fmt::format("{}-{}.undo", sequence, sync::to_name(sequence == 1 ? kFirst : kSecond));
}

FileDescriptor open_folder() {
    fs::create_directory(folder());
    return FileDescriptor(::open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void lay(unsigned sequence, std::span<const std::byte> bytes) {
    const auto path = folder() + "/" + name_of(sequence);
    if (bytes.empty()) {
        ::unlink(path.c_str());
        return;
    }
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    CHECK(::pwrite(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

void undo_all(UndoLog& log) {
    std::uint64_t undone = 0, flushes = 0;
    const auto undo = [&](const Change& change, std::span<const std::byte> raw) -> Status {
        undone += 1 + raw.size() + change.path.size();
        return {};
    };
    const auto undone_since = log.undo_since(kFirst, undo, [&] {
        ++flushes;
        return Status();
    });
    CHECK(undone_since || !undone_since.error().message.empty());
    CHECK(!undone_since || flushes > 0);
    if (undone_since)
        test::ok(log.add({Change::Kind::size, "file", "", 0, 7}));
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    const auto opened = open_folder();
    for (const unsigned sequence : {1U, 2U})
        lay(sequence, input.piece_with_length());
    auto log = UndoLog::open(open_folder(), folder());
    if (!log) {
        test::error(log, EBADMSG);
        return;
    }
    const auto needed = log->needed_trash();
    test::ok(UndoLog::open(open_folder(), folder()));  // the same again
    undo_all(*log);
    static_cast<void>(log->begin({3, Uuid{5}}));
    static_cast<void>(
        log->forget_before(kSecond, [&](const std::string& name) { CHECK(needed.contains(name)); }));
    fs::remove_all(folder());
}

/// At the begin of a file, and before each change: undo_file.hh.
struct FileHead {
    Uuid salt{};
    std::uint64_t bytes_before = 0;
    sync::Digest digest{};
    static void fields(auto& s, auto& c) { c(s.salt), c(s.bytes_before), c(s.digest); }
};
struct EntryHeader {
    std::array<std::uint8_t, 8> magic{'P', 'M', 'C', 'K', 'U', 'N', 'D', 'O'};
    std::uint32_t body_bytes = 0, gap_bytes = 0, raw_bytes = 0;
    std::uint64_t durable_end = 0;
    sync::Digest digest{};
    static void fields(auto& s, auto& c) {
        c(s.magic), c(s.body_bytes), c(s.gap_bytes), c(s.raw_bytes), c(s.durable_end), c(s.digest);
    }
};
constexpr std::size_t kHeadBytes = 56, kEntryBytes = 60;

/// A file taken apart as it says, and put together with digests that hold.
class Mender {
public:
    Mender(unsigned sequence, unsigned seed) : name_(name_of(sequence)), seed_(seed) {}

    Bytes mend(std::span<const std::byte> bytes, std::uint64_t bytes_before) {
        wire::Decoder decoder(bytes);
        decoder(head_);
        if (seed_ % 4 != 0)
            head_.bytes_before = bytes_before;
        head_.digest = {};
        sync::Digester digester;
        digester.add(std::as_bytes(std::span(name_)));
        digester.add(test::encoded(head_));
        head_.digest = digester.end();
        file_(head_);
        auto left = bytes.subspan(std::min(kHeadBytes, bytes.size()));
        for (unsigned entry = 0; left.size() > kEntryBytes; ++entry)
            left = mend_entry(left, entry == seed_ % 8);
        return file_.bytes();
    }

private:
    std::span<const std::byte> mend_entry(std::span<const std::byte> bytes, bool is_changed) {
        EntryHeader header;
        wire::Decoder decoder(bytes);
        decoder(header);
        header.magic = EntryHeader().magic;
        auto left = bytes.subspan(kEntryBytes);
        const auto take = [&](std::uint32_t& size) {
            size = static_cast<std::uint32_t>(std::min<std::size_t>(size, left.size()));
            const auto taken = left.first(size);
            left = left.subspan(size);
            return Bytes(taken.begin(), taken.end());
        };
        auto body = take(header.body_bytes);
        const auto gap = take(header.gap_bytes), raw = take(header.raw_bytes);
        if (is_changed)
            fuzz::change_body<Change>(body, seed_);
        header.body_bytes = static_cast<std::uint32_t>(body.size());
        header.digest = {};
        wire::Encoder place;
        place(name_), place(head_.salt), place(std::uint64_t{file_.bytes().size()});
        sync::Digester digester;
        digester.add(place.bytes());
        digester.add(test::encoded(header));
        digester.add(body);
        digester.add(raw);
        header.digest = digester.end();
        file_(header);
        for (const auto* const part : {&std::as_const(body), &gap, &raw})
            file_.append(*part);
        return left;
    }

    const std::string name_;
    const unsigned seed_;
    FileHead head_;
    wire::Encoder file_;
};

void mend(Bytes& input, unsigned seed) {
    fuzz::Input read(input);
    const auto first = Mender(1, seed).mend(read.piece_with_length(), 0);
    const auto second_before = read.piece_with_length();
    wire::Encoder mended;
    mended(first);
    mended(second_before.empty() ? Bytes() : Mender(2, seed).mend(second_before, first.size()));
    input = mended.bytes();
}

Bytes bytes_of(unsigned sequence) {
    const FileDescriptor file(::open((folder() + "/" + name_of(sequence)).c_str(), O_RDONLY | O_CLOEXEC));
    Bytes bytes(16 * kKiB);
    const auto size = ::pread(file.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
}

std::vector<fuzz::Seed> seeds() {
    fs::remove_all(folder());
    std::vector<fuzz::Seed> all;
    auto log = test::ok(UndoLog::open(open_folder(), folder()));
    const auto keep = [&](const char* name) {
        test::ok(log.flush());
        wire::Encoder input;
        input(bytes_of(1)), input(bytes_of(2));
        all.push_back({name, input.bytes()});
    };
    test::ok(log.begin(kFirst));
    keep("begun");
    test::ok(log.add({Change::Kind::bytes, "file", "", 4096, 0}, Bytes(100)));
    test::ok(log.add({Change::Kind::created, "folder/made", "", 0, 0}));
    test::ok(log.add({Change::Kind::renamed, "a", "b", 0, 0}));
    keep("one");
    test::ok(log.begin(kSecond));
    test::ok(log.add({Change::Kind::removed, "gone", "17", 0, 0}));
    test::ok(log.add({Change::Kind::zeros, "file", "", 0, 4096}));
    test::ok(log.add({Change::Kind::size, "file", "", 0, 5000}));
    keep("two");
    fs::remove_all(folder());
    return all;
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
