// Coordinators, and sessions with files, whose other end answers nonsense: what was right before it was
// changed, cut or doubled, another's answer, any error, or nothing. It is an error with a sentence, in time;
// a sync point is taken only when all hold it, and nothing is restored that was not saved. STEPS in the
// environment: so many rounds. time-limit: 180
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <new>
#include <thread>

#include "lib/base/log.hh"
#include "lib/base/tcp_socket.hh"
#include "lib/wire/server_handshake.hh"
#include "tests/support/mutation.hh"
#include "tests/unit/sync_fixture.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::Mutator;
using test::TestCoordinator;
using test::TestParticipant;

namespace {

using Bytes = std::vector<std::byte>;
using std::chrono::milliseconds;

constexpr unsigned kTimeout_ms = 400;
/// An opening and a rollback are some tens of requests, each of which may be answered late.
constexpr auto kLongest = std::chrono::seconds(20);

std::uint64_t rounds_to_go() {
    return test::steps(60, 30, 5);
}

/// Serves one connection after the other. What is right comes from `answer`; what goes out may be something
/// else.
class Liar {
public:
    /// The right answer, with the raw bytes behind it. `is_refused`: it must change nothing, and be an error.
    using Answer = std::function<Result<Bytes>(const Received&, Stream&, bool is_refused)>;

    Liar(std::uint64_t seed, Answer answer)
        : draw_(seed),
          answer_(std::move(answer)),
          listening_(test::ok(listen_socket({"127.0.0.1", 0}))),
          thread_([this](const std::stop_token& stop) { serve_all(stop); }) {}
    std::string address() const { return format_address(listening_.address); }

    const Uuid uuid = random_uuid();
    /// Of ten answers so many are nonsense.
    std::atomic<unsigned> nonsense_of_ten{0};

private:
    void serve_all(const std::stop_token& stop);
    Status serve(Stream& stream);
    Status let_in(Stream& stream);
    bool lies() { return draw_.below(10) < nonsense_of_ten; }
    Status lie(Stream& stream, const wire::Header& request, Bytes right);
    Bytes error(std::uint64_t id);

