#include "tests/support/rdma_ends.hh"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <future>

namespace pmemckpt::test {

namespace {

constexpr std::byte kGuard{0xa5};
constexpr auto kWaitLimit = std::chrono::seconds(60);

}  // namespace

Bytes bytes_of(std::string_view text) {
    Bytes bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
}

// The hook is the one that there is while the lock is held: one that is set by who has waited for this
// message, or completion, is for later ones.
void Ear::on_message(std::span<const std::byte> message) {
    std::function<void(std::span<const std::byte>)> hook;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        messages_.emplace_back(message.begin(), message.end());
        called_after_close_ |= closed_.has_value();
        hook = message_hook;
        changed_.notify_all();
    }
    if (hook)
        hook(message);
}

void Ear::on_completion(std::uint64_t tag, const Status& status) {
    std::function<void(std::uint64_t, const Status&)> hook;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        completions_.push_back({tag, status});
        called_after_close_ |= closed_.has_value();
        hook = completion_hook;
        changed_.notify_all();
    }
    if (hook)
        hook(tag, status);
}

void Ear::on_close(const Error& why) {
    if (close_hook)
        close_hook(why);
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = why;
    ++closes_;
    changed_.notify_all();
}

void Ear::wait(const std::function<bool()>& holds, const char* what, const Place& place) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, kWaitLimit, holds))
        fail_at(place, fmt::format("no {} came ({} messages, {} completions, {})", what, messages_.size(),
                                   completions_.size(), closed_ ? "closed: " + closed_->message : "open"));
}

std::vector<Bytes> Ear::wait_messages(std::size_t count, const Place& place) {
    wait([&] { return messages_.size() >= count; }, "message", place);
    const std::lock_guard<std::mutex> lock(mutex_);
    return messages_;
}

std::vector<Ear::Completion> Ear::wait_completions(std::size_t count, const Place& place) {
    wait([&] { return completions_.size() >= count; }, "completion", place);
    return completions();
}

Error Ear::wait_close(const Place& place) {
    wait([&] { return closed_.has_value(); }, "end", place);
    const std::lock_guard<std::mutex> lock(mutex_);
    return *closed_;
}

std::vector<Ear::Completion> Ear::completions() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return completions_;
}

std::size_t Ear::message_count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return messages_.size();
}

void Ear::forget_messages() {
    const std::lock_guard<std::mutex> lock(mutex_);
    messages_.clear();
}

bool Ear::closed() {
    return closes() != 0;
}

unsigned Ear::closes() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return closes_;
}

bool Ear::called_after_close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return called_after_close_;
}

rdma::Grant granted(rdma::Connection& by, Ear& peer, rdma::Translation translation, rdma::Access access,
                    const Place& place) {
    const auto grant = ok(by.grant(std::move(translation), access), place);
    ok(by.send(bytes_of("granted")), place);
    peer.wait_messages(1, place);
    peer.forget_messages();
    return grant;
}

Scattered::Scattered(std::size_t pages, std::size_t page_size) : page_size_(page_size), pages_(pages) {
    const auto mapped = (2 * pages + 1) * page_size;
    void* const memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    mapping_ = {static_cast<std::byte*>(memory), mapped};
    std::fill(mapping_.begin(), mapping_.end(), kGuard);
    for (std::size_t i = 0; i < pages; ++i)
        pages_[i] = (2 * i + 1) * page_size;
    std::shuffle(pages_.begin(), pages_.end(), generator());
    fill(Bytes(size()));
}

Scattered::~Scattered() {
    ::munmap(mapping_.data(), mapping_.size());
}

rdma::Translation Scattered::translation() const {
    rdma::Translation translation;
    translation.medium = mapping_;
    translation.page_size = page_size_;
    translation.pages = pages_;
    translation.size = size();
    return translation;
}

Bytes Scattered::read(std::uint64_t at, std::uint64_t count) const {
    Bytes content(count);
    for (std::uint64_t i = 0; i < count;) {
        const std::uint64_t within = (at + i) % page_size_;
        const std::uint64_t part = std::min<std::uint64_t>(page_size_ - within, count - i);
        std::memcpy(&content[i], &mapping_[pages_[(at + i) / page_size_] + within], part);
        i += part;
    }
    return content;
}

