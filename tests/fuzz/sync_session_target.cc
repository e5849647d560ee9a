// Connections to a participant that serves files, of a client who is who it says and means no good: sync
// points, rollbacks and files, whose paths lead nowhere else.
//
// input: steps, each a kind; a request is a type, its body behind its length, and the raw bytes that follow
// on it, behind theirs
#include <algorithm>

#include "lib/sync/digest.hh"
#include "lib/sync/file_messages.hh"
#include "tests/fuzz/bodies.hh"
#include "tests/fuzz/input.hh"
#include "tests/fuzz/participant_stage.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;

namespace {

using fuzz::Bytes;

enum class Kind : std::uint8_t { request = 0, new_connection = 1, start_anew = 2 };
constexpr std::uint8_t kKinds = 3;
constexpr std::size_t kMostSteps = 60, kMostOfStream = 96 * 1024;
constexpr Uuid kInstance{5};

struct Step {
    std::uint8_t kind = 0;
    std::uint16_t type = 0;
    Bytes body, raw;

    Kind what() const { return static_cast<Kind>(kind % kKinds); }
};

Bytes kept(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

std::vector<Step> steps_of(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    std::vector<Step> steps;
    while (!input.empty() && steps.size() < kMostSteps) {
        Step step;
        step.kind = input.byte();
        if (step.what() == Kind::request) {
            step.type = input.number();
            step.body = kept(input.piece_with_length());
            step.raw = kept(input.piece_with_length());
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

Bytes input_of(const std::vector<Step>& steps) {
    wire::Encoder input;
    for (const auto& step : steps) {
        input(step.kind);
        if (step.what() == Kind::request)
            input(step.type), input(step.body), input(step.raw);
    }
    return input.bytes();
}

void add(Bytes& stream, const Step& step, std::uint64_t request_id) {
    wire::Encoder body;
    body.append(step.body);
    const auto message = wire::encode_raw(step.type, request_id, std::move(body));
    if (stream.size() + message.size() + step.raw.size() > kMostOfStream)
        return;
    stream.insert(stream.end(), message.begin(), message.end());
    stream.insert(stream.end(), step.raw.begin(), step.raw.end());
}

void run_steps(const std::vector<Step>& steps) {
    fuzz::ParticipantStage stage;
    Bytes stream;
    const auto connect = [&] {
        stage.connect(stream);
        stage.check_outside();
        stream.clear();
    };
    std::uint64_t request_id = 0;
    for (const auto& step : steps) {
        if (step.what() == Kind::request) {
            add(stream, step, ++request_id);
            continue;
        }
        connect();
        if (step.what() == Kind::start_anew)
            stage.start_anew();
    }
    connect();
    stage.start_anew();
}

void run(std::span<const std::byte> bytes) {
    run_steps(steps_of(bytes));
}

struct Request {
    std::uint16_t type;
    void (*change)(Bytes& body, unsigned seed);
    Bytes (*plain)();
};
template <class R>
Request request() {
    return {static_cast<std::uint16_t>(R::kType), fuzz::change_body<R>, [] { return test::encoded(R{}); }};
}
template <class... Rs>
std::vector<Request> requests_of() {
    return {request<Rs>()...};
}
const std::vector<Request>& requests() {
    static const auto all =
        requests_of<Open, Prepare, Complete, Abort, Verify, Rollback, List, Goodbye, FileJoin, FileLeave,
                    FileOpen, FileClose, FileRead, FileWrite, FileSeek, FileTruncate, FileRename, FileRemove,
                    FileStat, FileFlush>();
    return all;
}

/// What is said of the raw bytes is so.
void fit_raw(Step& step) {
    if (step.type == static_cast<std::uint16_t>(Type::prepare))
        if (auto prepare = wire::decode_body<Prepare>(step.body)) {
            prepare->point.coordinator_bytes = step.raw.size();
            prepare->point.coordinator_digest = digest_of(step.raw);
            step.body = test::encoded(*prepare);
        }
    if (step.type == static_cast<std::uint16_t>(FileType::write))
        if (auto write = wire::decode_body<FileWrite>(step.body)) {
            write->bytes = static_cast<std::uint32_t>(step.raw.size());
            step.body = test::encoded(*write);
        }
}

void change_step(Step& step, unsigned seed) {
    const auto known = std::ranges::find(requests(), step.type, &Request::type);
    if (step.what() == Kind::request && known != requests().end())
        known->change(step.body, seed);
}

Step drawn_step(std::minstd_rand& generator) {
    Step step;
    step.kind = static_cast<std::uint8_t>(generator() % 4 == 0 ? generator() % kKinds : 0);
    const auto& request = requests()[generator() % requests().size()];
    step.type = request.type;
    step.body = request.plain();
    for (int changes = 0; changes < 3; ++changes)
        request.change(step.body, static_cast<unsigned>(generator()));
    return step;
}

/// A step comes, goes, is repeated or changed.
void mend(Bytes& input, unsigned seed) {
    auto steps = steps_of(input);
    std::minstd_rand generator(seed);
    if (steps.empty())
        steps.push_back(drawn_step(generator));
    const auto place = steps.begin() + static_cast<std::ptrdiff_t>(generator() % steps.size());
    switch (generator() % 5) {
        case 0: steps.insert(place, drawn_step(generator)); break;
        case 1: steps.erase(place); break;
        case 2: steps.insert(place, Step(steps[generator() % steps.size()])); break;
        default: change_step(*place, static_cast<unsigned>(generator())); break;
    }
    if (generator() % 8 != 0)
        std::ranges::for_each(steps, fit_raw);
    input = input_of(steps);
}

class Script {
public:
    template <class R>
    Script& ask(const R& request, std::string_view raw = {}) {
        Step step{0, static_cast<std::uint16_t>(R::kType), test::encoded(request),
                  kept(std::as_bytes(std::span(raw)))};
        fit_raw(step);
        steps_.push_back(std::move(step));
        return *this;
    }
    Script& act(Kind kind) {
        steps_.push_back({static_cast<std::uint8_t>(kind), 0, {}, {}});
        return *this;
    }
    Bytes bytes() const { return input_of(steps_); }

private:
    std::vector<Step> steps_;
};

/// This participant's UUID is drawn anew, and always the same.
Uuid participant() {
    fuzz::ParticipantStage stage;
    return stage.job().identity().participant;
}

SyncPoint point(std::uint64_t number) {
    SyncPoint point;
    point.id = {number, kInstance};
    fuzz::start();
    point.participants = {participant()};
    return point;
}

Script joined() {
    return Script().ask(Open{"job", kInstance, Opening::begin}).ask(FileJoin{"job", kInstance, 1});
}

constexpr std::uint32_t kMake = kOpenRead | kOpenWrite | kOpenCreate;

Bytes sync_points() {
    return Script()
        .ask(Open{"job", kInstance, Opening::begin})
        .ask(Prepare{point(1)}, "state")
        .ask(Complete{{1, kInstance}})
        .ask(Verify{{1, kInstance}})
        .ask(Prepare{point(2)}, "another state")
        .ask(Abort{{2, kInstance}})
        .ask(List{})
        .act(Kind::start_anew)
        .ask(Open{"job", {6}, Opening::roll_back})
        .ask(Rollback{{1, kInstance}})
        .ask(Goodbye{})
        .bytes();
}

Bytes files() {
    return Script()
        .ask(FileJoin{"", {}, 0})
        .ask(FileOpen{"folder/new", kMake, 0644})
        .ask(FileWrite{1, 0}, "some bytes")
        .ask(FileSeek{1, -4, Whence::end})
        .ask(FileRead{1, 100})
        .ask(FileTruncate{1, 3})
        .ask(FileFlush{1})
        .ask(FileRename{"folder/new", "renamed"})
        .ask(FileClose{1})
        .ask(FileStat{"renamed"})
        .ask(FileRemove{"renamed"})
        .ask(FileOpen{"link/secret", kOpenRead, 0})
        .ask(FileOpen{"../outside/secret", kMake, 0600})
        .ask(FileOpen{"link-to-a-file", kOpenWrite | kOpenTruncate, 0600})
        .ask(FileLeave{})
        .bytes();
}

Bytes a_rollback_of_files() {
    auto script = joined();
    script.ask(Prepare{point(1)}, "state").ask(Complete{{1, kInstance}});
    script.ask(FileOpen{"file", kMake, 0644}).ask(FileWrite{1, 0}, "other").ask(FileTruncate{1, 2});
    script.ask(FileOpen{"made", kMake, 0600}).ask(FileWrite{2, 0}, "new").ask(FileClose{2});
    script.ask(FileRename{"made", "folder/moved"}).ask(FileClose{1}).ask(FileRemove{"file"});
    script.act(Kind::new_connection)
        .ask(Open{"job", kInstance, Opening::roll_back})
        .ask(Rollback{{1, kInstance}});
    return script.ask(FileJoin{"job", kInstance, 1}).ask(FileStat{"file"}).bytes();
}

std::vector<fuzz::Seed> seeds() {
    return {
        {"sync-points", sync_points()}, {"files", files()}, {"a-rollback-of-files", a_rollback_of_files()}};
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
