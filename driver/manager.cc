#include "driver/manager.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "driver/admin_socket.hh"
#include "driver/admin_status.hh"
#include "driver/enforcement.hh"
#include "driver/expiry.hh"
#include "driver/key_directory.hh"
#include "driver/scrub.hh"
#include "driver/services.hh"
#include "driver/sessions.hh"
#include "lib/base/address_file.hh"
#include "lib/base/log.hh"
#include "lib/base/units.hh"

namespace pmemckpt::driver {

namespace {

// How long a connection may take to send what is queued for it and to end: the engine's limit and a margin.
constexpr std::chrono::milliseconds kCloseTime{6'000};

wire::Event sealed_event(const pool::GenerationInfo& generation) {
    return {0, 0, wire::EventKind::sealed, generation.number, generation.epoch, generation.writer, {}};
}

/// In a directory that is not this user's the file stays, empty: nobody takes it for that of a manager.
void remove_address_file(const std::string& path) {
    if (!path.empty() && ::unlink(path.c_str()) != 0 && errno != ENOENT) [[maybe_unused]]
        const int emptied = ::truncate(path.c_str(), 0);
}

rdma::EngineOptions engine_options(const Config& config) {
    rdma::EngineOptions options;
    options.announce = true;
    options.accept_at_once = false;
    options.crc = config.crc;
    options.idle_timeout_ms = config.limits.idle_ms;
    return options;
}

}  // namespace

/// In the order they are made; destroyed the other way round, after shut().
class Manager::Parts {
public:
    explicit Parts(Config config) : config_(std::move(config)), services_(config_), sessions_(services_) {}
    ~Parts();
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;

    Status start(const std::function<Status()>& before_serving);
    Status reload(const Config& config);
    Status stop();
    std::vector<Address> addresses() const;
    std::size_t session_count() const { return sessions_.count(); }

private:
    Status open_pools(const std::vector<PoolConfig>& pools);
    void change_access(const AccessConfig& access);
    Status listen();
    Status open_admin_socket();
    Status tell_addresses() const;
    Status confine(const std::function<Status()>& before_serving) const;
    void serve();
    void say_what_is_served() const;
    void say_what_needs_a_restart(const Config& config) const;

