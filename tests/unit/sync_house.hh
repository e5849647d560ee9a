#pragma once
// A job without a network, at one participant, over checkpoint files that fail.
#include <algorithm>
#include <cstring>
#include <map>

#include "tests/unit/sync_fixture.hh"

namespace pmemckpt::test {

inline constexpr sync::Uuid kInstance{5};

/// A source of these bytes.
inline sync::Source source_of(const std::string& text) {
    return [&text, at = std::size_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
        const auto count = std::min(into.size(), text.size() - at);
        std::memcpy(into.data(), text.data() + at, count);
        at += count;
        return count;
    };
}

/// A job, its checkpoint file and its program, which is started anew as often as one wants.
struct House {
    using Open = std::function<Result<std::unique_ptr<sync::CheckpointFile>>()>;

    explicit House(Keeping keeping = Keeping::one_file)
        : House([this, keeping] { return open_checkpoint_file(path, keeping); }) {}
    explicit House(Open how) : open_file(std::move(how)) { start(); }

    void start() {
        job.reset();
        job = ok(sync::Job::open(ok(open_file()), program.program()));
        asker = {kInstance, ok(job->open("batch", kInstance)).term};
    }
    sync::SyncPoint point_of(std::uint64_t number, const std::string& state) const {
        sync::SyncPoint point;
        point.id = {number, kInstance};
        point.participants = {job->identity().participant};
        point.coordinator_bytes = state.size();
        point.coordinator_digest = sync::digest_of(std::as_bytes(std::span(state)));
        return point;
    }
    Result<std::uint64_t> prepare(std::uint64_t number, const std::string& state) {
        const auto asks = asker;  // which may be another one when it has been asked
        return job->prepare(asks, point_of(number, state), source_of(state));
    }
    void take(std::uint64_t number, const std::string& state) {
        ok(prepare(number, state));
        ok(job->complete(asker, {number, kInstance}));
    }
    std::string coordinators(std::uint64_t number) const {
        std::string state;
        ok(job->read_coordinator_state({number, kInstance}, [&](std::span<const std::byte> bytes) {
            state.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return Status();
        }));
        return state;
    }

    const std::string path = (directory() / "checkpoint").string();
    const Open open_file;
    TextProgram program;
    std::unique_ptr<sync::Job> job;
    sync::Asker asker;
};

inline std::string text_of(std::size_t size) {
    const auto bytes = random_bytes(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Which call fails, of all that are made with it: not done, or done and said not to be; and all later ones,
/// when nothing can be had any more.
struct FailingCalls {
    int calls = 0, fails_at = 0;
    bool fails_after = false, for_good = false;

    template <class Do>
    auto run(Do&& action) -> decltype(action()) {
        ++calls;
        const bool fails = fails_at != 0 && (calls == fails_at || (for_good && calls > fails_at));
        if (!fails)
            return action();
        if (fails_after && calls == fails_at)
            if (auto done = action(); !done)
                return done;
        return fail(EIO, "call {} fails", calls);
    }
};

/// In front of a real one.
class FailingFile final : public sync::CheckpointFile {
public:
    FailingFile(std::unique_ptr<sync::CheckpointFile> real, FailingCalls& plan)
        : real_(std::move(real)), plan_(plan) {}
    const sync::Snapshot& snapshot() const override { return real_->snapshot(); }
    Result<std::unique_ptr<Draft>> begin(const sync::SyncPointId& id) override {
        return plan_.run([&]() -> Result<std::unique_ptr<Draft>> {
            return std::make_unique<FailingDraft>(TRY(real_->begin(id)), plan_);
        });
    }
    Status commit(sync::Snapshot next) override {
        return plan_.run([&] { return real_->commit(std::move(next)); });
    }
    Status read(const sync::Place& place, Offset from, std::span<std::byte> into) const override {
        return plan_.run([&] { return real_->read(place, from, into); });
    }
    std::string name() const override { return real_->name(); }

private:
    class FailingDraft final : public Draft {
    public:
        FailingDraft(std::unique_ptr<Draft> real, FailingCalls& plan) : real_(std::move(real)), plan_(plan) {}
        Status write(std::span<const std::byte> bytes) override {
            return plan_.run([&] { return real_->write(bytes); });
        }
        Result<std::vector<sync::Segment>> finish() override {
            return plan_.run([&] { return real_->finish(); });
        }

    private:
        std::unique_ptr<Draft> real_;
        FailingCalls& plan_;
    };
    std::unique_ptr<sync::CheckpointFile> real_;
    FailingCalls& plan_;
};

/// Says what was told of it.
inline void take_three(sync::Job& job, const sync::Asker& asker, TextProgram& program,
                       std::map<std::uint64_t, bool>& said) {
    for (std::uint64_t number = 1; number <= 3; ++number) {
        const auto text = fmt::format("state {}", number);
        sync::SyncPoint point;
        point.id = {number, kInstance};
        point.participants = {job.identity().participant};
        point.coordinator_bytes = text.size();
        point.coordinator_digest = sync::digest_of(std::as_bytes(std::span(text)));
        program.set(text);
        const bool good = job.prepare(asker, point, source_of(text)).has_value();
        if (good || !job.has_failed())
            said[number] = good;
    }
    static_cast<void>(job.rollback(asker, {2, kInstance}));
    said.erase(3);  // dropped by the rollback, or not
}

/// What was said to be held is, and can be restored; what was said not to be is not.
inline void holds_what_was_said(sync::Job& job, TextProgram& program,
                                const std::map<std::uint64_t, bool>& said, const std::string& which) {
    const sync::Asker later{sync::Uuid{6}, ok(job.open("batch", sync::Uuid{6})).term};
    const auto held = job.listed().held;
    for (const auto& [number, is_held] : said) {
        const bool is_there = std::ranges::any_of(
            held, [&](const sync::Table::Held& one) { return one.point.id.number == number; });
        if (is_there != is_held)
            fail_at(Place::current(), fmt::format("{}: sync point {} was said to be {}held", which, number,
                                                  is_held ? "" : "not "));
    }
    for (auto at = held.rbegin(); at != held.rend(); ++at) {
        ok(job.rollback(later, at->point.id));
        equal(program.text(), fmt::format("state {}", at->point.id.number));
    }
}

/// Each call of the plan's fails, done or not, once or for good; the participant is then killed and started
/// anew. `open_job` takes a new path for each; how many calls there were.
template <class OpenJob>
int each_call_fails(FailingCalls& plan, OpenJob&& open_job) {
    int calls = 1;
    for (int fails_at = 1; fails_at <= calls; ++fails_at)
        for (const bool fails_after : {false, true})
            for (const bool for_good : {false, true}) {
                const auto which =
                    fmt::format("call {} fails ({}, {})", fails_at, fails_after ? "done" : "not done",
                                for_good ? "for good" : "once");
                const auto path =
                    (directory() / fmt::format("{}.{}.{}", fails_at, fails_after, for_good)).string();
                TextProgram program;
                plan = {0, 0, fails_after, for_good};
                std::unique_ptr<sync::Job> job = ok(open_job(path, program));
                const sync::Asker asker{kInstance, ok(job->open("batch", kInstance)).term};
                const auto begun = plan.calls;
                plan.fails_at = begun + fails_at;
                std::map<std::uint64_t, bool> said;  // whether it is held
                take_three(*job, asker, program, said);
                calls = std::max(calls, plan.calls - begun);
                job.reset();

                plan = {};
                program.set("a new program");
                job = ok(open_job(path, program));
                holds_what_was_said(*job, program, said, which);
            }
    return calls;
}

}  // namespace pmemckpt::test
