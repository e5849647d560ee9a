#include "lib/sync/caller.hh"

#include "lib/wire/client_handshake.hh"

namespace pmemckpt::sync {

namespace {

bool is_answer_to(const Received& answer, std::uint16_t type) {
    return answer.header.type == (type | wire::kAnswer);
}

bool is_error(const Received& answer) {
    return is_answer_to(answer, static_cast<std::uint16_t>(wire::Type::error));
}

/// Who has proved nothing may say no more than why he refuses.
int errno_of_stranger(const wire::ErrorAnswer& answer) {
    const int code = errno_of(answer);
    const bool is_reason =
        code == EKEYREJECTED || code == EACCES || code == ENOENT || code == EPROTONOSUPPORT || code == EMFILE;
    return is_reason ? code : EPROTO;
}

}  // namespace

int errno_of(const wire::ErrorAnswer& answer) {
    constexpr std::uint32_t kLastErrno = 4095;
    return answer.code >= 1 && answer.code <= kLastErrno ? static_cast<int>(answer.code) : EPROTO;
}

Result<Caller> Caller::connect(const Wanted& wanted) {
    const auto address = TRY(parse_address(wanted.address, kDefaultSyncPort));
    Caller caller(TRY(Stream::connect(address, Stream::Milliseconds(wanted.timeout_ms))));
    TRY(caller.authenticate(wanted));
    return caller;
}

Result<Received> Caller::take_turn(std::span<const std::byte> message, wire::Type type) {
    TRY(stream_.send(message));
    auto answer = TRY(stream_.receive_message(kMaximumStrangersMessage));
    if (is_error(answer)) {
        const auto error = TRY(wire::decode_body<wire::ErrorAnswer>(answer.body()));
        return fail(errno_of_stranger(error), "{} refused: {}", address(), error.message);
    }
    if (!is_answer_to(answer, static_cast<std::uint16_t>(type)))
        return fail(EPROTO, "{} is no participant of sync points", address());
    return answer;
}

Status Caller::authenticate(const Wanted& wanted) {
    const auto key = TRY(load_key(wanted.key_dir, wanted.principal));
    wire::ClientHandshake handshake(wire::kSyncService, {wanted.principal, {}, wanted.key_dir}, key);
    stream_.set_deadline(Stream::Clock::now() + Stream::Milliseconds(wanted.timeout_ms));
    const auto challenge = TRY(take_turn(handshake.hello(++last_id_), wire::Type::hello));
    const auto proof = TRY(handshake.prove(++last_id_, challenge.whole));
    const auto welcome = TRY(take_turn(proof, wire::Type::proof));
    TRY(handshake.check(welcome.whole));
    participant_ = handshake.uuid();
    stream_.set_deadline(std::nullopt);
    return {};
}

Result<Received> Caller::exchange(std::uint64_t id, std::span<const std::byte> request,
                                  std::span<const std::byte> behind) {
    TRY(stream_.send(request));
    TRY(stream_.send(behind));
    auto answer = TRY(stream_.receive_message());
    if (answer.header.request_id != id)
        return fail(EPROTO, "{} answered request {} where {} was asked", address(), answer.header.request_id,
                    id);
    return answer;
}

Status Caller::check_is_good(const Received& answer, std::uint16_t type) {
    if (is_error(answer)) {
        const auto error = TRY(note([&] { return wire::decode_body<wire::ErrorAnswer>(answer.body()); }));
        return fail(errno_of(error), "{}: {}", address(), error.message);
    }
    if (!is_answer_to(answer, type))
        return note([&]() -> Status {
            return fail(EPROTO, "{} answered with a message of type {:#06x}", address(), answer.header.type);
        });
    return {};
}

}  // namespace pmemckpt::sync