    Config config_;
    Services services_;
    Sessions sessions_;
    AdminPeers peers_;
    std::unique_ptr<rdma::Engine> engine_;
    std::vector<std::unique_ptr<rdma::Listener>> listeners_;
    std::vector<Address> addresses_;
    std::unique_ptr<Scrub> scrub_;  // the admin socket shows it
    std::unique_ptr<AdminSocket> admin_;
    std::unique_ptr<Expiry> expiry_;
};

Status Manager::Parts::start(const std::function<Status()>& before_serving) {
    TRY(check_config(config_));
    log::set_level(config_.log_level);
    peers_ = TRY(find_admin_peers(config_));
    TRY(open_pools(config_.pools));
    // Of one who was here before, and is gone: the pools were free. Who waits for the file waits for ours.
    remove_address_file(config_.address_file);
    engine_ = TRY(rdma::make_engine(config_.transport, engine_options(config_)));
    TRY(listen());
    scrub_ = std::make_unique<Scrub>(services_, config_.scrub);
    TRY(open_admin_socket());
    say_what_is_served();
    TRY(tell_addresses());
    if (before_serving)
        TRY(confine(before_serving));
    expiry_ = std::make_unique<Expiry>(services_);
    scrub_->start();
    serve();
    return {};
}

// Who came before has waited: nothing that he says is read by a process that could do more than it should.
void Manager::Parts::serve() {
    for (const auto& listener : listeners_)
        listener->accept();
    if (admin_)
        admin_->serve();
}

// Who is not root any more may not be allowed to make a file at this place: so it is made before, and given
// to him.
Status Manager::Parts::tell_addresses() const {
    const auto& path = config_.address_file;
    if (path.empty())
        return {};
    TRY(write_address_file(path, addresses_));
    return peers_.owner ? give_to({peers_.owner, {}}, path, 0644, 0644) : Status();
}

Status Manager::Parts::confine(const std::function<Status()>& before_serving) const {
    TRY(before_serving());
    TRY(check_key_directory(config_.key_dir));
    for (const auto& served : services_.pools.all())
        TRY(served->pool->medium().check_can_persist());
    return {};
}

// All of them or none.
Status Manager::Parts::open_pools(const std::vector<PoolConfig>& pools) {
    std::vector<std::shared_ptr<ServedPool>> opened;
    for (const auto& pool : pools)
        opened.push_back(TRY(open_pool(pool, config_.key_dir)));
    for (const auto& served : opened) {
        auto& pool = *served->pool;
        pool.set_seal_listener(
            [this, &pool](const pool::RegionInfo&, const pool::GenerationInfo& generation) {
                services_.waiters.sealed(pool, generation);
                services_.log_waiters.sealed(pool, generation);
                services_.events.publish(pool, generation.region_id, sealed_event(generation));
            });
    }
    return services_.pools.add(std::move(opened));
}

Status Manager::Parts::listen() {
    for (const auto& address : config_.listen) {
        listeners_.push_back(
            TRY(engine_->listen(address, [this](std::shared_ptr<rdma::Connection> connection) {
                return sessions_.accept(std::move(connection));
            })));
        addresses_.push_back(listeners_.back()->address());
    }
    return {};
}

Status Manager::Parts::open_admin_socket() {
    if (config_.admin_socket.empty())
        return {};
    const auto user = config_.user.empty() ? confine::this_user() : TRY(confine::find_user(config_.user));
    AdminView view{services_, sessions_, *scrub_, user, engine_->name(), addresses_};
    admin_ =
        TRY(AdminSocket::open(config_.admin_socket, peers_, [view = std::move(view)](std::string_view line) {
            return answer_admin(view, line);
        }));
    return {};
}

void Manager::Parts::say_what_is_served() const {
    for (const auto& served : services_.pools.all()) {
        const auto info = served->pool->info();
        const auto free = format_size(info.free_pages * info.page_size);
        for (const auto& address : addresses_)
            log::notice("listening on {} ({}), pool {} {} {}, {} free", format_address(address),
                        engine_->name(), served->name, pool::to_string(info.uuid), format_size(info.size),
                        free);
    }
}

std::vector<Address> Manager::Parts::addresses() const {
    return addresses_;
}

Status Manager::Parts::reload(const Config& config) {
    TRY(check_config(config));
    log::set_level(config.log_level);
    std::vector<PoolConfig> added;
    const auto served = services_.pools.all();
    for (const auto& pool : config.pools)
        if (std::none_of(served.begin(), served.end(),
                         [&](const auto& known) { return known->name == pool.name; }))
            added.push_back(pool);
    TRY(open_pools(added));
    for (const auto& pool : added)
        log::notice("pool {} ({}) is served, too", pool.name, pool.path);
    scrub_->configure(config.scrub);
    change_access(config.access);
    say_what_needs_a_restart(config);
    return {};
}

void Manager::Parts::change_access(const AccessConfig& access) {
    if (!services_.access.configure(access))
        return;
    const auto killed = enforce_rights(services_);
    services_.audit.record(
        AuditEvent::rights_changed,
        {{},
         {},
         {},
         {},
         fmt::format("the configuration has other administrators or groups now; {} windows were killed",
                     killed)});
}

void Manager::Parts::say_what_needs_a_restart(const Config& config) const {
    const auto tell = [](std::string_view what) {
        log::warning("{}: takes effect at the next start of pmemckptd", what);
    };
    for (const auto& known : services_.pools.all()) {
        const auto listed = std::find_if(config.pools.begin(), config.pools.end(),
                                         [&](const auto& pool) { return pool.name == known->name; });
        if (listed == config.pools.end())
            tell(fmt::format("pool {} is not listed any more", known->name));
        else if (listed->path != known->path)
            tell(fmt::format("pool {} has another path, {} instead of {}", known->name, listed->path,
                             known->path));
    }
    const auto same = [](const Address& a, const Address& b) { return a.host == b.host && a.port == b.port; };
    if (!std::equal(config.listen.begin(), config.listen.end(), config_.listen.begin(), config_.listen.end(),
                    same))
        tell("the addresses to listen on changed");
    if (config.transport != config_.transport || config.crc != config_.crc ||
        config.gpspm_alone != config_.gpspm_alone)
        tell("transport, crc or durability changed");
    if (config.key_dir != config_.key_dir || config.admin_socket != config_.admin_socket)
        tell("key_dir or admin_socket changed");
    if (config.user != config_.user || config.admin_group != config_.admin_group ||
        config.confine != config_.confine)
        tell("user, admin_group or confine changed");
    if (config.limits != config_.limits)
        tell("limits changed");
}

Status Manager::Parts::stop() {
    listeners_.clear();
    scrub_->stop();
    sessions_.drain();
    const bool done = sessions_.wait_idle(std::chrono::milliseconds(config_.limits.drain_ms));
    services_.waiters.complete_all(Sessions::stopping());
    services_.log_waiters.complete_all(Sessions::stopping());
    services_.events.complete_all(Sessions::stopping());
    sessions_.close_all(Sessions::stopping());
    if (!done)
        return fail(ETIMEDOUT, "requests were still running after {} ms", config_.limits.drain_ms);
    sessions_.wait_empty(kCloseTime);
    return {};
}

Manager::Parts::~Parts() {
    sessions_.drain();
    listeners_.clear();
    sessions_.close_all(Sessions::stopping());
    admin_.reset();
    if (expiry_)
        expiry_->stop();
    if (scrub_)
        scrub_->stop();
    services_.workers.stop();  // before the engine goes, whose windows running requests may still revoke
    engine_.reset();
    services_.deadlines.stop();
    if (!addresses_.empty())
        remove_address_file(config_.address_file);
}

Manager::Manager(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Manager::~Manager() = default;

Result<std::unique_ptr<Manager>> Manager::start(Config config,
                                                const std::function<Status()>& before_serving) {
    auto parts = std::make_unique<Parts>(std::move(config));
    TRY(parts->start(before_serving));
    return std::unique_ptr<Manager>(new Manager(std::move(parts)));
}

std::vector<Address> Manager::addresses() const {
    return parts_->addresses();
}
std::size_t Manager::session_count() const {
    return parts_->session_count();
}
Status Manager::reload(const Config& config) {
    return parts_->reload(config);
}
Status Manager::stop() {
    return parts_->stop();
}

}  // namespace pmemckpt::driver