void Scattered::fill(const Bytes& content) {
    for (std::size_t i = 0; i < pages_.size(); ++i)
        std::memcpy(&mapping_[pages_[i]], &content[i * page_size_], page_size_);
}

bool Scattered::guards_whole() const {
    for (std::size_t i = 0; i <= pages_.size(); ++i) {
        const auto guard = mapping_.subspan(2 * i * page_size_, page_size_);
        if (!std::all_of(guard.begin(), guard.end(), [](std::byte b) { return b == kGuard; }))
            return false;
    }
    return true;
}

Server::Server(rdma::EngineOptions options, const std::string& host, const std::string& engine_name)
    : engine(ok(rdma::make_engine(engine_name, options))) {
    listener = ok(engine->listen({host, 0}, [this](std::shared_ptr<rdma::Connection> connection) {
        const Accepted accepted{std::move(connection), std::make_shared<Ear>()};
        if (accept_hook)
            accept_hook(accepted);
        const std::lock_guard<std::mutex> lock(mutex_);
        accepted_.push_back(accepted);
        changed_.notify_all();
        return accepted.ear;
    }));
}

Accepted Server::wait_accepted(std::size_t number, const Place& place) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, kWaitLimit, [&] { return accepted_.size() > number; }))
        fail_at(place, "no connection was accepted");
    return accepted_[number];
}

std::size_t Server::accepted_count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return accepted_.size();
}

Initiator::Initiator(StartUpFrame reply, rdma::EngineOptions options)
    : engine(ok(rdma::make_engine("iwarp", options))) {
    auto connecting = std::async(
        std::launch::async, [this] { return engine->connect(listener_.address(), ear, kConnectTimeout_ms); });
    peer.emplace(listener_.accept());
    peer->answer_start_up(std::move(reply));
    connection = ok(connecting.get());
}

std::uint32_t sink_of(std::span<const std::byte> read_request_ulpdu) {
    constexpr std::size_t kHeader = 18;
    std::uint32_t sink = 0;
    for (const std::byte b : read_request_ulpdu.subspan(kHeader, sizeof sink))
        sink = sink << 8 | std::to_integer<std::uint32_t>(b);
    return sink;
}

Pair::Pair(rdma::EngineOptions server_options, rdma::EngineOptions client_options,
           const std::string& engine_name, const std::string& host)
    : listening(server_options, host, engine_name),
      client_engine(ok(rdma::make_engine(engine_name, client_options))) {
    client_ear = std::make_shared<Ear>();
    client = ok(client_engine->connect(listening.address(), client_ear, kConnectTimeout_ms));
    const Accepted accepted = listening.wait_accepted(0);
    server = accepted.connection;
    server_ear = accepted.ear;
}

void compare_with_a_model(Pair& pair, const rdma::Grant& grant, const Scattered& memory) {
    Bytes model = memory.content(), source = random_bytes(memory.size()), back(memory.size());
    const auto local = ok(pair.client->register_memory(source));
    const auto into = ok(pair.client->register_memory(back));
    std::uint64_t posted = 0;
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 40; ++i) {
            const std::uint64_t limit = generator()() % 4 == 0 ? model.size() : 500;
            const std::uint64_t size = generator()() % std::min<std::uint64_t>(limit + 1, model.size() / 4);
            const std::uint64_t at = generator()() % (model.size() - size + 1);
            const std::uint64_t from = generator()() % (source.size() - size + 1);
            ok(pair.client->write(local, {{from}, {size}}, grant, {at}, posted++));
            if (size != 0)
                std::memcpy(&model[at], &source[from], size);
        }
        const std::uint64_t at = generator()() % model.size();
        const std::uint64_t size = generator()() % (model.size() - at + 1);
        ok(pair.client->read(into, {{at}, {size}}, grant, {at}, posted++));
        const auto done = pair.client_ear->wait_completions(posted);
        for (std::uint64_t i = 0; i < posted; ++i)
            CHECK(done[i].tag == i && done[i].status);
        CHECK(std::equal(back.begin() + static_cast<std::ptrdiff_t>(at),
                         back.begin() + static_cast<std::ptrdiff_t>(at + size),
                         model.begin() + static_cast<std::ptrdiff_t>(at)));
        CHECK(memory.content() == model && memory.guards_whole());
    }
}

}  // namespace pmemckpt::test
