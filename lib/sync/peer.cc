#include "lib/sync/peer.hh"

#include <algorithm>
#include <cerrno>

#include "lib/wire/client_handshake.hh"

namespace pmemckpt::sync {

namespace {

constexpr unsigned kFarewell_ms = 1'000;
constexpr std::size_t kMaximumAnswer = 16 * 1024 * 1024;  // a list of many jobs

bool is_answer_to(const Received& answer, std::uint16_t type) {
    return answer.header.type == (type | wire::kAnswer);
}

}  // namespace

Result<std::unique_ptr<Peer>> Peer::connect(const Wanted& wanted) {
    const auto address = TRY(parse_address(wanted.address, kDefaultSyncPort));
    auto peer = std::unique_ptr<Peer>(
        new Peer(TRY(Stream::connect(address, Stream::Milliseconds(wanted.timeout_ms)))));
    TRY(peer->authenticate(wanted));
    return peer;
}

Status Peer::authenticate(const Wanted& wanted) {
    const auto key = TRY(load_key(wanted.key_dir, wanted.principal));
    wire::ClientHandshake handshake(wire::kSyncService, {wanted.principal, {}, wanted.key_dir}, key);
    stream_.set_deadline(Stream::Clock::now() + Stream::Milliseconds(wanted.timeout_ms));
    const auto turn = [&](std::vector<std::byte> message, wire::Type type) -> Result<Received> {
        TRY(stream_.send(message));
        auto answer = TRY(stream_.receive_message(kMaximumStrangersMessage));
        if (is_answer_to(answer, static_cast<std::uint16_t>(wire::Type::error))) {
            const auto error = TRY(wire::decode_body<wire::ErrorAnswer>(answer.body()));
            return fail(static_cast<int>(error.code), "{} refused: {}", address(), error.message);
        }
        if (!is_answer_to(answer, static_cast<std::uint16_t>(type)))
            return fail(EPROTO, "{} is no participant of sync points", address());
        return answer;
    };
    const auto challenge = TRY(turn(handshake.hello(++last_id_), wire::Type::hello));
    auto proof = TRY(handshake.prove(++last_id_, challenge.whole));
    const auto welcome = TRY(turn(std::move(proof), wire::Type::proof));
    TRY(handshake.check(welcome.whole));
    participant_ = handshake.uuid();
    stream_.set_deadline(std::nullopt);
    return {};
}

template <class Request>
Result<Received> Peer::exchange(const Request& request, std::span<const std::byte> behind) {
    const auto id = ++last_id_;
    TRY(stream_.send(wire::encode_request(id, request)));
    TRY(stream_.send(behind));
    auto answer = TRY(stream_.receive_message(kMaximumAnswer));
    if (answer.header.request_id != id)
        return fail(EPROTO, "{} answered request {} where {} was asked", address(), answer.header.request_id,
                    id);
    return answer;
}

template <class T>
Result<T> Peer::note(Result<T> result) {
    if (!result)
        lost_ = true;
    return result;
}

template <class Answer, class Request>
Result<Answer> Peer::ask(const Request& request, std::span<const std::byte> behind) {
    if (lost_)
        return fail(ENOTCONN, "the connection to {} was lost", address());
    const auto answer = TRY(note(exchange(request, behind)));
    if (is_answer_to(answer, static_cast<std::uint16_t>(wire::Type::error))) {
        const auto error = TRY(note(wire::decode_body<wire::ErrorAnswer>(answer.body())));
        return fail(error.code == 0 ? EPROTO : static_cast<int>(error.code), "{}: {}", address(),
                    error.message);
    }
    if (!is_answer_to(answer, static_cast<std::uint16_t>(Request::kType)))
        return note(Result<Answer>(
            fail(EPROTO, "{} answered with a message of type {:#06x}", address(), answer.header.type)));
    return note(wire::decode_body<Answer>(answer.body()));
}

Result<Opened> Peer::open(const std::string& job, const Uuid& instance) {
    return ask<Opened>(Open{job, instance});
}

Status Peer::prepare(const SyncPoint& point, std::span<const std::byte> coordinator_state) {
    TRY(ask<Prepared>(Prepare{point}, coordinator_state));
    return {};
}

Status Peer::complete(const SyncPointId& id) {
    TRY(ask<wire::Empty>(Complete{id}));
    return {};
}

Status Peer::abort(const SyncPointId& id) {
    TRY(ask<wire::Empty>(Abort{id}));
    return {};
}

Status Peer::verify(const SyncPointId& id) {
    TRY(ask<wire::Empty>(Verify{id}));
    return {};
}

Status Peer::receive_state(const SyncPoint& point, const Sink& sink) {
    std::vector<std::byte> piece(kPiece);
    Digester digester;
    for (std::uint64_t left = point.coordinator_bytes; left != 0;) {
        const auto got =
            std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
        TRY(stream_.receive(got));
        digester.add(got);
        TRY(sink(got));
        left -= got.size();
    }
    if (digester.end() != point.coordinator_digest)
        return fail(EBADMSG, "the coordinator's state of sync point {} that came from {} does not verify",
                    to_string(point.id), address());
    return {};
}

Result<SyncPoint> Peer::rollback(const SyncPointId& id, const Sink& sink) {
    auto answer = TRY(ask<RolledBack>(Rollback{id}));
    TRY(note(receive_state(answer.point, sink)));
    return std::move(answer.point);
}

Result<Listed> Peer::list() {
    return ask<Listed>(List{});
}

void Peer::say_goodbye() {
    stream_.set_patience(Stream::Milliseconds(kFarewell_ms));
    static_cast<void>(ask<wire::Empty>(Goodbye{}));
}

}  // namespace pmemckpt::sync
