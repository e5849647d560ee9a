// Two sessions of a manager, of clients who are who they say and mean no good: any requests in any order,
// while they write through whatever windows they have.
//
// input: steps, each a kind, and what it takes. A request is a type, and its body behind its length; it is
// alice's, or bob's with kOther in the kind.
#include <algorithm>

#include "tests/fuzz/bodies.hh"
#include "tests/fuzz/input.hh"
#include "tests/fuzz/session_stage.hh"

using namespace pmemckpt;
using namespace pmemckpt::wire;

namespace {

using fuzz::Bytes;

enum class Kind : std::uint8_t { request = 0, scribble = 1, append = 2, reconnect = 3 };
constexpr std::uint8_t kOther = 0x80, kKinds = 4;
constexpr std::size_t kMostSteps = 60;

struct Step {
    std::uint8_t kind = 0;
    std::uint16_t type = 0;  // of a request; else what it takes
    Bytes body;

    Kind what() const { return static_cast<Kind>(kind % kKinds); }
    std::size_t session() const { return (kind & kOther) != 0 ? 1 : 0; }
};

std::vector<Step> steps_of(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    std::vector<Step> steps;
    while (!input.empty() && steps.size() < kMostSteps) {
        Step step;
        step.kind = input.byte();
        step.type = input.number();
        if (step.what() == Kind::request) {
            const auto body = input.piece_with_length();
            step.body.assign(body.begin(), body.end());
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

Bytes input_of(const std::vector<Step>& steps) {
    Encoder input;
    for (const auto& step : steps) {
        input(step.kind);
        input(step.type);
        if (step.what() == Kind::request)
            input(step.body);
    }
    return input.bytes();
}

std::optional<Bytes> take(fuzz::SessionStage& stage, const Step& step) {
    switch (step.what()) {
        case Kind::request: return stage.ask(step.session(), step.type, step.body);
        case Kind::scribble: stage.scribble(step.session(), static_cast<std::byte>(step.type)); break;
        case Kind::append: stage.append(step.session(), 1 + step.type % 6000); break;
        case Kind::reconnect: stage.reconnect(step.session()); break;
    }
    return std::nullopt;
}

void run(std::span<const std::byte> bytes) {
    fuzz::SessionStage stage;
    for (const auto& step : steps_of(bytes))
        take(stage, step);
    stage.end();
}

/// How to change the body of each request.
struct Request {
    Type type;
    void (*change)(Bytes& body, unsigned seed);
    Bytes (*plain)();
};
template <class R>
Request request() {
    return {R::kType, fuzz::change_body<R>, [] { return test::encoded(R{}); }};
}
template <class... Rs>
std::vector<Request> requests_of() {
    return {request<Rs>()...};
}
const std::vector<Request>& requests() {
    static const auto all =
        requests_of<CreateRegion, FindRegion, DestroyRegion, ListRegions, SetRetention, Clear, TakeOver,
                    GrantRights, WithdrawRights, ListRights, SetOwner, Watch, Begin, Seal, Abort,
                    OpenGeneration, CloseGeneration, ListGenerations, WaitGeneration, FindGeneration,
                    BeginClone, Dirty, Pin, OpenLog, GrowLog, FlushLog, CloseLog, ReadLog, WaitLog, FindLog,
                    FindInLog, LogHint, CursorGet, CursorAdvance, CursorDrop, CursorListRequest,
                    StatusRequest, Goodbye>();
    return all;
}

void change_step(Step& step, unsigned seed) {
    if (step.what() != Kind::request) {
        step.type = static_cast<std::uint16_t>(seed);
        return;
    }
    const auto known = std::ranges::find(requests(), static_cast<Type>(step.type), &Request::type);
    if (known != requests().end())
        known->change(step.body, seed);
}

/// A request of any kind, with names and numbers that may mean something.
Step drawn_step(std::minstd_rand& generator) {
    Step step;
    step.kind = static_cast<std::uint8_t>(generator() % 3 == 0 ? generator() % kKinds : 0);
    step.kind = static_cast<std::uint8_t>(step.kind | (generator() % 4 == 0 ? kOther : 0));
    const auto& request = requests()[generator() % requests().size()];
    step.type = static_cast<std::uint16_t>(request.type);
    if (step.what() == Kind::request) {
        step.body = request.plain();
        for (int changes = 0; changes < 4; ++changes)
            request.change(step.body, static_cast<unsigned>(generator()));
    }
    return step;
}

/// A step comes, goes, is repeated or changed.
void mend(Bytes& input, unsigned seed) {
    auto steps = steps_of(input);
    std::minstd_rand generator(seed);
    const auto at = steps.empty() ? 0 : generator() % steps.size();
    const auto place = steps.begin() + static_cast<std::ptrdiff_t>(at);
    switch (generator() % 6) {
        case 0: steps.insert(place, drawn_step(generator)); break;
        case 1:
            if (!steps.empty())
                steps.erase(place);
            break;
        case 2:
            if (!steps.empty())
                steps.insert(place, Step(steps[generator() % steps.size()]));
            break;
        case 3:
            if (!steps.empty())
                place->kind ^= kOther;
            break;
        default:
            if (!steps.empty())
                change_step(*place, static_cast<unsigned>(generator()));
            break;
    }
    input = input_of(steps);
}

/// Steps that are taken as they are written down, since later ones need what was answered.
class Script {
public:
    template <class R>
    Script& ask(const R& request, std::size_t session = 0) {
        wait_for(request, session);
        if (!answer_)
            throw std::runtime_error(fmt::format("step {} of a seed is refused", steps_.size()));
        return *this;
    }
    /// The answer comes by itself.
    template <class R>
    Script& wait_for(const R& request, std::size_t session = 0) {
        const std::uint8_t kind = session == 0 ? 0 : kOther;
        Step step{kind, static_cast<std::uint16_t>(R::kType), test::encoded(request)};
        answer_ = take(stage_, step);
        steps_.push_back(std::move(step));
        return *this;
    }
    Script& act(Kind kind, std::uint16_t with = 0, std::size_t session = 0) {
        const Step step{
            static_cast<std::uint8_t>(static_cast<std::uint8_t>(kind) | (session == 0 ? 0 : kOther)),
            with,
            {}};
        take(stage_, step);
        steps_.push_back(step);
        return *this;
    }
    template <class Answer>
    Answer answer() const {
        return test::ok(decode_body<Answer>(*answer_));
    }
    Bytes bytes() {
        stage_.end();
        return input_of(steps_);
    }

private:
    fuzz::SessionStage stage_;
    std::vector<Step> steps_;
    std::optional<Bytes> answer_;
};

GrantRights for_bob(Rights rights) {
    return {"team/app", {"bob", rights.bits()}};
}

Bytes generations() {
    Script script;
    script.ask(CreateRegion{"team/app", 2, 0, 1})
        .ask(for_bob(Right::read))
        .ask(FindRegion{"team/app"})
        .ask(Begin{"team/app", 5000});
    script.act(Kind::scribble, 7).ask(Seal{script.answer<Begun>().draft_id, 5000, 0, 0});
    script.ask(OpenGeneration{"team/app", 0}, 1)
        .ask(CloseGeneration{script.answer<OpenedGeneration>().handle}, 1);
    script.ask(Begin{"team/app", 100}).ask(Abort{script.answer<Begun>().draft_id}).act(Kind::reconnect);
    script.ask(ListGenerations{"team/app", 0}).ask(FindGeneration{"team/app", 1}).ask(Pin{"team/app", 1, 1});
    script.wait_for(WaitGeneration{"team/app", 0, 5}, 1).ask(StatusRequest{}).ask(ListRegions{""});
    script.ask(SetRetention{"team/app", 1, 5}).ask(Clear{"team/app"}).ask(DestroyRegion{"team/app"});
    return script.ask(Goodbye{}).bytes();
}

Bytes clones() {
    Script script;
    script.ask(CreateRegion{"b", 3, 0, 0}).ask(Begin{"b", 20'000});
    script.act(Kind::scribble, 1).ask(Seal{script.answer<Begun>().draft_id, 20'000, 0, 0});
    script.ask(BeginClone{"b", 30'000, 0});
    const auto draft = script.answer<Cloning>().draft_id;
    script.ask(Dirty{draft, 0, {{5, 10}}}).ask(Dirty{draft, 1, {{9000, 5000}, {25'000, 1}}});
    return script.act(Kind::scribble, 2).ask(Seal{draft, 30'000, 0, 0}).ask(OpenGeneration{"b", 2}).bytes();
}

Bytes logs() {
    Script script;
    script.ask(CreateRegion{"team/app", 2, 0, 1}).ask(for_bob(Right::read)).ask(OpenLog{"team/app", 9000, 0});
    const auto log = script.answer<LogGranted>();
    script.act(Kind::append, 99).act(Kind::append, 2000).ask(LogHint{"team/app"});
    script.ask(GrowLog{"team/app", log.log_id, log.term, 5000}).act(Kind::append, 5000);
    script.ask(FlushLog{"team/app", log.log_id, log.term, 0, 100}).ask(ReadLog{"team/app"}, 1);
    script.ask(CloseGeneration{script.answer<LogOpened>().handle}, 1).ask(FindLog{"team/app"}, 1);
    script.ask(FindInLog{"team/app", log.log_id, 1, 150}, 1)
        .wait_for(WaitLog{"team/app", 0, log.log_id, 1, 5}, 1);
    script.wait_for(Watch{"team/app", UINT64_MAX, 5}, 1);
    script.ask(CursorAdvance{"team/app", {"backup", 0, 2}, 0, log.log_id}, 1)
        .ask(CursorGet{"team/app", "backup"}, 1);
    script.ask(CursorListRequest{"team/app", ""}, 1).ask(CursorDrop{"team/app", "backup"}, 1);
    return script.ask(CloseLog{"team/app"}).bytes();
}

Bytes a_takeover() {
    Script script;
    script.ask(CreateRegion{"team/app", 2, 0, 1})
        .ask(for_bob(Rights::all()))
        .ask(Begin{"team/app", 5000})
        .ask(OpenLog{"team/app", 100, 0});
    script.act(Kind::append, 10)
        .ask(TakeOver{"team/app", ""}, 1)
        .act(Kind::scribble, 3)
        .act(Kind::append, 10);
    script.ask(OpenLog{"team/app", 100, 0}, 1).act(Kind::append, 50, 1).ask(Begin{"team/app", 100}, 1);
    return script.ask(Seal{script.answer<Begun>().draft_id, 100, 0, 0}, 1).bytes();
}

Bytes rights() {
    Script script;
    script.ask(CreateRegion{"team/app", 2, 0, 1})
        .ask(GrantRights{"team/app", {"%team", Rights::all().bits()}});
    script.ask(Begin{"team/app", 5000}, 1).ask(OpenLog{"team/app", 100, 0}, 1);
    script.ask(for_bob(Right::append)).ask(ListRights{"team/app", ""}, 1);
    script.ask(WithdrawRights{"team/app", {"%team", Rights::all().bits()}})
        .act(Kind::scribble, 3, 1)
        .act(Kind::append, 50, 1);
    script.ask(SetOwner{"team/app", "bob"}).ask(WithdrawRights{"team/app", {"bob", 2}}, 1);
    return script.wait_for(Begin{"team/app", 100}).ask(Begin{"team/app", 100}, 1).bytes();
}

std::vector<fuzz::Seed> seeds() {
    std::vector<fuzz::Seed> all;
    const std::pair<const char*, Bytes (*)()> scripts[] = {{"generations", generations},
                                                           {"clones", clones},
                                                           {"logs", logs},
                                                           {"a-takeover", a_takeover},
                                                           {"rights", rights}};
    for (const auto& [name, script] : scripts) {
        fuzz::start();
        all.push_back({name, script()});
    }
    return all;
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
