#include "tests/hostile/introduction.hh"

namespace pmemckpt::hostile {

wire::Hello hello_of(const std::string& principal, const std::string& pool) {
    wire::Hello hello;
    hello.nonce = wire::random_nonce();
    hello.principal = principal;
    hello.pool = pool;
    return hello;
}

Introduction::Introduction(Attacker& attacker, const wire::Hello& hello)
    : hello_(wire::encode_request(1, hello)) {
    attacker.send(hello_);
    challenge_message_ = attacker.receive();
    challenge_ = test::ok(attacker.answer<wire::Challenge>(challenge_message_, wire::Type::hello, 1));
    transcript_.add(hello_);
    transcript_.add(challenge_message_);
}

void introduce(Attacker& attacker, const wire::Hello& hello, const Key& key) {
    const Introduction introduction(attacker, hello);
    attacker.post(wire::Proof{introduction.mac(key)});
}

}  // namespace pmemckpt::hostile
