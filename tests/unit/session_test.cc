// A session on a connection that the test plays, over a medium that waits when it is told to: what must
// happen while a seal is under way.
// not over devices: its connections are made up
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "driver/admin_status.hh"
#include "driver/sessions.hh"
#include "lib/pool/manager_key.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::Bytes;
using wire::Type;

namespace {

/// Opens and shuts; who passes while it is shut waits.
class Gate {
public:
    void shut() {
        const std::lock_guard lock(mutex_);
        open_ = false;
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        --waiting_;
    }
    void wait_for_one() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(30), [this] { return waiting_ > 0; }))
            test::fail_at(test::Place::current(), "nobody came to the gate");
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = true;
    int waiting_ = 0;
};

class GatedMedium : public media::Medium {
public:
    GatedMedium(std::unique_ptr<media::Medium> medium, Gate& gate)
        : medium_(std::move(medium)), gate_(gate) {}
    std::span<std::byte> bytes() override { return medium_->bytes(); }
    Status persist(Extent extent) override {
        gate_.pass();
        return medium_->persist(extent);
    }
    Status blank(Extent extent) override { return medium_->blank(extent); }
    media::Durability durability() const override { return medium_->durability(); }
    const std::string& path() const override { return medium_->path(); }

private:
    std::unique_ptr<media::Medium> medium_;
    Gate& gate_;
};

/// What the session does to its connection, written down.
class PlayedConnection : public rdma::Connection {
public:
    Status send(std::span<const std::byte> message) override {
        const std::lock_guard lock(mutex_);
        if (full_)
            return fail(EAGAIN, "{} posts wait", rdma::kMaximumQueued);
        sent_.emplace_back(message.begin(), message.end());
        return {};
    }
    Status send_with_invalidate(std::span<const std::byte> message, rdma::Key) override {
        return send(message);
    }
    bool reads_persist() const override { return true; }
    Result<std::shared_ptr<rdma::Registration>> register_memory(std::span<std::byte>) override {
        return fail(ENOTSUP, "not played");
    }
    Status post(std::span<const rdma::OneSided>) override { return fail(ENOTSUP, "not played"); }
    Result<rdma::Grant> grant(rdma::Translation, rdma::Access) override {
        const std::lock_guard lock(mutex_);
        return rdma::Grant{++last_key_, 0};
    }
    void revoke(rdma::Key key) override {
        const std::lock_guard lock(mutex_);
        revoked_.push_back(key);
    }
    void close(Error why) override {
        const std::lock_guard lock(mutex_);
        if (!closed_)
            closed_ = std::move(why);
    }
    rdma::Peer peer() const override { return {"test", engine, 11, 22, 33}; }