    Mutator draw_;
    const Answer answer_;
    std::map<std::uint16_t, Bytes> last_right_;  // by type
    const Key key_ = Key::random();
    const Listening listening_;
    std::jthread thread_;
};

void Liar::serve_all(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        pollfd watched{listening_.socket.get(), POLLIN, 0};
        if (::poll(&watched, 1, 20) <= 0)
            continue;
        FileDescriptor socket(
            ::accept4(listening_.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        Stream stream(std::move(socket), "a coordinator");
        stream.set_patience(milliseconds(5'000));
        static_cast<void>(serve(stream));  // the other end has had enough
    }
}

Status Liar::serve(Stream& stream) {
    TRY(let_in(stream));
    for (;;) {
        const auto request = TRY(stream.receive_message());
        const bool is_lie = lies(), is_refused = is_lie && draw_.one_in(2);
        auto right = TRY(answer_(request, stream, is_refused));
        if (is_lie) {
            TRY(lie(stream, request.header, std::move(right)));
            continue;
        }
        TRY(stream.send(right));
        last_right_[request.header.type] = std::move(right);
    }
}

Status Liar::let_in(Stream& stream) {
    wire::ServerHandshake handshake(wire::kSyncService, test::sync_keys(), 1, [&](const std::string&) {
        return Result<wire::ServerHandshake::Served>({uuid, key_, {}});
    });
    while (!handshake.done()) {
        const auto request = TRY(stream.receive_message());
        auto right = TRY(handshake.take({request.header, request.body()}, request.whole));
        // Most get in, so that there is more to see.
        TRY(lies() && draw_.one_in(4) ? lie(stream, request.header, std::move(right)) : stream.send(right));
    }
    return {};
}

Bytes Liar::error(std::uint64_t id) {
    const auto noise = draw_.noise(draw_.one_in(10) ? UINT16_MAX : draw_.below(200));
    const std::string message(reinterpret_cast<const char*>(noise.data()), noise.size());
    return wire::encode_answer(wire::Type::error, id,
                               wire::ErrorAnswer{static_cast<std::uint32_t>(draw_.below(140)), message});
}

/// Something instead of the right one.
Status Liar::lie(Stream& stream, const wire::Header& request, Bytes right) {
    const auto id = request.request_id;
    switch (draw_.below(10)) {
        case 0: return stream.send(error(id));
        case 1:
            return stream.send(wire::encode_answer(static_cast<Type>(request.type + 1), id, wire::Empty{}));
        case 2:
        case 3: return stream.send(last_right_[request.type]);  // of another request
        case 4: return stream.send(draw_.noise(draw_.below(500)));
        case 5: return fail(ECONNRESET, "it goes without a word");
        case 6: right.resize(draw_.below(right.size())); break;
        case 7: right.insert(right.end(), right.begin(), right.end()); break;
        default: draw_.mutate(right);
    }
    TRY(stream.send(right));
    // Nothing more comes: either now, or while the other end waits for it.
    if (draw_.one_in(4)) {
        std::array<std::byte, 1> next;
        return stream.receive(next);
    }
    return draw_.one_in(2) ? Status() : Status(fail(ECONNRESET, "it goes in the middle"));
}

template <class Answer>
Bytes encoded(const Received& request, const Answer& answer) {
    return wire::encode_answer(static_cast<Type>(request.header.type), request.header.request_id, answer);
}

/// A participant in memory, to be rolled back as any other.
class Model {
public:
    Result<Bytes> answer(const Received& request, Stream& stream, bool is_refused) {
        const std::lock_guard lock(mutex_);
        switch (static_cast<Type>(request.header.type)) {
            case Type::open: return open(request);
            case Type::prepare: return prepare(request, stream, is_refused);
            case Type::complete: {
                const auto id = TRY(wire::decode_body<Complete>(request.body())).id;
                return status(request, table_.complete(id));
            }
            case Type::abort: {
                const auto id = TRY(wire::decode_body<Abort>(request.body())).id;
                return status(request, table_.abort(id));
            }
            case Type::rollback: return roll_back(request);
            default: return status(request, {});
        }
    }

private:
    const Table::Held* find(const SyncPointId& id) const {
        const auto found = std::ranges::find(table_.held(), id, [](const auto& one) { return one.point.id; });
        return found == table_.held().end() ? nullptr : &*found;
    }
    Bytes status(const Received& request, const Status& status) const {
        if (status)
            return encoded(request, wire::Empty{});
        const auto& error = status.error();
        return wire::encode_answer(wire::Type::error, request.header.request_id,
                                   wire::ErrorAnswer{static_cast<std::uint32_t>(error.code), error.message});
    }
    Result<Bytes> open(const Received& request) {
        const auto open = TRY(wire::decode_body<Open>(request.body()));
        const auto term = table_.open(open.instance, open.why);
        return term ? encoded(request, Opened{*term, table_.highest(), 0, table_.held()})
                    : status(request, Status(tl::unexpected(term.error())));
    }
    Result<Bytes> prepare(const Received& request, Stream& stream, bool is_refused) {
        const auto prepare = TRY(wire::decode_body<Prepare>(request.body()));
        Bytes state(prepare.point.coordinator_bytes);
        TRY(stream.receive(state));
        if (is_refused)
            return status(request, fail(EIO, "it is not kept"));
        if (auto held = table_.prepare(prepare.point); !held)
            return status(request, held);
        states_[prepare.point.id] = std::move(state);
        return encoded(request, Prepared{7});
    }
    Result<Bytes> roll_back(const Received& request) {
        const auto id = TRY(wire::decode_body<Rollback>(request.body())).id;
        if (auto begun = table_.begin_rollback(id); !begun)
            return status(request, begun);
        table_.end_rollback();
        auto answer = encoded(request, RolledBack{find(id)->point});
        answer.insert(answer.end(), states_[id].begin(), states_[id].end());
        return answer;
    }

    std::mutex mutex_;
    Table table_;
    std::map<SyncPointId, Bytes> states_;
};

/// Within its time, and with a sentence when it fails.
template <class T>
bool is_well(const Result<T>& result, std::chrono::steady_clock::time_point begun) {
    CHECK(std::chrono::steady_clock::now() - begun < kLongest);
    if (result)
        return true;
    CHECK(result.error().code > 0 && result.error().code < 4096);
    CHECK(!result.error().message.empty());
    return false;
}
template <class Do>
bool is_well(Do&& action) {
    const auto begun = std::chrono::steady_clock::now();
    return is_well(action(), begun);
}

/// A job of one that lies and one that does not.
class World {
public:
    explicit World(std::uint64_t seed)
        : liar_(seed, [this](const Received& request, Stream& stream, bool is_refused) {
              return model_.answer(request, stream, is_refused);
          }) {}

    void round() {
        liar_.nonsense_of_ten = 2;
        live();
        liar_.nonsense_of_ten = 0;
        check_that_it_works();
    }
    std::uint64_t taken = 0, failed = 0;

private:
    std::string set_next() {
        auto text = fmt::format("state {}", ++states_);
        first_.program.set("first " + text);
        honest_.program.set("honest " + text);
        return text;
    }
    void live() {
        auto coordinator = first_.open();
        is_well([&] {
            return Result<bool>(coordinator ? Result<bool>(true) : tl::unexpected(coordinator.error()));
        });
        for (int i = 0; coordinator && i < 3; ++i) {
            try_rollback(**coordinator);
            try_sync_point(**coordinator);
        }
    }
    void try_sync_point(Coordinator& coordinator) {
        const auto text = set_next();
        Result<SyncPointId> id = fail(EIO, "");
        const bool is_taken = is_well([&] { return id = coordinator.sync_point(); });
        ++(is_taken ? taken : failed);
        if (!is_taken)
            return;
        // The other one may have answered as it had once before to a request with this number: then it says
        // that it holds what it does not, and nobody can know.
        const auto held = honest_.job().listed().held;
        CHECK(std::ranges::any_of(held, [&](const auto& one) { return one.point.id == *id; }));
    }
    /// What is restored was saved: the honest one's state says as of when.
    void try_rollback(Coordinator& coordinator) {
        const auto before = first_.program.text();
        if (is_well([&] { return coordinator.rollback(); }))
            test::equal(first_.program.text().substr(5), honest_.program.text().substr(6));
        else
            test::equal(first_.program.text(), before);
    }
    void check_that_it_works() {
        const auto coordinator = test::ok(first_.open());
        if (coordinator->must_roll_back())
            test::ok(coordinator->rollback());
        const auto text = set_next();
        const auto id = test::ok(coordinator->sync_point());
        set_next();
        CHECK(test::ok(coordinator->rollback()) == id);
        test::equal(first_.program.text(), "first " + text);
        test::equal(honest_.program.text(), "honest " + text);
    }

    Model model_;
    TestParticipant honest_{"honest"};
    Liar liar_;
    TestCoordinator first_{{liar_.address(), honest_.address()}, kTimeout_ms};
    std::uint64_t states_ = 0;
};

void participants_that_answer_nonsense() {
    World world(test::generator()());
    for (auto round = rounds_to_go(); round > 0; --round)
        try {
            world.round();
        } catch (const std::exception& failure) {
            throw test::Failure(fmt::format("{} rounds before the end: {}", round, failure.what()));
        }
    fmt::print("{} sync points were taken, {} failed\n", world.taken, world.failed);
    CHECK(world.taken > 0 && world.failed > 0);
}

/// Each request has its right answer, of one file whose bytes are all the same.
Result<Bytes> answer_of_files(const Received& request, Stream& stream, bool is_refused) {
    if (is_refused)
        return wire::encode_answer(wire::Type::error, request.header.request_id,
                                   wire::ErrorAnswer{EACCES, "it may not be"});
    switch (static_cast<FileType>(request.header.type)) {
        case FileType::join: return encoded(request, FileJoined{1});
        case FileType::open: return encoded(request, FileOpened{3, 100});
        case FileType::read: {
            const auto asked = TRY(wire::decode_body<FileRead>(request.body()));
            auto answer = encoded(request, FileMoved{asked.bytes, asked.bytes});
            answer.insert(answer.end(), asked.bytes, std::byte{'x'});
            return answer;
        }
        case FileType::write: {
            const auto asked = TRY(wire::decode_body<FileWrite>(request.body()));
            Bytes bytes(asked.bytes);
            TRY(stream.receive(bytes));
            return encoded(request, FileMoved{asked.bytes, asked.bytes});
        }
        case FileType::seek: return encoded(request, FileMoved{0, 5});
        case FileType::stat: return encoded(request, FileStatus{100, 0644, 1});
        default: return encoded(request, wire::Empty{});
    }
}

/// Not a byte beyond what was asked for is written.
bool reads_within(FileSession& files, std::size_t size) {
    constexpr std::size_t kGuard = 64;
    Bytes into(size + kGuard, std::byte{'#'});
    Result<std::size_t> got = fail(EIO, "");
    const bool is_good = is_well([&] { return got = files.read(3, std::span(into).first(size)); });
    CHECK(
        std::ranges::all_of(std::span(into).last(kGuard), [](auto byte) { return byte == std::byte{'#'}; }));
    CHECK(!is_good || *got <= size);
    return is_good;
}

bool do_something(FileSession& files, Mutator& draw) {
    const Bytes some(draw.below(3'000));
    switch (draw.below(9)) {
        case 0: return is_well([&] { return files.open("a/file", kOpenRead); });
        case 1: return is_well([&] { return files.write(3, some); });
        case 2: return is_well([&] { return files.seek(3, -4, Whence::end); });
        case 3: return is_well([&] { return files.stat("a/file"); });
        case 4: return is_well([&] { return files.rename("a", "b"); });
        case 5: return is_well([&] { return files.truncate(3, 17); });
        case 6: return is_well([&] { return files.flush(3); });
        default: return reads_within(files, draw.below(2'000));
    }
}

void file_services_that_answer_nonsense() {
    Liar liar(test::generator()(), answer_of_files);
    Mutator draw(test::generator()());
    std::uint64_t good = 0, bad = 0;
    for (auto round = 2 * rounds_to_go(); round > 0; --round) {
        liar.nonsense_of_ten = round % 4 == 0 ? 0 : 2;
        Result<std::unique_ptr<FileSession>> files = fail(EIO, "");
        const auto begun = std::chrono::steady_clock::now();
        files = FileSession::connect({liar.address(), "primary", test::sync_keys(), kTimeout_ms}, {});
        for (int i = 0; is_well(files, begun) && i < 10 && !(*files)->is_lost(); ++i)
            ++(do_something(**files, draw) ? good : bad);
        if (files && (*files)->is_lost())
            test::error((*files)->stat("a"), ENOTCONN);
    }
    fmt::print("{} calls were answered, {} failed\n", good, bad);
    CHECK(good > 0 && bad > 0);
}

/// Valid ones, but not to what was asked.
void answers_to_others_are_refused() {
    for (const bool is_of_other_type : {false, true}) {
        Liar liar(1, [&](const Received& request, Stream&, bool) -> Result<Bytes> {
            const auto type = static_cast<Type>(request.header.type + (is_of_other_type ? 1 : 0));
            return wire::encode_answer(type, request.header.request_id - (is_of_other_type ? 0 : 1),
                                       wire::Empty{});
        });
        const auto peer = test::ok(Peer::connect({liar.address(), "primary", test::sync_keys(), 10'000}));
        test::contains(test::error(peer->complete({1, {}}), EPROTO),
                       is_of_other_type ? "of type 0x8704" : "answered request 2 where 3 was asked");
        CHECK(peer->is_lost());
    }
}

/// Answers that are valid, and can't be true.
void fewer_bytes_than_were_written_are_no_success() {
    Liar liar(1, [](const Received& request, Stream& stream, bool is_refused) -> Result<Bytes> {
        auto right = TRY(answer_of_files(request, stream, is_refused));
        return request.header.type == static_cast<std::uint16_t>(FileType::write)
                   ? encoded(request, FileMoved{3, 3})
                   : right;
    });
    const auto files =
        test::ok(FileSession::connect({liar.address(), "primary", test::sync_keys(), 10'000}, {}));
    test::contains(test::error(files->write(3, Bytes(4)), EPROTO), "written 3 bytes where 4 were sent");
    CHECK(files->is_lost());
}

void tables_that_can_t_be_are_refused() {
    Opened opened;
    Liar liar(
        1, [&](const Received& request, Stream&, bool) { return Result<Bytes>(encoded(request, opened)); });
    const auto check = [&](std::uint64_t highest, const std::vector<SyncPointId>& held, bool is_one) {
        opened = {1, highest, 0, {}};
        for (const auto& id : held) {
            SyncPoint point;
            point.id = id;
            point.participants = {liar.uuid};
            opened.held.push_back({point, 0});
        }
        const auto peer = test::ok(Peer::connect({liar.address(), "primary", test::sync_keys(), 10'000}));
        const auto answer = peer->open("batch", Uuid{1}, Opening::begin);
        CHECK(answer.has_value() == is_one);
        if (!is_one)
            test::contains(test::error(answer, EPROTO), "can't be one");
    };
    check(9, {{8, {}}, {9, {}}}, true);
    check(9, {{0, {}}}, false);
    check(9, {{9, {}}, {8, {}}}, false);
    check(9, {{8, {}}, {8, {1}}}, false);
    check(8, {{8, {}}, {9, {}}}, false);
    check(kLastNumber + 1, {}, false);
}

/// Whether it was answered is not known then; and what is left of the answer is not the next one.
void an_exception_in_an_answer_loses_the_connection() {
    TestParticipant second("second");
    TestCoordinator first({second.address()});
    first.program.set("a state");
    auto coordinator = test::ok(first.open());
    const auto id = test::ok(coordinator->sync_point());
    const auto peer = test::ok(Peer::connect({second.address(), "primary", test::sync_keys(), 10'000}));
    const auto held = test::ok(peer->open("batch", Uuid{1}, Opening::roll_back)).held;
    CHECK(held.size() == 1 && held.front().point.id == id);
    try {
        static_cast<void>(peer->rollback(
            held.front().point, [](std::span<const std::byte>) -> Status { throw std::bad_alloc(); }));
        test::fail_at(test::Place::current(), "nothing was thrown");
    } catch (const std::bad_alloc&) {
    }
    CHECK(peer->is_lost());
    test::error(peer->list(), ENOTCONN);
}

void paths_that_no_message_takes_are_refused() {
    Liar liar(1, answer_of_files);
    const auto files =
        test::ok(FileSession::connect({liar.address(), "primary", test::sync_keys(), 10'000}, {}));
    const std::string path(UINT16_MAX + 1, 'a');
    test::contains(test::error(files->open(path, kOpenRead), ENAMETOOLONG), "65536 bytes");
    test::error(files->rename("a", path), ENAMETOOLONG);
    test::error(files->remove(path), ENAMETOOLONG);
    test::error(files->stat(path), ENAMETOOLONG);
    test::ok(files->stat("a"));
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each end of a session is told
    return test::run(
        "sync_hostile_participants",
        {{"participants that answer nonsense", participants_that_answer_nonsense},
         {"file services that answer nonsense", file_services_that_answer_nonsense},
         {"answers to others are refused", answers_to_others_are_refused},
         {"fewer bytes than were written are no success", fewer_bytes_than_were_written_are_no_success},
         {"tables that can't be are refused", tables_that_can_t_be_are_refused},
         {"an exception in an answer loses the connection", an_exception_in_an_answer_loses_the_connection},
         {"paths that no message takes are refused", paths_that_no_message_takes_are_refused}});
}
