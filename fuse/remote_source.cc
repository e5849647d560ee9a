#include "fuse/remote_source.hh"

#include <cerrno>
#include <mutex>

#include "fuse/connection.hh"
#include "fuse/remote_log.hh"
#include "lib/base/log.hh"
#include "lib/base/rights.hh"

namespace pmemckpt::view {

namespace {

// What came over the network, before it becomes a file's size.
Status check(const wire::Generation& generation) {
    if (generation.length > INT64_MAX || generation.number == 0)
        return fail(EPROTO, "the manager says that generation {} has {} bytes", generation.number,
                    generation.length);
    return {};
}

bool is_same(const wire::Generation& a, const wire::Generation& b) {
    return a.region_id == b.region_id && a.number == b.number && a.length == b.length && a.crc32c == b.crc32c;
}

/// An open generation on the connection it was opened on.
struct Opened {
    std::shared_ptr<client::Client> client;
    std::unique_ptr<client::Reader> reader;
};

Result<std::shared_ptr<Opened>> open_on(std::shared_ptr<client::Client> client, const std::string& region,
                                        std::uint64_t number) {
    auto reader = TRY(client->open(region, number));
    TRY(check(reader->generation()));
    return std::make_shared<Opened>(Opened{std::move(client), std::move(reader)});
}

class RemoteContent : public Content {
public:
    RemoteContent(std::shared_ptr<Connection> connection, std::string region, std::shared_ptr<Opened> opened)
        : connection_(std::move(connection)),
          region_(std::move(region)),
          generation_(opened->reader->generation()),
          opened_(std::move(opened)) {}

    const wire::Generation& generation() const override { return generation_; }

    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
        auto opened = current();
        if (opened->client->state()) {
            auto done = opened->reader->read(offset, into);
            if (done || opened->client->state())
                return done;
        }
        opened = TRY(reopen(opened));
        return opened->reader->read(offset, into);
    }

private:
    std::shared_ptr<Opened> current() const {
        std::lock_guard lock(mutex_);
        return opened_;
    }

    // The generation was not held while the manager was away: what is there now has to be the same.
    Result<std::shared_ptr<Opened>> reopen(const std::shared_ptr<Opened>& broken) {
        std::lock_guard lock(mutex_);
        if (opened_ != broken)
            return opened_;
        if (gone_)
            return stale();
        auto fresh = open_on(TRY(connection_->client()), region_, generation_.number);
        if (!fresh && fresh.error().code != ENOENT && fresh.error().code != ENODATA)
            return fresh;
        if (!fresh || !is_same((*fresh)->reader->generation(), generation_)) {
            gone_ = true;
            log::warning("generation {} of {}, which is open, was dropped while the connection was lost",
                         generation_.number, region_);
            return stale();
        }
        opened_ = std::move(*fresh);
        return opened_;
    }

    tl::unexpected<Error> stale() const {
        return fail(ESTALE, "generation {} of {} is gone", generation_.number, region_);
    }

    const std::shared_ptr<Connection> connection_;
    const std::string region_;
    const wire::Generation generation_;
    mutable std::mutex mutex_;  // guards the two below; held while it is opened again, by one for all
    std::shared_ptr<Opened> opened_;
    bool gone_ = false;
};

class RemoteSource : public Source {
public:
    explicit RemoteSource(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

    /// Those that may be read.
    Result<std::vector<wire::Region>> regions() override {
        auto all = TRY(connection_->run([](client::Client& client) { return client.regions(); }));
        std::erase_if(all, [](const wire::Region& region) {
            return !Rights::of_bits(region.rights).value_or(Rights()).has(Right::read);
        });
        return all;
    }

    Result<std::vector<wire::Generation>> generations(const std::string& region) override {
        auto all = TRY(connection_->run([&](client::Client& client) { return client.generations(region); }));
        for (const auto& generation : all)
            TRY(check(generation));
        return all;
    }

    Result<wire::Generation> find_generation(const std::string& region, std::uint64_t number) override {
        auto generation = TRY(
            connection_->run([&](client::Client& client) { return client.find_generation(region, number); }));
        TRY(check(generation));
        return generation;
    }

    Result<std::shared_ptr<Content>> open(const std::string& region, std::uint64_t number) override {
        auto client = TRY(connection_->client());
        auto opened = open_on(client, region, number);
        if (!opened && !client->state())  // it broke meanwhile
            opened = open_on(TRY(connection_->client()), region, number);
        return std::make_shared<RemoteContent>(connection_, region, TRY(std::move(opened)));
    }

    Result<wire::LogState> log(const std::string& region) override {
        auto log = TRY(connection_->run([&](client::Client& client) { return client.log_state(region); }));
        if (log.payload_bytes > INT64_MAX)
            return fail(EPROTO, "the manager says that the log of {} has {} bytes", region,
                        log.payload_bytes);
        return log;
    }

    Result<std::shared_ptr<LogContent>> open_log(const std::string& region,
                                                 const wire::LogState& log) override {
        auto opened = std::make_shared<RemoteLog>(connection_, region, log);
        TRY(opened->hold());
        return opened;
    }

    Result<std::uint64_t> payload_before(const std::string& region, const wire::LogState& log,
                                         std::uint64_t records) override {
        return connection_->run(
            [&](client::Client& client) { return client.payload_before(region, log.log_id, records); });
    }

    Result<wire::Cursor> cursor(const std::string& region, const std::string& name) override {
        return connection_->run([&](client::Client& client) { return client.cursor(region, name); });
    }

    Status advance_cursor(const std::string& region, const wire::Cursor& cursor,
                          const client::ReadFrom& from) override {
        return connection_->run(
            [&](client::Client& client) { return client.advance_cursor(region, cursor, from); });
    }

    Result<wire::PoolStatus> pool() override {
        return connection_->run([](client::Client& client) { return client.status(); });
    }

    SourceStatus status() override;

private:
    std::shared_ptr<Connection> connection_;
};

SourceStatus RemoteSource::status() {
    SourceStatus status;
    status.server = connection_->options().server;
    status.principal = connection_->options().principal;
    status.engine = connection_->options().transport;
    status.pool.uuid = connection_->pool_uuid();
    auto client = connection_->client();
    auto pool = client ? (*client)->status() : Result<wire::PoolStatus>(tl::unexpected(client.error()));
    status.connected = pool.has_value();
    if (pool) {
        status.pool = std::move(*pool);
        status.engine = (*client)->engine();
        status.session_id = (*client)->welcome().session_id;
        status.manager = (*client)->welcome().manager;
    } else {
        status.trouble = pool.error().message;
    }
    status.reconnects = connection_->reconnects();
    return status;
}

}  // namespace

Result<std::unique_ptr<Source>> open_remote_source(const client::Options& options) {
    return std::make_unique<RemoteSource>(TRY(Connection::connect(options)));
}

}  // namespace pmemckpt::view
