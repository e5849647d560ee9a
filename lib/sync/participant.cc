#include "lib/sync/participant.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/base/tcp_socket.hh"
#include "lib/sync/session.hh"

namespace pmemckpt::sync {

namespace {

constexpr unsigned kSilence_ms = 20'000;  // a coordinator whose host is gone is noticed within it
constexpr int kPauseWithoutDescriptors_ms = 100;

struct Pipe {
    FileDescriptor read, write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno(errno, "can't make a pipe");
    return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

}  // namespace

Participant::Participant(Options options, std::shared_ptr<Job> job)
    : options_(std::move(options)),
      terms_{options_.key_dir, options_.principal, options_.start_up_ms, options_.patience_ms},
      job_(std::move(job)) {}

Result<std::unique_ptr<Participant>> Participant::start(const Options& options, std::shared_ptr<Job> job) {
    auto participant = std::unique_ptr<Participant>(new Participant(options, std::move(job)));
    auto listening = TRY(listen_socket(options.listen));
    participant->listening_ = std::move(listening.socket);
    participant->address_ = listening.address;
    auto pipe = TRY(make_pipe());
    participant->stopped_ = std::move(pipe.read);
    participant->stop_ = std::move(pipe.write);
    participant->thread_ = std::jthread([raw = participant.get()] { raw->accept_all(); });
    return participant;
}

Participant::~Participant() {
    // A child of the program may have both ends of the pipe as well: so it is written, and not closed.
    if (stop_) [[maybe_unused]]
        const auto told = ::write(stop_.get(), "", 1);
    if (thread_.joinable())
        thread_.join();
    for (const auto& guest : guests_)
        guest->stream.cut();
    guests_.clear();  // waits for each
}

void Participant::accept_all() {
    for (;;) {
        std::array<pollfd, 2> watched{pollfd{listening_.get(), POLLIN, 0}, pollfd{stopped_.get(), POLLIN, 0}};
        if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR)
            return log::error("can't wait for coordinators: {}", system_error(errno, "poll").message);
        if (watched[1].revents != 0)
            return;
        if (watched[0].revents == 0)
            continue;
        SocketAddress peer;
        peer.size = sizeof peer.storage;
        FileDescriptor socket(::accept4(listening_.get(), reinterpret_cast<sockaddr*>(&peer.storage),
                                        &peer.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket)
            greet(std::move(socket), format_socket_address(peer));
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            ::poll(&watched[1], 1, kPauseWithoutDescriptors_ms);
    }
}

/// By the thread that accepts, alone.
void Participant::greet(FileDescriptor socket, std::string peer) {
    std::erase_if(guests_, [](const auto& guest) { return guest->has_left.load(); });
    if (!set_up_connection(socket.get(), kSilence_ms, 0))
        return;  // it is gone already
    if (!make_room(peer))
        return;
    guests_.push_back(std::make_unique<Guest>(++last_id_, Stream(std::move(socket), std::move(peer))));
    auto& made = *guests_.back();
    try {
        made.thread = std::jthread([this, &made] { attend(made); });
    } catch (const std::exception& exception) {  // no thread can be made
        log::warning("{} was turned away: {}", made.stream.peer(), exception.what());
        guests_.pop_back();
    }
}

/// Strangers have few places, and the one that has waited longest goes: so nobody can keep coordinators out
/// who has no key.
bool Participant::make_room(const std::string& peer) {
    const auto is_stranger = [](const auto& guest) { return !guest->is_known && !guest->has_left; };
    const auto strangers = static_cast<std::size_t>(std::ranges::count_if(guests_, is_stranger));
    if (strangers >= kMostStrangers)
        (*std::ranges::find_if(guests_, is_stranger))->stream.cut();
    if (guests_.size() - strangers < kMostConnections)
        return true;
    log::warning("{} was turned away: {} connections are open, the limit", peer, guests_.size() - strangers);
    return false;
}

void Participant::attend(Guest& guest) {
    try {
        Session session(terms_, guest.id, *job_, guest.stream, guest.is_known,
                        options_.service ? options_.service() : nullptr);
        if (const auto ended = session.run(); !ended)
            log::info("session {} has ended: {}", guest.id, ended.error().message);
    } catch (const std::exception& exception) {
        log::error("session {} has ended: {}", guest.id, exception.what());
    }
    guest.stream.cut();
    guest.has_left = true;
}

}  // namespace pmemckpt::sync
