// The requests of a client: each one message there, one back.
#include "lib/client/client.hh"

#include <algorithm>
#include <cerrno>

#include "lib/client/answers.hh"
#include "lib/client/calls.hh"
#include "lib/client/reader.hh"
#include "lib/client/writer.hh"

namespace pmemckpt::client {

namespace {

/// The last look, when the time is over.
Result<wire::Generation> newest_above(Client& client, const std::string& region, std::uint64_t after,
                                      std::uint32_t waited_ms) {
    auto newest = client.find_generation(region);
    if (newest ? newest->number > after : newest.error().code != ENODATA)
        return newest;
    return fail(ETIMEDOUT, "{} got no generation above {} within {} ms", region, after, waited_ms);
}

}  // namespace

Client::Client(std::shared_ptr<Session> session) : session_(std::move(session)) {}
Client::~Client() = default;

Result<std::shared_ptr<Client>> Client::connect(const Options& options) {
    auto session = TRY(Session::connect(with_defaults(options)));
    return std::shared_ptr<Client>(new Client(std::move(session)));
}

const wire::Welcome& Client::welcome() const {
    return session_->welcome();
}
const wire::Uuid& Client::pool_uuid() const {
    return session_->pool_uuid();
}
const Options& Client::options() const {
    return session_->options();
}
const char* Client::engine() const {
    return session_->engine();
}
Status Client::state() const {
    return session_->exchange().state();
}
void Client::shut_down() {
    session_->shut_down();
}

Result<wire::Region> Client::create_region(const std::string& name, RegionSettings settings, bool exclusive) {
    TRY(check_region(name));
    wire::CreateRegion request;
    request.name = name;
    request.keep = settings.keep;
    request.max_size = settings.max_size;
    request.exclusive = exclusive ? 1 : 0;
    return checked(*session_, session_->call<wire::Region>(request, session_->change_limit()));
}

Result<wire::Region> Client::find_region(const std::string& name) {
    TRY(check_region(name));
    wire::FindRegion request;
    request.name = name;
    return checked(*session_, session_->call<wire::Region>(request, session_->look_limit()));
}

Status Client::destroy_region(const std::string& name) {
    TRY(check_region(name));
    session_->end_log(name);  // before its windows die of this
    wire::DestroyRegion request;
    request.name = name;
    TRY(session_->call<wire::Empty>(request, session_->change_limit()));
    return {};
}

Result<std::vector<wire::Region>> Client::regions() {
    std::vector<wire::Region> all;
    for (;;) {
        wire::ListRegions request;
        request.after = all.empty() ? "" : all.back().name;
        auto part = TRY(session_->call<wire::RegionList>(request, session_->look_limit())).regions;
        if (part.empty())
            return all;
        TRY(append_part(*session_, all, std::move(part),
                        [](const wire::Region& region) { return region.name; }));
    }
}

Result<std::vector<wire::Generation>> Client::generations(const std::string& region, std::size_t most) {
    TRY(check_region(region));
    std::vector<wire::Generation> all;
    while (all.size() < most) {
        wire::ListGenerations request;
        request.region = region;
        request.after = all.empty() ? 0 : all.back().number;
        auto part = TRY(session_->call<wire::GenerationList>(request, session_->look_limit())).generations;
        if (part.empty())
            return all;
        TRY(append_part(*session_, all, std::move(part),
                        [](const wire::Generation& generation) { return generation.number; }));
    }
    all.resize(most);
    return all;
}

Result<wire::Generation> Client::find_generation(const std::string& region, std::uint64_t number) {
    TRY(check_region(region));
    wire::FindGeneration request;
    request.region = region;
    request.number = number;
    return checked(*session_, session_->call<wire::Generation>(request, session_->look_limit()));
}

Result<wire::PoolStatus> Client::status() {
    return session_->call<wire::PoolStatus>(wire::StatusRequest{}, session_->look_limit());
}

Result<std::shared_ptr<Buffer>> Client::register_memory(std::span<std::byte> bytes) {
    if (bytes.empty())
        return fail(EINVAL, "memory of 0 bytes can't be registered");
    auto registration = TRY(session_->exchange().register_memory(bytes));
    return std::make_shared<RegisteredBuffer>(session_, std::move(registration));
}

Result<std::unique_ptr<Writer>> Client::begin(const std::string& region, std::uint64_t size) {
    TRY(check_region(region));
    wire::Begin request;
    request.region = region;
    request.size = size;
    const auto begun = TRY(session_->call<wire::Begun>(request, work_limit(size)));
    const auto good = check_window(begun.window, size);
    if (!good)
        return tl::unexpected(session_->distrust(good.error()));
    auto state = std::make_unique<Writer::State>(session_, region, begun, size);
    return std::unique_ptr<Writer>(new Writer(std::move(state)));
}

Result<std::unique_ptr<Reader>> Client::open(const std::string& region, std::uint64_t number) {
    TRY(check_region(region));
    wire::OpenGeneration request;
    request.region = region;
    request.number = number;
    auto opened = TRY(session_->call<wire::OpenedGeneration>(request, session_->look_limit()));
    auto good = check_answer(opened.generation);
    if (good && opened.generation.length > 0)
        good = check_window(opened.window, opened.generation.length);
    if (!good)
        return tl::unexpected(session_->distrust(good.error()));
    auto state = std::make_unique<Reader::State>();
    state->session = session_;
    state->opened = std::move(opened);
    return std::unique_ptr<Reader>(new Reader(std::move(state)));
}

Result<wire::Generation> Client::wait_generation(const std::string& region, std::uint64_t after,
                                                 std::uint32_t timeout_ms) {
    using Clock = std::chrono::steady_clock;
    TRY(check_region(region));
    const bool endless = timeout_ms == UINT32_MAX;
    const auto end = Clock::now() + Milliseconds(timeout_ms);
    for (;;) {
        const auto left = std::chrono::ceil<Milliseconds>(end - Clock::now());
        if (!endless && left <= Milliseconds(0))
            return newest_above(*this, region, after, timeout_ms);
        const auto slice = endless ? kWaitSlice : std::min(left, kWaitSlice);
        wire::WaitGeneration request;
        request.region = region;
        request.after = after;
        request.timeout_ms = static_cast<std::uint32_t>(slice.count());
        auto answer =
            checked(*session_, session_->call<wire::Generation>(request, slice + session_->look_limit()));
        if (answer || answer.error().code != ETIMEDOUT)
            return answer;
        TRY(state());  // it may not have been the manager who said so
    }
}

}  // namespace pmemckpt::client
