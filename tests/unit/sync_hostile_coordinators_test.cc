// Participants, and who means them no good: strangers, and coordinators with a key that send what was valid
// before it was changed, cut, doubled or put in another order. Nobody dies or hangs, and a good coordinator
// takes sync points afterwards, and rolls back to them. STEPS in the environment: so many connections.
// time-limit: 180
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "lib/base/log.hh"
#include "lib/base/tcp_socket.hh"
#include "lib/sync/file_messages.hh"
#include "lib/wire/client_handshake.hh"
#include "tests/support/mutation.hh"
#include "tests/unit/sync_fixture.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::Keeping;
using test::Mutator;
using test::TestCoordinator;
using test::TestParticipant;

namespace {

using Bytes = std::vector<std::byte>;
using std::chrono::milliseconds;

constexpr milliseconds kLongWait{20'000};
constexpr std::size_t kLinesAtOnce = 3;
constexpr std::uint64_t kLinesARound = 60;

std::uint64_t lines_to_go() {
    return test::steps(1'800, 300, kLinesARound);
}

/// A connection to a participant, of which the sending end can be closed alone.
class Line {
public:
    explicit Line(const std::string& address)
        : Line(test::ok(connect_socket(test::ok(parse_address(address)), Stream::Clock::now() + kLongWait))) {
    }

    /// As a coordinator does it; `change` may change what is sent, and nothing more is said then.
    Status prove(const std::function<void(Bytes&)>& change = [](Bytes&) {}) {
        const auto keys = test::sync_keys();
        const auto key = TRY(load_key(keys, "primary"));
        wire::ClientHandshake handshake(wire::kSyncService, {"primary", {}, keys}, key);
        TRY(say(handshake.hello(1), change));
        const auto challenge = TRY(stream_.receive_message());
        auto proof = TRY(handshake.prove(2, challenge.whole));
        TRY(say(std::move(proof), change));
        const auto welcome = TRY(stream_.receive_message());
        TRY(handshake.check(welcome.whole));
        return {};
    }
    Stream& stream() { return stream_; }
    void say_no_more() { ::shutdown(socket_.get(), SHUT_WR); }
    /// What comes is read; fails unless the other end closes.
    void wait_for_the_end(milliseconds limit = kLongWait) {
        const auto until = Stream::Clock::now() + limit;
        Bytes piece(65'536);
        for (;;) {
            const auto got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
            if (got == 0 || (got < 0 && errno != EAGAIN))
                return;
            const auto left = std::chrono::ceil<milliseconds>(until - Stream::Clock::now()).count();
            pollfd watched{socket_.get(), POLLIN, 0};
            if (got < 0 && (left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) == 0))
                test::fail_at(test::Place::current(), "the connection is not closed");
        }
    }

private:
    explicit Line(Connected connected)
        : socket_(::dup(connected.socket.get())), stream_(std::move(connected.socket), "the participant") {}
    Status say(Bytes message, const std::function<void(Bytes&)>& change) {
        const auto before = message;
        change(message);
        TRY(stream_.send(message));
        if (message != before)
            say_no_more();
        return {};
    }

    FileDescriptor socket_;
    Stream stream_;
};

/// Answers requests for files, with errors of any length.
class Parrot final : public Service {
public:
    explicit Parrot(Job& job) : job_(job) {}
    bool knows(std::uint16_t type) const override { return type >> 8 == 0x08; }
    Status take(const Received& request, Stream& stream) override {
        if (request.header.type != static_cast<std::uint16_t>(FileType::join))
            return reply(stream, request, Status());
        const auto join = TRY(wire::decode_body<FileJoin>(request.body()));
        auto known = job_.check_instance(join.job, join.instance);
        return reply(stream, request, known);
    }

private:
    Job& job_;
};

/// Participants that lose patience soon.
class Victim : public TestParticipant {
public:
    Victim(const std::string& name, Keeping keeping) : TestParticipant(name, keeping, options()) {}

private:
    Participant::Options options() {
        Participant::Options options;
        options.start_up_ms = options.patience_ms = kPatience_ms;
        options.service = [this] { return std::make_unique<Parrot>(job()); };
        return options;
    }

public:
    static constexpr unsigned kPatience_ms = 3'000;
};

/// A job of two participants, which has a sync point.
struct World {
    Victim second{"second", Keeping::one_file}, third{"third", Keeping::file_each};
    TestCoordinator first{{second.address(), third.address()}};
    std::vector<Uuid> participants{second.job().identity().participant, third.job().identity().participant};
    unsigned rounds = 0;

    World() {
        std::ranges::sort(participants);
        check_that_it_works();
    }
    void go_to(const std::string& state) {
        first.program.set("first " + state);
        second.program.set("second " + state);
        third.program.set("third " + state);
    }
    /// Whatever was accepted is what was announced.
    void check_that_all_verifies() {
        for (auto* const one : {&second, &third}) {
            auto& job = one->job();
            const Asker asker{Uuid{9}, test::ok(job.open("batch", Uuid{9}, Opening::roll_back)).term};
            for (const auto& held : job.listed().held)
                test::ok(job.verify(asker, held.point.id));
        }
    }
    /// As ever: a coordinator is started, rolls back if it must, takes a sync point and rolls back to it.
    void check_that_it_works() {
        const auto state = fmt::format("of round {}", ++rounds);
        const auto coordinator = test::ok(first.open());
        if (coordinator->must_roll_back())
            test::ok(coordinator->rollback());
        go_to(state);
        const auto taken = test::ok(coordinator->sync_point());
        go_to("something else");
        CHECK(test::ok(coordinator->rollback()) == taken);
        test::equal(first.program.text(), "first " + state);
        test::equal(second.program.text(), "second " + state);
        test::equal(third.program.text(), "third " + state);
    }
};

/// What a coordinator says, rightly or not.
class Speech {
public:
    Speech(const World& world, TestParticipant& to, std::uint64_t seed)
        : draw(seed), world_(world), listed_(to.job().listed()) {
        for (auto& byte : instance_)
            byte = static_cast<std::uint8_t>(draw.below(256));
    }

    /// One to nine requests, as bytes.
    Bytes bytes() {
        std::vector<Bytes> said;
        if (!draw.one_in(5))
            said.push_back(open());
        for (auto count = 1 + draw.below(8); count > 0; --count)
            said.push_back(draw.one_in(2) ? request() : changed(request()));
        if (draw.one_in(4))
            said.push_back(said[draw.below(said.size())]);
        if (draw.one_in(4))
            std::swap(said[draw.below(said.size())], said[draw.below(said.size())]);
        Bytes all;
        for (const auto& one : said)
            all.insert(all.end(), one.begin(), one.end());
        if (draw.one_in(3))
            all.resize(draw.below(all.size() + 1));
        return all;
    }
    Bytes open() { return encode(Open{"batch", instance_, static_cast<Opening>(draw.below(4))}); }
    /// With the state behind it.
    Bytes prepare() {
        const auto state = draw.noise(draw.below(20'000));
        SyncPoint point;
        point.id = {listed_.highest + draw.below(20), instance_};
        point.participants = world_.participants;
        point.coordinator_bytes = state.size();
        point.coordinator_digest = digest_of(state);
        auto message = encode(Prepare{std::move(point)});
        message.insert(message.end(), state.begin(), state.end());
        return message;
    }

    Mutator draw;

private:
    template <class Request>
    Bytes encode(const Request& request) {
        return wire::encode_request(++last_id_, request);
    }
    SyncPointId id() {
        if (!listed_.held.empty() && !draw.one_in(3))
            return listed_.held[draw.below(listed_.held.size())].point.id;
        return {listed_.highest + draw.below(20), instance_};
    }
    Bytes request() {
        switch (draw.below(12)) {
            case 0: return open();
            case 1: return encode(Complete{id()});
            case 2: return encode(Abort{id()});
            case 3: return encode(Verify{id()});
            case 4: return encode(Rollback{id()});
            case 5: return encode(List{});
            case 6: return encode(FileJoin{"batch", instance_, draw.below(9)});
            case 7: return encode(FileStat{"a/file"});
            case 8: return draw.one_in(3) ? encode(Goodbye{}) : encode(wire::StatusRequest{});
            case 9: return draw.noise(draw.below(300));
            default: return prepare();
        }
    }
    /// What its key allows it to do to the job is not meant here: a sync point of participants that nobody
    /// can reach, or the last number there is.
    bool is_rightful_harm(const Bytes& bytes) const {
        constexpr std::size_t kBehindNumber = wire::kHeaderBytes + sizeof(std::uint64_t);
        if (bytes.size() < kBehindNumber)
            return false;
        wire::Decoder decoder(bytes);
        wire::Header header;
        SyncPoint point;
        decoder(header);
        decoder(point);
        if (header.type == static_cast<std::uint16_t>(Type::prepare) && point.participants.size() >= 2 &&
            point.participants != world_.participants)
            return true;
        return point.id.number > kLastNumber / 2;
    }
    Bytes changed(Bytes message) {
        auto other = message;
        draw.mutate(other);
        return is_rightful_harm(other) ? message : other;
    }

    const World& world_;
    const JobListed listed_;
    Uuid instance_{};
    std::uint64_t last_id_ = 2;  // two were of the handshake
};

void with_seed(std::uint64_t seed, const std::function<void()>& body) {
    try {
        body();
    } catch (const std::exception& failure) {
        throw test::Failure(fmt::format("line {}: {}", seed, failure.what()));
    }
}

/// Many at the same time, since an opening cuts who had the job before. What fails is thrown at the end.
void at_the_same_time(std::uint64_t count, const std::function<void(std::uint64_t)>& talk) {
    std::atomic<std::uint64_t> next{0};
    std::mutex mutex;
    std::string failures;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kLinesAtOnce; ++i)
        threads.emplace_back([&] {
            for (std::uint64_t line; (line = next++) < count;)
                try {
                    talk(line);
                } catch (const std::exception& failure) {
                    const std::lock_guard lock(mutex);
                    failures += failure.what() + std::string("; ");
                }
        });
    threads.clear();
    if (!failures.empty())
        throw test::Failure(failures);
}

/// Rounds of lines, each with a seed of its own, and after each of them all must be well.
void in_rounds(World& world, std::uint64_t lines, const std::function<void(std::uint64_t)>& talk) {
    const auto base = test::generator()();
    for (std::uint64_t done = 0; done < lines; done += kLinesARound) {
        at_the_same_time(kLinesARound, [&](std::uint64_t line) {
            const auto seed = base + done + line;
            with_seed(done + line, [&] { talk(seed); });
        });
        world.check_that_all_verifies();
        world.check_that_it_works();
    }
}

void coordinators_that_talk_nonsense() {
    World world;
    std::atomic<std::uint64_t> let_in{0};
    in_rounds(world, lines_to_go(), [&](std::uint64_t seed) {
        auto& to = seed % 2 == 0 ? world.second : world.third;
        Speech speech(world, to, seed);
        Line line(to.address());
        if (!line.prove())
            return;  // there are many
        ++let_in;
        static_cast<void>(line.stream().send(speech.bytes()));
        line.say_no_more();
        line.wait_for_the_end();
    });
    CHECK(let_in > lines_to_go() / 2);
}

/// All of HELLO; of PROOF its MAC, since nothing else of it is proved.
Bytes proving_bytes(Bytes message) {
    constexpr std::size_t kEnd = wire::kHeaderBytes + sizeof(wire::Mac);
    wire::Decoder decoder(message);
    wire::Header header;
    decoder(header);
    if (header.type != static_cast<std::uint16_t>(wire::Type::proof) || message.size() < kEnd)
        return message;
    return {message.begin() + wire::kHeaderBytes, message.begin() + kEnd};
}

void strangers_that_talk_nonsense() {
    World world;
    in_rounds(world, lines_to_go() / 4, [&](std::uint64_t seed) {
        auto& to = seed % 2 == 0 ? world.second : world.third;
        Speech speech(world, to, seed);
        Line line(to.address());
        bool is_changed = false;
        const auto change = [&](Bytes& message) {
            const auto before = proving_bytes(message);
            speech.draw.mutate(message);
            is_changed = is_changed || proving_bytes(message) != before;
        };
        if (!speech.draw.one_in(4))
            CHECK(!line.prove(change) || !is_changed);
        static_cast<void>(line.stream().send(speech.bytes()));
        line.say_no_more();
        line.wait_for_the_end();
    });
}

/// Whatever the place where it stops.
void who_falls_silent_is_closed() {
    World world;
    Speech speech(world, world.second, test::generator()());
    const auto open = speech.open();
    auto said = open;
    const auto prepare = speech.prepare();
    said.insert(said.end(), prepare.begin(), prepare.end());
    std::vector<std::unique_ptr<Line>> lines;
    for (std::size_t i = 1; i < kMostConnections / 2; ++i) {
        const auto cut = i < 8 ? i : open.size() + 1 + speech.draw.below(prepare.size() - 1);
        lines.push_back(std::make_unique<Line>(world.second.address()));
        test::ok(lines.back()->prove());
        test::ok(lines.back()->stream().send(std::span(said).first(cut)));
    }
    for (std::size_t i = 0; i < kMostStrangers / 2; ++i)
        lines.push_back(std::make_unique<Line>(world.second.address()));
    for (const auto& line : lines)
        line->wait_for_the_end();
    world.check_that_it_works();
}

/// What somebody has sent is in the error: so it may be longer than a message takes.
void an_error_is_never_too_long() {
    World world;
    auto asking = test::ok(Caller::connect({world.second.address(), "primary", test::sync_keys(), 5'000}));
    const FileJoin join{std::string(UINT16_MAX, 'j'), Uuid{7}, 1};
    test::contains(test::error(asking.ask<wire::Empty>(join), ESTALE), "job jjjjjj");
    test::ok(asking.ask<wire::Empty>(FileStat{"a"}));
    world.check_that_it_works();
}

void an_unknown_reason_opens_nothing() {
    World world;
    const auto term = world.second.job().listed().term;
    const auto peer = test::ok(Peer::connect({world.second.address(), "primary", test::sync_keys(), 5'000}));
    test::contains(test::error(peer->open("batch", Uuid{7}, static_cast<Opening>(3)), EINVAL), "reason 3");
    test::equal(world.second.job().listed().term, term);
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each end of a session is told
    return test::run("sync_hostile_coordinators",
                     {{"coordinators that talk nonsense", coordinators_that_talk_nonsense},
                      {"strangers that talk nonsense", strangers_that_talk_nonsense},
                      {"who falls silent is closed", who_falls_silent_is_closed},
                      {"an error is never too long", an_error_is_never_too_long},
                      {"an unknown reason opens nothing", an_unknown_reason_opens_nothing}});
}
