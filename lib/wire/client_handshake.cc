#include "lib/wire/client_handshake.hh"

#include <cerrno>

namespace pmemckpt::wire {

namespace {

std::span<const std::byte> body_of(std::span<const std::byte> whole) {
    return whole.subspan(kHeaderBytes);
}

}  // namespace

std::vector<std::byte> ClientHandshake::hello(std::uint64_t request_id) {
    Hello hello;
    hello.nonce = random_nonce();
    hello.principal = wanted_.principal;
    hello.pool = wanted_.name;
    auto message = encode_request(request_id, hello);
    transcript_.add(message);
    return message;
}

Result<std::vector<std::byte>> ClientHandshake::prove(std::uint64_t request_id,
                                                      std::span<const std::byte> challenge) {
    challenge_ = TRY(decode_body<Challenge>(body_of(challenge)));
    TRY(check_challenge());
    transcript_.add(challenge);
    proof_.mac = transcript_.client_mac(key_);
    return encode_request(request_id, proof_);
}

/// What is known of it before must be so: its UUID when it was asked for by that, and its key where this host
/// has it.
Status ClientHandshake::check_challenge() const {
    if (challenge_.version != kProtocolVersion)
        return fail(EPROTONOSUPPORT, "it wants protocol version {}; version {} is spoken here",
                    challenge_.version, kProtocolVersion);
    const auto uuid = to_string(challenge_.pool_uuid);
    const auto wanted = parse_uuid(wanted_.name);
    if (wanted && *wanted != challenge_.pool_uuid)
        return fail(EKEYREJECTED, "{} {} was asked for and {} was offered", service_.what, wanted_.name,
                    uuid);
    const auto known = load_key(wanted_.key_dir, key_name(service_, uuid));
    if (known && public_key(*known) != challenge_.pool_key)
        return fail(
            EKEYREJECTED,
            "the {} has another key for {} {} than {} does: it is not the one, or it was given a new key, "
            "and the copy here is to be replaced or removed",
            service_.server, service_.what, uuid, key_path(wanted_.key_dir, key_name(service_, uuid)));
    return {};
}

Result<Welcome> ClientHandshake::check(std::span<const std::byte> message) {
    auto welcome = TRY(decode_body<Welcome>(body_of(message)));
    if (!equal(welcome.mac, transcript_.server_mac(key_, proof_.mac)))
        return fail(EKEYREJECTED, "the {} does not have the key of {}", service_.server, wanted_.principal);
    if (!transcript_.verify(challenge_.pool_key, proof_.mac, welcome.signature))
        return fail(EKEYREJECTED, "the {} does not have the key of {} {}", service_.server, service_.what,
                    to_string(challenge_.pool_uuid));
    return welcome;
}

}  // namespace pmemckpt::wire