    std::optional<Error> closed() const {
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    std::size_t sent_count() const {
        const std::lock_guard lock(mutex_);
        return sent_.size();
    }
    Bytes sent(std::size_t index) const {
        test::eventually([&] { return sent_count() > index; }, 30'000);
        const std::lock_guard lock(mutex_);
        return sent_[index];
    }
    std::vector<rdma::Key> revoked() const {
        const std::lock_guard lock(mutex_);
        return revoked_;
    }
    void fill() {
        const std::lock_guard lock(mutex_);
        full_ = true;
    }

    std::string engine = "played";  ///< before there is a session

private:
    mutable std::mutex mutex_;
    std::vector<Bytes> sent_;
    std::vector<rdma::Key> revoked_;
    std::optional<Error> closed_;
    rdma::Key last_key_ = 0;
    bool full_ = false;
};

/// A session that is through its handshake, with region team/app and a draft in it.
class Stage {
public:
    explicit Stage(const driver::Limits& limits = {}) : services(config(limits)), sessions(services) {
        test::ok(store_key(keys, "alice", alice));
        auto served = std::make_shared<driver::ServedPool>();
        served->name = "pool";
        served->path = test::make_pool("pool", keys, 16 * kMiB);
        auto medium = test::ok(media::open_medium(served->path, media::Use::exclusive));
        served->manager_key = test::ok(pool::find_manager_key(*medium, keys)).key;
        served->pool = test::ok(
            pool::Pool::open(std::make_unique<GatedMedium>(std::move(medium), gate), served->manager_key));
        pool = served->pool.get();
        test::ok(services.pools.add({std::move(served)}));
        test::ok(pool->create_region("team/app", "alice", {}));
        session = sessions.accept(connection);
        authenticate();
        ask(wire::Begin{"team/app", 4096});
        draft = body<wire::Begun>(connection->sent(2));
    }
    ~Stage() {
        gate.open();
        session->on_close({ECONNRESET, "the test is done"});
        services.workers.stop();
    }

    template <class Request>
    void ask(const Request& request) {
        session->on_message(wire::encode_request(++id, request));
    }
    template <class Body>
    Body body(const Bytes& message) {
        return test::ok(wire::decode_body<Body>(test::ok(wire::parse_message(message)).body));
    }
    void check_error(const Bytes& message, std::uint64_t to, int code) {
        const auto parsed = test::ok(wire::parse_message(message));
        test::equal(parsed.header.type, 0xffff);
        test::equal(parsed.header.request_id, to);
        test::equal(body<wire::ErrorAnswer>(message).code, static_cast<std::uint32_t>(code));
    }
    /// Returns when the seal is on the medium and can't go on.
    void begin_seal() {
        gate.shut();
        ask(wire::Seal{draft.draft_id, 4096, 0, 0});
        gate.wait_for_one();
    }

    wire::EventKind last_event() {
        wire::EventKind kind{};
        const auto region = test::ok(pool->find_region("team/app"));
        // There is one: it is answered at once.
        services.events.watch(
            {99, pool, region.id, 0,
             [&](Result<wire::EventList> list) { kind = test::ok(std::move(list)).events.back().kind; }},
            {});
        return kind;
    }

    const std::string keys = (test::directory() / "keys").string();
    const Key alice = Key::random();
    Gate gate;
    driver::Services services;
    driver::Sessions sessions;
    pool::Pool* pool = nullptr;
    std::shared_ptr<PlayedConnection> connection = std::make_shared<PlayedConnection>();
    std::shared_ptr<driver::Session> session;
    wire::Begun draft;
    std::uint64_t id = 0;

private:
    driver::Config config(const driver::Limits& limits) const {
        driver::Config settings;
        settings.key_dir = keys;
        settings.limits = limits;
        return settings;
    }
    void authenticate() {
        wire::Hello hello;
        hello.principal = "alice";
        const auto first = wire::encode_request(++id, hello);
        session->on_message(first);
        wire::Transcript transcript;
        transcript.add(first);
        transcript.add(connection->sent(0));
        ask(wire::Proof{transcript.client_mac(alice)});
        body<wire::Welcome>(connection->sent(1));
    }
};

void a_seal_that_has_begun_is_finished() {
    Stage stage;
    stage.begin_seal();
    const auto seal = stage.id;
    stage.sessions.drain();
    CHECK(!stage.session->is_idle());
    CHECK(!stage.sessions.wait_idle(std::chrono::milliseconds(10)));
    stage.ask(wire::Begin{"team/app", 1});
    stage.check_error(stage.connection->sent(3), stage.id, ESHUTDOWN);
    CHECK(!stage.sessions.accept(std::make_shared<PlayedConnection>()));

    stage.gate.open();
    CHECK(stage.sessions.wait_idle(std::chrono::seconds(30)));
    const auto answer = stage.connection->sent(4);
    test::equal(test::ok(wire::parse_message(answer)).header.request_id, seal);
    test::equal(stage.body<wire::Generation>(answer).number, 1U);
    test::ok(stage.pool->open_generation("team/app", 1));
}

void the_window_is_dead_before_the_seal() {
    Stage stage;
    stage.begin_seal();
    CHECK(stage.connection->revoked() == std::vector<rdma::Key>{stage.draft.window.key});
    CHECK(stage.services.tables.windows().empty());
    test::error(stage.pool->open_generation("team/app", 1), ENOENT);
}

void a_seal_outlives_its_connection() {
    Stage stage;
    stage.begin_seal();
    stage.session->on_close({ECONNRESET, "gone"});
    test::equal(stage.sessions.count(), 1U);
    stage.gate.open();
    CHECK(stage.sessions.wait_empty(std::chrono::seconds(30)));
    test::ok(stage.pool->open_generation("team/app", 1));
}

void a_draft_does_not_outlive_its_connection() {
    Stage stage;
    test::equal(stage.services.tables.windows().size(), 1U);
    test::equal(stage.pool->info().drafts, 1U);
    stage.session->on_close({ECONNRESET, "gone"});
    CHECK(stage.sessions.wait_empty(std::chrono::seconds(30)));
    CHECK(stage.services.tables.windows().empty());
    test::equal(stage.pool->info().drafts, 0U);
}

void a_flood_ends_the_session() {
    driver::Limits limits;
    limits.requests_per_session = 4;
    Stage stage(limits);
    stage.begin_seal();
    for (unsigned count = 0; count < limits.requests_per_session; ++count)
        stage.ask(wire::StatusRequest{});
    CHECK(!stage.connection->closed());
    stage.ask(wire::StatusRequest{});
    test::contains(stage.connection->closed().value().message, "more than 4 requests");
}

void requests_run_one_at_a_time_in_order() {
    Stage stage;
    stage.begin_seal();
    const auto seal = stage.id;
    stage.ask(wire::FindGeneration{"team/app", 1});
    stage.ask(wire::StatusRequest{});
    test::equal(stage.connection->sent_count(), 3U);
    stage.gate.open();
    for (std::uint64_t index = 0; index < 3; ++index)
        test::equal(test::ok(wire::parse_message(stage.connection->sent(3 + index))).header.request_id,
                    seal + index);
    test::equal(stage.body<wire::Generation>(stage.connection->sent(4)).number,
                1U);  // it came after its seal
}

void another_session_is_not_held_up() {
    Stage stage;
    stage.begin_seal();
    const auto other = std::make_shared<PlayedConnection>();
    const auto session = stage.sessions.accept(other);
    session->on_message(wire::encode_request(1, wire::Hello{1, 1, {}, "alice", ""}));
    test::equal(test::ok(wire::parse_message(other->sent(0))).header.type, 0x8101);
    session->on_close({ECONNRESET, "gone"});
}

/// Its connection ends before the manager comes to what it said last.
wire::EventKind end_behind_a_seal(bool says_goodbye) {
    Stage stage;
    stage.begin_seal();
    stage.ask(wire::StatusRequest{});
    if (says_goodbye)
        stage.ask(wire::Goodbye{});
    stage.session->on_close({ESHUTDOWN, "the peer closed the connection"});
    stage.gate.open();
    test::eventually([&] { return stage.sessions.count() == 0; });
    return stage.last_event();
}

void a_goodbye_that_waits_is_heard() {
    CHECK(end_behind_a_seal(true) == wire::EventKind::primary_left);
}

void without_a_goodbye_it_is_lost() {
    CHECK(end_behind_a_seal(false) == wire::EventKind::primary_lost);
}

void who_reads_no_answers_is_closed() {
    Stage stage;
    stage.connection->fill();
    stage.ask(wire::StatusRequest{});
    test::eventually([&] { return stage.connection->closed().has_value(); }, 30'000);
    test::equal(stage.connection->closed()->code, EAGAIN);
}

/// What the admin socket tells of a session over this engine.
std::string told_of(Stage& stage, const std::string& engine) {
    const auto other = std::make_shared<PlayedConnection>();
    other->engine = engine;
    const auto session = stage.sessions.accept(other);
    driver::Scrub scrub(stage.services, {});
    const auto told = driver::answer_admin({stage.services, stage.sessions, scrub, {}, "played", {}},
                                           R"({"command":"status"})");
    session->on_close({ECONNRESET, "the test is done"});
    return told.substr(told.find("\"engine\":\"" + engine));
}

void what_a_device_does_for_its_peer_is_not_told_as_0() {
    Stage stage;
    test::contains(told_of(stage, "iwarp"), R"("bytes_received":11,"bytes_sent":22,"refused":33)");
    test::contains(told_of(stage, "verbs"), R"("bytes_received":null,"bytes_sent":null,"refused":null)");
}

}  // namespace

int main() {
    log::set_level(log::Level::error);
    return test::run("session",
                     {{"a seal that has begun is finished", a_seal_that_has_begun_is_finished},
                      {"the window is dead before the seal", the_window_is_dead_before_the_seal},
                      {"a seal outlives its connection", a_seal_outlives_its_connection},
                      {"a draft does not outlive its connection", a_draft_does_not_outlive_its_connection},
                      {"a flood ends the session", a_flood_ends_the_session},
                      {"requests run one at a time, in order", requests_run_one_at_a_time_in_order},
                      {"another session is not held up", another_session_is_not_held_up},
                      {"a goodbye that waits is heard", a_goodbye_that_waits_is_heard},
                      {"without a goodbye it is lost", without_a_goodbye_it_is_lost},
                      {"who reads no answers is closed", who_reads_no_answers_is_closed},
                      {"what a device does for its peer is not told as 0",
                       what_a_device_does_for_its_peer_is_not_told_as_0}});
}
