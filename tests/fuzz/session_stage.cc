#include "tests/fuzz/session_stage.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/format/log_record.hh"
#include "tests/support/check.hh"

namespace pmemckpt::fuzz {

namespace {

/// A region's owner has to have a key.
std::string key_directory() {
    static const std::string directory = [] {
        auto path = scratch() + "/keys";
        for (const auto* const name : {"alice", "bob"})
            test::ok(store_key(path, name, Key()));
        return path;
    }();
    return directory;
}

driver::Config config() {
    driver::Config config;
    config.key_dir = key_directory();
    config.access.groups["team"] = {"alice", "bob"};
    config.limits.workers = 1;
    config.limits.drafts_per_session = 4;
    config.limits.generations_per_session = 6;
    config.limits.waiters_per_session = 3;
    return config;
}

/// As Window::pieces does it.
std::byte* at_in(const rdma::Translation& translation, std::uint64_t at) {
    const auto behind = translation.skipped + at;
    const auto page = translation.pages[behind / translation.page_size];
    return page == rdma::kNoPage ? nullptr
                                 : translation.medium.data() + page + behind % translation.page_size;
}

/// One answer to one request: it fits a message, and says so.
wire::Message check_answer(std::span<const std::byte> bytes) {
    CHECK(bytes.size() <= rdma::kMaximumMessage);
    const auto message = test::ok(wire::parse_message(bytes));
    CHECK((message.header.type & wire::kAnswer) != 0);
    return message;
}

bool is_error(const wire::Message& answer) {
    if (answer.header.type != 0xffff)
        return false;
    const auto error = test::ok(wire::decode_body<wire::ErrorAnswer>(answer.body));
    CHECK(error.code != 0 && !error.message.empty());
    return true;
}

}  // namespace

Status PlayedConnection::send(std::span<const std::byte> message) {
    is_error(check_answer(message));
    return {};
}

Result<std::shared_ptr<rdma::Registration>> PlayedConnection::register_memory(std::span<std::byte>) {
    return fail(ENOTSUP, "not played");
}

Status PlayedConnection::post(std::span<const rdma::OneSided>) {
    return fail(ENOTSUP, "not played");
}

Result<rdma::Grant> PlayedConnection::grant(rdma::Translation translation, rdma::Access access) {
    CHECK(translation.size > 0 && translation.page_size > 0);
    CHECK(translation.skipped < translation.page_size);
    CHECK(translation.pages.size() * translation.page_size >= translation.skipped + translation.size);
    for (const auto page : translation.pages)
        CHECK(page == rdma::kNoPage || (page >= kSmallPagesOffset && page % kSmallPage == 0 &&
                                        page + kSmallPage <= translation.medium.size()));
    windows_[++last_key_] = {std::move(translation), access};
    return rdma::Grant{last_key_, 0};
}

void PlayedConnection::scribble(std::byte byte) {
    for (const auto& [key, window] : windows_)
        for (std::uint64_t at = 0; window.access == rdma::Access::write && at < window.translation.size; ++at)
            if (auto* const place = at_in(window.translation, at))
                *place = byte;
}

bool PlayedConnection::write_log(rdma::Key key, std::uint64_t at, std::span<const std::byte> bytes) {
    const auto found = windows_.find(key);
    if (found == windows_.end() || !fits({{at}, {bytes.size()}}, {found->second.translation.size}))
        return false;
    CHECK(found->second.access == rdma::Access::both);
    for (const auto byte : bytes)
        *at_in(found->second.translation, at++) = byte;
    return true;
}

SessionStage::SessionStage()
    : tape_(std::make_shared<test::Tape>(small_pool(), false)),
      pool_(std::make_shared<driver::ServedPool>()) {
    pool_->name = "pool";
    pool_->pool = test::ok(open_small_pool(tape_));
    services_ = std::make_unique<driver::Services>(config());
    test::ok(services_->pools.add({pool_}));
    pool_->pool->set_seal_listener([this](const pool::RegionInfo&, const pool::GenerationInfo& generation) {
        services_->waiters.sealed(*pool_->pool, generation);
        services_->log_waiters.sealed(*pool_->pool, generation);
    });
    for (std::size_t session = 0; session < kSessions; ++session)
        begin(session);
}

void SessionStage::begin(std::size_t which) {
    auto& session = sessions_[which];
    session.id = ++last_session_;
    session.connection = std::make_shared<PlayedConnection>();
    session.channel = std::make_shared<driver::Channel>(session.connection);
    session.requests = std::make_unique<driver::Requests>(
        *services_, session.channel, driver::Who{session.id, which == 0 ? "alice" : "bob"}, pool_);
    session.log.reset();
}

/// As a session ends: its windows are dead before anything else.
void SessionStage::finish(std::size_t which) {
    auto& session = sessions_[which];
    session.channel->release();
    session.requests->connection_ended({ECONNRESET, "the connection was lost"});
    session.requests.reset();
    CHECK(services_->tables.count(session.id) == 0);
    CHECK(services_->waiters.count(session.id) + services_->log_waiters.count(session.id) +
              services_->events.count(session.id) ==
          0);
}

void SessionStage::reconnect(std::size_t which) {
    finish(which);
    begin(which);
}

std::optional<Bytes> SessionStage::ask(std::size_t which, std::uint16_t type,
                                       std::span<const std::byte> body) {
    auto& session = sessions_[which];
    wire::Message message;
    message.header.type = type;
    message.header.body_bytes = static_cast<std::uint32_t>(body.size());
    message.header.request_id = ++last_request_;
    message.body = body;
    const auto reply = session.requests->run(message);
    check_windows();
    if (reply.bytes.empty()) {
        CHECK(!reply.violation);
        return std::nullopt;
    }
    const auto answer = check_answer(reply.bytes);
    CHECK(answer.header.request_id == last_request_);
    const bool failed = is_error(answer);
    CHECK(failed || answer.header.type == (type | wire::kAnswer));
    CHECK(failed || !reply.violation);
    if (reply.violation)
        reconnect(which);
    if (failed)
        return std::nullopt;
    note_log(session, type, answer.body);
    return Bytes(answer.body.begin(), answer.body.end());
}

/// Whoever has one has the right to it, unless the region is gone.
void SessionStage::check_windows() const {
    for (const auto& window : services_->tables.windows()) {
        const auto& subject = window.subject;
        const auto rights =
            services_->access.rights(*pool_->pool, {subject.region, subject.region_id}, subject.principal);
        CHECK(!rights || rights->has(driver::right_for(window.access)));
    }
}

void SessionStage::note_log(Session& session, std::uint16_t type, std::span<const std::byte> body) {
    if (type == static_cast<std::uint16_t>(wire::Type::open_log)) {
        auto granted = test::ok(wire::decode_body<wire::LogGranted>(body));
        session.log = OpenedLog{granted, granted.next_sequence, granted.end};
    }
    if (type == static_cast<std::uint16_t>(wire::Type::grow_log) && session.log) {
        const auto more = test::ok(wire::decode_body<wire::LogGranted>(body)).segments;
        auto& segments = session.log->granted.segments;
        segments.insert(segments.end(), more.begin(), more.end());
    }
}

/// Only where it lies in one segment, whose window is his still.
void SessionStage::append(std::size_t which, std::size_t bytes) {
    auto& session = sessions_[which];
    if (!session.log)
        return;
    auto& log = *session.log;
    Bytes record(format::log_record_bytes(bytes));
    const auto payload = std::span(record).subspan(format::kLogRecordHeaderBytes, bytes);
    std::ranges::fill(payload, std::byte{'r'});
    const auto header = format::log_record_header({log.granted.log_id, log.granted.epoch, log.granted.term},
                                                  log.sequence, payload);
    std::memcpy(record.data(), &header, sizeof header);
    for (const auto& segment : log.granted.segments)
        if (log.end >= segment.start && log.end < segment.start + segment.window.size &&
            session.connection->write_log(segment.window.key, log.end - segment.start, record)) {
            log.end += record.size();
            ++log.sequence;
            return;
        }
}

void SessionStage::end() {
    for (std::size_t session = 0; session < kSessions; ++session)
        finish(session);
    CHECK(services_->tables.windows().empty());
    services_.reset();  // its threads use the pool
    CHECK(pool_->pool->info().drafts == 0);
    const auto before = check_pool(*pool_->pool, false);
    pool_.reset();
    const auto again = test::ok(open_small_pool(tape_));
    test::equal(check_pool(*again, false), before);
}

}  // namespace pmemckpt::fuzz
