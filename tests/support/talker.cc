#include "tests/support/talker.hh"

namespace pmemckpt::test {

Result<wire::Welcome> Talker::authenticate(const std::string& principal, const Key& key,
                                           const std::string& pool) {
    wire::Hello hello;
    hello.nonce = wire::random_nonce();
    hello.principal = principal;
    hello.pool = pool;
    const auto first = wire::encode_request(++last_id_, hello);
    send(first);
    const auto second = receive();
    TRY(answer<wire::Challenge>(second, wire::Type::hello, last_id_));
    wire::Transcript transcript;
    transcript.add(first);
    transcript.add(second);
    wire::Proof proof;
    proof.mac = transcript.client_mac(key);
    return ask<wire::Welcome>(proof);
}

}  // namespace pmemckpt::test
