// Checkpoint files with each byte flipped, cut at each length, and put together from parts of others: such a
// file opens as it was after one of its commits, or is refused with EBADMSG, and what is restored from it is
// a state that was saved, or nothing. STEPS in the environment: so many forged tables. time-limit: 180
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>

#include "lib/base/log.hh"
#include "lib/sync/table_file.hh"
#include "tests/support/mutation.hh"
#include "tests/unit/sync_fixture.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::Keeping;
using test::Mutator;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = TableFile::kBytes / 2;
constexpr std::size_t kHeaderBytes = 54;
constexpr Uuid kInstance{5};

std::uint64_t forgeries() {
    return test::steps(600, 300, 50);
}
std::size_t stride() {
    return test::under_valgrind() ? 29 : test::sanitized() ? 5 : 1;
}

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

std::string text_of(std::size_t size) {
    const auto bytes = test::random_bytes(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Which sync points are held.
using Held = std::vector<SyncPointId>;
Held held_in(const std::vector<Table::Held>& table) {
    Held all;
    for (const auto& one : table)
        all.push_back(one.point.id);
    return all;
}
Held held_by(const Job& job) {
    return held_in(job.listed().held);
}

/// A participant of one job, and all that it ever committed to.
class History {
public:
    explicit History(const std::string& name, Keeping keeping)
        : path((test::directory() / name).string()), keeping_(keeping) {
        auto job =
            test::ok(Job::open(test::ok(test::open_checkpoint_file(path, keeping_)), program_.program()));
        const Asker asker{kInstance, test::ok(job->open("batch", kInstance)).term};
        remember(*job);
        for (std::uint64_t number = 1; number <= 4; ++number) {
            take(*job, asker, {number, kInstance});
            remember(*job);
        }
    }
    /// As it is at the end, and was before.
    const std::string& newest() const { return files_.back(); }
    const std::string& older() const { return files_[files_.size() - 2]; }
    bool was_committed(const Held& held) const { return std::ranges::find(held_, held) != held_.end(); }
    const std::string& program_at(const SyncPointId& id) const { return programs_.at(id); }
    const Held& newest_held() const { return held_.back(); }

    const std::string path;

private:
    void take(Job& job, const Asker& asker, const SyncPointId& id) {
        const auto coordinators = text_of(500 + id.number);
        programs_[id] = text_of(700 + id.number);
        program_.set(programs_[id]);
        SyncPoint point;
        point.id = id;
        point.participants = {job.identity().participant};
        point.coordinator_bytes = coordinators.size();
        point.coordinator_digest = digest_of(std::as_bytes(std::span(coordinators)));
        std::size_t at = 0;
        test::ok(job.prepare(asker, point, [&](std::span<std::byte> into) -> Result<std::size_t> {
            const auto count = std::min(into.size(), coordinators.size() - at);
            std::memcpy(into.data(), coordinators.data() + at, count);
            at += count;
            return count;
        }));
        remember(job);
        test::ok(job.complete(asker, id));
    }
    void remember(const Job& job) {
        held_.push_back(held_by(job));
        files_.push_back(read_file(keeping_ == Keeping::one_file ? path : path + "/table"));
    }

    const Keeping keeping_;
    test::TextProgram program_;
    std::vector<Held> held_;
    std::vector<std::string> files_;
    std::map<SyncPointId, std::string> programs_;
};

enum class Outcome { refused, old, newest };

/// Opens what lies there, and restores each sync point that it holds.
Outcome look(const std::string& path, Keeping keeping, const History& history) {
    auto file = test::open_checkpoint_file(path, keeping);
    if (!file) {
        test::error(file, EBADMSG);
        return Outcome::refused;
    }
    test::TextProgram program;
    program.set("untouched");
    const auto job = test::ok(Job::open(std::move(*file), program.program()));
    const auto held = held_by(*job);
    CHECK(history.was_committed(held));
    const Asker asker{Uuid{6}, test::ok(job->open("batch", Uuid{6}, Opening::roll_back)).term};
    for (auto id = held.rbegin(); id != held.rend(); ++id) {
        program.set("untouched");
        if (const auto restored = job->rollback(asker, *id))
            CHECK(program.text() == history.program_at(*id));
        else {
            test::error(restored, EBADMSG);
            test::equal(program.text(), std::string("untouched"));
        }
    }
    return held == history.newest_held() ? Outcome::newest : Outcome::old;
}

struct Tally {
    std::map<Outcome, std::uint64_t> counts;
    std::string to_string() {
        return fmt::format("{} refused, {} as before, {} as at the end", counts[Outcome::refused],
                           counts[Outcome::old], counts[Outcome::newest]);
    }
};

/// A file of its own for these bytes.
Outcome look_at_bytes(const std::string& bytes, const History& history) {
    const auto path = (test::directory() / "changed").string();
    write_file(path, bytes);
    return look(path, Keeping::one_file, history);
}

std::size_t used_of_copy(const std::string& bytes) {
    std::size_t body = 0;
    for (std::size_t at = 18; at < 22; ++at)
        body = body << 8 | static_cast<unsigned char>(bytes[at]);
    return kHeaderBytes + body;
}

std::string flipped(std::string bytes, std::initializer_list<std::size_t> places) {
    for (const auto at : places)
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    return bytes;
}

/// Opened only: what is restored brings much to the disk.
Outcome look_at_table(const std::string& bytes, const History& history) {
    const auto path = (test::directory() / "changed").string();
    write_file(path, bytes);
    const auto file = open_one_file(path);
    if (!file) {
        test::error(file, EBADMSG);
        return Outcome::refused;
    }
    const auto held = held_in((*file)->snapshot().table.held());
    CHECK(history.was_committed(held));
    return held == history.newest_held() ? Outcome::newest : Outcome::old;
}

/// In one copy it is no loss; in both at the same place it is refused; in a state it is told when that is
/// restored.
void each_byte_flipped() {
    const History history("checkpoint", Keeping::one_file);
    const auto& newest = history.newest();
    const auto used = used_of_copy(newest);
    for (std::size_t at = 0; at < used; at += stride()) {
        const auto look = at % 16 == 0 ? look_at_bytes : look_at_table;
        CHECK(look(flipped(newest, {at}), history) == Outcome::newest);
        CHECK(look(flipped(newest, {at + kCopyBytes}), history) == Outcome::newest);
        CHECK(look(flipped(newest, {at, at + kCopyBytes}), history) == Outcome::refused);
    }
    for (auto at = TableFile::kBytes; at < newest.size(); at += 97 * stride())
        CHECK(look_at_bytes(flipped(newest, {at}), history) == Outcome::newest);
}

/// An empty file is one that was not begun; all else that is short is damaged.
void cut_at_each_length() {
    const History history("checkpoint", Keeping::one_file);
    const auto& newest = history.newest();
    const auto used = used_of_copy(newest);
    const auto cut = [&](std::size_t length) { return look_at_bytes(newest.substr(0, length), history); };
    for (std::size_t length = 1; length < used; length += stride())
        CHECK(cut(length) == Outcome::refused);
    for (auto length = used; length < newest.size(); length += 509 * stride())
        CHECK(cut(length) == Outcome::newest);
}

/// A new one whose first commit was cut is begun again: nothing was ever kept in it.
void one_that_was_never_begun_is() {
    const auto path = (test::directory() / "new").string();
    test::ok(open_one_file(path));
    const auto first = read_file(path);
    const std::string zeros(kCopyBytes, '\0');
    for (const auto& bytes :
         {std::string(), zeros, zeros.substr(0, 100), first.substr(0, used_of_copy(first) - 1),
          first.substr(0, 40), first.substr(0, 40) + zeros.substr(40)}) {
        write_file(path, bytes);
        CHECK(!test::ok(open_one_file(path))->snapshot().participant.empty());
    }
}

/// Of this and that time, and of a twin that did the same.
void put_together_from_others() {
    const History history("checkpoint", Keeping::one_file), twin("twin", Keeping::one_file);
    Tally tally;
    const auto size = history.newest().size();
    const std::array borders{std::size_t{0}, kCopyBytes, 2 * kCopyBytes, size};
    const std::array<const std::string*, 3> sources{&history.newest(), &history.older(), &twin.newest()};
    for (unsigned choice = 0; choice < 27; ++choice) {
        std::string bytes;
        const std::array from{choice % 3, choice / 3 % 3, choice / 9};
        for (std::size_t part = 0; part < from.size(); ++part)
            bytes += sources[from[part]]->substr(borders[part], borders[part + 1] - borders[part]);
        const bool is_of_two = (from[0] == 2) != (from[1] == 2);
        const auto outcome = look_at_bytes(bytes, from[0] == 2 ? twin : history);
        CHECK((outcome == Outcome::refused) == is_of_two);
        ++tally.counts[outcome];
    }
    fmt::print("{}\n", tally.to_string());
}

/// A directory's content, in another one.
std::string copy_of(const History& history) {
    const auto path = (test::directory() / "changed").string();
    fs::remove_all(path);
    fs::copy(history.path, path);
    fs::permissions(path, fs::perms::owner_all);
    return path;
}

std::vector<fs::path> states_in(const std::string& directory) {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(directory))
        if (entry.path().extension() == ".state")
            all.push_back(entry.path());
    std::ranges::sort(all);
    return all;
}

/// States whose table is gone are left alone.
void a_table_that_is_cut_costs_no_state() {
    const History history("checkpoint", Keeping::file_each);
    const auto& table = history.newest();
    const auto used = used_of_copy(table);
    for (std::size_t length = 0; length < used + kCopyBytes; length += length < used ? stride() : 3'001) {
        const auto path = copy_of(history);
        const auto states = states_in(path).size();
        write_file(path + "/table", table.substr(0, length));
        CHECK(look(path, Keeping::file_each, history) ==
              (length < used ? Outcome::refused : Outcome::newest));
        if (length < used)
            CHECK(states_in(path).size() == states);
    }
    const auto path = copy_of(history);
    write_file(path + "/table", std::string(kCopyBytes, '\0'));
    CHECK(look(path, Keeping::file_each, history) == Outcome::refused);
    CHECK(states_in(path).size() == 2);
}

/// Each flipped, cut, gone, or another one's.
void states_in_files_of_their_own() {
    const History history("checkpoint", Keeping::file_each), twin("twin", Keeping::file_each);
    const auto count = states_in(history.path).size();
    for (std::size_t which = 0; which < count; ++which) {
        const auto bytes = read_file(states_in(history.path)[which]);
        const auto look_at = [&](const std::string& changed) {
            const auto path = copy_of(history);
            write_file(states_in(path)[which], changed);
            CHECK(look(path, Keeping::file_each, history) == Outcome::newest);
        };
        for (std::size_t at = 0; at < bytes.size(); at += 53 * stride()) {
            look_at(flipped(bytes, {at}));
            look_at(bytes.substr(0, at));
        }
        look_at(bytes + "more");
        look_at(read_file(states_in(history.path)[1 - which]));
        look_at(read_file(states_in(twin.path)[which]));
        const auto path = copy_of(history);
        fs::remove(states_in(path)[which]);
        CHECK(look(path, Keeping::file_each, history) == Outcome::newest);
    }
}

/// A copy as pmemckpt-sync.7 has it.
std::string copy_with(std::uint64_t sequence, const std::vector<std::byte>& body) {
    const auto header = [&](const Digest& digest) {
        wire::Encoder encoder;
        encoder.append(std::as_bytes(std::span("PMCKSYNC", 8)));
        encoder(std::uint16_t{1});
        encoder(sequence);
        encoder(static_cast<std::uint32_t>(body.size()));
        encoder(digest);
        return encoder.bytes();
    };
    auto bytes = header({});
    bytes.insert(bytes.end(), body.begin(), body.end());
    const auto first = header(digest_of(bytes));
    std::ranges::copy(first, bytes.begin());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What is asked of a job that was forged.
void ask_all_of(Job& job, test::TextProgram& program) {
    const auto opened = job.open("batch", Uuid{6}, Opening::roll_back);
    if (!opened)
        return;
    const Asker asker{Uuid{6}, opened->term};
    for (const auto& one : opened->held) {
        static_cast<void>(job.verify(asker, one.point.id));
        program.set("untouched");
        if (!job.rollback(asker, one.point.id))
            test::equal(program.text(), std::string("untouched"));
        static_cast<void>(job.read_coordinator_state(one.point.id, [](auto) { return Status(); }));
    }
    SyncPoint point;
    point.id = {opened->highest + 1, Uuid{6}};
    point.participants = {job.identity().participant};
    point.coordinator_digest = digest_of({});
    if (job.prepare(asker, point, [](std::span<std::byte>) { return Result<std::size_t>(0); }))
        test::ok(job.verify(asker, point.id));
    static_cast<void>(job.complete(asker, point.id));
}

/// Who can write to it can give it a digest that fits. No crash, and no state that does not verify.
void tables_that_were_forged() {
    const History history("checkpoint", Keeping::one_file);
    std::vector<std::byte> good;
    for (std::size_t at = kHeaderBytes; at < used_of_copy(history.newest()); ++at)
        good.push_back(static_cast<std::byte>(history.newest()[at]));
    Mutator mutator(test::generator()());
    const auto path = (test::directory() / "forged").string();
    std::uint64_t opened = 0;
    for (auto step = forgeries(); step > 0; --step) {
        auto body = good;
        mutator.mutate(body);
        const auto copy = copy_with(1'000, body);
        auto bytes = history.newest();
        bytes.replace(0, copy.size(), copy);
        bytes.replace(kCopyBytes, copy.size(), copy);
        write_file(path, bytes);
        auto file = open_one_file(path);
        if (!file) {
            test::error(file, EBADMSG);
            continue;
        }
        test::TextProgram program;
        if (const auto job = Job::open(std::move(*file), program.program()))
            ask_all_of(**job, program);
        ++opened;
        CHECK(read_file(path).substr(0, 8) == "PMCKSYNC");
        fs::remove(path);
    }
    fmt::print("{} of {} were opened\n", opened, forgeries());
    CHECK(opened > 0);
}

}  // namespace

int main() {
    log::set_level(log::Level::error);
    return test::run("sync_damaged_files",
                     {{"each byte flipped", each_byte_flipped},
                      {"cut at each length", cut_at_each_length},
                      {"one that was never begun is", one_that_was_never_begun_is},
                      {"put together from others", put_together_from_others},
                      {"a table that is cut costs no state", a_table_that_is_cut_costs_no_state},
                      {"states in files of their own", states_in_files_of_their_own},
                      {"tables that were forged", tables_that_were_forged}});
}
